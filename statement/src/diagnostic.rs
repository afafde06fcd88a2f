//! What is wrong with an author's file: one type for every stage, many per run.
//!
//! It knows nothing of terminals or colours; drawing is the program's business.

use std::ops::Range;
use std::sync::Arc;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is published.
    Error,
    /// Published all the same.
    Warning,
}

/// A place in a file: its path from the site root, with `/`, and a range of bytes in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// `content/register.md`.
    pub path: Arc<str>,
    /// Byte offsets into the file's text; empty where the whole file is meant.
    pub span: Bytes,
}

/// A range of bytes that can be sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Bytes {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl From<Range<usize>> for Bytes {
    fn from(range: Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

impl From<Bytes> for Range<usize> {
    fn from(range: Bytes) -> Self {
        range.start..range.end
    }
}

/// One finding. Messages are lower case without a full stop and put the author's words in backticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The promise it belongs to, as `P101`, where there is one.
    pub code: Option<&'static str>,
    /// The fact.
    pub message: String,
    /// Where; none only for what concerns no file in particular.
    pub place: Option<Place>,
    /// Two to six words under the place.
    pub label: String,
    /// What else is true.
    pub notes: Vec<String>,
    /// What to do, each a way out of its own.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(path: &Arc<str>, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code: None,
            message: message.into(),
            place: Some(Place { path: Arc::clone(path), span: span.into() }),
            label: String::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// A warning at a place.
    pub fn warning(path: &Arc<str>, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(path, span, message) }
    }

    /// The same, under a promise's code.
    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// The same, with words under the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// The same, with one more fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// The same, with one more way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

/// Where stages put what they find. Always the last parameter.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Nothing found yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// Adds all that another sink holds: how parallel work joins.
    pub fn append(&mut self, other: Self) {
        self.found.extend(other.found);
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether anything forbids publishing.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Everything found, by path and position, each said once.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort_by(|a, b| (&a.place, a.severity, &a.message).cmp(&(&b.place, b.severity, &b.message)));
        // A mistake in a template is found again with every page it renders.
        self.found.dedup_by(|a, b| (&a.place, a.severity, &a.message) == (&b.place, b.severity, &b.message));
        self.found
    }
}

/// The known word nearest to `word`, if one is near enough to be what was meant; of several, the first by alphabet.
pub fn near_match<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let (length, letters) = (lower.chars().count(), ascii_letters(&lower));
    let mut nearest: Option<(usize, &str)> = None;
    for candidate in known {
        let candidate_length = candidate.chars().count();
        // A third of the word may be wrong, at least one letter: `titel` is `title`, `cat` is not `tags`.
        let distance_max = (candidate_length / 3).max(1);
        // A site has thousands of pages and anchors; nearly all are told apart by their length or their letters.
        let differing = (letters ^ ascii_letters(candidate)).count_ones() as usize;
        if candidate_length.abs_diff(length) > distance_max || differing > 2 * distance_max {
            continue;
        }
        let found = (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate);
        if found.0 <= distance_max && nearest.is_none_or(|nearest| found < nearest) {
            nearest = Some(found);
        }
    }
    nearest.map(|(_, candidate)| candidate)
}

/// Which ASCII letters and signs are in a word, as bits; one edit changes two of them at most.
fn ascii_letters(word: &str) -> u64 {
    word.bytes().filter(u8::is_ascii).fold(0, |letters, byte| letters | 1 << (byte.to_ascii_lowercase() & 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// What is passed over without a closer look could not have been near.
        #[test]
        fn near_matches_are_those_of_the_distance(word in "[a-eA-E1é-]{0,9}", known in proptest::collection::vec("[a-eA-E1é-]{0,9}", 0..6)) {
            let distance = |other: &str| strsim::damerau_levenshtein(&word.to_lowercase(), &other.to_lowercase());
            let near = known.iter().map(|other| (distance(other), other.as_str()));
            let near = near.filter(|(distance, other)| *distance <= (other.chars().count() / 3).max(1)).min();
            assert_eq!(near_match(&word, known.iter().map(String::as_str)), near.map(|(_, other)| other));
        }
    }
}
