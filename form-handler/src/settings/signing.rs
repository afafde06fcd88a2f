//! The settings of what is signed: mail (DKIM), receipts, webhooks, and challenges for browsers.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::Reader;
use crate::dkim::Dkim;
use crate::private::Private;
use crate::proof::ProofKey;
use crate::signing::SigningKey;

/// How recipients' servers are told.
#[derive(Debug, Clone)]
pub(crate) struct WebhookSettings {
    /// What the recipient and we share.
    pub(crate) secret: Private<Vec<u8>>,
    /// Whether a server may be on the machine's own network, and without TLS.
    pub(crate) allows_private: bool,
}

/// The shortest and the longest secret of a webhook in bytes (Standard Webhooks, “Signature scheme”).
const WEBHOOK_SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The shortest secret for challenges.
const PROOF_KEY_BYTES_MIN: usize = 32;

impl Reader<'_> {
    /// The outer option is none where something is wrong.
    pub(super) fn dkim(&mut self) -> Option<Option<Dkim>> {
        let name = "CANDOR_DKIM_SELECTOR";
        let key = self.key("CANDOR_DKIM_KEY", "CANDOR_DKIM_KEY_FILE")?;
        match (self.get(name), key) {
            (None, None) => Some(None),
            (Some(selector), Some(key)) => {
                let selector = selector.trim().to_owned();
                let is_label = |label: &str| {
                    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
                };
                if selector.split('.').all(is_label) {
                    return Some(Some(Dkim { key, selector }));
                }
                let help = "write the name before `._domainkey`, like `mail2026`";
                self.fail(name, format_args!("`{selector}` is not a selector: {help}"))
            }
            (None, Some(_)) => {
                self.fail(name, "not set, and CANDOR_DKIM_KEY is: under which name is the key published?")
            }
            (Some(_), None) => self.fail("CANDOR_DKIM_KEY", "not set, and CANDOR_DKIM_SELECTOR is"),
        }
    }

    /// The outer option is none where something is wrong.
    pub(super) fn receipt_key(&mut self) -> Option<Option<Arc<SigningKey>>> {
        let name = "CANDOR_RECEIPT_KEY";
        match self.key(name, "CANDOR_RECEIPT_KEY_FILE")? {
            Some(key) if key.ed25519_public().is_none() => {
                self.fail(name, "receipts are signed with an Ed25519 key: `openssl genpkey -algorithm ed25519`")
            }
            key => Some(key),
        }
    }

    /// The outer option is none where something is wrong.
    pub(super) fn webhooks(&mut self) -> Option<Option<WebhookSettings>> {
        let (name, networks) = ("CANDOR_WEBHOOK_SECRET", "CANDOR_WEBHOOK_NETWORKS");
        let secret = self.secret(name, "CANDOR_WEBHOOK_SECRET_FILE")?;
        let allows_private = match self.get(networks).as_deref().map(str::trim) {
            None | Some("public") => false,
            Some("private") => true,
            Some(_) => return self.fail(networks, "write `public` or `private`"),
        };
        let Some(secret) = secret else { return Some(None) };
        let bytes = secret.strip_prefix("whsec_").and_then(|secret| BASE64_STANDARD.decode(secret).ok());
        match bytes.filter(|bytes| WEBHOOK_SECRET_BYTES.contains(&bytes.len())) {
            Some(bytes) => Some(Some(WebhookSettings { secret: Private::new(bytes), allows_private })),
            None => self.fail(name, "write `whsec_` and 24 to 64 random bytes in base64: `openssl rand -base64 32`"),
        }
    }

    /// The outer option is none where something is wrong.
    pub(super) fn proof_key(&mut self) -> Option<Option<ProofKey>> {
        let name = "CANDOR_PROOF_KEY";
        match self.secret(name, "CANDOR_PROOF_KEY_FILE")? {
            Some(secret) if secret.trim().len() < PROOF_KEY_BYTES_MIN => {
                self.fail(name, "it can be guessed: write 32 characters or more, as `openssl rand -hex 32` makes them")
            }
            None if self.local.is_some() => Some(Some(ProofKey::random())),
            secret => Some(secret.map(|secret| ProofKey::new(secret.trim().as_bytes().to_vec()))),
        }
    }

    fn key(&mut self, name: &str, file: &str) -> Option<Option<Arc<SigningKey>>> {
        let Some(pem) = self.secret(name, file)? else { return Some(None) };
        match SigningKey::from_pem(pem.as_bytes()) {
            Ok(key) => Some(Some(Arc::new(key))),
            Err(fact) => self.fail(name, fact),
        }
    }
}
