//! The site's versioned documents: for each folder of versions its lock and its history, and whether they agree.
//!
//! It joins what the crate `statement` knows about one document; it does not know pages or addresses, and no rule
//! about publishing is made here.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::history::History;
use statement::lock::{Event, Lock, check_correction};
use statement::publication;
use statement::translation::Translation;
use statement::version::Statement;

use crate::source_tree::SourceTree;

/// The lock's name in the folder of its versions.
pub const LOCK_NAME: &str = "statement.lock";

/// A folder of versions.
#[derive(Debug)]
pub struct VersionedDocument {
    /// The document's id, as its versions name it.
    pub id: String,
    /// The folder, `content/privacy`.
    pub folder: String,
    /// The lock, whether it is there or not: `content/privacy/statement.lock`.
    pub lock_path: Arc<str>,
    /// What was published; nothing where there is no lock.
    pub lock: Lock,
    /// Whether there is a lock; if not, the files alone are the history.
    pub is_locked: bool,
    /// Its versions. Files in it are indices into the site's statements and translations.
    pub history: History,
}

/// The folder a file stands in.
#[must_use]
pub fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Whether a file is a lock.
#[must_use]
pub fn is_lock(path: &str) -> bool {
    path.starts_with("content/") && path.ends_with("/statement.lock")
}

/// The documents of a site, in the order of their folders; reports whatever lock, versions and translations disagree
/// on. `now` is when a version that is not in the lock would be posted.
pub fn assemble(
    tree: &SourceTree,
    statements: &[Statement],
    translations: &[Translation],
    timezone: &TimeZone,
    now: Timestamp,
    diagnostics: &mut Diagnostics,
) -> Vec<VersionedDocument> {
    let mut folders: BTreeMap<&str, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (index, statement) in statements.iter().enumerate() {
        folders.entry(folder_of(&statement.path)).or_default().0.push(index);
    }
    for (index, translation) in translations.iter().enumerate() {
        folders.entry(folder_of(&translation.path)).or_default().1.push(index);
    }
    // A lock whose versions are all gone still says what was published.
    for file in tree.files().iter().filter(|file| is_lock(&file.path)) {
        folders.entry(folder_of(&file.path)).or_default();
    }
    let mut documents: Vec<VersionedDocument> = Vec::with_capacity(folders.len());
    let mut with_facts: Option<&Statement> = None;
    for (folder, (versions, texts)) in folders {
        let files: Vec<&Statement> = versions.iter().map(|index| &statements[*index]).collect();
        let translated: Vec<&Translation> = texts.iter().map(|index| &translations[*index]).collect();
        let lock_path: Arc<str> = format!("{folder}/{LOCK_NAME}").into();
        let text = tree.text(&lock_path);
        let read = text.and_then(|text| Lock::parse(&lock_path, text, diagnostics));
        let effective = |statement: &Statement| statement.effective_in(timezone);
        // What is wrong with a file that cannot be read is said where it is read.
        let has_file = |version: &str| tree.text(&format!("{folder}/{version}.md")).is_some();
        if let Some(lock) = &read {
            lock.check(&lock_path, &files, has_file, effective, now, diagnostics);
        } else if text.is_none() {
            // Facts that are held against the text are held to what was published, too.
            let bound: Vec<&Statement> =
                files.iter().filter(|statement| statement.promises.provenance.is_some()).copied().collect();
            Lock::default().check(&lock_path, &bound, has_file, effective, now, diagnostics);
        }
        let lock = read.unwrap_or_default();
        let is_elsewhere = |version: &str| lock.last(Event::Redacted, version).is_some() || has_file(version);
        for file in &files {
            check_correction(&files, is_elsewhere, file, diagnostics);
        }
        let mut history = History::new(&lock, &files, &translated, effective);
        publication::check(&lock_path, &lock, &history, &files, timezone, now, diagnostics);
        report_translations(&history, &translated, diagnostics);
        for version in &mut history.versions {
            version.statement = version.statement.map(|file| versions[file]);
            for translation in &mut version.translations {
                translation.file = translation.file.map(|file| texts[file]);
            }
        }
        check_same_document(&files, diagnostics);
        if let Some(first) = files.first() {
            let other = if first.has_facts { with_facts.replace(first) } else { None };
            if let Some(other) = other {
                diagnostics.push(second_statement(first, other));
            } else if let Some(other) = documents.iter().find(|other| other.id == first.document) {
                let fact = format!("`{}` is the document of another folder", first.document);
                diagnostics.push(
                    Diagnostic::error(&first.path, 0..0, fact)
                        .note(format!("it is that of `{}`", other.folder))
                        .help("give the documents different names, or move all versions of one into one folder"),
                );
            }
        }
        let id = files.first().map(|statement| statement.document.clone()).unwrap_or_default();
        let (folder, is_locked) = (folder.to_owned(), text.is_some());
        documents.push(VersionedDocument { id, folder, lock_path, lock, is_locked, history });
    }
    documents
}

/// All versions in a folder are of one document, and all of them have facts or none has.
fn check_same_document(files: &[&Statement], diagnostics: &mut Diagnostics) {
    let Some(first) = files.first() else { return };
    for other in files.iter().filter(|other| other.document != first.document) {
        let fact = format!("`{}` is another document than `{}`", other.document, first.document);
        diagnostics.push(
            Diagnostic::error(&other.path, 0..0, fact)
                .note(format!("`{}` names its document `{}`", first.path, first.document))
                .help("all versions in one folder have the same `document`"),
        );
    }
    let Some(with_facts) = files.iter().find(|file| file.has_facts) else { return };
    for other in files.iter().filter(|other| !other.has_facts) {
        diagnostics.push(
            Diagnostic::error(&other.path, 0..0, "the version has no facts, and other versions of the document have")
                .note(format!("`{}` has them", with_facts.path))
                .help(format!("write `schema: {}`, and the facts", statement::version::SCHEMA)),
        );
    }
}

/// The software is held to one statement.
fn second_statement(second: &Statement, first: &Statement) -> Diagnostic {
    let fact = format!("`{}` is a second document with facts", second.document);
    Diagnostic::error(&second.path, 0..0, fact)
        .note(format!("`{}` has facts, and the software is held to one statement", first.path))
        .help("remove `schema` and the facts from one of the two: a document without facts has versions, too")
}

/// A translation of nothing is a mistake; one of another text is published with a notice.
fn report_translations(history: &History, translations: &[&Translation], diagnostics: &mut Diagnostics) {
    for (index, translation) in translations.iter().enumerate() {
        let version = history.find(&translation.version).map(|version| &history.versions[version]);
        let Some(version) = version else {
            diagnostics.push(
                Diagnostic::error(&translation.path, 0..0, format!("there is no version {}", translation.version))
                    .help("name the file by the version it translates, like `2018-09-26.es.md`"),
            );
            continue;
        };
        let is_stale = version.translations.iter().any(|known| known.file == Some(index) && known.is_stale);
        if is_stale {
            let fact = format!("the translation is not the one that was published of version {}", version.version);
            let is_of_another = translation.of != version.digests.digest;
            let place = if is_of_another { &translation.of_span } else { &translation.first_line };
            diagnostics.push(
                Diagnostic::warning(&translation.path, place.clone(), fact)
                    .code("P230")
                    .note("readers are told that it may be out of date")
                    .help(format!(
                        "either bring it up to date and publish it: `candor statement translate {} {} --publish`",
                        version.version, translation.language
                    ))
                    .help("or bring back the file as it was published"),
            );
        }
    }
}
