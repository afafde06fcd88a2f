//! Canonical forms and digests: what makes two statements the same statement.

use sha2::{Digest as _, Sha256};

/// The canonical text: without a byte order mark, lines ended by LF, exactly one newline at the end. Nothing else is
/// changed, so any other byte is another statement.
#[must_use]
pub fn canonical_text(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut canonical = text.replace("\r\n", "\n").replace('\r', "\n");
    canonical.truncate(canonical.trim_end_matches('\n').len());
    canonical.push('\n');
    canonical
}

/// Canonical JSON (RFC 8785).
#[must_use]
pub fn canonical_json(value: &serde_json::Value) -> String {
    serde_json_canonicalizer::to_string(value).expect("invariant: a JSON value can be serialised")
}

/// SHA-256 (FIPS 180-4).
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 as 64 lower-case hex digits.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&sha256(bytes))
}

/// Bytes as lower-case hex digits, two for each.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("invariant: a string can be written to");
        hex
    })
}

/// The three digests of a version. Anyone can recompute them from the two published files with ordinary tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    /// Of the canonical text.
    pub text_sha256: String,
    /// Of the canonical facts.
    pub facts_sha256: String,
    /// Of both: SHA-256 of `privacy-statement/1␊<text hex>␊<facts hex>␊`.
    pub digest: String,
}

impl Digests {
    /// Digests a canonical text and its facts.
    #[must_use]
    pub fn new(canonical_text: &str, facts: &serde_json::Value) -> Self {
        let text_sha256 = sha256_hex(canonical_text.as_bytes());
        let facts_sha256 = sha256_hex(canonical_json(facts).as_bytes());
        let digest = digest_of(&text_sha256, &facts_sha256);
        Self { text_sha256, facts_sha256, digest }
    }
}

/// The digest of a text and facts that have these.
#[must_use]
pub fn digest_of(text_sha256: &str, facts_sha256: &str) -> String {
    sha256_hex(format!("privacy-statement/1\n{text_sha256}\n{facts_sha256}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{Digests, canonical_text};

    /// The published test vector.
    #[test]
    fn the_published_vector() {
        let facts = serde_json::json!({"storage": {"countries": ["US"]}, "schema": "privacy-statement/1"});
        let digests = Digests::new("We keep it.\n", &facts);
        assert_eq!(
            digests,
            Digests {
                text_sha256: "8da48ab411f19571842c9c36d0198258c02100967a255f66266f5a27791ed302".into(),
                facts_sha256: "33d1243e475961cc96ce07502a6c0287bd03d36f91471cda7a12669e3f4b7516".into(),
                digest: "42e4796a4ed10f1b027f2461a69494b1939ecc180d3168b7eb95c9efaded9f1f".into(),
            }
        );
    }

    #[test]
    fn only_the_mark_the_line_ends_and_the_final_newlines_are_normalised() {
        assert_eq!(canonical_text("\u{feff}a\r\nb\rc\r\n\r\n"), "a\nb\nc\n");
        assert_eq!(canonical_text("a"), "a\n");
        assert_ne!(canonical_text("a  b"), canonical_text("a b"));
        assert_ne!(canonical_text("a "), canonical_text("a"));
    }

    proptest::proptest! {
        #[test]
        fn canonical_text_is_its_own_canonical_text(text in "(\u{feff})?[a\r\n é]{0,40}") {
            // A second mark is text, so it is not taken out again.
            let once = canonical_text(&text);
            if !once.starts_with('\u{feff}') {
                proptest::prop_assert_eq!(&canonical_text(&once), &once);
            }
        }
    }
}
