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
pub(super) fn elements<'a>(html: &'a str, found: impl FnMut(&'a str, &[(&'a str, &'a str)], &'a str)) {
    walk(html, |_| {}, found);
}

/// Calls `told` for every piece of text between tags and comments, as it is written; the text of scripts and styles is
/// none.
pub(super) fn texts<'a>(html: &'a str, told: impl FnMut(&'a str)) {
    walk(html, told, |_, _, _| {});
}

fn walk<'a>(
    html: &'a str,
    mut told: impl FnMut(&'a str),
    mut found: impl FnMut(&'a str, &[(&'a str, &'a str)], &'a str),
) {
    let bytes = html.as_bytes();
    let mut attributes = Vec::new();
    // Where the text begins that is being read, and from where on its end is looked for.
    let (mut text, mut at) = (0, 0);
    while let Some(offset) = memchr(b'<', &bytes[at..]) {
        let open = at + offset;
        let start = open + 1;
        let rest = &html[start..];
        // What a picture in SVG says before its first element.
        let is_style = rest.starts_with("?xml-stylesheet");
        let first = rest.as_bytes().first().copied().unwrap_or(b' ');
        let is_end = first == b'/' && rest.as_bytes().get(1).is_some_and(u8::is_ascii_alphabetic);
        if let Some(comment) = rest.strip_prefix("!--") {
            at = start + 3 + end_of_comment(comment);
        } else if !is_style && matches!(first, b'!' | b'?' | b'/') && !is_end {
            at = memchr(b'>', &bytes[start..]).map_or(html.len(), |end| start + end + 1);
        } else if is_style || is_end || first.is_ascii_alphabetic() {
            let name = &rest[..until(rest, |byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'))];
            attributes.clear();
            at = read_attributes(html, start + if is_end { 1 } else { name.len() }, &mut attributes);
            if !is_end {
                let mut raw = "";
                let is = |raw: &str| name.eq_ignore_ascii_case(raw);
                if matches!(name.len(), 5 | 6) && (is("script") || is("style")) {
                    let end = end_of_raw_text(html, at, name);
                    raw = &html[at..end];
                    at = end;
                }
                found(name, &attributes, raw);
            }
        } else {
            at = start;
            continue;
        }
        told(&html[text..open]);
        text = at;
    }
    told(&html[text..]);
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
