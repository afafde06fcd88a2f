//! Looks at a page's finished bytes: the tags in them, their ids, and everything that makes a browser ask for something.
//!
//! It is a scanner, not a parser: it looks at tags one by one. What may be asked for, and of whom, is not known here.

pub mod script;
pub mod style;
mod tag;

use memchr::memmem;
use std::borrow::Cow;

use memchr::memchr;

pub use self::tag::tags;
use self::tag::{elements, texts};
use crate::words::Words;

/// What a browser asks for, by the purpose a policy tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// A picture.
    Image,
    /// A style sheet.
    Style,
    /// A picture or a font that a style asks for.
    OfStyle,
    /// Sound or film.
    Media,
    /// A page in a frame.
    Frame,
    /// Something a script or a ping talks to.
    Connection,
    /// What is typed into a form goes there.
    Form,
    /// Anything else: a page one is led to, a connection opened in advance.
    Other,
}

/// Something on a page that the statement must allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding<'a> {
    /// As it is written in the page, to find its place in a file.
    pub written: &'a str,
    /// What it is.
    pub kind: FindingKind<'a>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindingKind<'a> {
    /// An address that is asked for, and may be another site's.
    Load(Load, Cow<'a, str>),
    /// A form, and where it sends what is typed.
    Form(Cow<'a, str>),
    /// A field for a password.
    Password,
    /// A script's text.
    Script(&'a str),
    /// A script in a file of its own, with its integrity hash.
    ScriptFile(&'a str),
    /// A script in an attribute.
    Handler,
    /// A header that sets a cookie, in the page.
    Cookie,
    /// An e-mail address that visitors may write to.
    Mail(Cow<'a, str>),
}

/// A page's finished bytes, looked at.
#[derive(Debug, Default)]
pub struct Scanned<'a> {
    /// The ids in it.
    pub ids: Ids,
    /// What the statement must allow.
    pub findings: Vec<Finding<'a>>,
}

/// Looks at a page, or at a picture in SVG.
#[must_use]
pub fn page(html: &str) -> Scanned<'_> {
    let mut ids: Vec<Cow<'_, str>> = Vec::new();
    let mut findings = Vec::new();
    elements(html, |tag, attributes, text| {
        for (name, value) in attributes {
            if name.eq_ignore_ascii_case("id") {
                ids.push(unescape(value));
            } else {
                look_at(tag, attributes, name, value, &mut findings);
            }
        }
        look_at_element(tag, attributes, text, &mut findings);
    });
    ids.sort_unstable();
    Scanned { ids: Ids { sorted: Words::of(&ids) }, findings }
}

/// What a page says to whoever reads it, or searches it: its text without tags, comments, scripts and styles, with one
/// space where there was any, or a tag.
#[must_use]
pub fn visible_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    texts(html, |piece| {
        for word in decode(piece).split_whitespace() {
            text.push_str(word);
            text.push(' ');
        }
    });
    text.truncate(text.trim_end().len());
    text
}

fn value_of<'a>(attributes: &[(&'a str, &'a str)], wanted: &str) -> Option<&'a str> {
    // A browser takes the first of two attributes with one name.
    attributes.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value)
}

/// Looks at one attribute. Nearly all are told apart by their length, so that nothing else is done for them.
fn look_at<'a>(
    tag: &'a str,
    attributes: &[(&'a str, &'a str)],
    name: &'a str,
    value: &'a str,
    found: &mut Vec<Finding<'a>>,
) {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    let is_tag = |others: &[&str]| others.iter().any(|other| tag.eq_ignore_ascii_case(other));
    match name.len() {
        3 if is("src") && !is_tag(&["script"]) => load(load_of(tag), value, found),
        4 if is("href") => reference(tag, attributes, value, found),
        10 if is("xlink:href") => reference(tag, attributes, value, found),
        4 if is("data") && is_tag(&["object"]) => load(Load::Other, value, found),
        4 if is("ping") => value.split_ascii_whitespace().for_each(|to| load(Load::Connection, to, found)),
        14 if is("attributionsrc") => value.split_ascii_whitespace().for_each(|to| load(Load::Connection, to, found)),
        5 if is("style") => styles(value, found),
        6 if is("poster") => load(Load::Image, value, found),
        10 if is("background") => load(Load::Image, value, found),
        10 if is("formaction") => found.push(Finding { written: value, kind: FindingKind::Form(decode(value)) }),
        6 if is("srcset") => candidates(value).for_each(|candidate| load(Load::Image, candidate, found)),
        11 if is("imagesrcset") => candidates(value).for_each(|candidate| load(Load::Image, candidate, found)),
        6 if is("srcdoc") => {
            // A page in an attribute; what is found in it is found at the attribute.
            let inner = decode(value).into_owned();
            let kinds = page(&inner).findings.into_iter().filter_map(|finding| finding.kind.into_owned());
            found.extend(kinds.map(|kind| Finding { written: value, kind }));
        }
        2 | 4 | 6 if is_tag(&["set", "animate"]) && ["to", "from", "by", "values"].into_iter().any(is) => {
            // An animation may change where an element's `href` leads.
            value.split(';').for_each(|address| load(Load::Other, address.trim(), found));
        }
        _ if name.len() > 2 && is_handler(name) => found.push(Finding { written: value, kind: FindingKind::Handler }),
        _ if value.starts_with("url(") => styles(value, found),
        _ => {}
    }
}

