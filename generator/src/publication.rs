//! A document with versions as the site publishes it: the folder's lock and history, its translations and drafts, what
//! changed between versions, and the pages that stand beside the versions themselves.
//!
//! It decides which pages there are and where; what they say is made elsewhere, from what is kept here.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rayon::prelude::*;
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::history::{History, State, Version};
use statement::lock::{Lock, facts_that_bind};
use statement::redline::{self, FactChange, Redline};
use statement::translation::Translation;
use statement::version::Statement;

use crate::address;
use crate::source_tree::SourceTree;

/// The lock's name, in the folder of the versions.
pub const LOCK: &str = "statement.lock";

/// A document with its versions.
#[derive(Debug)]
pub struct Publication {
    /// Site path of what is in force: `/privacy/`.
    pub home: String,
    /// The file that the pages beside the versions come from: the lock, or the newest version where there is none.
    pub path: Arc<str>,
    /// Whether there is a lock.
    pub is_locked: bool,
    /// Whether there are pages beside the versions: where there is a lock, and where the theme has templates for them.
    pub has_companions: bool,
    /// The versions and when each is in force.
    pub history: History,
    /// The versions' files and the drafts, as a range of [`Site::statements`](crate::site::Site::statements).
    pub statements: Range<usize>,
    /// The translations.
    pub translations: Vec<Translation>,
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
    /// The text.
    pub redline: Redline,
    /// The facts, all that changed.
    pub facts: Vec<FactChange>,
    /// The facts that bind: what readers are told.
    pub binding: Vec<FactChange>,
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
    /// A version in another language, as an index into [`Publication::translations`].
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

/// The folder a file stands in: `content/privacy`.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Reads the locks, and brings versions and translations together folder by folder. Sorts `statements` so that those of
/// a folder stand together. `is_usable` tells whether every file of a folder could be read.
pub fn gather(
    sources: &Sources<'_>,
    statements: &mut [Statement],
    translations: &[Translation],
    is_usable: impl Fn(&str) -> bool + Sync,
    diagnostics: &mut Diagnostics,
) -> Vec<Publication> {
    statements.sort_by(|a, b| (folder(&a.path), &a.path).cmp(&(folder(&b.path), &b.path)));
    let is_lock = |path: &str| path.starts_with("content/") && path.rsplit('/').next() == Some(LOCK);
    let locks = sources.tree.files().iter().map(|file| &*file.path).filter(|path| is_lock(path));
    let folders: BTreeSet<String> = statements
        .iter()
        .map(|statement| folder(&statement.path))
        .chain(locks.map(folder))
        .map(str::to_owned)
        .collect();
    for translation in translations {
        let is_known = |statement: &Statement| {
            folder(&statement.path) == folder(&translation.path) && statement.version == translation.version
        };
        if !statements.iter().any(is_known) && is_usable(folder(&translation.path)) {
            diagnostics.push(
                Diagnostic::error(
                    &translation.path,
                    0..0,
                    format!("there is no version {} beside its translation", translation.version),
                )
                .help("name the file by a version of its folder and by language, like `2018-09-26.es.md`"),
            );
        }
    }
    let gathered: Vec<(Publication, Diagnostics)> = folders
        .into_par_iter()
        .filter_map(|name| {
            let first = statements.partition_point(|statement| folder(&statement.path) < name.as_str());
            let count = statements[first..].iter().take_while(|statement| folder(&statement.path) == name).count();
            let translations = translations.iter().filter(|translation| folder(&translation.path) == name);
            let mut found = Diagnostics::new();
            let range = first..first + count;
            let folder = Folder { sources, name: &name, statements, range };
            let publication = folder.publication(translations.cloned().collect(), is_usable(&name), &mut found);
            publication.map(|publication| (publication, found))
        })
        .collect();
    let joined = gathered.into_iter().map(|(publication, found)| {
        diagnostics.append(found);
        publication
    });
    joined.collect()
}

/// What publications are made of, beside the versions.
#[derive(Debug)]
pub struct Sources<'a> {
    /// The files of the site, the locks among them.
    pub tree: &'a SourceTree,
    /// The folder of the theme's templates, with its final slash.
    pub templates: &'a str,
    /// The site's time zone.
    pub timezone: &'a TimeZone,
    /// The moment the site is built for.
    pub at: Timestamp,
}

/// A folder of versions, before it is a publication.
struct Folder<'a> {
    sources: &'a Sources<'a>,
    name: &'a str,
    statements: &'a [Statement],
    range: Range<usize>,
}

impl Folder<'_> {
    fn publication(
        &self,
        translations: Vec<Translation>,
        is_usable: bool,
        diagnostics: &mut Diagnostics,
    ) -> Option<Publication> {
        let lock_path: Arc<str> = format!("{}/{LOCK}", self.name).into();
        let text = self.sources.tree.text(&lock_path);
        // A lock that is broken has been reported; what it says is not used.
        let lock = text.map_or_else(|| Some(Lock::default()), |text| Lock::parse(&lock_path, text, diagnostics));
        let lock = lock.unwrap_or_default();
        let files = &self.statements[self.range.clone()];
        let effective = |statement: &Statement| statement.effective_in(self.sources.timezone);
        let is_broken = text.is_some_and(|text| !text.is_empty()) && lock.lines.is_empty();
        if is_usable && !is_broken {
            if text.is_some() {
                lock.check(&lock_path, files, effective, self.sources.at, diagnostics);
            } else {
                // Facts that are held against the text are held to what was published, too.
                let bound: Vec<Statement> =
                    files.iter().filter(|statement| statement.promises.provenance.is_some()).cloned().collect();
                lock.check(&lock_path, &bound, effective, self.sources.at, diagnostics);
            }
        }
        let statements: Vec<&Statement> = files.iter().collect();
        let translated: Vec<&Translation> = translations.iter().collect();
        let history = History::new(&lock, &statements, &translated, effective);
        let newest =
            history.versions.iter().rev().find_map(|version| version.statement).map(|index| &files[index].path);
        let path =
            if text.is_some() { Some(&lock_path) } else { newest.or_else(|| files.first().map(|file| &file.path)) };
        let home = Folder::home(self.name);
        let mut publication = Publication {
            home,
            path: Arc::clone(path?),
            is_locked: text.is_some(),
            has_companions: text.is_some()
                || self.sources.tree.text(&format!("{}{}", self.sources.templates, TEMPLATES[0])).is_some(),
            history,
            statements: self.range.clone(),
            translations,
            comparisons: Vec::new(),
            at: self.sources.at,
        };
        publication.comparisons = publication.compare(self.statements);
        Some(publication)
    }

    fn home(name: &str) -> String {
        let in_content = name.strip_prefix("content").unwrap_or(name).trim_start_matches('/');
        address::of_page(&format!("{in_content}/_index.md"), None)
    }
}

