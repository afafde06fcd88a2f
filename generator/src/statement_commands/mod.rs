//! The life of a statement, as commands: what each is told and what it writes.
//!
//! Pure: a site's files and a moment in, text and files to be written out. The program reads the clock, asks people
//! and prints; [`author_files`](crate::author_files) writes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use statement::diagnostic::Diagnostics;
use statement::translation::Translation;
use statement::version::Statement;

use crate::Failure;
use crate::documents::{self, VersionedDocument, folder_of};
use crate::page::{self, Document};
use crate::site_config::SiteConfig;
use crate::source_tree::SourceTree;

pub mod change;
pub mod draft;
pub mod live;
pub mod publish;
pub mod show;

/// Where versions stand unless a site has put them elsewhere.
const USUAL_FOLDER: &str = "content/privacy";

/// The versioned documents of a site and nothing else of it: a mistake on a page keeps nobody from publishing.
#[derive(Debug)]
pub struct Desk<'a> {
    /// The site's files.
    pub tree: &'a SourceTree,
    /// The site's settings.
    pub config: SiteConfig,
    /// Every version, and the drafts.
    pub statements: Vec<Statement>,
    /// Their translations.
    pub translations: Vec<Translation>,
    /// The documents.
    pub documents: Vec<VersionedDocument>,
}

/// Whether what is wrong with drafts is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drafts {
    /// A draft is being published, and must be right.
    Judged,
    /// Something else is asked for.
    Unjudged,
}

impl<'a> Desk<'a> {
    /// Reads the documents. Reports what is wrong with versions, translations and locks, and returns none without
    /// usable settings.
    pub fn read(tree: &'a SourceTree, now: Timestamp, drafts: Drafts, diagnostics: &mut Diagnostics) -> Option<Self> {
        let config = SiteConfig::parse(tree, None, diagnostics)?;
        let (mut statements, mut translations) = (Vec::new(), Vec::new());
        let mut folders = BTreeSet::from([USUAL_FOLDER.to_owned()]);
        let mut found = Vec::new();
        let is_content = |path: &str| path.starts_with("content/") && path.ends_with(".md");
        for file in tree.files().iter().filter(|file| is_content(&file.path)) {
            let Some(text) = file.text() else { continue };
            let mut found_here = Diagnostics::new();
            let document = page::parse(&file.path, text, &config.timezone, &mut found_here);
            let is_of_a_document = !matches!(document, Some(Document::Page(_)) | None);
            let is_judged = drafts == Drafts::Judged || !matches!(document, Some(Document::Draft(_)));
            match document {
                Some(Document::Statement(statement)) => statements.push(*statement),
                Some(Document::Draft(Some(statement))) => statements.push(*statement),
                Some(Document::Translation(translation)) => translations.push(*translation),
                Some(Document::Draft(None) | Document::Page(_)) | None => {}
            }
            if is_of_a_document {
                folders.insert(folder_of(&file.path).to_owned());
            }
            if is_judged {
                found.push((folder_of(&file.path), found_here));
            }
        }
        for (_, found) in found.into_iter().filter(|(folder, _)| folders.contains(*folder)) {
            diagnostics.append(found);
        }
        let documents = documents::assemble(tree, &statements, &translations, &config.timezone, now, diagnostics);
        Some(Self { tree, config, statements, translations, documents })
    }

    /// The document of an id, or the only one.
    ///
    /// # Errors
    /// When there is none, or several and none is named.
    pub fn document(&self, id: Option<&str>) -> Result<&VersionedDocument, Failure> {
        let ids = || self.documents.iter().map(|document| format!("`{}`", document.id)).collect::<Vec<_>>().join(", ");
        match (id, self.documents.as_slice()) {
            (_, []) => Err(Failure(
                "the site has no statement\n  = help: write one, for example `content/privacy/2018-09-26.md`"
                    .to_owned(),
            )),
            (None, [only]) => Ok(only),
            (None, _) => Err(Failure(format!(
                "the site has several documents: {}\n  = help: name one with `--document ID`",
                ids()
            ))),
            (Some(id), documents) => documents
                .iter()
                .find(|document| document.id == id)
                .ok_or_else(|| Failure(format!("there is no document `{id}`\n  = help: there is {}", ids()))),
        }
    }

    /// A version's file.
    ///
    /// # Errors
    /// When there is none.
    pub fn statement(&self, document: &VersionedDocument, version: &str) -> Result<&Statement, Failure> {
        self.files(document).find(|statement| statement.version == version).ok_or_else(|| {
            let known: Vec<&str> = document.history.versions.iter().map(|version| version.version.as_str()).collect();
            Failure(format!("there is no version `{version}`\n  = help: there is {}", known.join(", ")))
        })
    }

    /// The files of a document's versions, and its drafts.
    pub fn files(&self, document: &VersionedDocument) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(|statement| folder_of(&statement.path) == document.folder)
    }

    /// The drafts of a document.
    pub fn drafts(&self, document: &VersionedDocument) -> impl Iterator<Item = &Statement> {
        self.files(document).filter(|statement| statement.is_draft())
    }

    /// A moment as it is written in the site's time zone.
    #[must_use]
    pub fn written(&self, moment: Timestamp) -> String {
        moment.to_zoned_datetime(self.config.timezone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// The lock with one more line.
    #[must_use]
    pub fn lock_with(&self, document: &VersionedDocument, line: &statement::lock::Line) -> String {
        format!("{}{}\n", self.tree.text(&document.lock_path).unwrap_or_default(), line.to_json())
    }
}