fn is_handler(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes[0] | 0x20 == b'o' && bytes[1] | 0x20 == b'n' && bytes[2..].iter().all(u8::is_ascii_alphabetic)
}

/// Looks at what an element is, apart from its attributes.
fn look_at_element<'a>(tag: &'a str, attributes: &[(&'a str, &'a str)], text: &'a str, found: &mut Vec<Finding<'a>>) {
    let is = |other: &str| tag.eq_ignore_ascii_case(other);
    match tag.len() {
        4 if is("form") => {
            let action = value_of(attributes, "action").unwrap_or_default();
            let written = if action.is_empty() { "<form" } else { action };
            found.push(Finding { written, kind: FindingKind::Form(decode(action)) });
        }
        4 if is("meta") => {
            let Some(equivalent) = value_of(attributes, "http-equiv") else { return };
            let content = value_of(attributes, "content").unwrap_or_default();
            if equivalent.eq_ignore_ascii_case("set-cookie") {
                found.push(Finding { written: content, kind: FindingKind::Cookie });
            } else if equivalent.eq_ignore_ascii_case("refresh")
                && let Some((_, address)) = content.split_once([';', ','])
            {
                let address = address.trim_start();
                let url = address.get(..3).filter(|url| url.eq_ignore_ascii_case("url"));
                let address = url.map_or(address, |_| address[3..].trim_start().trim_start_matches('='));
                load(Load::Other, address.trim().trim_matches(['"', '\'']), found);
            }
        }
        5 if is("input")
            && value_of(attributes, "type").is_some_and(|kind| kind.trim().eq_ignore_ascii_case("password")) =>
        {
            found.push(Finding { written: "type=\"password\"", kind: FindingKind::Password });
        }
        5 if is("style") => styles(text, found),
        6 if is("script") && script::is_script(value_of(attributes, "type")) => {
            let file = ["src", "href", "xlink:href"].iter().find_map(|name| value_of(attributes, name));
            found.push(match file {
                Some(written) => {
                    let integrity = value_of(attributes, "integrity").unwrap_or_default();
                    Finding { written, kind: FindingKind::ScriptFile(integrity) }
                }
                None => Finding { written: text, kind: FindingKind::Script(text) },
            });
        }
        _ => {}
    }
}

impl FindingKind<'_> {
    /// The same, of a text that is gone; none for a script, which is looked at where it stands.
    fn into_owned(self) -> Option<FindingKind<'static>> {
        Some(match self {
            Self::Load(load, address) => FindingKind::Load(load, address.into_owned().into()),
            Self::Form(action) => FindingKind::Form(action.into_owned().into()),
            Self::Mail(address) => FindingKind::Mail(address.into_owned().into()),
            Self::Password => FindingKind::Password,
            Self::Cookie => FindingKind::Cookie,
            Self::Script(_) | Self::ScriptFile(_) | Self::Handler => FindingKind::Handler,
        })
    }
}

