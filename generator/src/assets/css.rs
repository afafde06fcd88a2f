//! Style sheets: what `@import` names is put in its place, `url()` gets the address that is published, and what only a
//! person needs is left out.
//!
//! It knows the tokens of CSS (CSS Syntax Module Level 3, section 4) that can hide an address, a comment or a space,
//! and no property. What a name leads to is told by the caller.

use std::ops::Range;

/// A style sheet that imports itself many times over would grow without end.
const BYTES_MAX: usize = 4 << 20;

/// What is wrong in a style sheet, and where.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The style sheet's name under `assets/`.
    pub name: String,
    /// Where in it, in bytes: the start and the end.
    pub span: (usize, usize),
    /// The fact.
    pub message: String,
    /// What to do; may be empty.
    pub help: String,
}

/// Where style sheets are and what addresses in them lead to.
pub trait Library {
    /// The text of the style sheet with this name.
    fn text(&self, name: &str) -> Option<&str>;

    /// What to write for an address that stands in the style sheet `from`; none where it stays as it is.
    ///
    /// # Errors
    /// Says what is wrong with it, and what to do.
    fn address(&self, from: &str, url: &str) -> Result<Option<String>, (String, String)>;

    /// The name of the style sheet that `from` imports as `url`.
    ///
    /// # Errors
    /// Says what is wrong with it, and what to do.
    fn import(&self, from: &str, url: &str) -> Result<String, (String, String)>;
}

/// A token, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Space,
    Comment,
    /// With its quotation marks.
    Text,
    /// `url(…)` without quotation marks.
    Url,
    /// Letters and digits, and whatever belongs to a name.
    Word,
    /// One sign.
    Sign(u8),
}

/// The names of the style sheets that `name` imports, as they are written, and where.
pub fn imports(text: &str) -> impl Iterator<Item = (String, Range<usize>)> {
    let (rules, _) = leading_rules(text);
    rules.into_iter().filter_map(|rule| rule.import).map(|import| (import.url, import.span))
}

/// The style sheet `name` with everything it imports, as short as it can be said without knowing its properties.
pub fn bundle(name: &str, library: &impl Library, faults: &mut Vec<Fault>) -> String {
    let mut css = String::new();
    let mut open = Vec::new();
    append(name, library, &mut open, &mut css, faults);
    minify(&css)
}

