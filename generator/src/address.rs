//! The one module that puts URLs together: from content path to site path, from site path to permalink and file.
//!
//! A *site path* begins at the root and, for a page, ends with `/`: `/guides/choosing/`. It is kept unescaped;
//! [`permalink`] and [`href`] escape it.

#![expect(clippy::disallowed_methods, reason = "the one module that puts URLs together")]

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// What must be escaped in the path of a URL (URL Standard, path percent-encode set), and `%` itself.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'%')
    .add(b'^')
    .add(b'|')
    .add(b'\\');

/// The site path of a page from its path under `content/`, its last part replaced by `slug` if there is one.
///
/// `_index.md` and `index.md` stand for their folder.
#[must_use]
pub fn of_page(content_path: &str, slug: Option<&str>) -> String {
    let stem = content_path.strip_suffix(".md").unwrap_or(content_path);
    let stem = match stem.rsplit_once('/') {
        Some((folder, "_index" | "index")) => folder,
        None if matches!(stem, "_index" | "index") => "",
        _ => stem,
    };
    let mut parts: Vec<String> = stem.split('/').filter(|part| !part.is_empty()).map(slugify_path).collect();
    if let (Some(last), Some(slug)) = (parts.last_mut(), slug) {
        slug.clone_into(last);
    }
    parts.iter().fold(String::from("/"), |mut path, part| {
        path.push_str(part);
        path.push('/');
        path
    })
}

/// The site path of a file that is published as it is; `index.html` is what hosts serve for its folder.
#[must_use]
pub fn of_file(content_path: &str) -> String {
    let path = content_path.strip_suffix("index.html").filter(|folder| folder.is_empty() || folder.ends_with('/'));
    format!("/{}", path.unwrap_or(content_path))
}

/// Where the files of the theme stand.
pub const ASSETS: &str = "/assets/";

/// Where the theme is shown to whoever edits it.
pub const STYLE_GUIDE: &str = "/styleguide/";

/// The site path of a file of the theme, with a hash in its name if there is one: `/assets/fonts/a.0123.woff2`.
#[must_use]
pub fn of_asset(name: &str, hash: Option<&str>) -> String {
    let stem_end = name.rfind('.').filter(|dot| !name[*dot..].contains('/')).unwrap_or(name.len());
    let (stem, suffix) = name.split_at(stem_end);
    match hash {
        Some(hash) => format!("{ASSETS}{stem}.{hash}{suffix}"),
        None => format!("{ASSETS}{name}"),
    }
}

/// The site path of a picture in another width and format: `/a/photo.jpg.480w.webp`.
#[must_use]
pub fn of_scaled(picture: &str, width: usize, suffix: &str) -> String {
    format!("{picture}.{width}w.{suffix}")
}

/// The site path of a page, where its author may have left out the final slash: `/old/page` is `/old/page/`, and
/// `/old/page.html` stays what it is.
#[must_use]
pub fn with_slash(site_path: &str) -> String {
    let site_path = site_path.strip_suffix("/index.html").map_or(site_path, |folder| &site_path[..=folder.len()]);
    let last = site_path.rsplit('/').next().unwrap_or_default();
    let slash = if last.is_empty() || last.contains('.') { "" } else { "/" };
    format!("{site_path}{slash}")
}

/// The site path a form posts to.
#[must_use]
pub fn of_form(id: &str) -> String {
    format!("/api/{id}")
}

/// The site path at which a browser is asked for some work.
#[must_use]
pub fn of_challenge(id: &str) -> String {
    format!("{}/challenge", of_form(id))
}

/// The site path of a form's receipts as files; which of them is said after `?reference=`.
#[must_use]
pub fn of_receipt_file(id: &str) -> String {
    format!("{}/receipt.json", of_form(id))
}

/// The site path of something below a page: `below("/privacy/", "2018-09-26")` is `/privacy/2018-09-26/`.
#[must_use]
pub fn below(page: &str, part: &str) -> String {
    format!("{page}{part}/")
}