impl Publication {
    /// A version's file, as an index into the site's statements; none where its text may not be shown.
    #[must_use]
    pub fn file_of(&self, version: &Version) -> Option<usize> {
        version.redacted.is_none().then_some(version.statement).flatten().map(|index| self.statements.start + index)
    }

    /// The version that a file of the site's statements is; none for a draft.
    #[must_use]
    pub fn version_of(&self, statement: usize) -> Option<usize> {
        let index = statement.checked_sub(self.statements.start)?;
        self.history.versions.iter().position(|version| version.statement == Some(index))
    }

    /// The version in force, as an index into the history.
    #[must_use]
    pub fn in_force(&self) -> Option<usize> {
        self.history.in_force(self.at)
    }

    /// What a version is at the moment of the build.
    #[must_use]
    pub fn state(&self, version: usize) -> State {
        self.history.state(version, self.at)
    }

    /// The next version that will be in force and was made known before, as an index into the history.
    #[must_use]
    pub fn upcoming(&self) -> Option<usize> {
        let (_, next) = self.history.next_transition(self.at)?;
        next.filter(|next| self.history.versions[*next].effective > self.at)
    }

    /// Whether a version was ever made known before it was in force.
    #[must_use]
    pub fn announces(&self) -> bool {
        self.history.versions.iter().any(|version| version.is_locked && version.posted < version.effective)
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
        let is_shown = |index: &usize| self.file_of(&self.history.versions[*index]).is_some();
        let before = (0..version).rev().find(is_shown);
        (before, (version + 1..self.history.versions.len()).find(is_shown))
    }

    /// All comparisons; each is made once.
    fn compare(&self, statements: &[Statement]) -> Vec<Comparison> {
        let shown: Vec<usize> = self.history.versions.iter().filter_map(|version| self.file_of(version)).collect();
        let mut pairs: Vec<(usize, usize)> = shown.windows(2).map(|pair| (pair[0], pair[1])).collect();
        let in_force = self.in_force().and_then(|version| self.file_of(&self.history.versions[version]));
        if let Some(in_force) = in_force {
            let at = shown.iter().position(|file| *file == in_force).unwrap_or_default();
            pairs.extend(shown[..at].iter().map(|old| (*old, in_force)));
            pairs.extend(shown[at + 1..].iter().map(|new| (in_force, *new)));
            let drafts = self.statements.clone().filter(|file| statements[*file].is_draft());
            pairs.extend(drafts.map(|draft| (in_force, draft)));
        }
        let mut seen = BTreeSet::new();
        pairs.retain(|pair| seen.insert(*pair));
        pairs
            .into_par_iter()
            .map(|(old, new)| {
                let (before, after) = (&statements[old], &statements[new]);
                Comparison {
                    old,
                    new,
                    redline: Redline::new(&before.text, &after.text),
                    facts: redline::facts(&before.facts, &after.facts),
                    binding: redline::facts(&facts_that_bind(&before.facts), &facts_that_bind(&after.facts)),
                }
            })
            .collect()
    }

    /// The pages beside the versions: each with its site path.
    #[must_use]
    pub fn companions(&self, statements: &[Statement]) -> Vec<(Companion, String)> {
        let mut pages = vec![
            (Companion::Changes, self.shared("changes")),
            (Companion::Verify, self.shared("verify")),
            (Companion::Forget, self.shared("forget")),
        ];
        for (index, comparison) in self.comparisons.iter().enumerate() {
            pages.push((Companion::Comparison(index), self.address_of_comparison(statements, comparison)));
        }
        for index in self.statements.clone() {
            let statement = &statements[index];
            let is_hidden =
                self.version_of(index).is_some_and(|version| self.file_of(&self.history.versions[version]).is_none());
            if !statement.promises.quotes.is_empty() && !is_hidden {
                let page = address::below(&self.address_of_file(statement), "explained");
                pages.push((Companion::Explanation(index), page));
            }
        }
        for (index, version) in self.history.versions.iter().enumerate() {
            if self.file_of(version).is_none() {
                pages.push((Companion::Tombstone(index), self.address_of(&version.version)));
            }
        }
        for (index, translation) in self.translations.iter().enumerate() {
            let version = self.history.find(&translation.version).map(|version| &self.history.versions[version]);
            if version.is_some_and(|version| self.file_of(version).is_some()) {
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

/// The addresses people try for a privacy statement; each leads to it where nothing else stands there.
pub const USUAL_ADDRESSES: [&str; 4] = ["/privacy-policy/", "/privacy-statement/", "/privacy.html", "/legal/privacy/"];
