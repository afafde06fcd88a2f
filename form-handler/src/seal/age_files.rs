//! Keys, and what is sealed to them, as the files of age: public keys of people, their identities, and age files.
//!
//! Files of keys are those that `age -R` and `age -i` take, so whoever has an identity needs no program of ours.

use std::fmt;
use std::io::{Read as _, Write as _};

use age::armor::ArmoredReader;
use age::secrecy::{ExposeSecret as _, SecretString};
use age::{DecryptError, Decryptor, Encryptor, IdentityFile, Recipient, scrypt, x25519};
use statement::digest::sha256_hex;

use super::{AGE_FILE, DataKey, SealError};
use crate::private::Private;

/// So many characters of a digest tell sets of keys apart.
const FINGERPRINT_CHARACTERS: usize = 16;

/// A public key, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The comment above it.
    pub name: Option<String>,
    recipient: x25519::Recipient,
}

impl PublicKey {
    /// A public key as age writes it, `age1…`.
    ///
    /// # Errors
    /// When it is none. A secret is not repeated.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
            return Err(
                "it is a secret key, which belongs to its owner alone; `age-keygen -y` tells its public key".into()
            );
        }
        let recipient = text.parse().map_err(|_| format!("`{text}` is not a public key of age, like `age1…`"))?;
        Ok(Self { name: None, recipient })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.recipient.fmt(formatter)
    }
}

/// Public keys: one or more, none of them twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeys(Vec<PublicKey>);

impl PublicKeys {
    /// Public keys, one in a line, or several with commas between, each with its owner's name as a comment above it.
    ///
    /// # Errors
    /// Says what is wrong, with the line's number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut keys, mut name) = (Vec::<PublicKey>::new(), None);
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if let Some(comment) = line.strip_prefix('#') {
                name = Some(comment.trim().to_owned()).filter(|comment| !comment.is_empty());
                continue;
            }
            for word in line.split(',').map(str::trim).filter(|word| !word.is_empty()) {
                let at = |fact: String| format!("line {}: {fact}", number + 1);
                let key = PublicKey { name: name.take(), ..PublicKey::parse(word).map_err(at)? };
                if keys.iter().any(|other| other.recipient == key.recipient) {
                    return Err(at(format!("`{key}` stands there twice")));
                }
                keys.push(key);
            }
            if line.is_empty() {
                name = None;
            }
        }
        if keys.is_empty() { Err("there is no public key".to_owned()) } else { Ok(Self(keys)) }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.iter()
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Tells this set of keys from others, whatever their order and names.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut keys: Vec<String> = self.iter().map(ToString::to_string).collect();
        keys.sort();
        let mut digest = sha256_hex(keys.join("\n").as_bytes());
        digest.truncate(FINGERPRINT_CHARACTERS);
        digest
    }

    /// Seals content to a key of its own, and that to these.
    pub(super) fn seal(&self, content: &[u8]) -> (Vec<u8>, DataKey) {
        let data_key = x25519::Identity::generate();
        (seal_to(&[&data_key.to_public()], content), self.seal_key(data_key.to_string().expose_secret()))
    }

    fn seal_key(&self, data_key: &str) -> DataKey {
        DataKey { sealed: seal_to(&self.recipients(), format!("{data_key}\n").as_bytes()), keys: self.fingerprint() }
    }

    /// The same data key, sealed to these instead; opened once more, so that nothing is lost. The identity must be that of
    /// one of them.
    ///
    /// # Errors
    /// When the identity opens one of the two not.
    pub fn reseal(&self, data_key: &DataKey, identities: &Identities) -> Result<DataKey, SealError> {
        let secret = identities.decrypt(&data_key.sealed)?;
        let text = std::str::from_utf8(&secret).map_err(|_| SealError::Damaged)?.trim_end();
        let again = self.seal_key(text);
        if identities.decrypt(&again.sealed)? == secret { Ok(again) } else { Err(SealError::Damaged) }
    }

    /// A file that they can open with age itself.
    #[must_use]
    pub fn encrypt(&self, file: &[u8]) -> Vec<u8> {
        seal_to(&self.recipients(), file)
    }

    fn recipients(&self) -> Vec<&dyn Recipient> {
        self.iter().map(|key| &key.recipient as &dyn Recipient).collect()
    }
}

/// What opens what was sealed to its public keys: a file as `age-keygen` writes it.
pub struct Identities {
    identities: Vec<Box<dyn age::Identity + Send + Sync>>,
    public_keys: Vec<String>,
}

/// Says nothing of what is secret.
impl fmt::Debug for Identities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Identities").field(&self.public_keys).finish()
    }
}

