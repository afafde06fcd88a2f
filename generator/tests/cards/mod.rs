//! Cards of a site on disk: a picture for every page that is listed, the same from every build.

#![expect(clippy::unwrap_used, reason = "a test that cannot make its site has failed")]

use std::fs;
use std::path::Path;

use generator::build::build;
use generator::output::{Files, Memory};
use generator::site::Options;
use statement::diagnostic::Diagnostics;

use crate::site_archive;

const SITE: &str = "-- content/site.yaml --\n{title: \"Rock & Roll\", base_url: \"https://example.org\", language: en, \
    timezone: UTC, theme: plain, cards: true, paginate: 1}\n\
    -- themes/plain/theme.yaml --\nextends: optimal\n\
    -- themes/plain/templates/section.html: none --\n\
    -- themes/plain/templates/page.html --\n{% if page.card %}{{ page.card.url }}{% endif %}\
    <a href=\"/privacy/\">Privacy</a>{% if page.problem %}{{ page.problem }}{% endif %}{{ page.content }}\n";

fn published(case: &str, cache: Option<&Path>) -> Files {
    let tree = site_archive::tree(&format!("{SITE}{case}"));
    let options = Options { cache: cache.map(Path::to_owned), ..site_archive::options() };
    let mut published = Files::new();
    let built = build(&tree, &options, Diagnostics::new(), Memory::new(&mut published)).unwrap();
    assert!(built.diagnostics.is_empty(), "{:?}", built.diagnostics);
    published
}

#[test]
fn a_listed_page_has_a_card_that_is_kept_for_the_next_build() {
    let cache = tempfile::tempdir().unwrap();
    let case = "-- content/a.md --\n---\ntitle: Ärger <&> \"quotes\"\n---\n";
    let first = published(case, Some(cache.path()));
    let cards: Vec<&String> = {
        let mut cards: Vec<&String> = first.keys().filter(|path| path.ends_with("card.png")).collect();
        cards.sort();
        cards
    };
    // Not the thank-you page, which search engines are asked to leave out.
    assert_eq!(
        cards,
        ["/a/card.png", "/card.png", "/privacy/2018-09-26/card.png", "/privacy/card.png", "/register/card.png"]
    );
    for card in &cards {
        let size = imagesize::blob_size(&first[*card]).unwrap();
        assert_eq!((size.width, size.height), (1200, 630), "{card}");
    }
    assert!(String::from_utf8_lossy(&first["/a/"]).starts_with("https://example.org/a/card.png"));
    // Two of them show the same title.
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), cards.len() - 1);
    assert_eq!(published(case, Some(cache.path())), first);
    assert_eq!(published(case, None), first, "the same bytes without what was kept");
    assert_ne!(published(&case.replace("Ärger", "Other"), Some(cache.path()))["/a/card.png"], first["/a/card.png"]);
}

#[test]
fn later_parts_of_a_list_have_no_card() {
    let page = |name: &str| format!("-- content/s/{name}.md --\n---\ntitle: {name}\n---\n");
    let files = published(&format!("-- content/s/_index.md --\n---\ntitle: S\n---\n{}{}", page("a"), page("b")), None);
    assert!(files.contains_key("/s/card.png") && files.contains_key("/s/page/2/"));
    assert!(!files.contains_key("/s/page/2/card.png"));
}
