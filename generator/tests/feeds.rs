//! Feeds as a reader's program sees them: both formats say the same, and what RFC 4287 and JSON Feed 1.1 ask for.

use feed_rs::model::Feed;

mod site_archive;

const SITE: &str = r#"-- content/news/_index.md --
---
title: News
feed: true
---
-- content/news/a.md --
---
title: "Tom & <Jerry> \x01"
description: Cat & mouse
date: "2024-01-01T09:00:00Z"
updated: "2024-04-01"
tags: [Cats, "C++"]
---
[On](b.md), &amp; <em>on</em> ]]>
-- content/news/b.md --
---
title: 日本
date: "2024-02-01"
tags: [Cats]
---
Text.
-- themes/plain/templates/taxonomy.html --
-- themes/plain/templates/term.html --
"#;

/// What a reader's program shows of a feed.
fn shown(feed: &Feed) -> (String, Vec<[String; 5]>) {
    assert!(feed.updated.is_some() || feed.feed_type == feed_rs::model::FeedType::JSON, "{feed:?}");
    let entries = feed.entries.iter().map(|entry| {
        let text = |text: &Option<feed_rs::model::Text>| text.as_ref().map(|text| text.content.clone());
        [
            entry.id.clone(),
            text(&entry.title).expect("an entry has a title").trim().to_owned(),
            entry.published.expect("an entry has a date").to_string(),
            entry.updated.expect("an entry has a date").to_string(),
            entry.content.as_ref().and_then(|content| content.body.clone()).expect("an entry has content"),
        ]
    });
    (feed.title.as_ref().expect("a feed has a title").content.clone(), entries.collect())
}

#[test]
fn both_formats_say_the_same() {
    let outcome = site_archive::build_case(SITE, &site_archive::options());
    assert_eq!(outcome.report, "");
    let parse = |path: &str| feed_rs::parser::parse(outcome.files[path].as_bytes()).expect(path);
    for (folder, count) in [("/", 2), ("/news/", 2), ("/tags/cats/", 2), ("/tags/c-plus-plus/", 1)] {
        let (atom, json) = (parse(&format!("{folder}atom.xml")), parse(&format!("{folder}feed.json")));
        let (title, entries) = shown(&atom);
        let (json_title, json_entries) = shown(&json);
        assert_eq!(title, json_title);
        assert_eq!(entries.len(), count, "{folder}");
        for (entry, json_entry) in entries.iter().zip(&json_entries) {
            assert_eq!((&entry[0], &entry[2..4]), (&json_entry[0], &json_entry[2..4]));
            assert_eq!(entry[4].trim(), json_entry[4].trim());
        }
    }
    let (_, entries) = shown(&parse("/atom.xml"));
    assert_eq!(entries[0][1], "日本");
    assert_eq!(entries[1][1], "Tom & <Jerry>");
    assert_eq!(entries[1][2], "2024-01-01 09:00:00 UTC");
    assert!(entries[1][4].contains("<a href=\"https://example.org/news/b/\">On</a>"), "{}", entries[1][4]);
}
