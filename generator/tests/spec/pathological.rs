//! Sites and texts made to be slow: what is read again for every part of it shows here, because four times as much of it
//! takes far more than four times as long. Seconds are not judged: they are the machine's.

use std::time::{Duration, Instant};

use crate::site_archive;

const SITE: &str = "-- content/site.yaml --\n\
    {title: A, base_url: \"https://example.org\", language: en, timezone: UTC, theme: plain, \
    markdown: {math: true, smart_punctuation: true}}\n\
    -- themes/plain/templates/shortcodes/n.html --\n\
    {% component n(a: string = \"\") %}{{ a }}{% endcomponent n %}\n\
    -- themes/plain/templates/shortcodes/b.html --\n\
    {% component b() %}{{ body }}{% endcomponent b %}\n";

/// The name of a text and the text, of so many parts; ten thousand are up to a megabyte.
fn texts(n: usize) -> Vec<(&'static str, String)> {
    let numbered = |part: &str| (0..n).map(|n| part.replace('#', &n.to_string())).collect::<String>();
    vec![
        ("a line", "word ".repeat(20 * n)),
        ("headings of one title", "## Same\n\n".repeat(n)),
        ("headings like their numbers", numbered("## Same-#\n\n## Same\n\n")),
        ("links to anchors", (0..n).map(|n| format!("## A{n}\n\n[a](#a{n}) ")).collect()),
        ("broken links to anchors", (0..n).map(|n| format!("## Anchor {n}\n\n[a](#ancho-{n}-x) ")).collect()),
        ("broken links to pages", numbered("[a](pages/regster-#.md) ")),
        ("broken links to addresses", numbered("[a](/regster-#/) ")),
        ("notes", numbered("a[^#]\n\n[^#]: b\n\n")),
        ("quotes", "> ".repeat(n) + "a"),
        ("lists", "- ".repeat(n) + "a"),
        ("brackets", "[".repeat(10 * n) + "a" + &"]".repeat(10 * n)),
        ("links in links", "[".repeat(n) + "a" + &"](b)".repeat(n)),
        ("pictures in pictures", "![".repeat(n) + "a" + &"](http://b)".repeat(n)),
        ("emphasis", "*a _b ".repeat(5 * n)),
        ("code", "`a ``b ".repeat(5 * n)),
        ("html", "<a href=\"".repeat(5 * n)),
        ("comments", "<!-- a ".repeat(5 * n)),
        ("alerts", "> [!NOTE]\n> a\n\n".repeat(n)),
        ("definitions", "a\n: b\n\n".repeat(n)),
        ("mathematics", "$a^2$ $$b$$ $".repeat(n)),
        ("shortcodes", "{{ n(a=\"b\") }} ".repeat(n)),
        ("bodies", "{% b() %}a{% end %} ".repeat(n)),
        ("bodies in blocks", "{% b() %}\na\n{% end %}\n".repeat(n)),
        ("bodies in bodies", "{% b() %}".repeat(n) + &"{% end %}".repeat(n)),
        ("shortcodes that do not end", "{{ n(a=\"".repeat(n)),
        ("quotations that do not end", "{{ n(a='b {{ n(a=\"".repeat(n)),
        ("lists that do not end", "{{ n(a=[\"{{ n(a=[\",".repeat(n)),
        ("braces", "{{".repeat(20 * n)),
        ("braces and names", "{{ n ".repeat(10 * n)),
        ("unknown shortcodes", numbered("{{ x#() }} ")),
        ("shortcodes in code", "`{{ n() }}` ".repeat(5 * n)),
    ]
}

