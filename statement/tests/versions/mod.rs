//! Versions, notes and moments for tests of what is made of them.

use jiff::Timestamp;
use statement::diagnostic::Diagnostics;
use statement::lock::Note;
use statement::version::Statement;
use statement::{front_matter, yaml};

/// A version of a statement: `more` are further lines of its front matter.
pub(crate) fn version(version: &str, effective: &str, more: &str, text: &str) -> Statement {
    let file = format!(
        "---\nschema: privacy-statement/1\ndocument: d\nversion: \"{version}\"\ntitle: t\nlanguage: en\n\
         effective: \"{effective}\"\ncontact: {{email: a@example.org}}\n\
         collects: {{voluntary: {{fields: [{{key: name, category: name}}]}}}}\n{more}---\n{text}\n"
    );
    let path = format!("content/privacy/{version}.md").into();
    let mut diagnostics = Diagnostics::new();
    let parts = front_matter::split(&path, &file, &mut diagnostics).expect("front matter");
    let root = yaml::parse(&path, &file, parts.yaml, &mut diagnostics).expect("YAML");
    let statement = Statement::parse(&path, &file, &root, parts.text, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    statement.expect("a version")
}

pub(crate) fn note() -> Note {
    Note { summary: "First".into(), why: "New".into(), who: "All".into(), action: "Nothing".into() }
}

pub(crate) fn at(moment: &str) -> Timestamp {
    moment.parse().expect("a moment")
}