impl Identities {
    /// Reads a file of identities. `ask` is asked for the passphrase where it is protected by one.
    ///
    /// # Errors
    /// Says what the file is not; nothing of it is repeated.
    pub fn parse(file: &[u8], ask: impl FnOnce() -> Option<String>) -> Result<Self, String> {
        let is_protected = file.starts_with(AGE_FILE) || file.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----");
        let opened = if is_protected { Some(open_protected(file, ask)?) } else { None };
        let read = IdentityFile::from_buffer(opened.as_deref().unwrap_or(file));
        let read = read.map_err(|_| "it is not a file of identities, as `age-keygen` writes it".to_owned())?;
        let mut public_keys = Vec::new();
        read.write_recipients_file(&mut public_keys).map_err(|_| "there is no identity in it".to_owned())?;
        let public_keys = String::from_utf8_lossy(&public_keys).lines().map(str::to_owned).collect();
        let identities = read.into_identities().map_err(|error| error.to_string())?;
        Ok(Self { identities, public_keys })
    }

    /// Whether they belong to one of these.
    #[must_use]
    pub fn are_among(&self, keys: &PublicKeys) -> bool {
        keys.iter().any(|key| self.public_keys.contains(&key.to_string()))
    }

    pub(super) fn open(&self, content: &[u8], data_key: &DataKey) -> Result<Vec<u8>, SealError> {
        let secret = self.decrypt(&data_key.sealed)?;
        let data_key = Self::parse(&secret, || None).map_err(|_| SealError::Damaged)?;
        // The content has one recipient; where it is not this key, it is not this content.
        data_key.decrypt(content).map_err(|_| SealError::Damaged)
    }

    fn decrypt(&self, file: &[u8]) -> Result<Vec<u8>, SealError> {
        let opened = Decryptor::new_buffered(file).and_then(|file| {
            let mut opened = Vec::new();
            file.decrypt(self.identities.iter().map(|identity| &**identity as &dyn age::Identity))?
                .read_to_end(&mut opened)?;
            Ok(opened)
        });
        opened.map_err(|error| match error {
            DecryptError::NoMatchingKeys => SealError::OtherKeys,
            _ => SealError::Damaged,
        })
    }
}

fn open_protected(file: &[u8], ask: impl FnOnce() -> Option<String>) -> Result<Vec<u8>, String> {
    let damaged = |_| "it is damaged".to_owned();
    let file = Decryptor::new_buffered(ArmoredReader::new(file)).map_err(damaged)?;
    if !file.is_scrypt() {
        return Err("it is sealed to a key, and may only be protected by a passphrase".to_owned());
    }
    let passphrase = ask().ok_or("it is protected by a passphrase, and nobody can be asked for it")?;
    let passphrase = scrypt::Identity::new(SecretString::from(passphrase));
    let mut opened = Vec::new();
    let mut reader = file
        .decrypt(std::iter::once(&passphrase as &dyn age::Identity))
        .map_err(|_| "the passphrase is not the right one".to_owned())?;
    reader.read_to_end(&mut opened).map_err(|_| "it is damaged".to_owned())?;
    Ok(opened)
}

/// The key of the outbox, which seals mail that has yet to be sent and opens it again.
#[derive(Debug, Clone)]
pub(crate) struct OutboxKey(Private<x25519::Identity>);

impl OutboxKey {
    /// An identity, as `age-keygen` writes it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let found = text.lines().find_map(|line| line.trim().parse().ok());
        found.map(|key| Self(Private::new(key))).ok_or("it is not an identity, as `age-keygen` writes it".to_owned())
    }

    pub(super) fn seal(&self, part: &[u8]) -> Vec<u8> {
        seal_to(&[&self.0.expose().to_public()], part)
    }

    pub(super) fn open(&self, letter: &[u8]) -> Result<Vec<u8>, SealError> {
        age::decrypt(self.0.expose(), letter).map_err(|error| match error {
            DecryptError::NoMatchingKeys => SealError::OtherKeys,
            _ => SealError::Damaged,
        })
    }
}

