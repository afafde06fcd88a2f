//! The start tags of a page, with their attributes and the text of scripts and styles, as a browser would see them (HTML
//! Standard, sections 13.2.5 and 13.2.6.2).
//!
//! It leaves the tree alone, and does not know what a tag means.

use memchr::{memchr, memmem};

/// Calls `found(tag, attributes)` for every start tag, in order; names and values are as written.
pub fn tags<'a>(html: &'a str, mut found: impl FnMut(&'a str, &[(&'a str, &'a str)])) {
    elements(html, |name, attributes, _| found(name, attributes));
}

/// The same, with the text of a script or a style.
pub(super) fn elements<'a>(html: &'a str, mut found: impl FnMut(&'a str, &[(&'a str, &'a str)], &'a str)) {
    let bytes = html.as_bytes();
    let mut attributes = Vec::new();
    let mut at = 0;
    while let Some(offset) = memchr(b'<', &bytes[at..]) {
        let start = at + offset + 1;
        let rest = &html[start..];
        if let Some(comment) = rest.strip_prefix("!--") {
            at = start + 3 + end_of_comment(comment);
            continue;
        }
        // What a picture in SVG says before its first element.
        let is_style = rest.starts_with("?xml-stylesheet");
        if !is_style && !rest.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) {
            at = start;
            continue;
        }
        let name = &rest[..until(rest, |byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'))];
        attributes.clear();
        at = read_attributes(html, start + name.len(), &mut attributes);
        let mut text = "";
        let is = |raw: &str| name.eq_ignore_ascii_case(raw);
        if matches!(name.len(), 5 | 6) && (is("script") || is("style")) {
            let end = end_of_raw_text(html, at, name);
            text = &html[at..end];
            at = end;
        }
        found(name, &attributes, text);
    }
}

/// Where a comment ends, from after its `<!--`: also at once, or at `--!>` (HTML Standard, sections 13.2.5.43 to 52).
fn end_of_comment(comment: &str) -> usize {
    if let Some(at_once) = [">", "->"].iter().find(|end| comment.starts_with(**end)) {
        return at_once.len();
    }
    let mut at = 0;
    while let Some(offset) = memmem::find(&comment.as_bytes()[at..], b"--") {
        at += offset;
        if let Some(end) = ["-->", "--!>"].iter().find(|end| comment[at..].starts_with(**end)) {
            return at + end.len();
        }
        at += 1;
    }
    comment.len()
}

/// How many bytes stand before the first of a kind. Only ASCII is of any kind here, so a letter is never cut.
fn until(text: &str, is_wanted: impl Fn(u8) -> bool) -> usize {
    text.bytes().position(is_wanted).unwrap_or(text.len())
}

/// Reads attributes from `at`, which is after the tag's name; returns the place after the tag.
fn read_attributes<'a>(html: &'a str, mut at: usize, found: &mut Vec<(&'a str, &'a str)>) -> usize {
    loop {
        at += until(&html[at..], |byte| !byte.is_ascii_whitespace() && byte != b'/');
        let rest = &html[at..];
        if rest.is_empty() {
            return at;
        }
        if rest.starts_with('>') {
            return at + 1;
        }
        // The first letter belongs to the name whatever it is, so that every round moves on.
        let first = rest.chars().next().map_or(1, char::len_utf8);
        let is_end = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>' | b'=');
        let length = first + until(&rest[first..], is_end);
        let name = &rest[..length];
        at += length;
        let after = html[at..].trim_ascii_start();
        let Some(value) = after.strip_prefix('=') else {
            found.push((name, ""));
            continue;
        };
        let value = value.trim_ascii_start();
        at = html.len() - value.len();
        let (value, next) = match value.as_bytes().first() {
            Some(quote @ (b'"' | b'\'')) => {
                let end = memchr(*quote, &value.as_bytes()[1..]).map_or(value.len(), |end| end + 1);
                (&value[1..end], (at + end + 1).min(html.len()))
            }
            _ => {
                let end = until(value, |byte| byte.is_ascii_whitespace() || byte == b'>');
                (&value[..end], at + end)
            }
        };
        found.push((name, value));
        at = next;
    }
}

/// The place of `</name` at or after `at`, or the end.
pub(crate) fn end_of_raw_text(html: &str, at: usize, name: &str) -> usize {
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
