//! The settings that say who may read registrations, and how they are found again.

use super::Reader;
use crate::index::{IndexKey, SECRET_CHARACTERS_MIN};
use crate::seal::{OutboxKey, PublicKeys, Seal};

/// What has to be said in so many words by whoever wants registrations that everyone can read who can read the store.
const READABLE: &str = "none-and-registrations-are-readable-in-the-store";

impl Reader<'_> {
    /// None where something is wrong. `stores` is whether there is a store at all.
    pub(super) fn seal(&mut self, stores: bool) -> Option<Seal> {
        let keys = self.public_keys(stores);
        let index = self.index_key(matches!(keys, Some(Some(_))));
        let outbox = self.secret("CANDOR_OUTBOX_KEY", "CANDOR_OUTBOX_KEY_FILE");
        let outbox = outbox.and_then(|outbox| match outbox.as_deref().map(OutboxKey::parse) {
            Some(Err(fact)) => self.fail("CANDOR_OUTBOX_KEY", fact),
            Some(Ok(key)) => Some(Some(key)),
            None => Some(None),
        });
        Some(Seal { keys: keys?, outbox: outbox?, index: index? })
    }

    /// The outer option is none where something is wrong, the inner where registrations are readable.
    fn public_keys(&mut self, stores: bool) -> Option<Option<PublicKeys>> {
        let name = "CANDOR_KEYS";
        match self.secret(name, "CANDOR_KEYS_FILE")?.as_deref() {
            Some(READABLE) => Some(None),
            Some(text) => match PublicKeys::parse(text) {
                Ok(keys) => Some(Some(keys)),
                Err(fact) => self.fail(name, fact),
            },
            // On one's own machine there is nobody to keep it from.
            None if self.local.is_some() || !stores => Some(None),
            None => self.fail(
                name,
                format_args!("not set; write the public keys of those who may read registrations, or `{READABLE}`"),
            ),
        }
    }

    fn index_key(&mut self, is_sealed: bool) -> Option<IndexKey> {
        let name = "CANDOR_INDEX_KEY";
        match self.secret(name, "CANDOR_INDEX_KEY_FILE")? {
            Some(secret) if secret.chars().count() >= SECRET_CHARACTERS_MIN => Some(IndexKey::new(secret)),
            Some(_) => self.fail(
                name,
                format_args!(
                    "a secret of at least {SECRET_CHARACTERS_MIN} characters is needed; `openssl rand -hex 32` makes one"
                ),
            ),
            None if is_sealed => {
                self.fail(name, "not set, and CANDOR_KEYS is: without it, addresses in the store could be guessed")
            }
            None => Some(IndexKey::empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    const KEY: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
    #[cfg(feature = "seal")]
    const INDEX: (&str, &str) = ("CANDOR_INDEX_KEY", "0123456789abcdef0123456789abcdef");

    /// The settings of a function with these variables among others that are right.
    fn settings(more: &[(&str, &str)]) -> Result<Settings, String> {
        let mut variables = vec![("CANDOR_STORE", "sqlite:a.sqlite"), ("CANDOR_MAIL", "none")];
        variables.extend_from_slice(more);
        let lookup =
            |name: &str| variables.iter().rev().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
        Settings::from_environment(&lookup, None).map_err(|errors| errors.to_string())
    }

    #[test]
    fn readable_registrations_are_asked_for_in_so_many_words() {
        let words = "none-and-registrations-are-readable-in-the-store";
        let readable = settings(&[("CANDOR_KEYS", words)]).unwrap();
        assert_eq!(readable.store_description(), "a.sqlite, readable to whoever can read the store");
        assert_eq!(
            settings(&[]).unwrap_err(),
            format!("CANDOR_KEYS: not set; write the public keys of those who may read registrations, or `{words}`")
        );
        assert!(settings(&[("CANDOR_KEYS", "none")]).is_err());
    }

    #[test]
    #[cfg(feature = "seal")]
    fn keys_need_a_key_of_the_index_too() {
        assert_eq!(
            settings(&[("CANDOR_KEYS", KEY)]).unwrap_err(),
            "CANDOR_INDEX_KEY: not set, and CANDOR_KEYS is: without it, addresses in the store could be guessed"
        );
        assert_eq!(
            settings(&[("CANDOR_KEYS", "# Ada\nage1wrong"), ("CANDOR_OUTBOX_KEY", "hunter2"), INDEX]).unwrap_err(),
            "CANDOR_KEYS: line 2: `age1wrong` is not a public key of age, like `age1…`\n\
             CANDOR_OUTBOX_KEY: it is not an identity, as `age-keygen` writes it"
        );
        let sealed = settings(&[("CANDOR_KEYS", KEY), INDEX]).unwrap();
        assert_eq!(sealed.store_description(), "a.sqlite, sealed to 1 key");
    }

    #[test]
    #[cfg(not(feature = "seal"))]
    fn a_program_that_cannot_seal_says_so() {
        let lacking = "this program was built without the feature `seal`";
        let said = settings(&[("CANDOR_KEYS", KEY), ("CANDOR_OUTBOX_KEY", "x")]).unwrap_err();
        assert_eq!(said, format!("CANDOR_KEYS: {lacking}\nCANDOR_OUTBOX_KEY: {lacking}"));
    }
}
