//! The lock: what was published, in a chain of lines to which one may only append.
//!
//! `statement.lock` holds one JSON object a line. Each names its place (`seq`) and the SHA-256 of the line before it
//! (`prev`, without the newline), so that a line cannot be changed without changing all behind it. Pure functions on
//! texts: who reads the files, who fetches the live lock and what time it is are others' business.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::{Digests, digest_of, sha256_hex};
use crate::promise::Kind;
use crate::publication;
use crate::redline::{self, Change, Piece, Redline, carries_obligation};
use crate::version::Statement;

/// `prev` of the first line.
pub const FIRST_PREV: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// The most words a correction may touch, gone and new together.
pub const CORRECTION_WORDS_MAX: usize = 20;

/// What to do where a lock is not what it was.
const AS_PUBLISHED: &str = "bring back the lock as it was published; lines may only be added at its end";

/// What git writes around two versions of the same lines.
const MERGE_MARKS: [&str; 3] = ["<<<<<<<", "=======", ">>>>>>>"];

/// What a line records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// A version is in force from `effective`.
    Published,
    /// A version will be in force from `effective`.
    Scheduled,
    /// A translation was added or mended.
    Translated,
    /// A version is no longer in force, and stays readable.
    Withdrawn,
    /// A version's text may no longer be shown.
    Redacted,
}

/// What readers are told about a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// What changed, in a sentence.
    pub summary: String,
    /// Why.
    pub why: String,
    /// Whom it concerns.
    pub who: String,
    /// What they should do.
    #[serde(rename = "do")]
    pub action: String,
}

/// One line. Keys stand in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// 1 for the first line, then one more each.
    pub seq: u64,
    /// SHA-256 of the line before it, lower-case hex; [`FIRST_PREV`] for the first.
    pub prev: String,
    /// What it records.
    pub event: Event,
    /// The version.
    pub version: String,
    /// Digest of the text; of the translation's text for [`Event::Translated`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_sha256: Option<String>,
    /// Digest of the facts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts_sha256: Option<String>,
    /// Digest of both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// From when it is in force, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective: Option<Timestamp>,
    /// When it was made known, in UTC.
    pub posted: Timestamp,
    /// The translation's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Digest of the version a translation translates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Who did it.
    pub author: String,
    /// What readers are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// The version a correction corrects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrects: Option<String>,
    /// Why a version was withdrawn or redacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether it is an older version that was found later and was never in force here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub backfilled: bool,
    /// Where a backfilled version was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Line {
    /// Whether it publishes a version, for now or for later.
    #[must_use]
    pub fn publishes(&self) -> bool {
        matches!(self.event, Event::Published | Event::Scheduled)
    }

    /// The keys that this event cannot be without.
    fn missing(&self) -> Vec<&'static str> {
        let digests = [
            ("text_sha256", self.text_sha256.is_none()),
            ("facts_sha256", self.facts_sha256.is_none()),
            ("digest", self.digest.is_none()),
        ];
        let effective = ("effective", self.effective.is_none());
        let reason = ("reason", self.reason.as_ref().is_none_or(|reason| reason.trim().is_empty()));
        let wanted = match self.event {
            Event::Published | Event::Scheduled => {
                let of_its_own =
                    [effective, ("note", self.note.is_none()), ("source", self.backfilled && self.source.is_none())];
                digests.into_iter().chain(of_its_own).collect()
            }
            Event::Translated => {
                vec![digests[0], ("language", self.language.is_none()), ("of", self.of.is_none())]
            }
            Event::Withdrawn => vec![effective, reason],
            Event::Redacted => vec![reason],
        };
        wanted.into_iter().filter(|(_, missing)| *missing).map(|(key, _)| key).collect()
    }

    /// Whether the digest is that of text and facts, for a line that has all three.
    fn has_its_digest(&self) -> bool {
        match (&self.text_sha256, &self.facts_sha256, &self.digest) {
            (Some(text), Some(facts), Some(digest)) => digest_of(text, facts) == *digest,
            _ => true,
        }
    }

    /// The line as it stands in the file, without its newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("invariant: a line is plain data")
    }
}

