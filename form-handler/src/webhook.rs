//! Tells a declared recipient's server that a registration has arrived, by the Standard Webhooks specification 1.0.0:
//! signed, timed, without any answer.
//!
//! It knows HTTP and the signature, not when it is tried again.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde_json::json;
use sha2::Sha256;
use statement::contract::WebhookContract;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

use crate::mail::MailError;
use crate::private::Private;
use crate::registration::Registration;
use crate::settings::WebhookSettings;

/// How long a server has to answer, from the look-up of its name to the last byte.
const TIME_MAX: Duration = Duration::from_secs(5);

/// Asks servers.
#[derive(Debug)]
pub(crate) struct Webhooks {
    agent: Agent,
    secret: Private<Vec<u8>>,
}

impl Webhooks {
    pub(crate) fn new(settings: &WebhookSettings) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(TIME_MAX))
            // Whoever is declared is told, and nobody they point at.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .https_only(!settings.allows_private)
            .proxy(None)
            .user_agent("candor")
            .build();
        let resolver = Guarded { inner: DefaultResolver::default(), allows_private: settings.allows_private };
        Self {
            agent: Agent::with_parts(config, DefaultConnector::default(), resolver),
            secret: settings.secret.clone(),
        }
    }

    /// Tells the server; whoever has the secret can see that it was us, and when. The same registration has the same
    /// `webhook-id` however often it is told.
    pub(crate) async fn tell(
        self: &Arc<Self>,
        registration: &Registration,
        webhook: &WebhookContract,
        now: Timestamp,
    ) -> Result<(), MailError> {
        let body = json!({
            "type": "registration.received",
            "timestamp": registration.received_seconds(),
            "data": {
                "reference": registration.id,
                "form": registration.form,
                "received": registration.received_seconds(),
                "statement_version": registration.statement_version,
            },
        });
        let (this, url) = (Arc::clone(self), webhook.url.clone());
        let (id, body) = (registration.id.to_string(), body.to_string());
        let asked = tokio::task::spawn_blocking(move || this.ask(&url, &id, &body, now)).await;
        asked.unwrap_or(Err(MailError::Unwritable))
    }

    fn ask(&self, url: &str, id: &str, body: &str, now: Timestamp) -> Result<(), MailError> {
        let seconds = now.as_second();
        let answer = self
            .agent
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", signature(self.secret.expose(), id, seconds, body))
            .send(body);
        match answer {
            Ok(answer) if answer.status().is_success() => Ok(()),
            // The specification's word for `never again`.
            Ok(answer) if answer.status().as_u16() == 410 => Err(MailError::Refused),
            Ok(_) => Err(MailError::Deferred),
            Err(Error::Timeout(_)) => Err(MailError::Timeout),
            Err(Error::BadUri(_) | Error::RequireHttpsOnly(_)) => Err(MailError::Unwritable),
            Err(_) => Err(MailError::Unreachable),
        }
    }
}

/// Over id, time and body, with the version of the scheme in front.
fn signature(secret: &[u8], id: &str, seconds: i64, body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret).expect("invariant: a key of HMAC may have any length");
    let code = mac.chain_update(format!("{id}.{seconds}.{body}")).finalize().into_bytes();
    format!("v1,{}", BASE64_STANDARD.encode(code))
}

/// Finds addresses, and those of the machine's own network only where it is told to: a name that a stranger controls
/// can be given any address.
#[derive(Debug)]
struct Guarded {
    inner: DefaultResolver,
    allows_private: bool,
}

impl Resolver for Guarded {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        let mut allowed = self.empty();
        for address in found.iter().filter(|address| self.allows_private || is_public(address.ip())) {
            allowed.push(*address);
        }
        if allowed.is_empty() { Err(Error::HostNotFound) } else { Ok(allowed) }
    }
}

/// Whether an address is one of the Internet at large (IANA's registries of special-purpose addresses, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_documentation()
                || a == 0
                || a >= 224
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (18..20).contains(&b)))
        }
        IpAddr::V6(address) => {
            // Of the unicast addresses only 2000::/3 is given out, and of that some is for translation or examples.
            let [a, b, ..] = address.segments();
            (0x2000..0x4000).contains(&a) && a != 0x2002 && !(a == 0x2001 && (b < 0x0200 || b == 0x0db8))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The specification's own example.
    #[test]
    fn the_signature_of_the_specification() {
        let secret = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = r#"{"test": 2432232314}"#;
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn addresses_of_ones_own_network_are_not_public() {
        let private = "0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 192.0.0.1 192.0.2.1 192.168.0.1 \
                       198.18.0.1 224.0.0.1 255.255.255.255 :: ::1 ::ffff:10.0.0.1 64:ff9b::a00:1 fc00::1 fe80::1 ff02::1 \
                       2001:db8::1 2002:a00:1::1 2001::1";
        for address in private.split_whitespace() {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450::1"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}
