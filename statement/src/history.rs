//! The life of a document: its versions in order, from when and until when each was in force, and what is next.
//!
//! It is made of the lock and the versions' files, or of the files alone where nothing was locked; so there is one way
//! to ask what is in force. Nothing here depends on the present: what was the case is asked for a moment. It reports
//! nothing: whether files and lock agree is [`Lock::check`](crate::lock::Lock::check)'s business.

use std::ops::RangeInclusive;

use jiff::Timestamp;

use crate::digest::Digests;
use crate::lock::{Event, Line, Lock, Note};
use crate::promise::Kind;
use crate::translation::Translation;
use crate::version::{Statement, version_key};

/// All versions of one document, and the timeline of what was in force.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// The versions, the one that is effective first at the beginning. Backfilled ones have their place too.
    pub versions: Vec<Version>,
    /// What is in force, from each moment on; the first entry is the first version's. None is in force where the last
    /// version that could be was withdrawn.
    timeline: Vec<(Timestamp, Option<usize>)>,
    /// SHA-256 of the lock's last line.
    pub lock_head: Option<String>,
}

/// What a version is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It will be in force.
    Upcoming,
    /// It is in force.
    InForce,
    /// Another took its place.
    Superseded,
    /// It was taken back.
    Withdrawn,
    /// Its text may not be shown.
    Redacted,
    /// It is older than the first version here, was found later, and never was in force here.
    Backfilled,
}

impl State {
    /// In a word, for people and programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Upcoming => "upcoming",
            Self::InForce => "in force",
            Self::Superseded => "superseded",
            Self::Withdrawn => "withdrawn",
            Self::Redacted => "redacted",
            Self::Backfilled => "backfilled",
        }
    }
}

/// A time in force, half-open: `from` is in it and `until` is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// The first moment.
    pub from: Timestamp,
    /// The first moment after it; none for as long as nothing else is published.
    pub until: Option<Timestamp>,
}

/// A version's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The version: `2018-09-26`.
    pub version: String,
    /// Its file, as an index into the statements the history was made of; none for one that was redacted.
    pub statement: Option<usize>,
    /// Whether it is in the lock.
    pub is_locked: bool,
    /// What it is to the one before it.
    pub kind: Kind,
    /// From when it is in force, or was meant to be.
    pub effective: Timestamp,
    /// When it is in force: several times, if a later version was withdrawn in between; never, if it was withdrawn
    /// before, or backfilled.
    pub in_force: Vec<Interval>,
    /// When it was made known; for a version without a lock, when it was effective.
    pub posted: Timestamp,
    /// Its digests.
    pub digests: Digests,
    /// What readers were told; none without a lock.
    pub note: Option<Note>,
    /// Who published it; none without a lock.
    pub author: Option<String>,
    /// The version it corrects.
    pub corrects: Option<String>,
    /// Whether it was found later and never was in force here.
    pub is_backfilled: bool,
    /// Where a backfilled version was found.
    pub source: Option<String>,
    /// When it was taken back, and why.
    pub withdrawn: Option<(Timestamp, String)>,
    /// When it was decided that its text may not be shown, and why.
    pub redacted: Option<(Timestamp, String)>,
    /// Its translations, by language.
    pub translations: Vec<TranslationOf>,
}

/// A translation of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranslationOf {
    /// Its language, as a BCP 47 tag.
    pub language: String,
    /// SHA-256 of its text.
    pub sha256: String,
    /// Digest of the version as it was translated.
    pub of: String,
    /// Whether it does not translate the version as it is: it translates another text, or is not the text that was
    /// published as a translation.
    pub is_stale: bool,
    /// When it was made known; none while it is not in the lock.
    pub posted: Option<Timestamp>,
    /// Its file, as an index into the translations the history was made of; none where there is no file.
    pub file: Option<usize>,
}

impl Version {
    /// When it stops being in force for good, as far as is known.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.in_force.last().and_then(|interval| interval.until)
    }
}