/// A lock that holds together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lock {
    /// The lines, first to last.
    pub lines: Vec<Line>,
    /// Where in the file each stands.
    places: Vec<Range<usize>>,
    /// SHA-256 of the last line.
    head: Option<String>,
}

impl Lock {
    /// Reads a lock and verifies its chain; reports the first line that breaks it and returns none then. An empty file
    /// is a lock of nothing.
    pub fn parse(path: &Arc<str>, text: &str, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut lock = Self::default();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let start = at;
            at += line.len();
            let (json, whole) = line.strip_suffix('\n').map_or((line, false), |json| (json, true));
            let place = start..start + json.len();
            let number = lock.lines.len() + 1;
            let mut help = AS_PUBLISHED;
            let wrong = match serde_json::from_str::<Line>(json) {
                _ if json.trim().is_empty() => {
                    help = "remove the empty line";
                    Some(format!("line {number} of the lock is empty"))
                }
                _ if MERGE_MARKS.iter().any(|mark| json.starts_with(mark)) => {
                    help = "keep the lines of the side that was published first, and publish what the other side \
                            changed as a version of its own";
                    Some(format!("line {number} of the lock is a mark of git: two versions were published at once"))
                }
                _ if json.ends_with('\r') => {
                    help = "save it with the line ends of Unix (LF), and let git keep them: write \
                            `statement.lock -text` into `.gitattributes`";
                    Some(format!("line {number} of the lock ends as on Windows (CR LF), so its digest is another"))
                }
                Ok(_) if !whole => {
                    help = "end it with a new line, if you have just added it; else bring back the lock as it was \
                            published";
                    Some("the last line of the lock is not ended".to_owned())
                }
                _ if !whole => Some("the last line is not ended: the lock was cut short".to_owned()),
                Err(error) if error.is_data() => {
                    let fact = error.to_string();
                    let fact = fact.split_once(" at line ").map_or(fact.as_str(), |(fact, _)| fact).to_owned();
                    Some(format!("line {number} of the lock cannot be read: {fact}"))
                }
                Err(_) => Some(format!("line {number} of the lock is not JSON")),
                Ok(line) => lock.broken_by(&line).or_else(|| {
                    lock.head = Some(sha256_hex(json.as_bytes()));
                    lock.lines.push(line);
                    lock.places.push(place.clone());
                    None
                }),
            };
            if let Some(fact) = wrong {
                diagnostics.push(Diagnostic::error(path, place, fact).code("P216").help(help));
                return None;
            }
            let note = lock.lines.last().and_then(|line| line.note.as_ref());
            if note.is_some_and(|note| !publication::silent_parts(note).is_empty()) {
                diagnostics.push(
                    Diagnostic::warning(path, place, "the note of a change is empty: say what changed and for whom")
                        .code("P213")
                        .help("either write `summary`, `why`, `who` and `do` before the line is published")
                        .help("or say it in the note of the next version, if it is published already"),
                );
            }
        }
        Some(lock)
    }

    /// Why a line cannot be the next one.
    fn broken_by(&self, line: &Line) -> Option<String> {
        let seq = self.lines.len() as u64 + 1;
        let known = |version: &str| self.published().any(|known| known.version == version);
        if line.seq != seq {
            Some(format!("line {seq} of the lock says `seq` {}", line.seq))
        } else if line.prev != self.next_prev() {
            Some(format!("line {seq} of the lock does not follow the line before it"))
        } else if let [first, ..] = line.missing().as_slice() {
            Some(format!("line {seq} of the lock has no `{first}`"))
        } else if line.event == Event::Withdrawn && line.effective < Some(line.posted) {
            Some(format!("line {seq} of the lock withdraws version {} before it was posted", line.version))
        } else if !line.has_its_digest() {
            Some(format!("line {seq} of the lock has a digest that is not the one of its text and facts"))
        } else if line.publishes() && known(&line.version) {
            Some(format!("line {seq} of the lock publishes version {} again", line.version))
        } else if !line.publishes() && !known(&line.version) {
            Some(format!("line {seq} of the lock is about version {}, which was not published", line.version))
        } else {
            let at_that_moment = |known: &&Line| {
                let both = line.publishes() && !known.backfilled && !line.backfilled;
                // What was taken back before its day has left the moment free.
                let back = self.last(Event::Withdrawn, &known.version);
                let is_free = back.is_some_and(|back| back.effective <= known.effective);
                both && known.effective == line.effective && !is_free
            };
            let same = self.published().find(at_that_moment);
            same.map(|same| format!("line {seq} of the lock has the moment of version {}", same.version))
        }
    }

    /// The lines that publish a version, each version's own.
    pub fn published(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.publishes())
    }

    /// Every line, and where in the file it stands.
    pub fn placed(&self) -> impl Iterator<Item = (&Line, Range<usize>)> {
        self.lines.iter().zip(self.places.iter().cloned())
    }

    /// The last line of this kind about a version.
    #[must_use]
    pub fn last(&self, event: Event, version: &str) -> Option<&Line> {
        self.lines.iter().rev().find(|line| line.event == event && line.version == version)
    }

    /// SHA-256 of the last line; none for a lock of nothing.
    #[must_use]
    pub fn head(&self) -> Option<&str> {
        self.head.as_deref()
    }

    /// What the next line's `prev` is.
    #[must_use]
    pub fn next_prev(&self) -> &str {
        self.head().unwrap_or(FIRST_PREV)
    }

    /// The next line, with nothing in it but what every line has.
    #[must_use]
    pub fn next_line(&self, event: Event, version: &str, posted: Timestamp, author: &str) -> Line {
        Line {
            seq: self.lines.len() as u64 + 1,
            prev: self.next_prev().to_owned(),
            event,
            version: version.to_owned(),
            text_sha256: None,
            facts_sha256: None,
            digest: None,
            effective: None,
            posted,
            language: None,
            of: None,
            author: author.to_owned(),
            note: None,
            corrects: None,
            reason: None,
            backfilled: false,
            source: None,
        }
    }

    /// The line that publishes a version after all the others, to be appended or pasted.
    #[must_use]
    pub fn publishing(
        &self,
        statement: &Statement,
        event: Event,
        effective: Timestamp,
        posted: Timestamp,
        author: &str,
        note: Note,
    ) -> Line {
        let Digests { text_sha256, facts_sha256, digest } = statement.digests.clone();
        Line {
            text_sha256: Some(text_sha256),
            facts_sha256: Some(facts_sha256),
            digest: Some(digest),
            effective: Some(effective),
            note: Some(note),
            corrects: statement.promises.corrects.clone(),
            ..self.next_line(event, &statement.version, posted, author)
        }
    }

    /// Reports every published version that was altered or removed (P210), and every version that was not published
    /// with the line that publishes it (P217). `has_file` says whether a version has a file, which may be one that
    /// cannot be read; `effective` when a version is in force from, in the site's time zone; `now` is when such a line
    /// would be posted.
    pub fn check(
        &self,
        lock_path: &Arc<str>,
        statements: &[&Statement],
        has_file: impl Fn(&str) -> bool,
        effective: impl Fn(&Statement) -> Timestamp,
        now: Timestamp,
        diagnostics: &mut Diagnostics,
    ) {
        for (line, place) in self.placed().filter(|(line, _)| line.publishes()) {
            let Some(statement) = statements.iter().find(|statement| statement.version == line.version) else {
                if self.last(Event::Redacted, &line.version).is_none() && !has_file(&line.version) {
                    diagnostics.push(
                        Diagnostic::error(lock_path, place, format!("published version {} is missing", line.version))
                            .code("P210")
                            .help("bring back its file: a published version never disappears"),
                    );
                }
                continue;
            };
            let parts = [
                ("text", &line.text_sha256, &statement.digests.text_sha256),
                ("facts", &line.facts_sha256, &statement.digests.facts_sha256),
            ];
            for (part, published, now) in parts {
                let Some(published) = published.as_ref().filter(|published| *published != now) else { continue };
                diagnostics.push(
                    Diagnostic::error(
                        &statement.path,
                        statement.version_span.clone(),
                        format!(
                            "published version {} was altered ({part} sha256 {} → {})",
                            line.version,
                            short(published),
                            short(now)
                        ),
                    )
                    .code("P210")
                    .help("either bring back the file as it was published")
                    .help("or publish the change as a version of its own"),
                );
            }
        }
        for (line, place) in self.placed().filter(|(line, _)| line.publishes()) {
            let file = statements.iter().find(|statement| statement.version == line.version);
            if let Some(file) = file.filter(|file| line.effective.is_some_and(|at| !file.can_be_effective_at(at))) {
                diagnostics.push(
                    Diagnostic::error(
                        lock_path,
                        place,
                        format!("version {} is effective from another day than its file says", line.version),
                    )
                    .code("P216")
                    .note(format!("the file says {}", file.effective_written()))
                    .help(AS_PUBLISHED),
                );
            }
        }
        let published = |statement: &Statement| self.published().any(|line| line.version == statement.version);
        for statement in statements.iter().filter(|statement| !statement.is_draft() && !published(statement)).copied() {
            let note = Note { summary: "…".into(), why: "…".into(), who: "…".into(), action: "…".into() };
            let effective = effective(statement);
            let event = if effective > now { Event::Scheduled } else { Event::Published };
            let line = self.publishing(statement, event, effective, now, "…", note);
            diagnostics.push(
                Diagnostic::error(
                    &statement.path,
                    statement.version_span.clone(),
                    format!("version {} is not in the lock", statement.version),
                )
                .code("P217")
                .help(format!("append this line to `{lock_path}`, each `…` filled in: {}", line.to_json())),
            );
        }
    }
}

