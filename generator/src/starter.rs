//! What a new site begins with: a few pages, a form, a statement to be rewritten, and the theme of this repository.
//!
//! It knows the files and what is still to be replaced in them; it does not touch the disk.

use include_dir::{Dir, include_dir};
use jiff::civil::Date;
use statement::diagnostic::{Diagnostic, Diagnostics};

use crate::site::Site;
use crate::source_tree::SourceTree;
use crate::theme_files::{self, files_of};
use crate::{site_config, yaml_text};

static CONTENT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/starter");

/// The folder of the theme in a site.
pub const THEME_FOLDER: &str = "themes/optimal";

/// What stands where an author must write something of their own.
pub const MARKS: [&str; 2] = [
    "[TO REPLACE",
    // No address ever ends so (RFC 2606, section 2).
    ".invalid",
];

/// A file of a new site: its path from the site's root, and what is in it.
pub type NewFile = (String, Vec<u8>);

/// The files of a new site whose statement is effective from `today` on.
#[must_use]
pub fn site(title: &str, timezone: &str, today: Date) -> Vec<NewFile> {
    let (title, date) = (yaml_text::scalar(title), today.to_string());
    let fill = |text: &str| text.replace("@TITLE@", &title).replace("@TIMEZONE@", timezone).replace("@DATE@", &date);
    let mut files: Vec<NewFile> = files_of(&CONTENT)
        .map(|(path, bytes)| {
            let path = match path.as_str() {
                // Under its own name the file would hide others from the tools of this repository.
                "gitignore" => ".gitignore".to_owned(),
                path => path.replace("DATE", &date),
            };
            (path, fill(&String::from_utf8_lossy(bytes)).into_bytes())
        })
        .collect();
    files.extend(theme());
    files.sort();
    files
}

/// The files of the theme.
pub fn theme() -> impl Iterator<Item = NewFile> {
    theme_files::built_in().map(|(path, bytes)| (format!("{THEME_FOLDER}/{path}"), bytes.to_vec()))
}

/// Warns of what an author has not replaced yet, in the settings and in the statement in force.
pub fn check_replaced(site: &Site, tree: &SourceTree, diagnostics: &mut Diagnostics) {
    let statement = site.in_force.map(|version| &*site.statements[version].path);
    for path in [site_config::PATH].into_iter().chain(statement) {
        let text = tree.text(path).unwrap_or_default();
        let mut places: Vec<usize> = MARKS.iter().flat_map(|mark| text.match_indices(mark)).map(|(at, _)| at).collect();
        places.sort_unstable();
        let Some(&first) = places.first() else { continue };
        let is_delimiter = |letter: char| letter.is_whitespace() || "\"'".contains(letter);
        let start = text[..first].rfind(is_delimiter).map_or(0, |at| at + 1);
        let end = text[first..].find(['\n', ']']).map_or(text.len(), |at| first + at);
        let mut diagnostic =
            Diagnostic::warning(&path.into(), start..end, "a placeholder of the new site is still here")
                .label("write your own words here");
        if places.len() > 1 {
            diagnostic = diagnostic.note(format!("the file has {} of them", places.len()));
        }
        diagnostics
            .push(diagnostic.help("replace what begins with `[TO REPLACE` or ends with `.invalid` before you publish"));
    }
}
