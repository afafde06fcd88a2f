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
