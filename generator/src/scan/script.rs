//! What a script could do behind a visitor's back, by the words of the browser's interfaces in it.
//!
//! It reads words, not programs: what it finds is a reason to look, and what a script hides from it the browser's policy
//! still stops.

use memchr::memmem;

/// What a script uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// Reads or sets cookies.
    Cookies,
    /// Keeps something in the browser.
    Storage,
    /// Asks for something.
    Requests,
    /// Finds out where the visitor is.
    Location,
}

/// The words, what each means, and what must follow it.
const WORDS: [(&str, Power, &str); 21] = [
    ("document.cookie", Power::Cookies, ""),
    ("[\"cookie\"]", Power::Cookies, ""),
    ("['cookie']", Power::Cookies, ""),
    ("cookieStore", Power::Cookies, ""),
    ("localStorage", Power::Storage, ""),
    ("sessionStorage", Power::Storage, ""),
    ("indexedDB", Power::Storage, ""),
    ("caches", Power::Storage, "."),
    ("fetch", Power::Requests, "("),
    ("XMLHttpRequest", Power::Requests, ""),
    ("sendBeacon", Power::Requests, ""),
    ("WebSocket", Power::Requests, ""),
    ("WebTransport", Power::Requests, ""),
    ("EventSource", Power::Requests, ""),
    ("RTCPeerConnection", Power::Requests, ""),
    ("import", Power::Requests, "("),
    ("importScripts", Power::Requests, ""),
    ("new Image", Power::Requests, ""),
    ("new Worker", Power::Requests, ""),
    ("serviceWorker", Power::Requests, ""),
    ("geolocation", Power::Location, ""),
];

/// Each word that is found, where it stands first, and what it means; in the order of their places.
#[must_use]
pub fn powers(text: &str) -> Vec<(usize, &'static str, Power)> {
    let is_letter = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$');
    let mut found: Vec<(usize, &'static str, Power)> = WORDS
        .iter()
        .filter_map(|(word, power, after)| {
            let at = memmem::find_iter(text.as_bytes(), word.as_bytes()).find(|at| {
                let rest = &text[at + word.len()..];
                let is_whole = !text[..*at].ends_with(is_letter) && !rest.starts_with(is_letter);
                (is_whole || word.starts_with('[')) && rest.trim_start().starts_with(after)
            })?;
            Some((at, *word, *power))
        })
        .collect();
    found.sort_unstable_by_key(|(at, ..)| *at);
    found
}

/// Whether a `script` element of this type is run, or tells the browser what to load (HTML Standard, section 4.12.1);
/// any other holds data.
#[must_use]
pub fn is_script(kind: Option<&str>) -> bool {
    let kind = kind.unwrap_or_default().trim().to_ascii_lowercase();
    let (family, name) = kind.split_once('/').unwrap_or(("", &kind));
    match family {
        "" => matches!(name, "" | "module" | "importmap" | "speculationrules"),
        "text" => {
            name.contains("javascript") || name.contains("ecmascript") || matches!(name, "jscript" | "livescript")
        }
        "application" => name.contains("javascript") || name.contains("ecmascript"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_interfaces_are_found() {
        let words = |text| powers(text).into_iter().map(|(_, word, _)| word).collect::<Vec<_>>();
        assert_eq!(words("let c = document.cookie; window.fetch ('/x')"), ["document.cookie", "fetch"]);
        assert_eq!(words("prefetch(); fetched; importScriptsAll; const localStorages = 1"), [""; 0]);
        assert_eq!(words("import('./a.js'); new Image().src = x"), ["import", "new Image"]);
        assert_eq!(words("document[\"cookie\"]"), ["[\"cookie\"]"]);
        for (word, _, after) in WORDS {
            assert_eq!(powers(&format!("a; {word}{after}")).len(), 1, "{word}");
        }
    }

    #[test]
    fn data_is_no_script() {
        for kind in [None, Some(""), Some("module"), Some("text/JavaScript"), Some("importmap")] {
            assert!(is_script(kind), "{kind:?}");
        }
        for kind in ["application/ld+json", "application/json", "text/template", "math/tex"] {
            assert!(!is_script(Some(kind)), "{kind}");
        }
    }
}
