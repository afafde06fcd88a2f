//! The start tags of a page, with their attributes and the text of scripts and styles, as a browser would see them (HTML
//! Standard, sections 13.2.5 and 13.2.6.2).
//!
//! It leaves the tree alone, and does not know what a tag means.

use memchr::{memchr, memchr_iter, memmem};

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
    // One search for all of them: begun again for each, it would take as long as looking at it.
    for open in memchr_iter(b'<', bytes) {
        if open < at {
            continue;
        }
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
            let name = &html[start..until(bytes, start, SPACE | SLASH | CLOSE)];
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

/// The kinds of byte that matter within a tag. Only ASCII is of any kind, so a letter is never cut.
const SPACE: u8 = 1;
const SLASH: u8 = 2;
const CLOSE: u8 = 4;
const EQUALS: u8 = 8;
/// All others.
const OTHER: u8 = 16;

/// The kind of each byte: there are many of them, and each is asked for it.
const KINDS: [u8; 256] = {
    let mut kinds = [OTHER; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        kinds[byte as usize] = match byte {
            b'/' => SLASH,
            b'>' => CLOSE,
            b'=' => EQUALS,
            _ if byte.is_ascii_whitespace() => SPACE,
            _ => OTHER,
        };
        byte += 1;
    }
    kinds
};

/// The place of the first byte of one of these kinds from `at` on, or the end.
fn until(bytes: &[u8], at: usize, kinds: u8) -> usize {
    bytes[at..].iter().position(|byte| KINDS[usize::from(*byte)] & kinds != 0).map_or(bytes.len(), |offset| at + offset)
}

/// Reads attributes from `at`, which is after the tag's name; returns the place after the tag.
fn read_attributes<'a>(html: &'a str, mut at: usize, found: &mut Vec<(&'a str, &'a str)>) -> usize {
    let bytes = html.as_bytes();
    let after_space = |at: usize| until(bytes, at, !SPACE);
    loop {
        at = until(bytes, at, !(SPACE | SLASH));
        match bytes.get(at) {
            None => return at,
            Some(b'>') => return at + 1,
            _ => {}
        }
        // The first letter belongs to the name whatever it is, so that every round moves on.
        let end = until(bytes, at + 1, SPACE | SLASH | CLOSE | EQUALS);
        let name = &html[at..end];
        at = after_space(end);
        if bytes.get(at) != Some(&b'=') {
            found.push((name, ""));
            continue;
        }
        at = after_space(at + 1);
        match bytes.get(at) {
            Some(quote @ (b'"' | b'\'')) => {
                let end = memchr(*quote, &bytes[at + 1..]).map_or(bytes.len(), |length| at + 1 + length);
                found.push((name, &html[at + 1..end]));
                at = (end + 1).min(bytes.len());
            }
            _ => {
                let end = until(bytes, at, SPACE | CLOSE);
                found.push((name, &html[at..end]));
                at = end;
            }
        }
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
