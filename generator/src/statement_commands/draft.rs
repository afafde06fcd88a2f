//! A new version begins as a draft with the facts and the text of one that was published.
//!
//! Comments are not taken along: they speak of the version they were written for.

use jiff::civil::Date;
use statement::diagnostic::Diagnostics;
use statement::front_matter;
use statement::promise::{DefectKind, QuoteRole};
use statement::version::{DRAFT, Statement};
use statement::yaml::{self, Entry, Node, Value};

use crate::documents::VersionedDocument;
use crate::starter::NewFile;
use crate::statement_commands::Desk;
use crate::{Failure, yaml_text};

/// The draft's file in its document's folder.
const NAME: &str = "next.md";

/// A draft to be written, and what is to be mended in it.
#[derive(Debug)]
pub struct Draft {
    /// Its file.
    pub file: NewFile,
    /// What its author has to do, a line each.
    pub to_do: Vec<String>,
}

fn node(value: Value) -> Node {
    Node { value, span: 0..0 }
}

fn entry(key: &str, value: Value) -> Entry {
    Entry { key: key.to_owned(), key_span: 0..0, node: node(value) }
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// The draft of the version after `from`, which also declares `fields`.
///
/// # Errors
/// When a field is declared already.
pub fn draft(
    desk: &Desk<'_>,
    document: &VersionedDocument,
    from: &Statement,
    fields: &[String],
    today: Date,
) -> Result<Draft, Failure> {
    let file = desk.tree.text(&from.path).expect("invariant: a version was read from its file");
    let mut unreported = Diagnostics::new();
    let parts = front_matter::split(&from.path, file, &mut unreported).expect("invariant: a version has front matter");
    let root =
        yaml::parse(&from.path, file, parts.yaml, &mut unreported).expect("invariant: a version's facts were read");
    let Value::Mapping(mut facts) = root.value else { unreachable!("invariant: facts are a mapping") };
    facts.retain(|entry| !["kind", "corrects", "retired", "moved_to"].contains(&entry.key.as_str()));
    for entry in &mut facts {
        match entry.key.as_str() {
            "version" => entry.node = node(text(DRAFT)),
            "effective" => entry.node = node(text(&today.to_string())),
            "provenance" => entry.node = node(Value::Mapping(vec![self::entry("source", text("authored"))])),
            _ => {}
        }
    }
    let mut to_do: Vec<String> = Vec::new();
    for quote in &from.promises.quotes {
        if let QuoteRole::Defect { id, kind, read_as, .. } = &quote.role {
            let (at, found) = (&quote.at.value, &quote.text.value);
            // What was misspelt in the line with the date is written by the theme now.
            if *kind == DefectKind::Typo && !from.text.contains(found) {
                continue;
            }
            to_do.push(format!("mend {id} ({}, section {at}): `{found}`, read as: {read_as}", kind.word()));
        }
    }
    for key in fields {
        if !from.has_facts {
            return Err(Failure(format!("`{}` has no facts, and declares no fields", from.document)));
        }
        if from.declares_field(key) {
            return Err(Failure(format!("version {} declares the field `{key}` already", from.version)));
        }
        add_field(&mut facts, key);
        to_do.push(format!(
            "say in the text that `{key}` is asked for, and quote those words in its `says` in place of `…`"
        ));
    }
    let yaml = yaml_text::mapping(facts.iter().map(|entry| (entry.key.as_str(), &entry.node.value)));
    let draft = format!("---\n{yaml}---\n{}", from.text);
    Ok(Draft { file: (format!("{}/{NAME}", document.folder), draft.into_bytes()), to_do })
}

/// Declares one more field, which rests on words that are still to be written.
fn add_field(facts: &mut [Entry], key: &str) {
    let fields = facts.iter_mut().find(|entry| entry.key == "collects");
    let fields = fields.and_then(|entry| child(&mut entry.node, "voluntary")).and_then(|node| child(node, "fields"));
    let Some(Value::Sequence(fields)) = fields.map(|node| &mut node.value) else {
        unreachable!("invariant: a version declares fields")
    };
    let says = vec![entry("at", text(statement::prose::TOP)), entry("text", text("…"))];
    fields.push(node(Value::Mapping(vec![
        entry("key", text(key)),
        entry("category", text("free-text")),
        entry("says", Value::Mapping(says)),
    ])));
}

fn child<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    let Value::Mapping(entries) = &mut node.value else { return None };
    entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.node)
}