fn seal_to(recipients: &[&dyn Recipient], content: &[u8]) -> Vec<u8> {
    let encryptor = Encryptor::with_recipients(recipients.iter().copied());
    let encryptor = encryptor.expect("invariant: there is a recipient, and all are of one kind");
    let mut sealed = Vec::new();
    let written = encryptor.wrap_output(&mut sealed).and_then(|mut writer| {
        writer.write_all(content)?;
        writer.finish().map(drop)
    });
    written.expect("invariant: memory takes what is written");
    sealed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fresh identity: its file and its public key.
    fn person() -> (Identities, String) {
        let identity = x25519::Identity::generate();
        let file = format!("# created: 2024-05-01\n{}\n", identity.to_string().expose_secret());
        (Identities::parse(file.as_bytes(), || None).unwrap(), identity.to_public().to_string())
    }

    #[test]
    fn everyone_with_a_key_can_open_it_and_nobody_else() {
        let ((ada, ada_key), (bob, bob_key), (eve, _)) = (person(), person(), person());
        let keys = PublicKeys::parse(&format!("# Ada Lovelace\n{ada_key}\n\n# Bob\n{bob_key}\n")).unwrap();
        let (content, data_key) = keys.seal(b"[[\"name\",\"Ada\"]]");
        assert!(!content.windows(3).any(|part| part == b"Ada"));
        for reader in [&ada, &bob] {
            let opened = super::super::open(&content, Some(&data_key), Some(reader)).unwrap();
            assert_eq!(opened.expose(), b"[[\"name\",\"Ada\"]]");
        }
        let open = |content: &[u8], data_key, reader| super::super::open(content, data_key, reader).unwrap_err();
        assert_eq!(open(&content, Some(&data_key), Some(&eve)), SealError::OtherKeys);
        assert_eq!(open(&content, Some(&data_key), None), SealError::NoIdentity);
        assert_eq!(open(&content, None, Some(&ada)), SealError::Destroyed);
        let cut = &content[..content.len() - 1];
        assert_eq!(open(cut, Some(&data_key), Some(&ada)), SealError::Damaged);
        let (_, of_another) = keys.seal(b"[]");
        assert_eq!(open(&content, Some(&of_another), Some(&ada)), SealError::Damaged);
    }

    #[test]
    fn a_leaver_is_let_out_without_touching_the_content() {
        let ((ada, ada_key), (bob, bob_key)) = (person(), person());
        let both = PublicKeys::parse(&format!("{ada_key},{bob_key}")).unwrap();
        let ada_alone = PublicKeys::parse(&ada_key).unwrap();
        assert_ne!(both.fingerprint(), ada_alone.fingerprint());
        assert_eq!(both.fingerprint(), PublicKeys::parse(&format!("{bob_key}\n# A\n{ada_key}")).unwrap().fingerprint());
        let (content, before) = both.seal(b"[]");
        let after = ada_alone.reseal(&before, &ada).unwrap();
        assert_eq!((after.keys.as_str(), before.keys.as_str()), (&*ada_alone.fingerprint(), &*both.fingerprint()));
        assert_eq!(ada.open(&content, &after).unwrap(), b"[]");
        assert_eq!(bob.open(&content, &after).unwrap_err(), SealError::OtherKeys);
        // Whoever could not open the result does not make it.
        assert_eq!(ada_alone.reseal(&before, &bob).unwrap_err(), SealError::OtherKeys);
        assert!(ada.are_among(&ada_alone) && !bob.are_among(&ada_alone));
    }

    #[test]
    fn what_is_no_key_is_said_without_repeating_secrets() {
        let (_, key) = person();
        let secret = x25519::Identity::generate();
        let error = |text: &str| PublicKeys::parse(text).unwrap_err();
        assert_eq!(error("# nobody\n"), "there is no public key");
        assert_eq!(error("\nage1abc"), "line 2: `age1abc` is not a public key of age, like `age1…`");
        assert_eq!(error(&format!("{key}\n{key}")), format!("line 2: `{key}` stands there twice"));
        let said = error(secret.to_string().expose_secret());
        assert!(said.starts_with("line 1: it is a secret key, which belongs to its owner alone"), "{said}");
        assert!(!said.contains("AGE-SECRET-KEY-1"), "{said}");
        let names = |text: &str| -> Vec<Option<String>> {
            PublicKeys::parse(text).unwrap().iter().map(|key| key.name.clone()).collect()
        };
        assert_eq!(names(&format!("# Ada\n{key}")), [Some("Ada".to_owned())]);
        assert_eq!(names(&format!("# keys of staff\n\n{key}")), [None]);

        let identity = |text: &[u8]| Identities::parse(text, || None).unwrap_err();
        assert_eq!(identity(b"AGE-SECRET-KEY-1X"), "it is not a file of identities, as `age-keygen` writes it");
        assert_eq!(identity(b"# none\n"), "there is no identity in it");
        assert_eq!(OutboxKey::parse("secret").unwrap_err(), "it is not an identity, as `age-keygen` writes it");
        assert!(!format!("{:?}", OutboxKey::parse(secret.to_string().expose_secret()).unwrap()).contains("SECRET"));
    }

    #[test]
    fn an_identity_may_have_a_passphrase() {
        let identity = x25519::Identity::generate();
        let mut passphrase = scrypt::Recipient::new(SecretString::from("correct horse".to_owned()));
        passphrase.set_work_factor(2);
        let file = age::encrypt_and_armor(&passphrase, identity.to_string().expose_secret().as_bytes()).unwrap();
        let parse = |said: Option<&str>| Identities::parse(file.as_bytes(), || said.map(str::to_owned));
        assert!(parse(Some("correct horse")).is_ok());
        assert_eq!(parse(Some("battery")).unwrap_err(), "the passphrase is not the right one");
        assert_eq!(parse(None).unwrap_err(), "it is protected by a passphrase, and nobody can be asked for it");
    }

    #[test]
    fn the_outbox_has_a_key_of_its_own() {
        let key = |secret: &x25519::Identity| OutboxKey::parse(secret.to_string().expose_secret()).unwrap();
        let (ours, other) = (key(&x25519::Identity::generate()), key(&x25519::Identity::generate()));
        let letter = ours.seal(b"ada@example.org");
        assert_eq!(ours.open(&letter).unwrap(), b"ada@example.org");
        assert_eq!(other.open(&letter).unwrap_err(), SealError::OtherKeys);
        assert_eq!(ours.open(b"x").unwrap_err(), SealError::Damaged);
    }
}