/// The site path of a later part of a list that is spread over several pages: `/guides/page/2/`.
#[must_use]
pub fn of_part(list: &str, number: usize) -> String {
    below(&below(list, "page"), &number.to_string())
}

/// The site path of a file that belongs to a page: `/guides/` and `atom.xml` are `/guides/atom.xml`.
#[must_use]
pub fn beside(page: &str, file: &str) -> String {
    format!("{page}{file}")
}

/// The absolute URL of a link as it stands in the finished page `page`; none where it is one already.
#[must_use]
pub fn absolute(base_url: &str, page: &str, link: &str) -> Option<String> {
    let at = link.find(['?', '#']).unwrap_or(link.len());
    let (path, rest) = link.split_at(at);
    match destination("", link) {
        Destination::Outside => None,
        _ if path.starts_with('/') => Some(format!("{base_url}{link}")),
        _ if path.is_empty() => Some(format!("{}{rest}", permalink(base_url, page))),
        _ => {
            let joined = join(href(page).trim_start_matches('/'), path)?;
            let slash = if path.ends_with('/') { "/" } else { "" };
            Some(format!("{base_url}/{joined}{slash}{rest}"))
        }
    }
}

/// The absolute URL of a site path; `base_url` has no final slash.
#[must_use]
pub fn permalink(base_url: &str, site_path: &str) -> String {
    let mut url = String::with_capacity(base_url.len() + site_path.len());
    url.push_str(base_url);
    url.extend(utf8_percent_encode(site_path, PATH));
    url
}

/// A site path as it is written into a link.
#[must_use]
pub fn href(site_path: &str) -> String {
    Cow::from(utf8_percent_encode(site_path, PATH)).into_owned()
}

/// The same with what follows the path.
#[must_use]
pub fn with_suffix(site_path: &str, suffix: &Suffix<'_>) -> String {
    let length = suffix.fragment.as_ref().map_or(0, |fragment| "#".len() + fragment.len());
    let mut link = String::with_capacity(site_path.len() + suffix.query.len() + length);
    link.extend(utf8_percent_encode(site_path, PATH));
    link.push_str(suffix.query);
    if let Some(fragment) = &suffix.fragment {
        link.push('#');
        link.extend(utf8_percent_encode(fragment, PATH));
    }
    link
}

/// An address on another site as it is sent: only what is not ASCII is escaped (URL Standard, section 4.4).
#[must_use]
pub fn ascii(url: &str) -> String {
    utf8_percent_encode(url, CONTROLS).to_string()
}

/// A link that opens a mail (RFC 6068).
#[must_use]
pub fn mailto(email: &str, subject: Option<&str>) -> String {
    // RFC 6068, section 2: what is not unreserved is escaped in the subject.
    let escaped = |text: &str| utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    match subject {
        Some(subject) => format!("mailto:{email}?subject={}", escaped(subject)),
        None => format!("mailto:{email}"),
    }
}

/// The file, relative to the output folder, that a site path is served from.
#[must_use]
pub fn output_file(site_path: &str) -> String {
    let path = site_path.trim_start_matches('/');
    if path.is_empty() || path.ends_with('/') { format!("{path}index.html") } else { path.to_owned() }
}

/// The folder that file stands in, relative to the output folder; none for the output folder itself.
#[must_use]
pub fn output_folder(site_path: &str) -> Option<&str> {
    site_path.trim_start_matches('/').rsplit_once('/').map(|(folder, _)| folder)
}

/// What follows the path in a link.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Suffix<'a> {
    /// The query with its `?`, as it was written; empty where there is none.
    pub query: &'a str,
    /// The fragment without its `#`, decoded.
    pub fragment: Option<Cow<'a, str>>,
}