/// A way to make a site, how many parts it has, and the site of so many parts.
type Growing = (&'static str, usize, fn(usize) -> String);

/// A theme with pages for terms.
const TERMS: &str = "-- themes/plain/templates/taxonomy.html --\n{% for term in page.terms %}{{ term.title }}{% endfor %}\n\
    -- themes/plain/templates/term.html --\n{% for entry in page.pages %}{{ entry.title }}{% endfor %}\n";

fn page_with(front: &str, text: &str) -> String {
    format!("-- content/a.md --\n---\ntitle: A\n{front}---\n{text}\n")
}

fn joined(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect()
}

fn growing() -> Vec<Growing> {
    vec![
        ("pages with broken links", 3_000, |n| {
            joined(n, |n| format!("-- content/page-{n}.md --\n---\ntitle: A\n---\n[a](pge-{n}.md) [b](/pge-{n}/)\n"))
        }),
        ("aliases", 10_000, |n| page_with(&format!("aliases: [{}]\n", joined(n, |n| format!("/old/{n}/, "))), "")),
        ("aliases that are taken", 4_000, |n| {
            page_with(&format!("aliases: [{}]\n", joined(n, |_| "/register/, ".to_owned())), "")
        }),
        ("terms of a page", 3_000, |n| {
            TERMS.to_owned() + &page_with(&format!("tags: [{}]\n", joined(n, |n| format!("t{n}, "))), "")
        }),
        ("terms in two spellings", 4_000, |n| {
            TERMS.to_owned() + &page_with(&format!("tags: [{}]\n", joined(n, |n| format!("t{n}, T{n}, "))), "")
        }),
        ("pages in one section", 4_000, |n| {
            joined(n, |n| format!("-- content/s/{n}.md --\n---\ntitle: A\n---\n"))
                + "-- content/s/_index.md --\n---\ntitle: S\n---\n"
        }),
        ("pages with one term", 3_000, |n| {
            TERMS.to_owned() + &joined(n, |n| format!("-- content/s-{n}.md --\n---\ntitle: A\ntags: [a]\n---\n"))
        }),
        ("pages with dates", 4_000, |n| {
            joined(n, |n| format!("-- content/s-{n}.md --\n---\ntitle: A\ndate: \"2020-01-{:02}\"\n---\n", n % 28 + 1))
        }),
        ("sections in sections", 150, |n| {
            joined(n, |depth| format!("-- content/{}_index.md --\n---\ntitle: S\n---\n", "s/".repeat(depth + 1)))
        }),
        ("parts of a list", 4_000, |n| {
            joined(n, |n| format!("-- content/s/{n}.md --\n---\ntitle: A\n---\n"))
                + "-- content/s/_index.md --\n---\ntitle: S\npaginate: 2\n---\n"
        }),
        ("pages at one address", 3_000, |n| {
            joined(n, |n| format!("-- content/s-{n}.md --\n---\ntitle: A\nslug: same\n---\n"))
        }),
        ("unknown keys", 10_000, |n| page_with(&joined(n, |n| format!("key{n}: 1\n")), "")),
        ("keys of one name", 10_000, |n| page_with(&joined(n, |_| "title: B\n".to_owned()), "")),
        ("a long list in front matter", 20_000, |n| page_with(&format!("extra: {{a: [{}]}}\n", "1, ".repeat(n)), "")),
        ("lines of front matter", 20_000, |n| {
            page_with(&format!("extra:\n{}", joined(n, |n| format!("  k{n}: v\n"))), "")
        }),
        ("entries of a menu", 2_000, |n| {
            let entries = joined(n, |_| "  - {label: A, to: register.md}\n".to_owned());
            format!(
                "-- content/site.yaml --\ntitle: A\nbase_url: https://example.org\nlanguage: en\ntimezone: UTC\ntheme: plain\nmenu:\n{entries}"
            )
        }),
        ("lines of data", 20_000, |n| "-- content/data/a.csv --\na,b\n".to_owned() + &"1,2\n".repeat(n)),
        ("cells of a table", 10_000, |n| page_with("", &format!("|a|\n|-|\n{}", "|b|\n".repeat(n)))),
        ("columns of a table", 2_000, |n| {
            page_with("", &format!("{}\n{}\n{}", "|a".repeat(n), "|-".repeat(n), "|b".repeat(n)))
        }),
        ("notes used often", 10_000, |n| page_with("", &("a[^1] ".repeat(n) + "\n\n[^1]: b"))),
        ("references", 10_000, |n| page_with("", &joined(n, |n| format!("[a{n}]\n\n[a{n}]: register.md\n\n")))),
        ("elements in elements", 20_000, |n| page_with("", &("<div>".repeat(n) + &"</div>".repeat(n)))),
        ("attributes", 20_000, |n| page_with("", &format!("<div {}>", joined(n, |n| format!("a{n}=b "))))),
        ("ids", 10_000, |n| page_with("", &joined(n, |_| "<i id=\"same\"></i> ".to_owned()))),
        ("styles", 20_000, |n| page_with("", &format!("<style>{}</style>", "a{b:url(c)}".repeat(n)))),
    ]
}

/// Four times as much may take four times as long, and some more where the machine is busy; sixteen times is quadratic.
const RATIO_MAX: u32 = 10;

/// What takes no longer is not measured: chance would be.
const TIME_MIN: Duration = Duration::from_millis(400);

#[test]
fn nothing_takes_quadratic_time() {
    let time = |case: &str| {
        let start = Instant::now();
        site_archive::build_case(case, &site_archive::options());
        start.elapsed()
    };
    let page = |text: &str| format!("{SITE}-- content/a.md --\n---\ntitle: A\n---\n{text}\n");
    let sites = growing().into_iter().map(|(name, parts, site)| (name, site(parts / 4), site(parts)));
    let texts = texts(2_500).into_iter().zip(texts(10_000));
    let pages = texts.map(|((name, quarter), (_, whole))| (name, page(&quarter), page(&whole)));
    let slow: Vec<String> = sites
        .chain(pages)
        .filter_map(|(name, quarter, whole)| {
            // What is slow by chance is not slow three times.
            let mut once = time(&quarter);
            let mut four = time(&whole);
            for _ in 0..2 {
                if four > TIME_MIN && four > once * RATIO_MAX {
                    (once, four) = (once.min(time(&quarter)), four.min(time(&whole)));
                }
            }
            (four > TIME_MIN && four > once * RATIO_MAX).then(|| format!("{name}: {once:?}, four times {four:?}"))
        })
        .collect();
    assert!(slow.is_empty(), "{slow:#?}");
}