fn load_of(tag: &str) -> Load {
    let is = |others: &[&str]| others.iter().any(|other| tag.eq_ignore_ascii_case(other));
    if is(&["img", "input"]) {
        Load::Image
    } else if is(&["video", "audio", "source", "track"]) {
        Load::Media
    } else if is(&["iframe", "frame"]) {
        Load::Frame
    } else {
        Load::Other
    }
}

fn load<'a>(load: Load, value: &'a str, found: &mut Vec<Finding<'a>>) {
    if may_leave(value) {
        found.push(Finding { written: value, kind: FindingKind::Load(load, decode(value)) });
    }
}

/// What `href` leads to: with `a` only when somebody follows it, with `link` by its relation, else at once.
fn reference<'a>(tag: &str, attributes: &[(&'a str, &'a str)], value: &'a str, found: &mut Vec<Finding<'a>>) {
    if tag.eq_ignore_ascii_case("a") || tag.eq_ignore_ascii_case("area") {
        if !may_leave(value) || value.starts_with("https:") || value.starts_with("http:") {
            return;
        }
        let address = decode(value);
        let plain: String = address.chars().filter(|letter| !letter.is_ascii_control()).collect();
        let scheme = plain.trim_start().split(':').next().unwrap_or_default();
        if scheme.eq_ignore_ascii_case("javascript") {
            found.push(Finding { written: value, kind: FindingKind::Handler });
        } else if scheme.eq_ignore_ascii_case("mailto") {
            found.push(Finding { written: value, kind: FindingKind::Mail(address) });
        }
    } else if tag.eq_ignore_ascii_case("link") {
        if !may_leave(value) {
            return;
        }
        let relation = value_of(attributes, "rel").unwrap_or_default();
        let mut words = relation.split_ascii_whitespace();
        let is = |wanted: &str| relation.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case(wanted));
        if words.all(|word| RELATIONS_OF_LINKS.iter().any(|relation| relation.eq_ignore_ascii_case(word))) {
            return;
        }
        let kind = if is("stylesheet") {
            Load::Style
        } else if is("icon") || is("apple-touch-icon") || is("mask-icon") {
            Load::Image
        } else {
            Load::Other
        };
        load(kind, value, found);
    } else if !tag.eq_ignore_ascii_case("script") {
        let kind = if tag.eq_ignore_ascii_case("image") { Load::Image } else { Load::Other };
        load(kind, value, found);
    }
}

/// Relations for which no browser asks for anything; every other one counts as a request.
const RELATIONS_OF_LINKS: [&str; 33] = [
    "alternate",
    "amphtml",
    "author",
    "bookmark",
    "canonical",
    "cite-as",
    "collection",
    "describedby",
    "edit",
    "first",
    "help",
    "hub",
    "item",
    "last",
    "latest-version",
    "license",
    "me",
    "next",
    "original",
    "pingback",
    "predecessor-version",
    "prev",
    "privacy-policy",
    "search",
    "self",
    "shortlink",
    "successor-version",
    "terms-of-service",
    "timegate",
    "timemap",
    "up",
    "version-history",
    "webmention",
];

fn styles<'a>(css: &'a str, found: &mut Vec<Finding<'a>>) {
    if css.contains(['(', '@', '\\']) {
        style::requests(css, |written, address| {
            found.push(Finding { written, kind: FindingKind::Load(Load::OfStyle, address.into()) });
        });
    }
}

/// The addresses in a `srcset` (HTML Standard, section 4.8.4.3.10).
fn candidates(mut rest: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == ',');
        let end = rest.find(|letter: char| letter.is_ascii_whitespace()).unwrap_or(rest.len());
        let (address, after) = rest.split_at(end);
        rest = match address.ends_with(',') {
            true => after,
            false => after.split_once(',').map_or("", |(_, after)| after),
        };
        Some(address.trim_end_matches(',')).filter(|address| !address.is_empty())
    })
}

