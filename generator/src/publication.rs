//! A document with versions as the site publishes it: its translations and drafts, what changed between versions, and the pages that stand beside the versions themselves.
//!
//! It decides which pages there are and where; what they say is made elsewhere, from what is kept here.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use rayon::prelude::*;
use statement::comparison;
use statement::history::{State, Version};
use statement::translation::Translation;
use statement::version::Statement;

use crate::address;
use crate::documents::{VersionedDocument, folder_of};
use crate::source_tree::SourceTree;
use crate::theme_files::ThemeFiles;

/// A document with its versions.
#[derive(Debug)]
pub struct Publication {
    /// Site path of what is in force: `/privacy/`.
    pub home: String,
    /// The file that the pages beside the versions come from: the lock, or the newest version where there is none.
    pub path: Arc<str>,
    /// Its lock, and when each version is in force.
    pub document: VersionedDocument,
    /// Whether it is the privacy statement, whose facts the software is held to.
    pub has_facts: bool,
    /// Whether there are pages beside the versions: where there is a lock, and where the theme has templates for them.
    pub has_companions: bool,
    /// The versions' files and the drafts, as indices into [`Site::statements`](crate::site::Site::statements).
    pub statements: Vec<usize>,
    /// The translations, as indices into [`Site::translations`](crate::site::Site::translations).
    pub translations: Vec<usize>,
    /// What changed: every version against the one before it, and every version against the one in force.
    pub comparisons: Vec<Comparison>,
    /// The moment the site is built for.
    pub at: Timestamp,
}

/// Two versions compared, as indices into [`Site::statements`](crate::site::Site::statements).
#[derive(Debug)]
pub struct Comparison {
    /// The earlier one.
    pub old: usize,
    /// The later one; it may be a draft.
    pub new: usize,
    /// What changed.
    pub changes: comparison::Comparison,
}

/// A page beside the versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Companion {
    /// All versions, the newest first.
    Changes,
    /// What changed between two versions, as an index into [`Publication::comparisons`].
    Comparison(usize),
    /// What a version promises, fact by fact, as an index into [`Site::statements`](crate::site::Site::statements).
    Explanation(usize),
    /// A version in another language, as an index into [`Site::translations`](crate::site::Site::translations).
    Translation(usize),
    /// Where a version stood whose text may no longer be shown, as an index into the history.
    Tombstone(usize),
    /// How to check a digest.
    Verify,
    /// How to make a browser forget this site.
    Forget,
}

impl Companion {
    /// The template that draws it.
    #[must_use]
    pub fn template(self) -> &'static str {
        match self {
            Self::Changes => "statement-changes.html",
            Self::Comparison(_) => "statement-compare.html",
            Self::Explanation(_) => "statement-explained.html",
            Self::Translation(_) => "statement-translation.html",
            Self::Tombstone(_) => "statement-redacted.html",
            Self::Verify => "statement-verify.html",
            Self::Forget => "statement-forget.html",
        }
    }

    /// Whether search engines are asked to leave it out: what it says, the statement says better.
    #[must_use]
    pub fn noindex(self) -> bool {
        matches!(self, Self::Comparison(_) | Self::Explanation(_) | Self::Tombstone(_))
    }
}

/// The templates of the pages beside the versions. A theme without the first of them has no such pages, unless the
/// site has a lock.
pub const TEMPLATES: [&str; 8] = [
    "statement-changes.html",
    "statement-compare.html",
    "statement-explained.html",
    "statement-translation.html",
    "statement-redacted.html",
    "statement-verify.html",
    "statement-forget.html",
    "statement-feed-entry.html",
];