/// The first digits of a digest, enough to tell two apart.
fn short(sha256: &str) -> &str {
    sha256.get(..8).unwrap_or(sha256)
}

/// Whether `lock` only adds to `earlier` (the merge base's, or what is served); else the number of the first line that
/// differs.
///
/// # Errors
/// The first line, from 1, that is another or is missing.
pub fn extends(lock: &str, earlier: &str) -> Result<(), usize> {
    let mut lines = lock.split_inclusive('\n');
    match earlier.split_inclusive('\n').position(|line| lines.next() != Some(line)) {
        Some(index) => Err(index + 1),
        None => Ok(()),
    }
}

/// Why `new` is more than a correction of `old`; empty if it is none.
#[must_use]
pub fn more_than_a_correction(old: &Statement, new: &Statement) -> Vec<String> {
    let mut reasons: Vec<String> = redline::facts(&facts_that_bind(&old.facts), &facts_that_bind(&new.facts))
        .into_iter()
        .map(|change| format!("the fact `{}` changed", change.fact))
        .collect();
    let redline = Redline::new(&old.text, &new.text);
    let words = redline.words_marked();
    if words > CORRECTION_WORDS_MAX {
        reasons.push(format!("{words} words changed, and a correction changes {CORRECTION_WORDS_MAX} at most"));
    }
    let headings = |statement: &Statement| -> Vec<String> {
        let blocks = crate::prose::blocks(&statement.text);
        let heading = |block: &crate::prose::Block<'_>| matches!(block.kind, crate::prose::BlockKind::Heading(_));
        blocks.iter().filter(|block| heading(block)).map(|block| block.section.to_owned()).collect()
    };
    if headings(old) != headings(new) {
        reasons.push("a section moved, or is new, or is gone".to_owned());
    }
    if redline.blocks.iter().any(|block| matches!(block.change, Change::Moved { .. })) {
        reasons.push("a paragraph moved".to_owned());
    }
    for block in &redline.blocks {
        let mut pieces = block.pieces.iter().peekable();
        while let Some(piece) = pieces.next() {
            let (before, after) = match (piece, pieces.peek()) {
                (Piece::Deleted(before), Some(Piece::Inserted(after))) => {
                    pieces.next();
                    (before.as_str(), after.as_str())
                }
                (Piece::Deleted(before), _) => (before.as_str(), ""),
                (Piece::Inserted(after), _) => ("", after.as_str()),
                (Piece::Kept(_), _) => continue,
            };
            if let Some(reason) = weighs(before, after) {
                reasons.push(reason);
            }
        }
    }
    reasons
}