/// Whether an address could be another site's; most are told by their first letters.
#[must_use]
pub fn may_leave(address: &str) -> bool {
    for (at, byte) in address.bytes().enumerate() {
        match byte {
            b'/' if at == 0 => {
                return address.as_bytes().get(1).is_some_and(|next| matches!(next, b'/' | b'\\' | b'&' | 0..=b' '));
            }
            b':' | b'&' | b'\\' | 0..=b' ' => return true,
            b'/' | b'?' | b'#' => return false,
            _ => {}
        }
    }
    false
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
    memmem::find_iter(html.as_bytes(), "<a ").any(|at| {
        let link = html[at..].split("</a").next().unwrap_or_default();
        let (tag, text) = link.split_once('>').unwrap_or_default();
        tag.contains("href") && !tag.contains("hidden") && text.contains("rivacy")
    })
}

/// The values of a page's `id` attributes, which links can lead to.
#[derive(Debug, Default)]
pub struct Ids {
    /// In the order of their letters, so that one of ten thousand is found at once.
    sorted: Words,
}

impl Ids {
    /// Collects them.
    #[must_use]
    pub fn of(html: &str) -> Self {
        page(html).ids
    }

    /// Whether an element has this id.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.sorted.contains_in_order(id)
    }

    /// Ids that more than one element has.
    pub fn repeated(&self) -> impl Iterator<Item = &str> {
        self.iter().zip(self.iter().skip(1)).filter(|(one, next)| one == next).map(|(id, _)| id)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.sorted.iter()
    }
}

/// The few references our own escaping writes.
fn unescape(value: &str) -> Cow<'_, str> {
    if memchr(b'&', value.as_bytes()).is_none() {
        return value.into();
    }
    let value = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    value.replace("&#39;", "'").replace("&#x27;", "'").replace("&amp;", "&").into()
}

