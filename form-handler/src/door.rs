//! Who is let in at all: forms of other sites are not, and neither is a network that sends too many.
//!
//! What is looked at of a request is the statement's business: without a declared address nobody is counted. What is
//! counted stays in memory, apart from registrations, as keyed hashes whose key is thrown away with them.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, HeaderName, header};
use jiff::Timestamp;

/// A network's submissions are counted for this long.
const WINDOW_SECONDS: i64 = 10 * 60;
/// So many are taken of one network; a school behind one address can register its parents.
pub(crate) const SUBMISSIONS_MAX: u32 = 60;
/// So many receipts are shown to it: a browser with script asks twice for each, and people look again.
pub(crate) const RECEIPTS_MAX: u32 = 240;
/// Of so many networks; more are not counted, so that memory stays small whoever sends.
const NETWORKS_MAX: usize = 100_000;

/// Counts submissions by network.
#[derive(Debug)]
pub(crate) struct Counter {
    /// Where the host says who sends.
    header: HeaderName,
    /// So many are not too many.
    max: u32,
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    begun_seconds: i64,
    /// Random, and new with every window.
    key: RandomState,
    counts: HashMap<u64, u32>,
}

impl Counter {
    pub(crate) fn new(header: HeaderName, max: u32) -> Self {
        Self { header, max, window: Mutex::default() }
    }

    /// Whether a submission is one too many of its network.
    pub(crate) fn is_too_many(&self, headers: &HeaderMap, now: Timestamp) -> bool {
        // A list has the nearest proxy's word last; what stands before it anybody can write.
        let last = headers.get_all(&self.header).iter().next_back().and_then(|value| value.to_str().ok());
        let Some(address) = last.and_then(|value| value.rsplit(',').next()?.trim().parse().ok()) else { return false };
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if (now.as_second() - window.begun_seconds).abs() >= WINDOW_SECONDS {
            *window = Window { begun_seconds: now.as_second(), ..Window::default() };
        }
        let hash = window.key.hash_one(network(address));
        if window.counts.len() >= NETWORKS_MAX && !window.counts.contains_key(&hash) {
            return false;
        }
        let count = window.counts.entry(hash).or_default();
        *count = count.saturating_add(1);
        *count > self.max
    }
}

/// What one subscriber usually has: an address of IPv4, a /56 of IPv6 (RFC 6177, section 2).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => Ipv4Addr::into(address),
        IpAddr::V6(address) => Ipv6Addr::into(Ipv6Addr::from_bits(address.to_bits() & (!0 << 72))),
    }
}

/// Whether a browser says that a page of another site sends the form (Fetch Metadata, section 2.3; RFC 6454, section 7).
///
/// `null` is no other site: a page with `Referrer-Policy: no-referrer` sends that about itself.
pub(crate) fn is_of_another_site(headers: &HeaderMap, base_url: &str) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if text(HeaderName::from_static("sec-fetch-site")) == Some("cross-site") {
        return true;
    }
    let Some(origin) = text(header::ORIGIN).filter(|origin| *origin != "null") else { return false };
    let is_here = |host: &str| origin.split_once("://").is_some_and(|(_, authority)| authority == host);
    origin != base_url && !text(header::HOST).is_some_and(is_here)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static("x-forwarded-for"), address.parse().unwrap())])
    }

    #[test]
    fn a_network_that_sends_too_much_waits_and_others_do_not() {
        let counter = Counter::new(HeaderName::from_static("x-forwarded-for"), SUBMISSIONS_MAX);
        let at = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).unwrap();
        for _ in 0..SUBMISSIONS_MAX {
            assert!(!counter.is_too_many(&from("198.51.100.1, 2001:db8:0:1::1"), at(0)));
        }
        assert!(counter.is_too_many(&from("2001:db8:0:1:ffff::2"), at(1)), "the same network");
        assert!(!counter.is_too_many(&from("2001:db8:0:100::1"), at(1)), "another");
        assert!(!counter.is_too_many(&from("nonsense"), at(1)) && !counter.is_too_many(&HeaderMap::new(), at(1)));
        assert!(!counter.is_too_many(&from("2001:db8:0:1::1"), at(WINDOW_SECONDS)), "forgotten");
        assert_eq!(counter.window.lock().unwrap().counts.len(), 1, "and so is everybody else");
    }

    #[test]
    fn forms_of_other_sites() {
        let says = |headers: &[(&'static str, &str)]| {
            let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
            is_of_another_site(&HeaderMap::from_iter(headers), "https://example.org")
        };
        for ours in [
            vec![],
            vec![("origin", "null")],
            vec![("origin", "https://example.org"), ("sec-fetch-site", "same-origin")],
            vec![("origin", "http://localhost:8080"), ("host", "localhost:8080")],
            vec![("sec-fetch-site", "none")],
        ] {
            assert!(!says(&ours), "{ours:?}");
        }
        for other in [
            vec![("origin", "https://example.org.evil.example")],
            vec![("origin", "https://evil.example"), ("host", "example.org")],
            vec![("origin", "null"), ("sec-fetch-site", "cross-site")],
        ] {
            assert!(says(&other), "{other:?}");
        }
    }
}
