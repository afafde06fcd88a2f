//! The addresses a style asks for (CSS Values and Units, section 4.5).
//!
//! It tells apart comments, strings and functions, and knows nothing of rules or properties.

use std::borrow::Cow;

/// Functions whose strings are addresses.
const FUNCTIONS: [&str; 6] = ["url", "src", "image", "image-set", "-webkit-image-set", "cross-fade"];

/// Calls `found(written, address)` for every address that may be another site's; `written` is a piece of `css`.
pub fn requests<'a>(css: &'a str, mut found: impl FnMut(&'a str, String)) {
    let mut rest = css;
    // How many parentheses are open since a function whose strings are addresses; none outside of one.
    let mut depth: Option<usize> = None;
    let mut is_import = false;
    let mut is_namespace = false;
    let mut word_start = None;
    while let Some(letter) = rest.chars().next() {
        let at = css.len() - rest.len();
        let is_word = letter.is_alphanumeric() || matches!(letter, '-' | '_' | '@' | '\\') || !letter.is_ascii();
        let word = match word_start {
            Some(start) if !is_word => unescape(&css[start..at]).to_ascii_lowercase(),
            _ => String::new(),
        };
        match word.as_str() {
            "@import" => is_import = true,
            "@namespace" => is_namespace = true,
            _ => {}
        }
        if is_word {
            word_start.get_or_insert(at);
            let escaped = if letter == '\\' { rest[1..].chars().next().map_or(0, char::len_utf8) } else { 0 };
            rest = &rest[letter.len_utf8() + escaped..];
            continue;
        }
        word_start = None;
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
            continue;
        }
        rest = &rest[letter.len_utf8()..];
        match letter {
            '"' | '\'' => {
                let end = end_of_string(rest, letter);
                if (depth.is_some() || is_import) && !is_namespace {
                    report(&rest[..end], &mut found);
                }
                rest = rest[end..].get(1..).unwrap_or_default();
            }
            '(' => {
                if FUNCTIONS.contains(&&*word) {
                    let inner = rest.trim_start();
                    if word == "url" && !inner.starts_with(['"', '\'']) {
                        let end = end_of_url(inner);
                        if !is_namespace {
                            report(inner[..end].trim_end(), &mut found);
                        }
                        rest = inner[end..].get(1..).unwrap_or_default();
                        continue;
                    }
                    depth = Some(depth.map_or(0, |depth| depth + 1));
                } else {
                    depth = depth.map(|depth| depth + 1);
                }
            }
            ')' => depth = depth.and_then(|depth| depth.checked_sub(1)),
            ';' | '{' | '}' => (is_import, is_namespace, depth) = (false, false, None),
            _ => {}
        }
    }
}

fn report<'a>(written: &'a str, found: &mut impl FnMut(&'a str, String)) {
    // An address in an attribute may hide behind references, one in a style behind escapes.
    let address = super::decode(written);
    let address = unescape(&address);
    if super::may_leave(&address) {
        found(written, address.into_owned());
    }
}

fn end_of_string(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, letter) in text.char_indices() {
        if !is_escaped && (letter == quote || letter == '\n') {
            return at;
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    text.len()
}

fn end_of_url(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, letter) in text.char_indices() {
        if !is_escaped && letter == ')' {
            return at;
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    text.len()
}

/// Escapes as the letters they stand for (CSS Syntax, section 4.3.7).
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let digits = after.bytes().take(6).take_while(u8::is_ascii_hexdigit).count();
        if digits > 0 {
            let number = u32::from_str_radix(&after[..digits], 16).ok();
            plain.push(number.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER));
            rest = &after[digits..];
            rest = rest.strip_prefix([' ', '\t', '\n']).unwrap_or(rest);
        } else {
            rest = after.strip_prefix('\n').unwrap_or_else(|| {
                let mut letters = after.chars();
                plain.extend(letters.next());
                letters.as_str()
            });
        }
    }
    (plain + rest).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(css: &str) -> Vec<String> {
        let mut all = Vec::new();
        requests(css, |written, address| {
            assert!(css.contains(written));
            all.push(address);
        });
        all
    }

    #[test]
    fn addresses_are_found_however_they_are_written() {
        for css in [
            "a{b:url(https://a.example/x)}",
            "a{b:URL( 'https://a.example/x' )}",
            "@import \"https://a.example/x\" screen;",
            "@import url(https://a.example/x);",
            "a{b:image-set('https://a.example/x' 1x, '/y' 2x)}",
            "a{b:u\\72l(https://a.example/x)}",
            "a{b:url(https\\3a //a.example/x)}",
            "a{b:url(\"/y\"),url(https://a.example/x)}",
        ] {
            assert_eq!(found(css), ["https://a.example/x"], "{css}");
        }
    }

    #[test]
    fn what_is_no_request_is_no_address() {
        for css in [
            "/* url(https://a.example/x) */",
            "a::before{content:'https://a.example/x'}",
            "@namespace url(http://www.w3.org/2000/svg);",
            "a{b:url(/x.png)} a{b:url(#c)} a{width:calc(1px + (2px))}",
        ] {
            assert!(found(css).is_empty(), "{css}: {:?}", found(css));
        }
        assert_eq!(found("a{b:url(data:image/png;base64,AA)}"), ["data:image/png;base64,AA"]);
    }

    proptest::proptest! {
        #[test]
        fn ends_on_anything(css in "([a-z@(){};:'\"/*\\\\ é\n]|url\\(|https://){0,40}") {
            requests(&css, |_, _| {});
        }
    }
}
