//! Where the front matter of a markdown file ends and its text begins.

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};

/// The two parts of a file, as byte ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The YAML between the two `---` lines.
    pub yaml: Range<usize>,
    /// Everything after the line of the second `---`.
    pub text: Range<usize>,
}

/// Splits a file at its two `---` lines; reports which of them is missing.
pub fn split(path: &Arc<str>, file: &str, diagnostics: &mut Diagnostics) -> Option<Parts> {
    let mark = if file.starts_with('\u{feff}') { 3 } else { 0 };
    let mut lines = Lines { file, at: mark };
    let first = lines.next().unwrap_or(mark..mark);
    if file[first.clone()].trim_end() != "---" {
        diagnostics.push(
            Diagnostic::error(path, first, "the file does not begin with front matter")
                .label("expected `---`")
                .help("begin the file with a line `---`, then `title: …`, then another line `---`"),
        );
        return None;
    }
    let yaml_start = lines.at;
    while let Some(line) = lines.next() {
        if file[line.clone()].trim_end() == "---" {
            return Some(Parts { yaml: yaml_start..line.start, text: lines.at..file.len() });
        }
    }
    diagnostics.push(
        Diagnostic::error(path, first, "the front matter is not closed")
            .label("opened here")
            .help("add a line `---` where the front matter ends"),
    );
    None
}

/// Lines as ranges without their ending; `at` is where the next one starts.
struct Lines<'a> {
    file: &'a str,
    at: usize,
}

impl Iterator for Lines<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        if start >= self.file.len() {
            return None;
        }
        let rest = &self.file[start..];
        let length = rest.find('\n').unwrap_or(rest.len());
        self.at = (start + length + 1).min(self.file.len());
        Some(start..start + length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(file: &str) -> Option<(&str, &str)> {
        let mut diagnostics = Diagnostics::new();
        let parts = split(&"a.md".into(), file, &mut diagnostics);
        assert_eq!(parts.is_none(), diagnostics.has_errors(), "{file:?}");
        parts.map(|parts| (&file[parts.yaml], &file[parts.text]))
    }

    #[test]
    fn splits_at_the_two_lines() {
        assert_eq!(parts("---\na: b\n---\ntext\n"), Some(("a: b\n", "text\n")));
        assert_eq!(parts("\u{feff}---\r\na: b\r\n---\r\ntext"), Some(("a: b\r\n", "text")));
        assert_eq!(parts("---\n---"), Some(("", "")));
        assert_eq!(parts("--- \na: b\n---\t\n---\n"), Some(("a: b\n", "---\n")));
        for file in ["", "text", "\n---\na: b\n---\n", "---\na: b\n", "----\na: b\n---\n", "---\na: ---"] {
            assert_eq!(parts(file), None, "{file:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(file in "[-\\n\\r a\u{feff}é]{0,40}") {
            parts(&file);
        }
    }
}
