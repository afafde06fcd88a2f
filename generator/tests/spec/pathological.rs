//! Markdown made to be slow: what is read twice for every part of it shows here, because it then takes minutes.

use std::time::{Duration, Instant};

use crate::site_archive;

/// Far more than anything below takes, and far less than anything quadratic would.
const TIME_MAX: Duration = Duration::from_secs(10);

const SITE: &str = "-- content/site.yaml --\n\
    {title: A, base_url: \"https://example.org\", language: en, timezone: UTC, theme: plain, \
    markdown: {math: true, smart_punctuation: true}}\n\
    -- themes/plain/templates/shortcodes/n.html --\n\
    {% component n(a: string = \"\") %}{{ a }}{% endcomponent n %}\n\
    -- themes/plain/templates/shortcodes/b.html --\n\
    {% component b() %}{{ body }}{% endcomponent b %}\n";

/// The name of a text and the text, of about a megabyte or of ten thousand parts.
fn texts() -> Vec<(&'static str, String)> {
    let numbered = |part: &str| (0..10_000).map(|n| part.replace('#', &n.to_string())).collect::<String>();
    vec![
        ("a line", "word ".repeat(200_000)),
        ("headings of one title", "## Same\n\n".repeat(10_000)),
        ("headings like their numbers", numbered("## Same-#\n\n## Same\n\n")),
        ("links to anchors", (0..10_000).map(|n| format!("## A{n}\n\n[a](#a{n}) ")).collect()),
        ("broken links to anchors", (0..10_000).map(|n| format!("## Anchor {n}\n\n[a](#ancho-{n}-x) ")).collect()),
        ("broken links to pages", numbered("[a](pages/regster-#.md) ")),
        ("broken links to addresses", numbered("[a](/regster-#/) ")),
        ("notes", numbered("a[^#]\n\n[^#]: b\n\n")),
        ("quotes", "> ".repeat(10_000) + "a"),
        ("lists", "- ".repeat(10_000) + "a"),
        ("brackets", "[".repeat(100_000) + "a" + &"]".repeat(100_000)),
        ("links in links", "[".repeat(10_000) + "a" + &"](b)".repeat(10_000)),
        ("pictures in pictures", "![".repeat(10_000) + "a" + &"](http://b)".repeat(10_000)),
        ("emphasis", "*a _b ".repeat(50_000)),
        ("code", "`a ``b ".repeat(50_000)),
        ("html", "<a href=\"".repeat(50_000)),
        ("comments", "<!-- a ".repeat(50_000)),
        ("alerts", "> [!NOTE]\n> a\n\n".repeat(10_000)),
        ("definitions", "a\n: b\n\n".repeat(10_000)),
        ("mathematics", "$a^2$ $$b$$ $".repeat(10_000)),
        ("shortcodes", "{{ n(a=\"b\") }} ".repeat(10_000)),
        ("bodies", "{% b() %}a{% end %} ".repeat(10_000)),
        ("bodies in blocks", "{% b() %}\na\n{% end %}\n".repeat(10_000)),
        ("bodies in bodies", "{% b() %}".repeat(10_000) + &"{% end %}".repeat(10_000)),
        ("shortcodes that do not end", "{{ n(a=\"".repeat(10_000)),
        ("quotations that do not end", "{{ n(a='b {{ n(a=\"".repeat(10_000)),
        ("lists that do not end", "{{ n(a=[\"{{ n(a=[\",".repeat(10_000)),
        ("braces", "{{".repeat(200_000)),
        ("braces and names", "{{ n ".repeat(100_000)),
        ("unknown shortcodes", numbered("{{ x#() }} ")),
        ("shortcodes in code", "`{{ n() }}` ".repeat(50_000)),
    ]
}

/// Each of three thousand pages has a link to a page that is not there, and all are near to it.
#[test]
fn no_number_of_broken_links_takes_quadratic_time() {
    let pages =
        (0..3_000).map(|n| format!("-- content/page-{n}.md --\n---\ntitle: A\n---\n[a](pge-{n}.md) [b](/pge-{n}/)\n"));
    let start = Instant::now();
    site_archive::build_case(&pages.collect::<String>(), &site_archive::options());
    assert!(start.elapsed() < TIME_MAX, "{:?}", start.elapsed());
}

#[test]
fn no_markdown_takes_quadratic_time() {
    let slow: Vec<String> = texts()
        .into_iter()
        .filter_map(|(name, text)| {
            let case = format!("{SITE}-- content/a.md --\n---\ntitle: A\n---\n{text}\n");
            let start = Instant::now();
            site_archive::build_case(&case, &site_archive::options());
            let time = start.elapsed();
            (time > TIME_MAX).then(|| format!("{name}: {time:?}"))
        })
        .collect();
    assert!(slow.is_empty(), "{slow:#?}");
}