/// Makes publications of a site's documents, in their order; `at` is the moment the site is built for.
#[must_use]
pub fn gather(
    documents: Vec<VersionedDocument>,
    tree: &SourceTree,
    theme: &ThemeFiles,
    statements: &[Statement],
    translations: &[Translation],
    at: Timestamp,
) -> Vec<Publication> {
    let has_templates = theme.has_template(TEMPLATES[0], tree);
    let gather = |document: VersionedDocument| {
        let in_content = document.folder.strip_prefix("content").unwrap_or(&document.folder).trim_start_matches('/');
        let home = address::of_page(&format!("{in_content}/_index.md"), None);
        let in_folder = |path: &str| folder_of(path) == document.folder;
        let files: Vec<usize> = (0..statements.len()).filter(|file| in_folder(&statements[*file].path)).collect();
        let translations = (0..translations.len()).filter(|file| in_folder(&translations[*file].path)).collect();
        let newest = document.history.versions.iter().rev().find_map(|version| version.statement);
        let newest = newest.or(files.first().copied()).map(|file| &statements[file].path);
        // A translation without any version has been reported.
        let path = if document.is_locked { &document.lock_path } else { newest? };
        let mut publication = Publication {
            home,
            path: Arc::clone(path),
            has_facts: files.iter().any(|file| statements[*file].has_facts),
            has_companions: document.is_locked || has_templates,
            statements: files,
            translations,
            comparisons: Vec::new(),
            at,
            document,
        };
        publication.comparisons = publication.compare(statements);
        Some(publication)
    };
    documents.into_iter().filter_map(gather).collect()
}

impl Publication {
    /// A version's file, as an index into the site's statements; none where its text may not be shown.
    #[must_use]
    pub fn file_of(&self, version: &Version) -> Option<usize> {
        version.redacted.is_none().then_some(version.statement).flatten()
    }