/// Why a change of words weighs more than a slip of the pen.
fn weighs(before: &str, after: &str) -> Option<String> {
    let heavy = |text: &str| {
        let address = ["@", "://", "www."].iter().any(|mark| text.contains(mark));
        address || crate::prose::words(text).any(|word| carries_obligation(&word))
    };
    if !heavy(before) && !heavy(after) {
        return None;
    }
    Some(match (before.trim(), after.trim()) {
        (before, "") => format!("`{before}` is gone"),
        ("", after) => format!("`{after}` is new"),
        (before, after) => format!("`{before}` became `{after}`"),
    })
}

/// The facts without what a correction always changes: its names and dates, its defects, and the phrases it quotes.
pub(crate) fn facts_that_bind(facts: &Value) -> Value {
    const FREE: [&str; 8] =
        ["version", "effective", "kind", "corrects", "provenance", "unclaimed", "retired", "moved_to"];
    let Value::Object(entries) = facts else { return facts.clone() };
    let binding = entries.iter().filter(|(key, _)| !FREE.contains(&key.as_str()));
    binding.map(|(key, value)| (key.clone(), without_phrases(value))).collect()
}

fn without_phrases(facts: &Value) -> Value {
    match facts {
        Value::Object(entries) => {
            let others = entries.iter().filter(|(key, _)| *key != "says");
            others.map(|(key, value)| (key.clone(), without_phrases(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_phrases).collect(),
        other => other.clone(),
    }
}

/// Reports a version that calls itself a correction and is more (P222). `statements` are the versions of its document;
/// `is_elsewhere` says of another whether it is known and its text is not here, redacted or unreadable: what corrects
/// one was held against it when it was published.
pub fn check_correction(
    statements: &[&Statement],
    is_elsewhere: impl Fn(&str) -> bool,
    new: &Statement,
    diagnostics: &mut Diagnostics,
) {
    let Some(kind) = new.promises.kind.as_ref().filter(|kind| kind.value == Kind::Correction) else { return };
    let corrected = new.promises.corrects.as_ref();
    let old = corrected.and_then(|version| statements.iter().find(|old| old.version == *version));
    let error = |fact: &str| Diagnostic::error(&new.path, kind.span.clone(), fact).code("P222");
    if old.is_none() && corrected.is_some_and(|version| is_elsewhere(version)) {
        return;
    }
    let Some(old) = old.filter(|old| old.version != new.version) else {
        diagnostics.push(
            error("a correction does not say which version it corrects")
                .help("either add `corrects:` with the version, like `corrects: \"2018-09-26\"`")
                .help("or say `kind: revision`"),
        );
        return;
    };
    let reasons = more_than_a_correction(old, new);
    if let [first, rest @ ..] = reasons.as_slice() {
        let mut diagnostic = error(&format!("this is more than a correction: {first}"));
        for reason in rest {
            diagnostic = diagnostic.note(reason);
        }
        diagnostics.push(diagnostic.help("either say `kind: revision`").help("or change nothing but what is misspelt"));
    }
}