/// Appends `name` with what it imports; `open` are the style sheets that are being appended.
fn append<'a>(
    name: &'a str,
    library: &'a impl Library,
    open: &mut Vec<String>,
    css: &mut String,
    faults: &mut Vec<Fault>,
) {
    let text = library.text(name).unwrap_or_default();
    let fault = |span: Range<usize>, (message, help): (String, String)| Fault {
        name: name.to_owned(),
        span: (span.start, span.end),
        message,
        help,
    };
    open.push(name.to_owned());
    let (rules, rest) = leading_rules(text);
    for rule in rules {
        let Some(import) = rule.import else {
            // Only the first style sheet may say how it is encoded; all are UTF-8.
            if !(open.len() > 1 && text[rule.span.clone()].starts_with("@charset")) {
                css.push_str(&text[rule.span]);
            }
            continue;
        };
        match library.import(name, &import.url) {
            Ok(imported) if open.contains(&imported) => {
                let help = "remove one of the imports".to_owned();
                faults.push(fault(import.span, ("the style sheet imports itself, in a circle".to_owned(), help)));
            }
            Ok(_) if css.len() > BYTES_MAX => {
                let help = "import each style sheet once".to_owned();
                faults
                    .push(fault(import.span, ("the style sheet becomes too large with its imports".to_owned(), help)));
            }
            Ok(imported) => {
                let around = import.around();
                around.iter().for_each(|rule| css.push_str(&format!("{rule}{{")));
                append(&imported, library, open, css, faults);
                css.push_str(&"}".repeat(around.len()));
                css.push('\n');
            }
            Err(said) => faults.push(fault(import.span, said)),
        }
    }
    let mut depth = 0_usize;
    for (kind, span, url) in with_addresses(text, rest) {
        if kind == Kind::Word && text[span.clone()].eq_ignore_ascii_case("@import") && depth == 0 {
            let message = "an `@import` after other rules has no effect".to_owned();
            faults.push(fault(span.clone(), (message, "write it at the top of the style sheet".to_owned())));
        }
        match kind {
            Kind::Sign(b'{') => depth += 1,
            Kind::Sign(b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        let written = url.map_or(Ok(None), |url| library.address(name, &url));
        match written {
            Ok(Some(address)) if kind == Kind::Url => css.push_str(&format!("url(\"{address}\")")),
            Ok(Some(address)) => css.push_str(&format!("\"{address}\"")),
            Ok(None) => css.push_str(&text[span.clone()]),
            Err(said) => faults.push(fault(span.clone(), said)),
        }
    }
    open.pop();
}

/// The tokens from `at` on, and with each the address it holds.
fn with_addresses(text: &str, mut at: usize) -> impl Iterator<Item = (Kind, Range<usize>, Option<String>)> {
    let mut is_url = false;
    std::iter::from_fn(move || {
        let (kind, span) = token(text, at)?;
        at = span.end;
        let url = match kind {
            Kind::Url => Some(unescape(url_inside(&text[span.clone()]))),
            Kind::Text if is_url => Some(unescape(unquoted(&text[span.clone()]))),
            _ => None,
        };
        let is_name = kind == Kind::Word && text[span.clone()].eq_ignore_ascii_case("url");
        is_url = is_name || is_url && matches!(kind, Kind::Sign(b'(') | Kind::Space);
        Some((kind, span, url))
    })
}

/// The addresses in `url()`, imports apart.
pub fn urls(text: &str) -> impl Iterator<Item = String> {
    with_addresses(text, leading_rules(text).1).filter_map(|(_, _, url)| url)
}

/// What stands in `url(…)` without quotation marks.
fn url_inside(text: &str) -> &str {
    let inside = &text["url(".len()..];
    inside.strip_suffix(')').unwrap_or(inside).trim()
}

/// A rule that may stand before an `@import`.
struct Rule {
    span: Range<usize>,
    import: Option<Import>,
}

/// An `@import`.
struct Import {
    url: String,
    /// Where the address stands.
    span: Range<usize>,
    /// What stands between the address and the `;`.
    conditions: String,
}

impl Import {
    /// The rules that mean the same around the imported text, the outermost first (CSS Cascading and Inheritance
    /// Level 5, section 2).
    fn around(&self) -> Vec<String> {
        let mut rest = self.conditions.trim();
        let (mut layer, mut supports) = (None, None);
        if let Some(after) = rest.strip_prefix("layer").filter(|after| !after.starts_with(is_word_letter)) {
            let (name, after) = parenthesised(after).unwrap_or(("", after));
            layer = Some(format!("@layer {}", name.trim()));
            rest = after.trim_start();
        }
        if let Some((condition, after)) = rest.strip_prefix("supports").and_then(parenthesised) {
            supports = Some(format!("@supports ({condition})"));
            rest = after.trim_start();
        }
        let media = (!rest.is_empty()).then(|| format!("@media {rest}"));
        [media, supports, layer].into_iter().flatten().collect()
    }
}

/// What stands in the parentheses that `text` begins with, and what stands after them.
fn parenthesised(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some((kind, span)) = token(text, at) {
        match kind {
            Kind::Sign(b'(') => depth += 1,
            Kind::Sign(b')') => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return (at > 0).then(|| (&text[1..at], &text[span.end..]));
        }
        at = span.end;
    }
    None
}

/// The rules at the top that an `@import` may stand among, and where the others begin.
fn leading_rules(text: &str) -> (Vec<Rule>, usize) {
    let mut rules = Vec::new();
    let mut rest = 0;
    loop {
        let mut start = rest;
        let mut kept = Vec::new();
        while let Some((Kind::Space | Kind::Comment, span)) = token(text, start) {
            if text[span.clone()].starts_with("/*!") {
                kept.push(Rule { span: span.clone(), import: None });
            }
            start = span.end;
        }
        let Some((Kind::Word, name)) = token(text, start) else { return (rules, rest) };
        let is_import = text[name.clone()].eq_ignore_ascii_case("@import");
        if !is_import && !["@charset", "@layer"].contains(&text[name.clone()].to_ascii_lowercase().as_str()) {
            return (rules, rest);
        }
        let mut at = name.end;
        let mut url: Option<(String, Range<usize>)> = None;
        let end = loop {
            match token(text, at) {
                Some((Kind::Sign(b';'), span)) => break Some(span),
                // A block: a layer with its rules.
                None | Some((Kind::Sign(b'{'), _)) => break None,
                Some((kind, span)) => {
                    if url.is_none() && kind == Kind::Text {
                        url = Some((unescape(unquoted(&text[span.clone()])), span.clone()));
                    } else if url.is_none() && kind == Kind::Url {
                        url = Some((unescape(url_inside(&text[span.clone()])), span.clone()));
                    }
                    at = span.end;
                }
            }
        };
        let Some(end) = end else { return (rules, rest) };
        let import = url.filter(|_| is_import).map(|(url, span)| {
            // `url("a.css")` ends with a parenthesis of its own.
            let after = &text[span.end..end.start];
            let is_function = text[..span.start].trim_end().ends_with('(');
            let after = if is_function { after.trim_start().trim_start_matches(')') } else { after };
            Import { url, span, conditions: after.to_owned() }
        });
        if is_import && import.is_none() {
            return (rules, rest);
        }
        rules.extend(kept);
        rules.push(Rule { span: start..end.end, import });
        rest = end.end;
    }
}

fn is_word_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '\\' | '@' | '#' | '%') || !letter.is_ascii()
}

