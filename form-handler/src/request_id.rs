//! The id of a request: what a visitor can quote, and what every line of the log about that request has.
//!
//! It is random, or the host's own; it says nothing of who sends, and is kept with nothing that is stored or mailed.

use std::fmt;

use http::{HeaderMap, HeaderName};
use statement::digest::hex;

use crate::proof::random;

/// How long a host's id may be: enough for a UUID, a ULID, a trace or a ray, and too short for a text.
const CHARACTERS: std::ops::RangeInclusive<usize> = 8..=64;

/// A word of ASCII letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestId(String);

impl RequestId {
    /// What the host says in this header, if that is an id; else a random one.
    pub(crate) fn of(headers: &HeaderMap, header: Option<&HeaderName>) -> Self {
        let said = header.and_then(|name| headers.get(name)?.to_str().ok()).filter(|said| is_id(said));
        Self(said.map_or_else(|| hex(&random::<8>()), str::to_owned))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn is_id(said: &str) -> bool {
    CHARACTERS.contains(&said.len()) && said.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_says_is_taken_if_it_is_an_id() {
        let header = HeaderName::from_static("x-request-id");
        let of = |said: &'static str, header: Option<&HeaderName>| {
            let headers = HeaderMap::from_iter([(HeaderName::from_static("x-request-id"), said.parse().unwrap())]);
            RequestId::of(&headers, header).0
        };
        for id in ["01JQ5WPZ4T8S6R2M9K3V7B1N0C", "c6af9ac6-7b61-11e6-9a41-93e8deadbeef", "7d5d747be160f9d5"] {
            assert_eq!(of(id, Some(&header)), id);
            assert_ne!(of(id, None), id, "nobody said that the host sets it");
        }
        let long = "a".repeat(65);
        for other in ["", "short", "ada@example.org", "Ada Lovelace", "a<b>c</b>d", Box::leak(long.into_boxed_str())] {
            let random = of(other, Some(&header));
            assert!(random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit()), "{other}: {random}");
            assert_ne!(of(other, Some(&header)), random);
        }
    }
}
