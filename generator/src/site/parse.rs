//! Every file that is read as text becomes what it is: a page, a version, a translation, a form.
//!
//! What they have to do with each other is not known here.

use std::sync::Arc;

use jiff::tz::TimeZone;
use rayon::prelude::*;
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::form::Form;
use statement::translation::Translation;
use statement::version::{Statement, parse_version};
use statement::yaml;

use super::content_path;
use crate::page::{self, Document};
use crate::source_tree::SourceTree;

/// What the markdown files of a site turned out to be.
#[derive(Default)]
pub(super) struct Documents {
    pub(super) pages: Vec<page::Page>,
    pub(super) statements: Vec<Statement>,
    pub(super) translations: Vec<Translation>,
    /// Drafts of the statement that are not shown, by content path.
    pub(super) left_out: Vec<Arc<str>>,
    pub(super) unusable: Vec<Arc<str>>,
}

/// Parses every markdown file but those that are `known`. Where drafts are not shown, a draft of the statement is not
/// judged either: whoever works on it does not keep the others from publishing.
pub(super) fn parse_documents(
    tree: &SourceTree,
    timezone: &TimeZone,
    drafts: bool,
    known: &(dyn Fn(&str) -> Option<page::Page> + Sync),
    diagnostics: &mut Diagnostics,
) -> Documents {
    let parsed: Vec<(&Arc<str>, Option<Document>, Diagnostics)> = tree
        .files()
        .par_iter()
        .filter(|file| file.path.starts_with("content/") && file.path.ends_with(".md"))
        .filter_map(|file| file.text().map(|text| (file, text)))
        .map(|(file, text)| {
            let mut found = Diagnostics::new();
            let document = match known(&file.path) {
                Some(page) => Some(Document::Page(page)),
                None => page::parse(&file.path, text, timezone, &mut found),
            };
            (&file.path, document, found)
        })
        .collect();
    let mut documents = Documents::default();
    for (path, document, found) in parsed {
        if let Some(Document::Draft(_)) = &document {
            warn_of_dated_draft(path, diagnostics);
        }
        if !drafts && matches!(document, Some(Document::Draft(_))) {
            documents.left_out.push(content_path(path).into());
            continue;
        }
        diagnostics.append(found);
        match document {
            Some(Document::Page(page)) => documents.pages.push(page),
            Some(Document::Statement(statement)) => documents.statements.push(*statement),
            Some(Document::Draft(Some(statement))) => documents.statements.push(*statement),
            Some(Document::Translation(translation)) => documents.translations.push(*translation),
            Some(Document::Draft(None)) | None => documents.unusable.push(content_path(path).into()),
        }
    }
    documents
}

/// Somebody who names a draft like a version thinks that it is published.
fn warn_of_dated_draft(path: &Arc<str>, diagnostics: &mut Diagnostics) {
    let name = path.rsplit('/').next().and_then(|name| name.strip_suffix(".md")).unwrap_or_default();
    if parse_version(name).is_ok() {
        let fact = format!("`{name}.md` is named like a version, and is a draft that is not published");
        diagnostics.push(
            Diagnostic::warning(path, 0..0, fact)
                .help(format!("either write `version: \"{name}\"`, and the build says which line the lock needs"))
                .help("or name the file `next.md`"),
        );
    }
}

/// Parses every form; what cannot be used is added to `unusable`.
pub(super) fn parse_forms(tree: &SourceTree, unusable: &mut Vec<Arc<str>>, diagnostics: &mut Diagnostics) -> Vec<Form> {
    let mut forms = Vec::new();
    for file in tree.files() {
        let id = file.path.strip_prefix("content/forms/").and_then(|name| name.strip_suffix(".yaml"));
        let (Some(id), Some(text)) = (id, file.text()) else { continue };
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !id.bytes().all(plain) {
            diagnostics.push(
                Diagnostic::error(&file.path, 0..0, format!("`{id}` is not a form's name"))
                    .help("name the file with lower-case letters, digits and `-` only"),
            );
            continue;
        }
        let form = yaml::parse(&file.path, text, 0..text.len(), diagnostics)
            .and_then(|node| Form::parse(id, &file.path, &node, diagnostics));
        match form {
            Some(form) => forms.push(form),
            None => unusable.push(content_path(&file.path).into()),
        }
    }
    forms
}