/// The token at `at`; none at the end.
fn token(text: &str, at: usize) -> Option<(Kind, Range<usize>)> {
    let rest = &text[at..];
    let first = *rest.as_bytes().first()?;
    let found = |kind, length: usize| Some((kind, at..at + length));
    match first {
        b' ' | b'\t' | b'\n' | b'\r' | b'\x0c' => {
            let length = rest.bytes().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(rest.len());
            found(Kind::Space, length)
        }
        b'/' if rest.starts_with("/*") => found(Kind::Comment, rest[2..].find("*/").map_or(rest.len(), |end| end + 4)),
        b'"' | b'\'' => {
            let mut is_escaped = false;
            let end = rest.bytes().enumerate().skip(1).find(|(_, byte)| {
                let ends = *byte == first && !is_escaped;
                is_escaped = *byte == b'\\' && !is_escaped;
                ends
            });
            found(Kind::Text, end.map_or(rest.len(), |(end, _)| end + 1))
        }
        _ if is_word_letter(rest.chars().next()?) => {
            let mut is_escaped = false;
            let end = rest.char_indices().find(|(_, letter)| {
                let is_inside = is_escaped || is_word_letter(*letter);
                is_escaped = *letter == '\\' && !is_escaped;
                !is_inside
            });
            let length = end.map_or(rest.len(), |(end, _)| end);
            let inside = rest[length..].strip_prefix('(').map(|inside| inside.trim_start());
            if rest[..length].eq_ignore_ascii_case("url")
                && inside.is_some_and(|inside| !inside.starts_with(['"', '\'']))
            {
                let mut is_escaped = false;
                let end = rest.bytes().position(|byte| {
                    let ends = byte == b')' && !is_escaped;
                    is_escaped = byte == b'\\' && !is_escaped;
                    ends
                });
                return found(Kind::Url, end.map_or(rest.len(), |end| end + 1));
            }
            found(Kind::Word, length)
        }
        sign => found(Kind::Sign(sign), 1),
    }
}

