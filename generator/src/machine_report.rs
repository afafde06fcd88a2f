//! Diagnostics for programs: one JSON object a line, and the annotations GitHub shows beside a change.
//!
//! It says what [`report`](crate::report) draws, and knows nothing of terminals or the environment.

use std::fmt::Write as _;

use memchr::memchr_iter;
use serde_json::{Value, json};
use statement::diagnostic::{Diagnostic, Place, Severity};

use crate::Failure;
use crate::source_tree::SourceTree;

/// A position as editors count: both from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// Where a byte stands in a text.
#[must_use]
pub fn position(text: &str, offset: usize) -> Position {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        line: memchr_iter(b'\n', before.as_bytes()).count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

/// Where a diagnostic begins and ends; none where the file as a whole is meant, or cannot be shown.
fn extent(place: &Place, tree: &SourceTree) -> Option<(Position, Position)> {
    let span = std::ops::Range::from(place.span);
    let text = tree.text(&place.path).filter(|text| !span.is_empty() && span.end <= text.len())?;
    Some((position(text, span.start), position(text, span.end)))
}

fn severity(diagnostic: &Diagnostic) -> &'static str {
    match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// A diagnostic as JSON. `end` is the place after the last character.
#[must_use]
pub fn json(diagnostic: &Diagnostic, tree: &SourceTree) -> Value {
    let place = diagnostic.place.as_ref();
    let extent = place.and_then(|place| extent(place, tree));
    json!({
        "type": "diagnostic",
        "severity": severity(diagnostic),
        "code": diagnostic.code,
        "message": diagnostic.message,
        "path": place.map(|place| &*place.path),
        "line": extent.map(|(start, _)| start.line),
        "column": extent.map(|(start, _)| start.column),
        "end": extent.map(|(_, end)| json!({ "line": end.line, "column": end.column })),
        "label": Some(&diagnostic.label).filter(|label| !label.is_empty()),
        "notes": diagnostic.notes,
        "help": diagnostic.help,
    })
}

/// All diagnostics, a line each, and a last line that counts them and says what became of the site: how many `pages`
/// were published or could be, none where mistakes forbid it.
#[must_use]
pub fn json_lines(diagnostics: &[Diagnostic], tree: &SourceTree, pages: Option<usize>) -> String {
    let count = |wanted: Severity| diagnostics.iter().filter(|found| found.severity == wanted).count();
    let summary = json!({
        "type": "summary",
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
        "published": pages.is_some(),
        "pages": pages,
    });
    let lines = diagnostics.iter().map(|diagnostic| json(diagnostic, tree)).chain([summary]);
    lines.fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").expect("invariant: a string can be written to");
        text
    })
}

/// The line that says that the machine failed.
#[must_use]
pub fn failure_line(failure: &Failure) -> String {
    format!("{}\n", json!({ "type": "failure", "message": failure.0 }))
}

/// GitHub's workflow commands, a line each; `folder` is the site's folder in the repository, `.` or `docs`.
///
/// <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>
#[must_use]
pub fn github_annotations(diagnostics: &[Diagnostic], tree: &SourceTree, folder: &str) -> String {
    let folder = folder.trim_start_matches("./").trim_end_matches('/');
    let prefix = if folder.is_empty() || folder == "." { String::new() } else { format!("{folder}/") };
    diagnostics.iter().fold(String::new(), |mut text, diagnostic| {
        let mut properties = Vec::new();
        if let Some(place) = &diagnostic.place {
            properties.push(format!("file={}", escape_property(&format!("{prefix}{}", place.path))));
            if let Some((start, end)) = extent(place, tree) {
                properties.push(format!("line={},endLine={}", start.line, end.line));
                // Columns are only allowed where the place is on one line; GitHub's last column is inclusive.
                if start.line == end.line {
                    properties.push(format!("col={},endColumn={}", start.column, end.column - 1));
                }
            }
        }
        if let Some(code) = diagnostic.code {
            properties.push(format!("title={code}"));
        }
        let mut message = diagnostic.message.clone();
        if !diagnostic.label.is_empty() {
            message = format!("{message}: {}", diagnostic.label);
        }
        message.extend(diagnostic.notes.iter().map(|note| format!("\nnote: {note}")));
        message.extend(diagnostic.help.iter().map(|help| format!("\nhelp: {help}")));
        let properties = properties.join(",");
        let space = if properties.is_empty() { "" } else { " " };
        writeln!(text, "::{}{space}{properties}::{}", severity(diagnostic), escape_data(&message))
            .expect("invariant: a string can be written to");
        text
    })
}

fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> (Vec<Diagnostic>, SourceTree) {
        let tree = SourceTree::from_archive("-- content/a,b.md --\nÀ voir [là](x.md)\n");
        let path = "content/a,b.md".into();
        let diagnostics = vec![
            Diagnostic::error(&path, 14..18, "link target does not exist")
                .label("no page at 100%")
                .note("a note")
                .help("did you mean `y.md`?")
                .code("P101"),
            Diagnostic::warning(&path, 0..0, "the whole file"),
        ];
        (diagnostics, tree)
    }

    #[test]
    fn json_says_everything() {
        let (diagnostics, tree) = found();
        let lines = json_lines(&diagnostics, &tree, None);
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines[0],
            json!({
                "type": "diagnostic", "severity": "error", "code": "P101", "message": "link target does not exist",
                "path": "content/a,b.md", "line": 1, "column": 13, "end": {"line": 1, "column": 17},
                "label": "no page at 100%", "notes": ["a note"], "help": ["did you mean `y.md`?"],
            })
        );
        assert_eq!(lines[1]["line"], Value::Null);
        assert_eq!(lines[2], json!({"type": "summary", "errors": 1, "warnings": 1, "published": false, "pages": null}));
    }

    #[test]
    fn annotations_are_escaped() {
        let (diagnostics, tree) = found();
        assert_eq!(
            github_annotations(&diagnostics, &tree, "./docs/"),
            "::error file=docs/content/a%2Cb.md,line=1,endLine=1,col=13,endColumn=16,title=P101::link target does not \
             exist: no page at 100%25%0Anote: a note%0Ahelp: did you mean `y.md`?\n\
             ::warning file=docs/content/a%2Cb.md::the whole file\n"
        );
    }
}