    /// The translations of versions whose text may be shown.
    pub fn shown_translations<'t>(&self, translations: &'t [Translation]) -> impl Iterator<Item = &'t Translation> {
        self.translations.iter().map(|index| &translations[*index]).filter(|translation| self.is_shown(translation))
    }

    fn is_shown(&self, translation: &Translation) -> bool {
        let history = &self.document.history;
        history.find(&translation.version).is_some_and(|version| self.file_of(&history.versions[version]).is_some())
    }

    /// The version that a file of the site's statements is; none for a draft.
    #[must_use]
    pub fn version_of(&self, statement: usize) -> Option<usize> {
        self.document.history.versions.iter().position(|version| version.statement == Some(statement))
    }

    /// The version in force, as an index into the history.
    #[must_use]
    pub fn in_force(&self) -> Option<usize> {
        self.document.history.in_force(self.at)
    }

    /// What a version is at the moment of the build.
    #[must_use]
    pub fn state(&self, version: usize) -> State {
        self.document.history.state(version, self.at)
    }

    /// The next version that will be in force and was made known before, as an index into the history.
    #[must_use]
    pub fn upcoming(&self) -> Option<usize> {
        let (_, next) = self.document.history.next_transition(self.at)?;
        next.filter(|next| self.document.history.versions[*next].effective > self.at)
    }

    /// Whether a version was ever made known before it was in force.
    #[must_use]
    pub fn announces(&self) -> bool {
        self.document.history.versions.iter().any(|version| version.is_locked && version.posted < version.effective)
    }

    /// The site path of a version's permalink.
    #[must_use]
    pub fn address_of(&self, version: &str) -> String {
        address::below(&self.home, version)
    }

    /// The site path of a draft or a version, by its file.
    #[must_use]
    pub fn address_of_file(&self, statement: &Statement) -> String {
        self.address_of(name_of(statement))
    }

    /// The site path of a page that all versions share: `changes`, `verify`.
    #[must_use]
    pub fn shared(&self, name: &str) -> String {
        address::below(&self.home, name)
    }

    /// The site path of a comparison.
    #[must_use]
    pub fn address_of_comparison(&self, statements: &[Statement], comparison: &Comparison) -> String {
        let (old, new) = (name_of(&statements[comparison.old]), name_of(&statements[comparison.new]));
        address::below(&address::below(&self.shared("compare"), old), new)
    }

    /// The comparison of two files of the site's statements.
    #[must_use]
    pub fn comparison(&self, old: usize, new: usize) -> Option<usize> {
        self.comparisons.iter().position(|comparison| (comparison.old, comparison.new) == (old, new))
    }

    /// The version before and the version after one, among those whose text may be shown.
    #[must_use]
    pub fn neighbours(&self, version: usize) -> (Option<usize>, Option<usize>) {
        let is_shown = |index: &usize| self.file_of(&self.document.history.versions[*index]).is_some();
        let before = (0..version).rev().find(is_shown);
        (before, (version + 1..self.document.history.versions.len()).find(is_shown))
    }

    /// All comparisons; each is made once.
    fn compare(&self, statements: &[Statement]) -> Vec<Comparison> {
        let shown: Vec<usize> =
            self.document.history.versions.iter().filter_map(|version| self.file_of(version)).collect();
        let mut pairs: Vec<(usize, usize)> = shown.windows(2).map(|pair| (pair[0], pair[1])).collect();
        let in_force = self.in_force().and_then(|version| self.file_of(&self.document.history.versions[version]));
        if let Some(in_force) = in_force {
            let at = shown.iter().position(|file| *file == in_force).unwrap_or_default();
            pairs.extend(shown[..at].iter().map(|old| (*old, in_force)));
            pairs.extend(shown[at + 1..].iter().map(|new| (in_force, *new)));
            let drafts = self.statements.iter().copied().filter(|file| statements[*file].is_draft());
            pairs.extend(drafts.map(|draft| (in_force, draft)));
        }
        let mut seen = BTreeSet::new();
        pairs.retain(|pair| seen.insert(*pair));
        pairs
            .into_par_iter()
            .map(|(old, new)| {
                let changes = comparison::Comparison::new(&statements[old], &statements[new]);
                Comparison { old, new, changes }
            })
            .collect()
    }

    /// The pages beside the versions: each with its site path.
    #[must_use]
    pub fn companions(&self, statements: &[Statement], translations: &[Translation]) -> Vec<(Companion, String)> {
        let mut pages = vec![(Companion::Changes, self.shared("changes")), (Companion::Verify, self.shared("verify"))];
        // To make a browser forget the site is what the privacy statement promises.
        if self.has_facts {
            pages.push((Companion::Forget, self.shared("forget")));
        }
        for (index, comparison) in self.comparisons.iter().enumerate() {
            pages.push((Companion::Comparison(index), self.address_of_comparison(statements, comparison)));
        }
        for index in self.statements.iter().copied() {
            let statement = &statements[index];
            let is_hidden = self
                .version_of(index)
                .is_some_and(|version| self.file_of(&self.document.history.versions[version]).is_none());
            if !statement.promises.quotes.is_empty() && !is_hidden {
                let page = address::below(&self.address_of_file(statement), "explained");
                pages.push((Companion::Explanation(index), page));
            }
        }
        for (index, version) in self.document.history.versions.iter().enumerate() {
            if self.file_of(version).is_none() {
                pages.push((Companion::Tombstone(index), self.address_of(&version.version)));
            }
        }
        for index in self.translations.iter().copied() {
            let translation = &translations[index];
            if self.is_shown(translation) {
                let page = address::below(&self.address_of(&translation.version), &translation.language);
                pages.push((Companion::Translation(index), page));
            }
        }
        pages
    }
}

/// The last part of the address of a version or a draft: its file's name.
fn name_of(statement: &Statement) -> &str {
    let name = statement.path.rsplit('/').next().unwrap_or_default();
    name.strip_suffix(".md").unwrap_or(name)
}

/// Where the terms of service stand, if they are a document with versions.
pub const TERMS: &str = "/terms/";

/// The addresses people try for a privacy statement; each leads to it where nothing else stands there.
pub const USUAL_ADDRESSES: [&str; 4] = ["/privacy-policy/", "/privacy-statement/", "/privacy.html", "/legal/privacy/"];
