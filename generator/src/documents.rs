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
use statement::lock::Lock;
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
    let mut documents = Vec::with_capacity(folders.len());
    for (folder, (versions, texts)) in folders {
        let files: Vec<&Statement> = versions.iter().map(|index| &statements[*index]).collect();
        let translated: Vec<&Translation> = texts.iter().map(|index| &translations[*index]).collect();
        let lock_path: Arc<str> = format!("{folder}/{LOCK_NAME}").into();
        let text = tree.text(&lock_path);
        let read = text.and_then(|text| Lock::parse(&lock_path, text, diagnostics));
        let effective = |statement: &Statement| statement.effective_in(timezone);
        if let Some(lock) = &read {
            lock.check(&lock_path, &files, effective, now, diagnostics);
        } else if text.is_none() {
            // Facts that are held against the text are held to what was published, too.
            let bound: Vec<&Statement> =
                files.iter().filter(|statement| statement.promises.provenance.is_some()).copied().collect();
            Lock::default().check(&lock_path, &bound, effective, now, diagnostics);
        }
        let lock = read.unwrap_or_default();
        let mut history = History::new(&lock, &files, &translated, effective);
        publication::check(&lock_path, text.unwrap_or_default(), &lock, &history, &files, timezone, diagnostics);
        report_translations(&history, &translated, diagnostics);
        for version in &mut history.versions {
            version.statement = version.statement.map(|file| versions[file]);
            for translation in &mut version.translations {
                translation.file = translation.file.map(|file| texts[file]);
            }
        }
        let id = files.first().map(|statement| statement.document.clone()).unwrap_or_default();
        let (folder, is_locked) = (folder.to_owned(), text.is_some());
        documents.push(VersionedDocument { id, folder, lock_path, lock, is_locked, history });
    }
    documents
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
            diagnostics.push(
                Diagnostic::warning(&translation.path, 0..0, fact)
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
