//! Looks at a page's finished bytes: the tags in them and their attributes.
//!
//! It is a scanner, not a parser: it finds what a browser would see as a tag and skips comments and the text of scripts
//! and styles (HTML Standard, sections 13.2.5 and 13.2.6.2), and leaves the tree alone.

use std::borrow::Cow;

use memchr::{memchr, memmem};

/// Calls `found(tag, attributes)` for every start tag, in order; names and values are as written.
pub fn tags<'a>(html: &'a str, mut found: impl FnMut(&'a str, &[(&'a str, &'a str)])) {
    let bytes = html.as_bytes();
    let mut attributes = Vec::new();
    let mut at = 0;
    while let Some(offset) = memchr(b'<', &bytes[at..]) {
        let start = at + offset + 1;
        let rest = &html[start..];
        if rest.starts_with("!--") {
            at = memmem::find(&bytes[start + 3..], b"-->").map_or(bytes.len(), |end| start + 3 + end + 3);
            continue;
        }
        if !rest.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            at = start;
            continue;
        }
        let name_length = rest.find(|letter: char| letter.is_ascii_whitespace() || "/>".contains(letter));
        let name = &rest[..name_length.unwrap_or(rest.len())];
        attributes.clear();
        at = read_attributes(html, start + name.len(), &mut attributes);
        found(name, &attributes);
        if ["script", "style"].iter().any(|raw| name.eq_ignore_ascii_case(raw)) {
            at = end_of_raw_text(html, at, name);
        }
    }
}

/// Whether the page's own header or footer has a link with the word “privacy” that is not hidden.
#[must_use]
pub fn has_privacy_link(html: &str) -> bool {
    let part = |end: &[u8], at: Option<usize>| {
        let rest = &html[at?..];
        Some(&rest[..memmem::find(rest.as_bytes(), end)?])
    };
    // The footer is the last on the page, and the header the first; what is between belongs to the text.
    let footer = part(b"</footer", memmem::rfind(html.as_bytes(), b"<footer"));
    let header = || part(b"</header", memmem::find(html.as_bytes(), b"<header"));
    footer.is_some_and(has_link_about_privacy) || header().is_some_and(has_link_about_privacy)
}

fn has_link_about_privacy(html: &str) -> bool {
    html.match_indices("<a ").any(|(at, _)| {
        let link = html[at..].split("</a").next().unwrap_or_default();
        let (tag, text) = link.split_once('>').unwrap_or_default();
        tag.contains("href") && !tag.contains("hidden") && text.contains("rivacy")
    })
}

/// The values of a page's `id` attributes, which links can lead to.
#[derive(Debug, Default)]
pub struct Ids {
    /// In the order of their letters, so that one of ten thousand is found at once.
    sorted: Vec<Box<str>>,
}

impl Ids {
    /// Collects them.
    #[must_use]
    pub fn of(html: &str) -> Self {
        let mut sorted: Vec<Box<str>> = Vec::new();
        tags(html, |_, attributes| {
            let id = attributes.iter().find(|(name, _)| name.eq_ignore_ascii_case("id"));
            sorted.extend(id.map(|(_, value)| unescape(value).into()));
        });
        sorted.sort_unstable();
        Self { sorted }
    }

    /// Whether an element has this id.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.sorted.binary_search_by(|other| (**other).cmp(id)).is_ok()
    }

    /// Ids that more than one element has.
    pub fn repeated(&self) -> impl Iterator<Item = &str> {
        self.sorted.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| &*pair[0])
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.sorted.iter().map(|id| &**id)
    }
}

/// Reads attributes from `at`, which is after the tag's name; returns the place after the tag.
fn read_attributes<'a>(html: &'a str, mut at: usize, found: &mut Vec<(&'a str, &'a str)>) -> usize {
    loop {
        let rest = &html[at..];
        at += rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == '/').len();
        let rest = &html[at..];
        if rest.is_empty() {
            return at;
        }
        if rest.starts_with('>') {
            return at + 1;
        }
        // The first letter belongs to the name whatever it is, so that every round moves on.
        let first = rest.chars().next().map_or(1, char::len_utf8);
        let length = rest[first..]
            .find(|letter: char| letter.is_ascii_whitespace() || "/>=".contains(letter))
            .map_or(rest.len(), |length| first + length);
        let name = &rest[..length];
        at += length;
        let after = html[at..].trim_start();
        let Some(value) = after.strip_prefix('=') else {
            found.push((name, ""));
            continue;
        };
        let value = value.trim_start();
        at = html.len() - value.len();
        let (value, next) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let end = value[1..].find(quote).map_or(value.len(), |end| end + 1);
                (&value[1..end], (at + end + 1).min(html.len()))
            }
            _ => {
                let end =
                    value.find(|letter: char| letter.is_ascii_whitespace() || letter == '>').unwrap_or(value.len());
                (&value[..end], at + end)
            }
        };
        found.push((name, value));
        at = next;
    }
}

/// The place of `</name` at or after `at`, or the end.
fn end_of_raw_text(html: &str, at: usize, name: &str) -> usize {
    let mut from = at;
    while let Some(offset) = memmem::find(&html.as_bytes()[from..], b"</") {
        let end = from + offset;
        if html[end + 2..].get(..name.len()).is_some_and(|closing| closing.eq_ignore_ascii_case(name)) {
            return end;
        }
        from = end + 2;
    }
    html.len()
}

/// The few references our own escaping writes.
fn unescape(value: &str) -> Cow<'_, str> {
    if memchr(b'&', value.as_bytes()).is_none() {
        return value.into();
    }
    let value = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    value.replace("&#39;", "'").replace("&#x27;", "'").replace("&amp;", "&").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_ids_as_a_browser_would() {
        let html = r#"<!doctype html><p id=a class="b">text id="no" <a ID='c d' href=x/>
            <!-- <p id="no"> --> <script>"<p id='no'>"</script><style>p[id="no"]{}</style><h2 id="tom&amp;co">"#;
        assert_eq!(Ids::of(html).iter().collect::<Vec<_>>(), ["a", "c d", "tom&co"]);
    }

    #[test]
    fn tells_which_ids_are_repeated() {
        let ids = Ids::of("<p id=b><p id=a><p id=b>");
        assert_eq!(ids.repeated().collect::<Vec<_>>(), ["b"]);
        assert!(ids.contains("a") && !ids.contains("c"));
    }

    #[test]
    fn ends_on_anything() {
        for html in
            ["<", "<p", "<p id", "<p id=", "<p id=\"", "<p id='é", "<script", "<script></", "<!--", "<p =é", "<p \"é"]
        {
            let _ = Ids::of(html);
        }
    }
}