/// Where a link leads, as its author wrote it.
#[derive(Debug, PartialEq, Eq)]
pub enum Destination<'a> {
    /// Another site, mail, or anything else with a scheme.
    Outside,
    /// A place on the same page.
    Fragment(Cow<'a, str>),
    /// A path from the root of the site, with what follows it.
    SitePath(Cow<'a, str>, Suffix<'a>),
    /// A file under `content/`, by its path there, with what follows it. None where the path leaves the folder.
    Content(Option<String>, Suffix<'a>),
}

/// Reads a link's destination; `from` is the content path of the file it stands in.
#[must_use]
pub fn destination<'a>(from: &str, link: &'a str) -> Destination<'a> {
    let scheme = link.split_once(':').map_or("", |(scheme, _)| scheme);
    let has_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+.-".contains(letter));
    if has_scheme || link.starts_with("//") {
        return Destination::Outside;
    }
    let decode = |text: &'a str| -> Cow<'a, str> {
        // As nearly every link is written.
        if text.is_ascii() && !text.contains('%') {
            return text.into();
        }
        match percent_decode_str(text).decode_utf8_lossy() {
            decoded if decoded.is_ascii() => decoded,
            decoded => nfc(&decoded).into_owned().into(),
        }
    };
    let (path, fragment) = match link.split_once('#') {
        Some((path, fragment)) => (path, Some(decode(fragment))),
        None => (link, None),
    };
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    if path.is_empty() {
        return Destination::Fragment(fragment.unwrap_or_default());
    }
    let (path, suffix) = (decode(path), Suffix { query, fragment });
    if path.starts_with('/') {
        return Destination::SitePath(path, suffix);
    }
    Destination::Content(join(from, &path), suffix)
}

/// The path of `relative` seen from the file `from`; none where it climbs above the top.
#[must_use]
pub fn join(from: &str, relative: &str) -> Option<String> {
    let mut path = String::with_capacity(from.len() + relative.len());
    path.push_str(from.rsplit_once('/').map_or("", |(folder, _)| folder));
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." if path.is_empty() => return None,
            ".." => path.truncate(path.rfind('/').unwrap_or(0)),
            part => {
                if !path.is_empty() {
                    path.push('/');
                }
                path.push_str(part);
            }
        }
    }
    Some(path)
}

/// How `to` is written in a link that stands in the file `from`.
#[must_use]
pub fn relative(from: &str, to: &str) -> String {
    let from: Vec<&str> = from.split('/').collect();
    let to: Vec<&str> = to.split('/').collect();
    let (folders, names) = (from.len() - 1, to.len() - 1);
    let shared = from[..folders].iter().zip(&to[..names]).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", folders - shared);
    up.chain(to[shared..].iter().copied()).collect::<Vec<_>>().join("/")
}

/// A word for an address: letters and digits of any script in lower case, everything else folded to `-`.
#[must_use]
pub fn slugify(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_word(letter) {
            slug.extend(letter.to_lowercase());
        } else if !"'’".contains(letter) && !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// The anchor of a heading, as GitHub makes it, so that a link to a place in a text is the same there and here: letters
/// and digits of any script in lower case, `_` and `-`; each space becomes `-`, and nothing else stays.
#[must_use]
pub fn anchor(title: &str) -> String {
    let mut anchor = String::with_capacity(title.len());
    for letter in title.trim().chars() {
        match letter {
            ' ' => anchor.push('-'),
            '-' => anchor.push(letter),
            _ if is_word(letter) => anchor.extend(letter.to_lowercase()),
            _ => {}
        }
    }
    anchor
}

/// Letters with the marks that some scripts write them with, digits, and `_`.
pub(crate) fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || is_combining_mark(letter)
}

/// Whether a word can stand in an address as it is.
#[must_use]
pub fn is_plain(part: &str) -> bool {
    part.chars().all(|letter| is_word(letter) || "-.~".contains(letter))
}

/// A term as part of an address. `C`, `C++` and `C#` are three terms, so what tells them apart is spelt out.
#[must_use]
pub fn of_term(name: &str) -> String {
    if name.contains(['+', '#']) {
        return slugify(&name.replace('+', " plus ").replace('#', " sharp "));
    }
    slugify(name)
}

