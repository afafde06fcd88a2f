//! Sass as CSS.
//!
//! The library costs more to compile than a newcomer should wait for, so it is in only where `--features sass` asks for
//! it. It reads a theme's files from memory and nothing from the disk.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use grass::{ErrorKind, Fs, Options};
use statement::diagnostic::Diagnostic;

use crate::source_tree::SourceTree;
use crate::template::faults::sentence;

/// A theme's files under `assets/`, by their paths there.
struct Files<'a> {
    files: &'a BTreeMap<&'a str, usize>,
    tree: &'a SourceTree,
}

impl std::fmt::Debug for Files<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.files.keys()).finish()
    }
}

impl Files<'_> {
    fn find(&self, path: &Path) -> Option<usize> {
        let path = path.to_str()?;
        self.files.get(path.strip_prefix("./").unwrap_or(path)).copied()
    }
}

impl Fs for Files<'_> {
    fn is_dir(&self, path: &Path) -> bool {
        let Some(folder) = path.to_str() else { return false };
        self.files.keys().any(|name| name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
    }

    fn is_file(&self, path: &Path) -> bool {
        self.find(path).is_some()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.find(path).and_then(|file| self.tree.files()[file].in_memory());
        file.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Compiles the style sheet `name`.
///
/// # Errors
/// Says what is wrong, in which of the theme's files.
pub(super) fn compile(
    name: &str,
    text: &str,
    files: &BTreeMap<&str, usize>,
    tree: &SourceTree,
) -> Result<String, Box<Diagnostic>> {
    let files = Files { files, tree };
    let options = Options::default().fs(&files).quiet(true);
    let folder = Path::new(name).parent().unwrap_or(Path::new(""));
    grass::from_string(text.to_owned(), &options.load_path(folder)).map_err(|error| {
        let own = files.files[name];
        let diagnostic = match error.kind() {
            ErrorKind::ParseError { message, loc, .. } => {
                let file = files.find(Path::new(loc.file.name())).unwrap_or(own);
                let place = |line: usize, column: usize| {
                    let text = tree.files()[file].text().unwrap_or_default();
                    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
                    start + text[start..].chars().take(column).map(char::len_utf8).sum::<usize>()
                };
                let span = place(loc.begin.line, loc.begin.column)..place(loc.end.line, loc.end.column);
                Diagnostic::error(&tree.files()[file].path, span, sentence(&message))
            }
            other => Diagnostic::error(&tree.files()[own].path, 0..0, format!("{other:?}")),
        };
        Box::new(diagnostic)
    })
}
