//! How what was typed is kept: sealed to the public keys of the people who may read it, or readable where nobody has keys.
//!
//! Sealed, it takes two age files (age-encryption.org/v1). Each registration has a key of its own, its data key, to which the
//! content is sealed; the data key is sealed to every public key, and stored apart. So other people can be let in, and
//! nobody any more, without touching the content; and once the data key is destroyed, no copy of the content can be read.
//! Nothing here can read what it has sealed, except mail that has yet to be sent, with a key of its own.
//!
//! It knows neither stores nor settings.

#[cfg(not(feature = "seal"))]
mod absent;
#[cfg(feature = "seal")]
mod age_files;
#[cfg(feature = "seal")]
pub mod key_file;
#[cfg(feature = "seal")]
pub mod rotation;

#[cfg(not(feature = "seal"))]
pub(crate) use absent::OutboxKey;
#[cfg(not(feature = "seal"))]
pub use absent::{Identities, PublicKeys};
#[cfg(feature = "seal")]
pub(crate) use age_files::OutboxKey;
#[cfg(feature = "seal")]
pub use age_files::{Identities, PublicKey, PublicKeys};

use crate::index::IndexKey;
use crate::private::Private;

/// How every age file begins (age-encryption.org/v1).
const AGE_FILE: &[u8] = b"age-encryption.org/v1\n";

/// The key that the content of one registration is sealed to, itself sealed to people's public keys: an age file that holds
/// an identity as `age -i` reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataKey {
    /// The age file.
    pub sealed: Vec<u8>,
    /// The fingerprint of the public keys that it is sealed to.
    pub keys: String,
}

/// Why what was typed cannot be read. None of it says anything of what that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It is sealed, and nobody has given an identity.
    #[error("it is sealed, and there is no identity to open it with")]
    NoIdentity,
    /// It is sealed to others.
    #[error("it is sealed to other keys than that of the identity")]
    OtherKeys,
    /// Its data key is gone.
    #[error("its key was destroyed, so nobody can read it any more")]
    Destroyed,
    /// It is not what was sealed.
    #[error("it is damaged")]
    Damaged,
}

impl SealError {
    /// The word for log and store.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::NoIdentity | Self::OtherKeys => "sealed",
            Self::Destroyed | Self::Damaged => "unreadable",
        }
    }
}

/// How registrations are kept from now on.
#[derive(Debug, Clone)]
pub struct Seal {
    /// Who may read them; none where they are readable.
    pub(crate) keys: Option<PublicKeys>,
    /// What mail that has yet to be sent is kept with.
    pub(crate) outbox: Option<OutboxKey>,
    /// How they are found again.
    pub(crate) index: IndexKey,
}

impl Seal {
    /// What was typed, as it is stored, with the key that it is sealed to.
    pub(crate) fn seal(&self, content: Vec<u8>) -> (Vec<u8>, Option<DataKey>) {
        match &self.keys {
            None => (content, None),
            Some(keys) => {
                let (content, data_key) = keys.seal(&content);
                (content, Some(data_key))
            }
        }
    }

    /// What a mail that has yet to be sent needs of what was typed, as it is stored beside it. None where there is no key to
    /// keep it with; where the content is readable, nobody needs it.
    pub(crate) fn seal_letter(&self, part: &[u8]) -> Option<Vec<u8>> {
        self.keys.as_ref()?;
        self.outbox.as_ref().map(|outbox| outbox.seal(part))
    }

    /// What a mail needs, with the key it was kept with.
    pub(crate) fn open_letter(&self, letter: &[u8]) -> Result<Private<Vec<u8>>, SealError> {
        self.outbox.as_ref().ok_or(SealError::NoIdentity)?.open(letter).map(Private::new)
    }

    /// Who may read registrations; none where everyone can who can read the store.
    #[must_use]
    pub fn keys(&self) -> Option<&PublicKeys> {
        self.keys.as_ref()
    }

    /// How they are found again.
    #[must_use]
    pub fn index_key(&self) -> &IndexKey {
        &self.index
    }

    /// Whether there is one key alone, with which everything would be lost.
    pub(crate) fn hangs_on_one_key(&self) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.count() == 1)
    }

    /// Who may read registrations, in a few words.
    #[must_use]
    pub fn description(&self) -> String {
        match self.keys.as_ref().map(PublicKeys::count) {
            None => "readable to whoever can read the store".to_owned(),
            Some(1) => "sealed to 1 key".to_owned(),
            Some(count) => format!("sealed to {count} keys"),
        }
    }
}

/// What was typed, out of what is stored.
///
/// # Errors
/// Says why it cannot be read.
pub fn open(
    content: &[u8],
    data_key: Option<&DataKey>,
    identities: Option<&Identities>,
) -> Result<Private<Vec<u8>>, SealError> {
    if !content.starts_with(AGE_FILE) {
        return Ok(Private::new(content.to_owned()));
    }
    let data_key = data_key.ok_or(SealError::Destroyed)?;
    identities.ok_or(SealError::NoIdentity)?.open(content, data_key).map(Private::new)
}
