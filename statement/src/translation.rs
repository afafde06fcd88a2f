//! A translation of a version: a text in another language, bound by digest to the version it translates.
//!
//! It has no facts: the text in the authoritative language governs. Whether what it translates is what is published
//! is not known here.

use std::ops::Range;
use std::sync::Arc;

use unicode_segmentation::UnicodeSegmentation as _;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::{canonical_text, sha256_hex};
use crate::prose;
use crate::version::{Statement, parse_version};
use crate::yaml::{Fields, Located, Node, Value};

/// A translation, `2018-09-26.es.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translation {
    /// The file.
    pub path: Arc<str>,
    /// The version it translates.
    pub version: String,
    /// Its language, as a BCP 47 tag.
    pub language: String,
    /// The title above the text.
    pub title: String,
    /// Digest of the version it translates, 64 hex digits.
    pub of: String,
    /// Where the front matter says so.
    pub of_span: Range<usize>,
    /// The canonical text, markdown.
    pub text: String,
    /// Where the text stands in the file.
    pub text_span: Range<usize>,
    /// The first line of the text, where it stands in the file.
    pub first_line: Range<usize>,
    /// SHA-256 of the canonical text.
    pub sha256: String,
}

/// Whether front matter is a translation's: it says what it is a translation `of`.
#[must_use]
pub fn is_translation(root: &Node) -> bool {
    matches!(&root.value, Value::Mapping(entries) if entries.iter().any(|entry| entry.key == "of"))
}

impl Translation {
    /// Reads a translation from its file: `root` is the front matter, `text_span` where the text stands. Reports
    /// everything wrong and returns none if it cannot be used.
    pub fn parse(
        path: &Arc<str>,
        file: &str,
        root: &Node,
        text_span: Range<usize>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let mut front = Fields::new(path, "a translation's front matter", root, diagnostics)?;
        let of = front.parsed("of", parse_digest);
        let of = front.required("of", of);
        let title = front.words("title");
        let title = front.required("title", title);
        front.finish();
        let name = name(path);
        if name.is_none() {
            diagnostics.push(
                Diagnostic::error(
                    path,
                    0..0,
                    "the file's name does not say which version it translates, into which language",
                )
                .help("name the file by version and language, like `2018-09-26.es.md`"),
            );
        }
        let (version, language) = name?;
        let written = &file[text_span.clone()];
        let start = text_span.start + (written.len() - written.trim_start().len());
        let first_line = start..start + file[start..text_span.end].lines().next().unwrap_or_default().len();
        let text = canonical_text(written);
        let sha256 = sha256_hex(text.as_bytes());
        let (title, of) = (title?.value, of?);
        Some(Self {
            path: Arc::clone(path),
            version,
            language,
            title,
            of: of.value,
            of_span: of.span,
            text,
            text_span,
            first_line,
            sha256,
        })
    }
}

/// Version and language out of a file's name, `2018-09-26.es.md`.
fn name(path: &str) -> Option<(String, String)> {
    let (version, language) = path.rsplit('/').next()?.strip_suffix(".md")?.split_once('.')?;
    let tag = language
        .split('-')
        .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    (tag && language.starts_with(|letter: char| letter.is_ascii_alphabetic()))
        .then_some((parse_version(version).ok()?, language.to_owned()))
}

fn parse_digest(text: &str) -> Result<String, String> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is not a digest: 64 digits and letters from `a` to `f`"))
    }
}

/// Reports where a translation does not have what the version it translates has: the same sections in the same order,
/// links and numbers (P232), and the version's digest (P231). `file` is what the translation was read from.
pub fn check_parity(original: &Statement, translation: &Translation, file: &str, diagnostics: &mut Diagnostics) {
    if translation.of != original.digests.digest {
        diagnostics.push(
            Diagnostic::error(
                &translation.path,
                translation.of_span.clone(),
                "the translation is of another text than the version has",
            )
            .code("P231")
            .help(format!("compare the texts, and then write `of: {}`", original.digests.digest)),
        );
    }
    let read = |text: &str, start: usize| {
        [("sections", sections(text, start)), ("links", links(text, start)), ("numbers", numbers(text, start))]
    };
    let translated = read(&file[translation.text_span.clone()], translation.text_span.start);
    for ((what, here), (_, there)) in translated.into_iter().zip(read(&original.text, 0)) {
        if values(&here) == values(&there) {
            continue;
        }
        let (missing, added) = (only(&there, &here), only(&here, &there));
        let fact = format!("the translation has other {what} than version {}", original.version);
        // What is missing has no place.
        let place = added.iter().map(|item| &item.span).min_by_key(|place| place.start);
        let place = place.unwrap_or(&translation.first_line).clone();
        let mut diagnostic = Diagnostic::error(&translation.path, place, fact).code("P232");
        for (items, fact) in [(&missing, "missing"), (&added, "only in the translation")] {
            let items: Vec<String> = items.iter().map(|item| format!("`{}`", item.value)).collect();
            if !items.is_empty() {
                diagnostic = diagnostic.note(format!("{fact}: {}", items.join(", ")));
            }
        }
        if missing.is_empty() && added.is_empty() {
            diagnostic = diagnostic.note("they stand in another order");
        }
        diagnostics
            .push(diagnostic.help(format!("give the translation the same {what}, in figures where there are figures")));
    }
}

/// What was found, without its places.
fn values(found: &[Located<String>]) -> Vec<&str> {
    found.iter().map(|item| item.value.as_str()).collect()
}

/// What is found more often among `some` than among `others`.
fn only<'a>(some: &'a [Located<String>], others: &[Located<String>]) -> Vec<&'a Located<String>> {
    let mut others = values(others);
    let is_only = |item: &&Located<String>| match others.iter().position(|other| *other == item.value) {
        Some(found) => {
            others.remove(found);
            false
        }
        None => true,
    };
    some.iter().filter(is_only).collect()
}

/// Each heading's section, in order.
fn sections(text: &str, start: usize) -> Vec<Located<String>> {
    prose::sections(text, start).collect()
}

/// What links and addresses lead to, sorted: sentences of another language have another order.
fn links(text: &str, start: usize) -> Vec<Located<String>> {
    let ends = |letter: char| letter.is_whitespace() || "()[]<>\"“”".contains(letter);
    let mut at = start;
    let mut found: Vec<Located<String>> = Vec::new();
    for piece in text.split_inclusive(ends) {
        let word = piece.trim_end_matches(ends).trim_matches([',', '.', ';', ':', '!', '?']);
        let leads = word.contains("://")
            || word.starts_with("www.")
            || word.contains('@')
            || word.starts_with('#') && word.len() > 1 && !word.starts_with("##");
        if leads {
            let begin = at + piece.find(word).unwrap_or_default();
            found.push(Located { value: word.to_owned(), span: begin..begin + word.len() });
        }
        at += piece.len();
    }
    found.sort_by(|one, other| one.value.cmp(&other.value));
    found
}

/// The figures, sorted, without the marks that part thousands.
fn numbers(text: &str, start: usize) -> Vec<Located<String>> {
    let figures = |word: &str| word.chars().filter(char::is_ascii_digit).collect::<String>();
    let words = text.unicode_word_indices();
    let found = words.map(|(at, word)| Located { value: figures(word), span: start + at..start + at + word.len() });
    let mut found: Vec<Located<String>> = found.filter(|figures| !figures.value.is_empty()).collect();
    found.sort_by(|one, other| one.value.cmp(&other.value));
    found
}