/// An attribute's value as a browser reads it: character references by number, and those by name that could hide an
/// address (HTML Standard, section 13.2.5.73).
#[must_use]
pub fn decode(value: &str) -> Cow<'_, str> {
    const NAMED: [(&str, char); 14] = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
        ("colon", ':'),
        ("sol", '/'),
        ("bsol", '\\'),
        ("period", '.'),
        ("commat", '@'),
        ("quest", '?'),
        ("num", '#'),
        ("Tab", '\t'),
        ("NewLine", '\n'),
    ];
    if memchr(b'&', value.as_bytes()).is_none() {
        return value.into();
    }
    let mut decoded = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        let end = after.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '#')).unwrap_or(after.len());
        let name = &after[..end];
        let letter = match name.strip_prefix('#') {
            Some(number) => match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => number.parse().ok(),
            }
            .and_then(char::from_u32),
            None => NAMED.iter().find(|(known, _)| *known == name).map(|(_, letter)| *letter),
        };
        rest = match letter {
            Some(letter) => {
                decoded.push(letter);
                after[end..].strip_prefix(';').unwrap_or(&after[end..])
            }
            None => {
                decoded.push('&');
                after
            }
        };
    }
    (decoded + rest).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loads(html: &str) -> Vec<String> {
        let address = |finding: Finding<'_>| match finding.kind {
            FindingKind::Load(_, address) => Some(address.into_owned()).filter(|address| !address.starts_with("data:")),
            _ => None,
        };
        page(html).findings.into_iter().filter_map(address).collect()
    }

    #[test]
    fn every_attribute_that_asks_for_something_is_looked_at() {
        for html in [
            "<img src=https://a.example/x>",
            "<IMG SRC='//a.example/x'>",
            "<img src=\"ht\ntps://a.example/x\">",
            "<img src=&#104;ttps&colon;//a.example/x>",
            "<img src='/\\a.example/x'>",
            "<img srcset=\"/a.png 1x, https://a.example/x 2x\">",
            "<source srcset='data:image/png;base64,//8A 1x, https://a.example/x'>",
            "<link rel=preload as=image imagesrcset='https://a.example/x 2x'>",
            "<link rel=stylesheet href=https://a.example/x>",
            "<link rel='alternate stylesheet' href=https://a.example/x>",
            "<link rel=preconnect href=https://a.example>",
            "<link rel=dns-prefetch href=//a.example>",
            "<video poster=https://a.example/x></video>",
            "<object data=https://a.example/x></object>",
            "<a href=/ ping='/own https://a.example/x'>",
            "<body background=https://a.example/x>",
            "<svg><image xlink:href=https://a.example/x /></svg>",
            "<svg><use href=https://a.example/x /></svg>",
            "<svg><rect fill='url(https://a.example/x)'/></svg>",
            "<meta http-equiv=refresh content='0; URL=https://a.example/x'>",
            "<p style='background: url(https://a.example/x)'>",
            "<style>@import 'https://a.example/x';</style>",
            "<iframe srcdoc='<img src=https://a.example/x>'></iframe>",
            "<!--><img src=https://a.example/x>-->",
            "<!-- a --!><img src=https://a.example/x>",
            "<base href=https://a.example/>",
            "<?xml-stylesheet href=\"https://a.example/x\"?><svg/>",
        ] {
            let found = loads(html);
            assert_eq!(found.len(), 1, "{html}: {found:?}");
            let plain: String = found[0].chars().filter(|letter| !letter.is_ascii_control()).collect();
            assert!(plain.contains("a.example"), "{html}: {found:?}");
        }
    }

    #[test]
    fn what_asks_for_nothing_is_not_reported() {
        for html in [
            "<a href=https://a.example/x>",
            "<link rel=canonical href=https://a.example/x>",
            "<img src=/a.png srcset='/b.png 2x'>",
            "<img src=a/b:c.png>",
            "<!-- <img src=https://a.example/x> -->",
            "<script type='application/ld+json'>{\"image\": \"https://a.example/x\"}</script>",
            "<p data-src=https://a.example/x style='text-align: right'>",
            "<meta property=og:image content=https://a.example/x>",
        ] {
            assert!(page(html).findings.is_empty(), "{html}: {:?}", page(html).findings);
        }
    }

    #[test]
    fn forms_scripts_passwords_and_addresses_are_found() {
        let kinds = |html| page(html).findings.into_iter().map(|finding| finding.kind).collect::<Vec<_>>();
        assert_eq!(kinds("<form action=/x>"), [FindingKind::Form("/x".into())]);
        assert_eq!(kinds("<button formaction=/x>"), [FindingKind::Form("/x".into())]);
        assert_eq!(kinds("<input type=PASSWORD>"), [FindingKind::Password]);
        assert_eq!(kinds("<script>a()</script>"), [FindingKind::Script("a()")]);
        assert_eq!(kinds("<script src=/a.js integrity=b></script>"), [FindingKind::ScriptFile("b")]);
        assert_eq!(kinds("<p onclick='a()'>"), [FindingKind::Handler]);
        assert_eq!(kinds("<a href=' java&Tab;script:a()'>"), [FindingKind::Handler]);
        assert_eq!(kinds("<a href='mailto:a@b.example'>"), [FindingKind::Mail("mailto:a@b.example".into())]);
        assert_eq!(kinds("<meta http-equiv=Set-Cookie content='a=b'>"), [FindingKind::Cookie]);
    }

    #[test]
    fn finds_ids_as_a_browser_would() {
        let html = r#"<!doctype html><p id=a class="b">text id="no" <a ID='c d' href=x/>
            <!-- <p id="no"> --> <script>"<p id='no'>"</script><style>p[id="no"]{}</style><h2 id="tom&amp;co">"#;
        assert_eq!(Ids::of(html).iter().collect::<Vec<_>>(), ["a", "c d", "tom&co"]);
    }

    #[test]
    fn text_is_what_stands_between_tags() {
        for (html, text) in [
            ("<h1 id=\"a\">A<br>b</h1><p>c &amp; <b>d</b>e", "A b c & d e"),
            ("a<script>let b = 1 < 2;</script> c<style>d{}</style>", "a c"),
            ("a<STYLE>d{}</Style> b<script>é", "a b"),
            ("a < b <", "a < b <"),
            ("1<2 and 3>2", "1<2 and 3>2"),
            ("a<!-- > b <p>c</p> -->d", "a d"),
            ("a<img alt=\"1 > 2\">b<p title='>'>c</p >d", "a b c d"),
            ("<!doctype html>\n a\u{a0}&#8220;b&#8221;<?c?></>d", "a “b” d"),
            ("a<stylish>b</stylish>", "a b"),
        ] {
            assert_eq!(visible_text(html), text, "{html}");
        }
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
            let _ = (Ids::of(html), visible_text(html));
        }
    }
}
