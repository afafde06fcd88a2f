//! A new page: where it may stand, and what it begins with.
//!
//! It plans, and touches nothing; [`author_files`](crate::author_files) writes what was planned.

use std::collections::BTreeSet;

use jiff::civil::Date;
use statement::diagnostic::near_match;
use statement::yaml::Value;

use crate::source_tree::SourceTree;
use crate::starter::NewFile;
use crate::{Failure, yaml_text};

/// What an author asks for.
#[derive(Debug)]
pub struct Request<'a> {
    /// The file under `content/`, with or without that folder's name: `guides/choosing.md`.
    pub path: &'a str,
    /// Its title, instead of one made from the file's name.
    pub title: Option<&'a str>,
    /// Whether it is published with `--drafts` only.
    pub draft: bool,
    /// When it is written.
    pub today: Date,
}

/// The file to write.
///
/// # Errors
/// Says why there can be no such page, and which there could be.
pub fn plan(tree: &SourceTree, request: &Request<'_>) -> Result<NewFile, Failure> {
    let wanted = request.path.trim_start_matches("./");
    let wanted = wanted.strip_prefix("content/").unwrap_or(wanted);
    let refuse = |fact: String, help: String| Err(Failure(format!("{fact}\n  = help: {help}")));
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with([' ', '.']);
    if !wanted.split('/').all(is_part) || wanted.contains(['\\', ':']) || wanted.contains(char::is_control) {
        return refuse(
            format!("`{}` is not a path under `content/`", request.path),
            "name the file from there, like `guides/choosing.md`".to_owned(),
        );
    }
    if !wanted.ends_with(".md") {
        return refuse(format!("`{}` is not the name of a page", request.path), format!("did you mean `{wanted}.md`?"));
    }
    let (folder, name) = wanted.rsplit_once('/').unwrap_or(("", wanted));
    if folder == "privacy" || folder.starts_with("privacy/") {
        return refuse(
            format!("`{wanted}` would be a version of the privacy statement, which is no page"),
            "copy the version in force to the day's name, like `privacy/2018-09-26.md`, and change it there".to_owned(),
        );
    }
    let path = format!("content/{wanted}");
    let same = |known: &str| known.to_lowercase() == path.to_lowercase();
    if let Some(existing) = tree.files().iter().find(|file| same(&file.path)) {
        return refuse(format!("`{}` exists", existing.path), "choose another name, or edit that file".to_owned());
    }
    let is_section = name == "_index.md" || name == "index.md";
    // A page in a folder of its own needs no more than its section.
    let section = if is_section { folder.rsplit_once('/').map_or("", |(above, _)| above) } else { folder };
    let sections = sections(tree);
    if !section.is_empty() && !sections.contains(section) {
        let near = near_match(section, sections.iter().map(String::as_str));
        return refuse(
            format!("there is no section `{section}`"),
            match near {
                Some(near) => {
                    format!("did you mean `{near}/{name}`? `candor new {section}/_index.md` makes a new section")
                }
                None => format!("make the section first: `candor new {section}/_index.md`"),
            },
        );
    }
    let title = request.title.map_or_else(|| title_from(folder, name), str::to_owned);
    let mut front = vec![("title", Value::String(title))];
    if name != "_index.md" {
        front.push(("date", Value::String(request.today.to_string())));
    }
    if request.draft {
        front.push(("draft", Value::Boolean(true)));
    }
    let yaml = yaml_text::mapping(front.iter().map(|(key, value)| (*key, value)));
    Ok((path, format!("---\n{yaml}---\n\n").into_bytes()))
}

/// Every folder under `content/` that has a file in it.
fn sections(tree: &SourceTree) -> BTreeSet<String> {
    let mut sections = BTreeSet::new();
    for file in tree.files() {
        let mut path = file.path.strip_prefix("content/").unwrap_or_default();
        while let Some((folder, _)) = path.rsplit_once('/') {
            sections.insert(folder.to_owned());
            path = folder;
        }
    }
    sections
}

/// `choosing-a-time.md` is about “Choosing a time”; the file of a folder is about what the folder is.
fn title_from(folder: &str, name: &str) -> String {
    let stem = name.trim_end_matches(".md");
    let word = match stem {
        "_index" | "index" if !folder.is_empty() => folder.rsplit('/').next().unwrap_or(stem),
        stem => stem,
    };
    let words = word.replace(['-', '_'], " ");
    let words = words.trim();
    let mut letters = words.chars();
    letters.next().map_or_else(|| word.to_owned(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(path: &str) -> Result<(String, String), String> {
        let tree = SourceTree::from_archive("-- content/_index.md --\n-- content/guides/plan.md --\n");
        let today = jiff::civil::date(2026, 3, 1);
        super::plan(&tree, &Request { path, title: None, draft: path.contains("draft"), today })
            .map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap()))
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn pages_begin_with_front_matter() {
        let page = |path: &str, text: &str| Ok((path.to_owned(), text.to_owned()));
        assert_eq!(
            plan("guides/choosing-a-time.md"),
            page("content/guides/choosing-a-time.md", "---\ntitle: Choosing a time\ndate: 2026-03-01\n---\n\n")
        );
        assert_eq!(
            plan("content/draft.md"),
            page("content/draft.md", "---\ntitle: Draft\ndate: 2026-03-01\ndraft: true\n---\n\n")
        );
        assert_eq!(plan("news/_index.md"), page("content/news/_index.md", "---\ntitle: News\n---\n\n"));
        assert_eq!(
            plan("guides/été/index.md"),
            page("content/guides/été/index.md", "---\ntitle: Été\ndate: 2026-03-01\n---\n\n")
        );
    }

    #[test]
    fn says_where_a_page_cannot_stand() {
        let refused = |path: &str| plan(path).expect_err(path);
        for path in ["../a.md", "/a.md", "guides/../../a.md", "guides//a.md", "C:\\a.md", ".hidden.md", "a/./b.md", ""]
        {
            assert_eq!(
                refused(path),
                format!(
                    "`{path}` is not a path under `content/`\n  = help: name the file from there, like `guides/choosing.md`"
                )
            );
        }
        assert_eq!(refused("guides/b"), "`guides/b` is not the name of a page\n  = help: did you mean `guides/b.md`?");
        assert_eq!(
            refused("guides/Plan.md"),
            "`content/guides/plan.md` exists\n  = help: choose another name, or edit that file"
        );
        assert_eq!(
            refused("guide/b.md"),
            "there is no section `guide`\n  = help: did you mean `guides/b.md`? `candor new guide/_index.md` makes a new section"
        );
        assert_eq!(
            refused("elsewhere/b.md"),
            "there is no section `elsewhere`\n  = help: make the section first: `candor new elsewhere/_index.md`"
        );
        assert!(refused("privacy/2026-03-01.md").contains("version of the privacy statement"));
    }
}