fn unquoted(text: &str) -> &str {
    let quote = &text[..1];
    let inside = &text[1..];
    inside.strip_suffix(quote).unwrap_or(inside)
}

/// A text without its escapes (CSS Syntax Module Level 3, section 4.3.7).
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            plain.push(letter);
            continue;
        }
        let mut code = String::new();
        while let Some(digit) = letters.next_if(|next| next.is_ascii_hexdigit() && code.len() < 6) {
            code.push(digit);
        }
        if code.is_empty() {
            // A line break that is escaped is none.
            plain.extend(letters.next().filter(|next| *next != '\n'));
        } else {
            letters.next_if(char::is_ascii_whitespace);
            plain.push(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32).unwrap_or('\u{fffd}'));
        }
    }
    plain
}

/// Leaves out comments, but those that begin with `/*!`, and spaces that separate nothing.
fn minify(css: &str) -> String {
    let mut short = String::with_capacity(css.len());
    let mut at = 0;
    let (mut has_space, mut has_comment) = (false, false);
    while let Some((kind, span)) = token(css, at) {
        at = span.end;
        let piece = &css[span];
        if kind == Kind::Space {
            has_space = true;
            continue;
        }
        if kind == Kind::Comment && !piece.starts_with("/*!") {
            has_comment = true;
            continue;
        }
        let before = short.as_bytes().last().copied().unwrap_or(b'{');
        // No rule of CSS asks for a space beside these. One before `:` or `(` is the descendant of a selector or the
        // `and` of a condition; those around `+` and `-` belong to `calc()`.
        let is_apart =
            b"{};,(:>\n".contains(&before) || matches!(kind, Kind::Sign(b'{' | b'}' | b';' | b',' | b')' | b'>'));
        let is_empty_value = before == b':' && matches!(kind, Kind::Sign(b';' | b'}'));
        if has_space && (!is_apart || is_empty_value) {
            short.push(' ');
        } else if has_comment && !has_space && !is_apart {
            // Two words that only a comment keeps apart.
            short.push_str("/**/");
        }
        (has_space, has_comment) = (false, false);
        if kind == Kind::Sign(b'}') && short.ends_with(';') {
            short.pop();
        }
        short.push_str(piece);
    }
    short
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Files(BTreeMap<&'static str, &'static str>);

    impl Library for Files {
        fn text(&self, name: &str) -> Option<&str> {
            self.0.get(name).copied()
        }

        fn address(&self, _: &str, url: &str) -> Result<Option<String>, (String, String)> {
            match url {
                "lost.svg" => Err(("lost".to_owned(), String::new())),
                _ if url.starts_with("data:") => Ok(None),
                _ => Ok(Some(format!("/assets/{url}"))),
            }
        }

        fn import(&self, _: &str, url: &str) -> Result<String, (String, String)> {
            self.0.contains_key(url).then(|| url.to_owned()).ok_or_else(|| (format!("no {url}"), String::new()))
        }
    }

    fn bundled(files: &[(&'static str, &'static str)]) -> (String, Vec<Fault>) {
        let mut faults = Vec::new();
        let css = bundle("a.css", &Files(files.iter().copied().collect()), &mut faults);
        (css, faults)
    }

    #[test]
    fn what_separates_nothing_is_left_out() {
        for (css, short) in [
            ("a  b {\n  color : red;\n  margin: 0 auto;\n}\n\nc{}", "a b{color :red;margin:0 auto}c{}"),
            ("a :hover, b:hover > c {}", "a :hover,b:hover>c{}"),
            ("a { width: calc( 1px + 2px - (3px * 4) ) }", "a{width:calc(1px + 2px - (3px * 4))}"),
            ("@media screen and (min-width: 3px) { a { b: c } }", "@media screen and (min-width:3px){a{b:c}}"),
            ("a { --empty: ; --x : { } }", "a{--empty: ;--x :{}}"),
            ("a { content: \"/* no */  \\\" }\"; }", "a{content:\"/* no */  \\\" }\"}"),
            ("/* gone */ a /* gone */ b { c: d/**/e }", "a b{c:d/**/e}"),
            ("/*! kept */\na {}", "/*! kept */ a{}"),
            ("a { b: url( c d.png ) }", "a{b:url(\"/assets/c d.png\")}"),
            (".a\\:b .c\\ d {}", ".a\\:b .c\\ d{}"),
            ("é { a: 'ü' }", "é{a:'ü'}"),
            ("a { b: c", "a{b:c"),
            ("a { b: \"c", "a{b:\"c"),
            ("/* a", ""),
        ] {
            assert_eq!(bundled(&[("a.css", css)]), (short.to_owned(), Vec::new()), "{css}");
        }
    }

    #[test]
    fn addresses_are_those_that_are_published() {
        let css = "a { b: URL(c.svg), url('d\\.svg'), url( \"e.svg\" ), url(data:x), image(\"f.svg\") }";
        let expected =
            "a{b:url(\"/assets/c.svg\"),url(\"/assets/d.svg\"),url(\"/assets/e.svg\"),url(data:x),image(\"f.svg\")}";
        assert_eq!(bundled(&[("a.css", css)]).0, expected);
        let (_, faults) = bundled(&[("a.css", "a{b:url(lost.svg)}")]);
        assert_eq!(faults[0].span, (4, 17));
    }

    #[test]
    fn imports_are_put_in_their_place() {
        let b = ("b.css", "@charset \"utf-8\"; b { c: d }");
        for (css, expected) in [
            ("@charset \"utf-8\"; @import 'b.css'; a {}", "@charset \"utf-8\";b{c:d}a{}"),
            ("@layer x, y; @import url(b.css) layer(y); a {}", "@layer x,y;@layer y{b{c:d}}a{}"),
            ("@import url(\"b.css\") layer;", "@layer{b{c:d}}"),
            (
                "@import \"b.css\" layer(x.y) supports(display: grid) screen and (width > 3px);",
                "@media screen and (width>3px){@supports (display:grid){@layer x.y{b{c:d}}}}",
            ),
            ("@import \"b.css\" print, screen", "@import \"b.css\" print,screen"),
            ("@layer x { a {} } b {}", "@layer x{a{}}b{}"),
        ] {
            assert_eq!(bundled(&[("a.css", css), b]).0, expected, "{css}");
        }
        let names = |css: &str| imports(css).map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names("/* @import 'x'; */ @import 'a.css'; @import url(b.css);"), ["a.css", "b.css"]);
    }

    #[test]
    fn wrong_imports_are_faults() {
        let said = |files: &[(&'static str, &'static str)]| {
            bundled(files).1.into_iter().map(|fault| fault.message).collect::<Vec<_>>()
        };
        assert_eq!(said(&[("a.css", "@import 'c.css';")]), ["no c.css"]);
        assert_eq!(said(&[("a.css", "@import 'a.css';")]), ["the style sheet imports itself, in a circle"]);
        assert_eq!(said(&[("a.css", "b{} @import 'a.css';")]), ["an `@import` after other rules has no effect"]);
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(css in "(@import |@layer|url\\(|supports\\(|[-a-z@'\"(){};:,/*\\\\ é\n!>]|/\\*|\\*/){0,40}") {
            let files = Files(BTreeMap::new());
            struct One<'a>(&'a str, &'a Files);
            impl Library for One<'_> {
                fn text(&self, _: &str) -> Option<&str> { Some(self.0) }
                fn address(&self, from: &str, url: &str) -> Result<Option<String>, (String, String)> { self.1.address(from, url) }
                fn import(&self, from: &str, url: &str) -> Result<String, (String, String)> { self.1.import(from, url) }
            }
            bundle("a.css", &One(&css, &files), &mut Vec::new());
            imports(&css).count();
        }
    }
}