impl History {
    /// The history of one document. `statements` are the versions that have files, drafts among them, which are no
    /// part of it; `effective` says when one that is not in the lock is in force from.
    #[must_use]
    pub fn new(
        lock: &Lock,
        statements: &[&Statement],
        translations: &[&Translation],
        effective: impl Fn(&Statement) -> Timestamp,
    ) -> Self {
        let file_of = |version: &str| statements.iter().position(|statement| statement.version == version);
        let mut versions: Vec<Version> = lock
            .published()
            .filter_map(|line| Version::locked(lock, line, file_of(&line.version), statements))
            .collect();
        for (index, statement) in statements.iter().enumerate() {
            let is_new = versions.iter().all(|version| version.version != statement.version);
            if is_new && !statement.is_draft() {
                versions.push(Version::unlocked(index, statement, effective(statement)));
            }
        }
        versions.sort_by(|a, b| {
            let key = |version: &Version| (!version.is_backfilled, version.effective);
            key(a).cmp(&key(b)).then_with(|| version_key(&a.version).cmp(&version_key(&b.version)))
        });
        for (index, version) in versions.iter_mut().enumerate() {
            if version.statement.is_none_or(|file| statements[file].promises.kind.is_none()) {
                version.kind = match (index, &version.corrects) {
                    (_, Some(_)) => Kind::Correction,
                    (0, None) => Kind::Original,
                    (_, None) => Kind::Revision,
                };
            }
            version.translations = translations_of(version, lock, translations);
        }
        let timeline = timeline(&versions);
        for (at, (from, in_force)) in timeline.iter().enumerate() {
            let Some(version) = in_force else { continue };
            let until = timeline.get(at + 1).map(|(until, _)| *until);
            versions[*version].in_force.push(Interval { from: *from, until });
        }
        Self { versions, timeline, lock_head: lock.head().map(str::to_owned) }
    }

    /// The index of a version.
    #[must_use]
    pub fn find(&self, version: &str) -> Option<usize> {
        self.versions.iter().position(|known| known.version == version)
    }

    /// The index of the version in force at a moment.
    #[must_use]
    pub fn in_force(&self, at: Timestamp) -> Option<usize> {
        let next = self.timeline.partition_point(|(from, _)| *from <= at);
        self.timeline[..next].last().and_then(|(_, version)| *version)
    }

    /// When another version is in force next, after a moment, and its index; none in force is a change too.
    #[must_use]
    pub fn next_transition(&self, after: Timestamp) -> Option<(Timestamp, Option<usize>)> {
        self.timeline.iter().find(|(from, _)| *from > after).copied()
    }

    /// The first change at a moment or after it, and the version that is in force from then.
    #[must_use]
    pub fn change_since(&self, at: Timestamp) -> Option<(Timestamp, Option<usize>)> {
        self.timeline.iter().find(|(from, _)| *from >= at).copied()
    }

    /// Whether another version came into force within these moments.
    #[must_use]
    pub fn changes_within(&self, moments: RangeInclusive<Timestamp>) -> bool {
        self.timeline.iter().any(|(from, _)| moments.contains(from))
    }

    /// What a version is at a moment.
    ///
    /// # Panics
    /// When there is no version of that index.
    #[must_use]
    pub fn state(&self, version: usize, at: Timestamp) -> State {
        let known = &self.versions[version];
        let since = |moment: &Option<(Timestamp, String)>| moment.as_ref().is_some_and(|(since, _)| *since <= at);
        if since(&known.redacted) {
            State::Redacted
        } else if since(&known.withdrawn) {
            State::Withdrawn
        } else if known.is_backfilled {
            State::Backfilled
        } else if self.in_force(at) == Some(version) {
            State::InForce
        } else if known.effective > at {
            State::Upcoming
        } else {
            State::Superseded
        }
    }
}

