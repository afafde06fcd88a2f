//! A translation of a version: a text in another language, bound by digest to the version it translates.
//!
//! It has no facts: the text in the authoritative language governs. Whether what it translates is what is published
//! is not known here.

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::{canonical_text, sha256_hex};
use crate::version::parse_version;
use crate::yaml::{Fields, Node, Value};

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
    /// The canonical text, markdown.
    pub text: String,
    /// Where the text stands in the file.
    pub text_span: Range<usize>,
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
        let text = canonical_text(&file[text_span.clone()]);
        let sha256 = sha256_hex(text.as_bytes());
        let (title, of) = (title?.value, of?.value);
        Some(Self { path: Arc::clone(path), version, language, title, of, text, text_span, sha256 })
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
