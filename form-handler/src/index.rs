//! The keyed index: how a store finds the same answers and the same person again without holding what it looks for.
//!
//! What it makes are hashes that only the holder of the key can make, so whoever reads the store alone cannot try out
//! addresses. It knows neither stores nor forms.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use statement::digest::hex;
use statement::form::FieldKind;

use crate::fields;
use crate::private::Private;

/// A secret shorter than this could be guessed.
pub(crate) const SECRET_CHARACTERS_MIN: usize = 32;

/// The key of the index, which the function and staff share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexKey(Private<String>);

/// What is hashed, so that the same text as another thing has another hash.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Submission,
    Email,
    Telephone,
}

impl IndexKey {
    pub(crate) fn new(secret: String) -> Self {
        Self(Private::new(secret))
    }

    /// For a store that is readable anyway, where a secret would protect nothing.
    pub(crate) fn empty() -> Self {
        Self::new(String::new())
    }

    /// Whether only its holders can make its hashes.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        !self.0.expose().is_empty()
    }

    /// Tells the same answers from others.
    pub(crate) fn submission(&self, answers: &[u8]) -> String {
        self.hash(Kind::Submission, answers)
    }

    /// The person with this e-mail address or telephone number, however it is written: the address in any case, the number
    /// with any formatting. A number with the code of its country is not the same as one without. None where it is neither.
    #[must_use]
    pub fn person(&self, text: &str) -> Option<String> {
        self.email(text).or_else(|| self.telephone(text))
    }

    pub(crate) fn email(&self, address: &str) -> Option<String> {
        let address = fields::normalise(FieldKind::Email, address);
        let parsed = fields::email(&address)?;
        let domain = idna::domain_to_ascii(parsed.domain()).unwrap_or_else(|_| parsed.domain().to_lowercase());
        // Providers that tell `Ada` from `ada` before the @ are none that people know of.
        Some(self.hash(Kind::Email, format!("{}@{domain}", parsed.user().to_lowercase()).as_bytes()))
    }

    pub(crate) fn telephone(&self, number: &str) -> Option<String> {
        let digits = fields::telephone_digits(number)?;
        // `+44`, `0044` and `(+44)` are one code.
        Some(self.hash(Kind::Telephone, digits.trim_start_matches('0').as_bytes()))
    }

    /// HMAC-SHA-256 (RFC 2104), lower-case hex.
    fn hash(&self, kind: Kind, value: &[u8]) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.expose().as_bytes());
        let mut mac = mac.expect("invariant: HMAC takes keys of any length");
        mac.update(match kind {
            Kind::Submission => b"submission\0",
            Kind::Email => b"email\0",
            Kind::Telephone => b"telephone\0",
        });
        mac.update(value);
        hex(&mac.finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_found_however_the_address_is_written() {
        let key = IndexKey::new("k".repeat(32));
        let ada = key.person("ada@münchen.example").unwrap();
        for same in [" Ada@MÜNCHEN.example", "ada@xn--mnchen-3ya.example", "ADA@mu\u{308}nchen.example "] {
            assert_eq!(key.person(same).as_ref(), Some(&ada), "{same}");
        }
        let number = key.person("+44 808 157 0192").unwrap();
        for same in ["0044 (808) 157-0192", "(+44) 808 157 0192", "+４４ 808 157 0192", "+44 808 157 0192 ext. 7"] {
            assert_eq!(key.person(same).as_ref(), Some(&number), "{same}");
        }
        for other in ["bob@münchen.example", "0808 157 0192"] {
            assert!(![&ada, &number].contains(&&key.person(other).unwrap()), "{other}");
        }
        for neither in ["", "Ada", "ada@", "123"] {
            assert_eq!(key.person(neither), None, "{neither}");
        }
    }

    #[test]
    fn only_who_has_the_key_can_make_the_hash() {
        let (one, other) = (IndexKey::new("a".repeat(32)), IndexKey::new("b".repeat(32)));
        assert_ne!(one.person("ada@example.org"), other.person("ada@example.org"));
        assert_ne!(one.submission(b"ada@example.org"), one.person("ada@example.org").unwrap());
        // As `printf 'email\0ada@example.org' | openssl dgst -sha256 -hmac aaaa…` has it.
        let hash = one.person("ada@example.org").unwrap();
        assert_eq!(hash, "51978e23d448a577eaefdd5cf66d5a94f3cb95a2f21cd86bec8e35147572988a");
        assert!(!format!("{one:?}").contains("aaaa"));
    }
}