impl Version {
    /// A version as its line and the later lines about it tell.
    fn locked(lock: &Lock, line: &Line, file: Option<usize>, statements: &[&Statement]) -> Option<Self> {
        let reason = |line: &Line| line.reason.clone().unwrap_or_default();
        let statement = file.map(|file| statements[file]);
        let digests = Digests {
            text_sha256: line.text_sha256.clone()?,
            facts_sha256: line.facts_sha256.clone()?,
            digest: line.digest.clone()?,
        };
        Some(Self {
            version: line.version.clone(),
            statement: file,
            is_locked: true,
            kind: statement.and_then(kind_of).unwrap_or(Kind::Revision),
            effective: line.effective?,
            in_force: Vec::new(),
            posted: line.posted,
            digests,
            note: line.note.clone(),
            author: Some(line.author.clone()),
            corrects: line.corrects.clone(),
            is_backfilled: line.backfilled,
            source: line.source.clone(),
            withdrawn: lock
                .last(Event::Withdrawn, &line.version)
                .and_then(|line| Some((line.effective?, reason(line)))),
            redacted: lock.last(Event::Redacted, &line.version).map(|line| (line.posted, reason(line))),
            translations: Vec::new(),
        })
    }

    /// A version of which only the file is known.
    fn unlocked(file: usize, statement: &Statement, effective: Timestamp) -> Self {
        Self {
            version: statement.version.clone(),
            statement: Some(file),
            is_locked: false,
            kind: kind_of(statement).unwrap_or(Kind::Revision),
            effective,
            in_force: Vec::new(),
            posted: effective,
            digests: statement.digests.clone(),
            note: None,
            author: None,
            corrects: statement.promises.corrects.clone(),
            is_backfilled: false,
            source: None,
            withdrawn: None,
            redacted: None,
            translations: Vec::new(),
        }
    }
}

fn kind_of(statement: &Statement) -> Option<Kind> {
    statement.promises.kind.as_ref().map(|kind| kind.value)
}

/// A version's translations, by language: those in the lock, and those of which only the file is known.
fn translations_of(version: &Version, lock: &Lock, files: &[&Translation]) -> Vec<TranslationOf> {
    let mut found: Vec<TranslationOf> = Vec::new();
    for (index, file) in files.iter().enumerate().filter(|(_, file)| file.version == version.version) {
        found.push(TranslationOf {
            language: file.language.clone(),
            sha256: file.sha256.clone(),
            of: file.of.clone(),
            is_stale: file.of != version.digests.digest,
            posted: None,
            file: Some(index),
        });
    }
    let of_version = |line: &&Line| line.event == Event::Translated && line.version == version.version;
    // The last line about a language counts.
    for line in lock.lines.iter().filter(of_version) {
        let (Some(language), Some(sha256), Some(of)) = (&line.language, &line.text_sha256, &line.of) else { continue };
        match found.iter_mut().find(|known| known.language == *language) {
            Some(known) => {
                known.posted = Some(line.posted);
                known.is_stale = known.of != version.digests.digest || known.sha256 != *sha256;
            }
            None => found.push(TranslationOf {
                language: language.clone(),
                sha256: sha256.clone(),
                of: of.clone(),
                is_stale: *of != version.digests.digest,
                posted: Some(line.posted),
                file: None,
            }),
        }
    }
    found.sort_by(|a, b| a.language.cmp(&b.language));
    found
}

/// What is in force from each moment at which that changes. `versions` are sorted.
fn timeline(versions: &[Version]) -> Vec<(Timestamp, Option<usize>)> {
    let in_force = |at: Timestamp| {
        versions.iter().enumerate().rev().find(|(_, version)| {
            let is_withdrawn = version.withdrawn.as_ref().is_some_and(|(since, _)| *since <= at);
            !version.is_backfilled && version.effective <= at && !is_withdrawn
        })
    };
    let real = versions.iter().filter(|version| !version.is_backfilled);
    let mut moments: Vec<Timestamp> = real
        .flat_map(|version| [Some(version.effective), version.withdrawn.as_ref().map(|(since, _)| *since)])
        .flatten()
        .collect();
    moments.sort_unstable();
    moments.dedup();
    let mut timeline: Vec<(Timestamp, Option<usize>)> = Vec::new();
    for moment in moments {
        let now = in_force(moment).map(|(index, _)| index);
        if timeline.last().map(|(_, before)| *before).unwrap_or_default() != now {
            timeline.push((moment, now));
        }
    }
    timeline
}
