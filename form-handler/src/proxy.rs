//! The proof that a request came through the site's own host: the signature Netlify puts on what it hands on.
//!
//! It knows the signature's format, and neither forms nor where the secret is kept.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

use crate::private::Private;

/// The header that has the signature.
const HEADER: &str = "x-nf-sign";
/// How long after it was made a signature holds: the host says five minutes; the minute is for clocks that differ.
const VALID_SECONDS_MAX: i64 = 6 * 60;

/// What the host and the function share, and nobody else.
#[derive(Debug, Clone)]
pub struct ProxySecret(Private<String>);

/// A token's header (RFC 7515, section 4.1).
#[derive(Deserialize)]
struct Head {
    alg: String,
}

/// What a token says (RFC 7519, section 4).
#[derive(Deserialize)]
struct Claims {
    iss: String,
    exp: i64,
    site_url: String,
}

impl ProxySecret {
    pub(crate) fn new(secret: String) -> Self {
        Self(Private::new(secret))
    }

    /// Whether the host of the site at `base_url` handed the request on, shortly before `now`.
    pub(crate) fn has_signed(&self, headers: &HeaderMap, base_url: &str, now: Timestamp) -> bool {
        let token = headers.get(HEADER).and_then(|token| token.to_str().ok());
        let claims = token.and_then(|token| self.claims(token));
        claims.is_some_and(|claims| {
            let left = claims.exp.saturating_sub(now.as_second());
            claims.iss == "netlify"
                && (1..=VALID_SECONDS_MAX).contains(&left)
                && host(&claims.site_url).eq_ignore_ascii_case(host(base_url))
        })
    }

    /// What a token says, if it was signed with the secret by HMAC SHA-256, the one algorithm the host uses.
    fn claims(&self, token: &str) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (head, claims) = signed.split_once('.')?;
        if json::<Head>(head)?.alg != "HS256" {
            return None;
        }
        let key = self.0.expose().as_bytes();
        let mac = Hmac::<Sha256>::new_from_slice(key).expect("invariant: a key of HMAC may have any length");
        // Compares in constant time.
        mac.chain_update(signed).verify_slice(&BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        json(claims)
    }
}

fn json<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// The host in an address, with its port.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_714_564_800;

    fn token(head: &str, claims: &str, secret: &str) -> String {
        let signed = format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(head), BASE64_URL_SAFE_NO_PAD.encode(claims));
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(&signed);
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    fn has_signed(token: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, token.parse().unwrap());
        let now = Timestamp::from_second(NOW).unwrap();
        ProxySecret::new("secret".to_owned()).has_signed(&headers, "https://example.org", now)
    }

    const HEAD: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

    fn claims(exp: i64, iss: &str, site_url: &str) -> String {
        let (netlify_id, iat) = ("0d3a9d2f", NOW - 1);
        format!(
            r#"{{"deploy_context":"production","netlify_id":"{netlify_id}","site_url":"{site_url}","iat":{iat},"exp":{exp},"iss":"{iss}"}}"#
        )
    }

    #[test]
    fn only_a_fresh_token_of_the_sites_own_host_counts() {
        let good = claims(NOW + 299, "netlify", "https://example.org");
        assert!(has_signed(&token(HEAD, &good, "secret")));
        assert!(has_signed(&token(HEAD, &claims(NOW + 1, "netlify", "http://Example.org/"), "secret")));
        for (what, wrong) in [
            ("another secret", token(HEAD, &good, "guessed")),
            ("expired", token(HEAD, &claims(NOW, "netlify", "https://example.org"), "secret")),
            ("good for a year", token(HEAD, &claims(NOW + 31_536_000, "netlify", "https://example.org"), "secret")),
            ("another issuer", token(HEAD, &claims(NOW + 299, "other", "https://example.org"), "secret")),
            ("another site", token(HEAD, &claims(NOW + 299, "netlify", "https://example.org.evil"), "secret")),
            ("no claims", token(HEAD, "{}", "secret")),
            ("another algorithm", token(r#"{"alg":"HS512"}"#, &good, "secret")),
            ("no algorithm", token(r#"{"alg":"none"}"#, &good, "secret")),
            ("nothing", String::new()),
            ("dots", "..".to_owned()),
        ] {
            assert!(!has_signed(&wrong), "{what}: {wrong}");
        }
        let unsigned = token(r#"{"alg":"none"}"#, &good, "secret");
        assert!(!has_signed(unsigned.rsplit_once('.').unwrap().0));
        let mut tampered = token(HEAD, &good, "secret").into_bytes();
        tampered[40] ^= 1;
        assert!(!has_signed(std::str::from_utf8(&tampered).unwrap()));
    }
}