/// One spelling for what looks the same: Unicode's composed form (NFC), which file names on macOS are not in.
#[must_use]
pub fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// Why a file or folder cannot have this name on every system, if it cannot (Windows: “Naming Files, Paths, and
/// Namespaces”; elsewhere 255 bytes are the limit).
#[must_use]
pub fn fault_of_name(name: &str) -> Option<String> {
    const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let is_port = stem.len() == 4
        && stem.ends_with(|digit: char| ('1'..='9').contains(&digit))
        && ["com", "lpt"].iter().any(|port| stem[..3].eq_ignore_ascii_case(port));
    if is_port || DEVICES.iter().any(|device| stem.eq_ignore_ascii_case(device)) {
        return Some(format!("`{stem}` is the name of a device on Windows"));
    }
    if let Some(letter) = name
        .chars()
        .find(|letter| matches!(letter, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\\') || letter.is_control())
    {
        return Some(format!("`{}` cannot stand in a file's name on Windows", letter.escape_default()));
    }
    if name.ends_with(['.', ' ']) {
        return Some("on Windows a name cannot end with a full stop or a space".to_owned());
    }
    (name.len() > 255).then(|| "a name can have 255 bytes at most".to_owned())
}

/// Part of a path: kept as it is where it is fit for a URL (`2018-09-26`, `v1.2`), else made so.
fn slugify_path(part: &str) -> String {
    if is_plain(part) { part.to_owned() } else { slugify(part) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        assert_eq!(of_page("_index.md", None), "/");
        assert_eq!(of_page("guides/_index.md", None), "/guides/");
        assert_eq!(of_page("guides/Choosing a plan.md", None), "/guides/choosing-a-plan/");
        assert_eq!(of_page("guides/a.md", Some("b")), "/guides/b/");
        assert_eq!(of_page("guides/choosing/index.md", None), "/guides/choosing/");
        assert_eq!(of_page("guides/choosing/index.md", Some("b")), "/guides/b/");
        assert_eq!(of_page("guides/reindex.md", None), "/guides/reindex/");
        assert_eq!(of_part("/guides/", 2), "/guides/page/2/");
        assert_eq!(of_page("privacy/2018-09-26.md", None), "/privacy/2018-09-26/");
        assert_eq!(of_page("日本.md", None), "/日本/");
        assert_eq!(permalink("https://example.org", "/日本/"), "https://example.org/%E6%97%A5%E6%9C%AC/");
        assert_eq!(of_file("guides/index.html"), "/guides/");
        assert_eq!(of_file("guides/myindex.html"), "/guides/myindex.html");
        assert_eq!(with_slash("/old"), "/old/");
        assert_eq!(with_slash("/old/index.html"), "/old/");
        assert_eq!(with_slash("/old.html"), "/old.html");
        assert_eq!(output_file("/"), "index.html");
        assert_eq!(output_file("/a/"), "a/index.html");
        assert_eq!(output_file("/robots.txt"), "robots.txt");
        assert_eq!(["/", "/a/", "/a/b.txt"].map(output_folder), [None, Some("a"), Some("a")]);
    }

    #[test]
    fn links() {
        use Destination::{Content, Fragment, Outside, SitePath};
        let fragment = |text: &'static str| Suffix { query: "", fragment: Some(text.into()) };
        let none = Suffix::default;
        assert_eq!(destination("a.md", "https://example.org"), Outside);
        assert_eq!(destination("a.md", "mailto:a@example.org"), Outside);
        assert_eq!(destination("a.md", "//example.org/x"), Outside);
        assert_eq!(destination("a.md", "#top"), Fragment("top".into()));
        assert_eq!(destination("a.md", "/privacy/#use"), SitePath("/privacy/".into(), fragment("use")));
        assert_eq!(destination("g/a.md", "../b.md#c"), Content(Some("b.md".into()), fragment("c")));
        assert_eq!(destination("g/a.md", "a%20b.md"), Content(Some("g/a b.md".into()), none()));
        assert_eq!(destination("a.md", "../b.md"), Content(None, none()));
        let both = Suffix { query: "?d=e", fragment: Some("c".into()) };
        assert_eq!(with_suffix("/a b/", &both), "/a%20b/?d=e#c");
        assert_eq!(destination("a.md", "b.md?d=e#c"), Content(Some("b.md".into()), both));
    }

    #[test]
    fn relative_is_the_inverse_of_join() {
        for (from, to) in [("a.md", "b.md"), ("g/a.md", "b.md"), ("g/a.md", "g/h/b.md"), ("g/h/a.md", "i/b.md")] {
            assert_eq!(join(from, &relative(from, to)).as_deref(), Some(to), "{from} to {to}");
        }
    }

    #[test]
    fn slugs() {
        assert_eq!(slugify("What Data Do We Collect?"), "what-data-do-we-collect");
        assert_eq!(slugify("Überblick – 2. Teil"), "überblick-2-teil");
        assert_eq!(slugify("How Long Do We Keep Children’s Work?"), "how-long-do-we-keep-childrens-work");
        assert_eq!(slugify("???"), "");
        assert_eq!(slugify("Next.js"), "next-js");
        assert_eq!(slugify("हिन्दी ที่นี่"), "हिन्दी-ที่นี่");
    }

    #[test]
    fn mail() {
        assert_eq!(mailto("a@example.org", Some("WEBSITE")), "mailto:a@example.org?subject=WEBSITE");
        assert_eq!(mailto("a@example.org", Some("a b&c")), "mailto:a@example.org?subject=a%20b%26c");
    }

    /// What GitHub gives to these headings.
    #[test]
    fn anchors_are_those_of_github() {
        for (title, expected) in [
            ("Next.js", "nextjs"),
            ("Q & A", "q--a"),
            ("What data do we collect?", "what-data-do-we-collect"),
            ("Überblick – 2. Teil", "überblick--2-teil"),
            ("How Long Do We Keep Children’s Work?", "how-long-do-we-keep-childrens-work"),
            ("snake_case and kebab-case", "snake_case-and-kebab-case"),
            ("--flag -x", "--flag--x"),
            ("हिन्दी ที่นี่", "हिन्दी-ที่นี่"),
            ("日本語、はい。", "日本語はい"),
            ("C++", "c"),
            ("🎉", ""),
        ] {
            assert_eq!(anchor(title), expected, "{title}");
        }
    }

    #[test]
    fn links_in_feeds_are_absolute() {
        let absolute = |link| absolute("https://example.org", "/guides/é/", link);
        assert_eq!(absolute("/a/?b#c").unwrap(), "https://example.org/a/?b#c");
        assert_eq!(absolute("#c").unwrap(), "https://example.org/guides/%C3%A9/#c");
        assert_eq!(absolute("a.svg").unwrap(), "https://example.org/guides/%C3%A9/a.svg");
        assert_eq!(absolute("../b/?c").unwrap(), "https://example.org/guides/b/?c");
        for outside in ["https://example.com/", "//example.com/", "mailto:a@example.org", "../../../a"] {
            assert_eq!(absolute(outside), None, "{outside}");
        }
    }

    #[test]
    fn terms() {
        let slugs = ["C", "C++", "C#", "F#", "Node.js", "Q & A", "日本 語", "Été"].map(of_term);
        assert_eq!(slugs, ["c", "c-plus-plus", "c-sharp", "f-sharp", "node-js", "q-a", "日本-語", "été"]);
    }

    #[test]
    fn names_for_every_system() {
        for fit in ["a.md", "console", "com", "com10", "lpt0", "日本", ".well-known", "a b", "auxiliary.md"] {
            assert_eq!(fault_of_name(fit), None, "{fit}");
        }
        for unfit in ["con", "CON.md", "aux.tar.gz", "com1", "Lpt9.txt", "a:b", "a?", "a.", "a ", "a\tb"] {
            assert!(fault_of_name(unfit).is_some(), "{unfit}");
        }
        assert!(fault_of_name(&"é".repeat(128)).is_some());
    }
}
