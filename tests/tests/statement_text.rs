//! The published statement says what the company's statement says, word for word.

use std::fs;

use tests::program::repository;
use tests::site::Site;

/// The text of a page in the order a reader sees it; tags between blocks become spaces.
fn text(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, after) = tag.split_once('>').expect("a tag ends");
        let name = tag.trim_start_matches('/').split(|letter: char| !letter.is_ascii_alphanumeric()).next();
        let name = name.unwrap_or_default();
        if !["a", "b", "em", "i", "span", "strong"].contains(&name) {
            text.push(' ');
        }
        rest = match name {
            "script" | "style" if !tag.starts_with('/') => after.split_once(&format!("</{name}")).expect("it ends").1,
            _ => after,
        };
    }
    text.push_str(rest);
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    text.replace("&#x27;", "'").replace("&amp;", "&")
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// The statement between its furniture: logo, title and date before it, the line at the foot behind it.
fn seed() -> String {
    let file =
        fs::read_to_string(repository().join("tests/fixtures/privacy-statement.txt")).expect("the seed is there");
    let start = file.find("Optimal PTC LLC (the “Company”)").expect("where the statement begins");
    let end = file.find("2024 Optimal PTC. All rights reserved.").expect("where the statement ends");
    file[start..end].to_owned()
}

const PAGES: [&str; 2] = ["public/privacy/index.html", "public/privacy/2018-09-26/index.html"];

#[test]
fn every_word_stands_in_its_place_and_none_between() {
    let site = Site::shipped().built();
    let seed = seed();
    let seed = words(&seed);
    assert_eq!(seed.len(), 952, "the seed itself");
    for page in PAGES {
        let text = text(&site.read(page));
        let page_words = words(&text);
        let found = page_words.windows(seed.len()).filter(|window| *window == seed).count();
        assert_eq!(found, 1, "{page} says:\n{text}");
    }
}

#[test]
fn title_date_and_furniture_stand_around_it() {
    let site = Site::shipped().built();
    for page in PAGES {
        let html = site.read(page);
        let text = text(&html);
        let (before, after) = text.split_once("Optimal PTC LLC (the “Company”)").expect("the statement begins");
        for part in
            ["Optimal Parent Teacher Conferencing", "PRIVACY STATEMENT: OPTIMALPTC", "Effective", "September 26, 2018"]
        {
            assert!(before.contains(part), "{page} has no `{part}` before the statement, but:\n{before}");
        }
        assert!(after.contains("2024 Optimal PTC. All rights reserved."), "{page} ends:\n{after}");
        assert!(html.contains("datetime=\"2018-09-26"), "{page} gives machines no date");
    }
}

#[test]
fn sections_have_anchors_and_addresses_are_links() {
    let site = Site::shipped().built();
    let anchors = [
        "collect",
        "collect-voluntary",
        "collect-automated",
        "use",
        "share",
        "protect",
        "retention",
        "other",
        "international",
        "changes",
        "questions",
    ];
    for page in PAGES {
        let html = site.read(page);
        for anchor in anchors {
            assert_eq!(html.matches(&format!(" id=\"{anchor}\"")).count(), 1, "the anchor `{anchor}` on {page}");
        }
        assert!(html.contains("<a href=\"mailto:support@optimalptc.com?subject=WEBSITE\">support@optimalptc.com</a>"));
        assert!(html.contains("href=\"https://www.aboutcookies.org\""), "{page} does not link www.aboutcookies.org");
    }
}

#[test]
fn the_shipped_site_has_nothing_to_report() {
    let finished = Site::shipped().candor("check", &[]).success();
    assert_eq!(finished.stderr, "");
}
