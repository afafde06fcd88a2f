//! A site whose statement has many versions: what is published about them, and that it agrees with the lock.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::collections::BTreeMap;

use generator::output::Memory;
use generator::site::Options;
use generator::source_tree::SourceTree;
use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use serde_json::Value;
use statement::contract::Contract;
use statement::diagnostic::Diagnostics;
use statement::digest::sha256_hex;
use statement::lock::{Event, Lock, Note};
use statement::translation::Translation;
use statement::version::Statement;
use statement::{front_matter, yaml};

/// The versions: name, more front matter, text.
const VERSIONS: [(&str, &str, &str); 5] = [
    (
        "2018-01-01",
        "",
        "We keep what you write.\n\n## How long {#retention}\n\nWe keep it for seven years after you sent it, and then we delete it from every place where it was stored.\n\n- mail\n- backups\n\n| what | how long |\n|---|---|\n| mail | seven years |\n\n## Whom to ask {#ask}\n\nAsk us.\n\n## Unchanged {#same}\n\nThis stays.\n",
    ),
    (
        "2019-01-01",
        "retention: {minimum: P5Y, applies_to: all-records}\nchanges: {effective: scheduled, notice: {period: P30D, by: [feed]}}\n",
        "We keep what you write.\n\n## Whom to ask {#ask}\n\nAsk us.\n\nWe keep it for five years after you sent it, and then we delete it from every place where it was stored.\n\n## How long {#retention}\n\n- mail\n- every backup\n\n| what | how long |\n|---|---|\n| mail | five years |\n\n## Unchanged {#same}\n\nThis stays.\n",
    ),
    (
        "2019-02-01",
        "retention: {minimum: P5Y, applies_to: all-records}\nchanges: {effective: scheduled, notice: {period: P30D, by: [feed]}}\nkind: correction\ncorrects: \"2019-01-01\"\n",
        "We keep what you wrote.\n\n## Whom to ask {#ask}\n\nAsk us.\n\nWe keep it for five years after you sent it, and then we delete it from every place where it was stored.\n\n## How long {#retention}\n\n- mail\n- every backup\n\n| what | how long |\n|---|---|\n| mail | five years |\n\n## Unchanged {#same}\n\nThis stays.\n",
    ),
    ("2020-01-01", "retired: [retention, ask, same]\n", "We sell it & <b>more</b>.\n"),
    ("2030-01-01", "", "We will keep nothing.\n"),
];

fn file(version: &str, more: &str, text: &str) -> String {
    format!(
        "---\nschema: privacy-statement/1\ndocument: example-privacy\nversion: \"{version}\"\ntitle: Privacy\nlanguage: en\n\
         effective: \"{version}\"\ncontact: {{email: support@example.org}}\ncollects: {{voluntary: {{fields: [{{key: name, \
         category: name}}, {{key: other, category: free-text}}]}}}}\n{more}---\n{text}"
    )
}

fn statement(version: &str, file: &str) -> Statement {
    let (path, mut diagnostics) = (format!("content/privacy/{version}.md").into(), Diagnostics::new());
    let parts = front_matter::split(&path, file, &mut diagnostics).unwrap();
    let root = yaml::parse(&path, file, parts.yaml, &mut diagnostics).unwrap();
    let statement = Statement::parse(&path, file, &root, parts.text, &mut diagnostics);
    statement.unwrap_or_else(|| panic!("{:?}", diagnostics.into_sorted()))
}

fn at(day: &str) -> Timestamp {
    statement::version::start_of(day.parse().unwrap(), &TimeZone::get("America/Chicago").unwrap())
}

fn append(lock: &str, write: impl FnOnce(&Lock) -> statement::lock::Line) -> String {
    let parsed = Lock::parse(&"statement.lock".into(), lock, &mut Diagnostics::new()).unwrap();
    format!("{lock}{}\n", write(&parsed).to_json())
}

/// The files of the site; its statement has five versions, one of which was withdrawn and one of which is to come.
fn site() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut lock = String::new();
    for (version, more, text) in VERSIONS {
        let file = file(version, more, text);
        let statement = statement(version, &file);
        let note = Note {
            summary: format!("What changed in {version}"),
            why: "To show it.".to_owned(),
            who: "Everybody.".to_owned(),
            action: "Nothing.".to_owned(),
        };
        let (event, posted) = match version {
            "2019-02-01" => (Event::Scheduled, at("2019-01-01")),
            "2020-01-01" => (Event::Scheduled, at("2019-11-01")),
            "2030-01-01" => (Event::Scheduled, at("2024-04-01")),
            version => (Event::Published, at(version)),
        };
        lock = append(&lock, |lock| lock.publishing(&statement, event, at(version), posted, "A. Editor", note));
        if version == "2018-01-01" {
            let text = format!(
                "---\ntitle: Privacidad\nof: \"{}\"\n---\nGuardamos lo que escribe.\n",
                statement.digests.digest
            );
            let path = "content/privacy/2018-01-01.es.md";
            let translation = translation(path, &text);
            lock = append(&lock, |lock| statement::lock::Line {
                text_sha256: Some(translation.sha256),
                language: Some("es".to_owned()),
                of: Some(translation.of),
                ..lock.next_line(Event::Translated, version, posted, "A. Editor")
            });
            files.insert(path.to_owned(), text);
        }
        files.insert(format!("content/privacy/{version}.md"), file);
    }
    lock = append(&lock, |lock| statement::lock::Line {
        effective: Some(at("2020-03-01")),
        reason: Some("It was posted by mistake.".to_owned()),
        ..lock.next_line(Event::Withdrawn, "2020-01-01", at("2020-03-01"), "A. Editor")
    });
    files.insert("content/privacy/statement.lock".to_owned(), lock);
    files.insert(
        "content/site.yaml".to_owned(),
        "title: Site\nbase_url: https://example.org\nlanguage: en\ntimezone: America/Chicago\ntheme: optimal\n"
            .to_owned(),
    );
    files.insert("content/_index.md".to_owned(), "---\ntitle: Home\n---\n".to_owned());
    // Its fonts are for cards, which this site has none of.
    let texts = generator::starter::theme().filter_map(|(path, bytes)| Some((path, String::from_utf8(bytes).ok()?)));
    files.extend(texts);
    files
}

fn translation(path: &str, file: &str) -> Translation {
    let (path, mut diagnostics) = (path.into(), Diagnostics::new());
    let parts = front_matter::split(&path, file, &mut diagnostics).unwrap();
    let root = yaml::parse(&path, file, parts.yaml, &mut diagnostics).unwrap();
    Translation::parse(&path, file, &root, parts.text, &mut diagnostics).unwrap()
}

fn build(files: &BTreeMap<String, String>, day: jiff::civil::Date) -> BTreeMap<String, String> {
    build_with_contract(files, day).0
}

fn build_with_contract(
    files: &BTreeMap<String, String>,
    day: jiff::civil::Date,
) -> (BTreeMap<String, String>, Contract) {
    let archive: String = files.iter().map(|(path, text)| format!("-- {path} --\n{text}")).collect();
    let tree = SourceTree::from_archive(&archive);
    let mut published = generator::output::Files::new();
    let options = Options { today: Some(day), ..Options::default() };
    let built = generator::build::build(&tree, &options, Diagnostics::new(), Memory::new(&mut published)).unwrap();
    let report = generator::report::draw(&built.diagnostics, &tree);
    let contract = built.published.map(|published| published.contract);
    let contract = contract.unwrap_or_else(|| panic!("{}", anstream::adapter::strip_str(&report)));
    let published = published.into_iter().map(|(path, bytes)| (path, String::from_utf8(bytes.into()).unwrap()));
    (published.collect(), contract)
}

#[test]
fn the_contract_says_what_every_version_promised_that_was_in_force() {
    let (_, contract) = build_with_contract(&site(), date(2024, 5, 1));
    let told: Vec<(&str, &str, Option<&str>, Option<&str>)> = contract
        .versions
        .iter()
        .map(|version| {
            let retention = version.retention.as_ref();
            (
                version.version.as_str(),
                version.from.as_str(),
                retention.and_then(|retention| retention.minimum.as_deref()),
                retention.and_then(|retention| retention.applies_to.as_deref()),
            )
        })
        .collect();
    // The one that was withdrawn was in force for a while; the one that is to come is not there.
    assert_eq!(
        told,
        [
            ("2018-01-01", "2018-01-01T06:00:00Z", None, None),
            ("2019-01-01", "2019-01-01T06:00:00Z", Some("P5Y"), Some("all-records")),
            ("2019-02-01", "2019-02-01T06:00:00Z", Some("P5Y"), Some("all-records")),
            ("2020-01-01", "2020-01-01T06:00:00Z", None, None),
        ]
    );
    let first = &contract.versions[0];
    let fields: Vec<_> = first.fields.iter().map(|field| (field.key.as_str(), field.category.as_str())).collect();
    assert_eq!(fields, [("name", "name"), ("other", "free-text")]);
    assert_eq!(first.url, "https://example.org/privacy/2018-01-01/");
    assert_eq!(contract.version_of(&first.digest), Some(first));
    assert_eq!(contract.version_of("0"), None);
}

#[test]
fn a_redacted_version_leaves_a_tombstone() {
    let mut files = site();
    for gone in ["2018-01-01.md", "2018-01-01.es.md"] {
        assert!(files.remove(&format!("content/privacy/{gone}")).is_some());
    }
    let lock = files.get_mut("content/privacy/statement.lock").unwrap();
    *lock = append(lock, |lock| statement::lock::Line {
        reason: Some("A court ordered it.".to_owned()),
        ..lock.next_line(Event::Redacted, "2018-01-01", at("2021-01-01"), "A. Editor")
    });
    let published = build(&files, date(2024, 5, 1));
    let page = seen(&published["/privacy/2018-01-01/"]);
    assert!(page.contains("Its text was removed on January 1, 2021: A court ordered it."), "{page}");
    assert!(published["/privacy/2018-01-01/"].contains("<meta name=\"robots\" content=\"noindex\">"));
    let manifest: Value = serde_json::from_str(&published["/privacy/manifest.json"]).unwrap();
    let redacted = &manifest["versions"][0];
    assert_eq!((&redacted["version"], &redacted["text_url"]), (&"2018-01-01".into(), &Value::Null));
    assert!(page.contains(redacted["digest"].as_str().unwrap()), "its digest stays");
    for gone in
        ["/privacy/2018-01-01/statement.md", "/privacy/2018-01-01/es/", "/privacy/compare/2018-01-01/2019-01-01/"]
    {
        assert!(!published.contains_key(gone), "{gone}");
    }
    assert!(published.values().all(|text| !text.contains("We keep it for seven years")), "its text is nowhere");
}

/// The terms of service: a document beside the statement, with two versions and no facts.
fn terms() -> [(&'static str, String); 2] {
    let file = |version: &str, text: &str| {
        format!(
            "---\ndocument: example-terms\nversion: \"{version}\"\ntitle: Terms of Use\nlanguage: en\neffective: \
             \"{version}\"\n---\n{text}"
        )
    };
    [
        ("2019-01-01", file("2019-01-01", "You may use the site for one hour a day.\n\n## Law {#law}\n\nUS.\n")),
        ("2020-01-01", file("2020-01-01", "You may use the site for two hours a day.\n\n## Law {#law}\n\nUS.\n")),
    ]
}

/// The site with the terms in a lock of their own.
fn site_with_terms() -> BTreeMap<String, String> {
    let (mut files, mut lock) = (site(), String::new());
    for (version, file) in terms() {
        let statement = statement(version, &file);
        let note = Note { summary: "Hours".into(), why: "w".into(), who: "w".into(), action: "d".into() };
        let moment = at(version);
        lock = append(&lock, |lock| lock.publishing(&statement, Event::Published, moment, moment, "A. Editor", note));
        files.insert(format!("content/terms/{version}.md"), file);
    }
    files.insert("content/terms/statement.lock".to_owned(), lock);
    files
}

#[test]
fn a_document_without_facts_has_versions_beside_the_statement() {
    let files = site_with_terms();
    let published = build(&files, date(2024, 5, 1));
    let page = |path: &str| seen(&published[path]);
    assert!(page("/terms/").contains("two hours") && page("/privacy/").contains("We keep what you wrote."));
    let old = page("/terms/2019-01-01/");
    assert!(old.contains("one hour") && old.contains("It was superseded on January 1, 2020."), "{old}");
    assert!(old.contains("In force is the version effective January 1, 2020."), "{old}");
    assert!(page("/terms/changes/").contains("1 words inserted") || page("/terms/changes/").contains("inserted"));
    let html = &published["/terms/compare/2019-01-01/2020-01-01/"];
    assert!(html.contains("<ins><span class=\"visually-hidden\">inserted: </span>two"), "{html}");
    let feed = feed_rs::parser::parse(published["/terms/changes/feed.xml"].as_bytes()).expect("it is a feed");
    assert_eq!(feed.entries.len(), 2);
    assert_eq!(published["/terms/lock.jsonl"], files["content/terms/statement.lock"]);
    let manifest: Value = serde_json::from_str(&published["/terms/manifest.json"]).unwrap();
    assert_eq!((&manifest["document"], &manifest["in_force"]), (&"example-terms".into(), &"2020-01-01".into()));
    assert!(published["/terms/2020-01-01/facts.json"].contains("\"document\":\"example-terms\""));
    for page in ["/", "/terms/", "/privacy/changes/"] {
        assert!(published[page].contains("<link rel=\"terms-of-service\" href=\"/terms/\">"), "{page}");
        assert!(published[page].contains("<link rel=\"privacy-policy\" href=\"/privacy/\">"), "{page}");
    }
    let headers = &published["/_headers"];
    let (_, of_terms) = headers.split_once("\n/terms/2020-01-01/\n").expect("a version has a rule");
    assert!(of_terms.starts_with("  Link: </terms/>; rel=\"terms-of-service\", "), "{of_terms}");
    assert!(headers.contains("\n/terms/:version/statement.md\n"), "{headers}");
    // What only facts promise.
    for absent in ["/terms/forget/", "/terms/2020-01-01/facts.jsonld", "/terms/drift.json"] {
        assert!(!published.contains_key(absent), "{absent}");
    }
    assert!(!published["/terms/"].contains("Q1999831") && published["/privacy/"].contains("Q1999831"));
}

/// The text a reader sees, without the words that only a screen reader says.
fn seen(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, after) = tag.split_once('>').unwrap();
        rest = if tag.contains("visually-hidden") { after.split_once("</span>").unwrap().1 } else { after };
    }
    text.push_str(rest);
    text
}

#[test]
fn files_have_the_digests_of_the_lock_and_the_manifest() {
    let files = site();
    let published = build(&files, date(2024, 5, 1));
    assert_eq!(published["/privacy/lock.jsonl"], files["content/privacy/statement.lock"]);
    let manifest: Value = serde_json::from_str(&published["/privacy/manifest.json"]).unwrap();
    let versions = manifest["versions"].as_array().unwrap();
    assert_eq!(versions.len(), VERSIONS.len());
    for version in versions {
        let name = version["version"].as_str().unwrap();
        let text = sha256_hex(published[&format!("/privacy/{name}/statement.md")].as_bytes());
        let facts = sha256_hex(published[&format!("/privacy/{name}/facts.json")].as_bytes());
        assert_eq!((version["text_sha256"].as_str(), version["facts_sha256"].as_str()), (Some(&*text), Some(&*facts)));
        let digest = sha256_hex(format!("privacy-statement/1\n{text}\n{facts}\n").as_bytes());
        assert_eq!(version["digest"], digest);
        let verify = &published["/privacy/verify/"];
        assert!([text, facts, digest].iter().all(|digest| verify.contains(digest.as_str())), "{name}");
    }
    let head = files["content/privacy/statement.lock"].lines().last().map(|line| sha256_hex(line.as_bytes()));
    assert_eq!(manifest["lock_head"], head.unwrap());
    assert_eq!(manifest["in_force"], "2019-02-01", "the one before the one that was withdrawn");
    assert_eq!(manifest["next"]["version"], "2030-01-01");
    assert_eq!(manifest["next"]["at_utc"], "2030-01-01T06:00:00Z");
    assert_eq!(versions[0]["languages"]["es"]["stale"], false);
}

#[test]
fn every_version_says_what_it_is() {
    let published = build(&site(), date(2024, 5, 1));
    let page = |path: &str| seen(&published[path]);
    assert!(page("/privacy/2018-01-01/").contains("superseded on January 1, 2019"));
    assert!(page("/privacy/2020-01-01/").contains("withdrawn on March 1, 2020. It was posted by mistake."));
    assert!(page("/privacy/2030-01-01/").contains("will take effect on January 1, 2030"));
    assert!(page("/privacy/upcoming/").contains("will take effect on January 1, 2030"));
    assert!(page("/privacy/").contains("A new version has been announced"));
    for noindex in ["/privacy/2018-01-01/", "/privacy/2020-01-01/"] {
        assert!(published[noindex].contains("<meta name=\"robots\" content=\"noindex\">"), "{noindex}");
    }
    assert!(!published["/privacy/2019-02-01/"].contains("noindex"));
    let head = &published["/privacy/2019-01-01/"];
    for link in [
        "rel=\"latest-version\" href=\"https://example.org/privacy/\"",
        "rel=\"version-history\" href=\"https://example.org/privacy/changes/\"",
        "rel=\"predecessor-version\" href=\"https://example.org/privacy/2018-01-01/\"",
        "rel=\"successor-version\" href=\"https://example.org/privacy/2019-02-01/\"",
        "type=\"text/markdown\" title=\"Text\" href=\"/privacy/2019-01-01/statement.md\"",
        "\"temporalCoverage\":\"2019-01-01/2019-02-01\"",
    ] {
        assert!(head.contains(link), "{link}\n{head}");
    }
    for path in ["/", "/privacy/changes/"] {
        assert!(published[path].contains("rel=\"privacy-policy\" href=\"/privacy/\""), "{path}");
        assert!(published[path].contains("href=\"/privacy/changes/feed.xml\""), "{path}");
    }
    assert!(head.contains("<p id=\"ask-2\">"), "paragraphs have anchors");
}

#[test]
fn a_site_that_moves_to_another_time_zone_keeps_its_moments() {
    let mut files = site();
    let settings = files.get_mut("content/site.yaml").unwrap();
    *settings = settings.replace("America/Chicago", "Pacific/Honolulu");
    let published = build(&files, date(2024, 5, 1));
    // 1 February 2019 began in Chicago when it was still the day before in Honolulu.
    let moment = "<time datetime=\"2019-01-31T20:00:00-10:00\">January 31, 2019, 20:00</time>";
    for path in ["/", "/privacy/", "/privacy/2019-02-01/", "/privacy/2020-01-01/"] {
        assert!(published[path].contains(moment), "{path}: {}", published[path]);
    }
    let manifest: Value = serde_json::from_str(&published["/privacy/manifest.json"]).unwrap();
    assert_eq!(manifest["versions"][2]["effective_utc"], "2019-02-01T06:00:00Z");
}

#[test]
fn what_comes_takes_its_place_on_its_day() {
    let published = build(&site(), date(2030, 1, 1));
    assert!(seen(&published["/privacy/"]).contains("We will keep nothing."));
    assert!(published["/privacy/upcoming/"].contains("https://example.org/privacy/"));
    assert!(published["/_redirects"].contains("/privacy/upcoming/ /privacy/ 301\n"));
    let manifest: Value = serde_json::from_str(&published["/privacy/manifest.json"]).unwrap();
    assert_eq!((&manifest["in_force"], &manifest["next"]), (&Value::from("2030-01-01"), &Value::Null));
}

#[test]
fn neighbours_and_the_version_in_force_are_compared() {
    let published = build(&site(), date(2024, 5, 1));
    let compared: Vec<&str> = published.keys().filter_map(|path| path.strip_prefix("/privacy/compare/")).collect();
    assert_eq!(
        compared,
        [
            "2018-01-01/2019-01-01/",
            "2018-01-01/2019-01-01/diff.json",
            "2018-01-01/2019-02-01/",
            "2018-01-01/2019-02-01/diff.json",
            "2019-01-01/2019-02-01/",
            "2019-01-01/2019-02-01/diff.json",
            "2019-02-01/2020-01-01/",
            "2019-02-01/2020-01-01/diff.json",
            "2019-02-01/2030-01-01/",
            "2019-02-01/2030-01-01/diff.json",
            "2020-01-01/2030-01-01/",
            "2020-01-01/2030-01-01/diff.json",
        ]
    );
    let diff: Value = serde_json::from_str(&published["/privacy/compare/2018-01-01/2019-01-01/diff.json"]).unwrap();
    assert!(
        diff["facts"]
            .as_array()
            .unwrap()
            .iter()
            .any(|change| change["new"]["minimum"] == "P5Y" || change["new"] == "P5Y"),
        "{diff}"
    );
}

#[test]
fn a_moved_and_edited_paragraph_shows_the_move_and_the_edit() {
    let published = build(&site(), date(2024, 5, 1));
    let html = &published["/privacy/compare/2018-01-01/2019-01-01/"];
    let (_, moved) = html.split_once("id=\"moved-1\"").expect("a paragraph moved");
    let moved = &moved[..moved.find("</div>").unwrap()];
    assert!(moved.contains("Moved here from <a href=\"#moved-1-from\">section “retention”</a>"), "{moved}");
    assert!(moved.contains("<del><span class=\"visually-hidden\">deleted: </span>seven<"), "{moved}");
    assert!(moved.contains("<ins><span class=\"visually-hidden\">inserted: </span>five<"), "{moved}");
    assert!(html.contains("id=\"moved-1-from\""));
    // Sections that did not change are folded, and every change leads to the next one.
    let folded = html.split("<details class=\"redline-part\"").last().expect("a section is folded");
    assert!(folded.contains("Unchanged") && folded.contains("This stays."), "{folded}");
    assert!(!seen(html).contains("|---|"), "the line under a table's head says nothing");
    let count = html.matches("id=\"change-").count();
    for number in 1..=count {
        assert!(html.contains(&format!("href=\"#change-{number}\"")), "nothing leads to change {number}");
    }
    assert!(html.contains("block-item") && html.contains("block-row"), "lists and tables keep their shape");
}

#[test]
fn the_feed_tells_each_change_in_words_and_without_styles() {
    let published = build(&site(), date(2024, 5, 1));
    let xml = &published["/privacy/changes/feed.xml"];
    let feed = feed_rs::parser::parse(xml.as_bytes()).expect("it is a feed");
    let ids: Vec<&str> = feed.entries.iter().map(|entry| entry.id.as_str()).collect();
    let wanted = ["2030-01-01", "2020-01-01", "2019-02-01", "2019-01-01", "2018-01-01"];
    assert_eq!(ids, wanted.map(|version| format!("https://example.org/privacy/{version}/")));
    let term = |index: usize| feed.entries[index].categories[0].term.as_str();
    assert_eq!((term(2), term(3)), ("minor", "major"));
    let content = feed.entries[3].content.as_ref().unwrap().body.as_ref().unwrap();
    let text = seen(content);
    assert!(text.contains("[deleted: seven]") && text.contains("[inserted: five]"), "{text}");
    assert!(text.contains("[moved from section retention]"), "{text}");
    assert!(text.contains("retention.minimum") || text.contains("minimum: P5Y"), "{text}");
    // What is written into a statement cannot leave its place.
    assert!(xml.contains("&lt;b&gt;more"), "{xml}");
    assert_eq!(feed.entries[0].updated.map(|updated| updated.timestamp()), Some(at("2024-04-01").as_second()));
}

#[test]
fn a_translation_says_which_text_governs_and_when_it_is_stale() {
    let mut files = site();
    let published = build(&files, date(2024, 5, 1));
    let page = seen(&published["/privacy/2018-01-01/es/"]);
    assert!(page.contains("Guardamos lo que escribe.") && page.contains("The original text (en) governs."), "{page}");
    assert!(!page.contains("out of date"));
    assert!(published["/privacy/2018-01-01/es/"].starts_with("<!doctype html>\n<html lang=\"es\">"));
    assert_eq!(published["/privacy/2018-01-01/es/statement.md"], "Guardamos lo que escribe.\n");
    assert!(
        published["/privacy/2018-01-01/"]
            .contains("hreflang=\"es\" href=\"https://example.org/privacy/2018-01-01/es/\"")
    );

    let text = files.get_mut("content/privacy/2018-01-01.es.md").unwrap();
    *text = text.replace("Guardamos", "Vendemos");
    let published = build(&files, date(2024, 5, 1));
    assert!(seen(&published["/privacy/2018-01-01/es/"]).contains("This translation is out of date:"));
}

#[test]
fn the_time_map_lists_what_was_in_force() {
    let published = build(&site(), date(2024, 5, 1));
    assert_eq!(
        published["/privacy/timemap.link"],
        "<https://example.org/privacy/>;rel=\"original latest-version\",\n\
         <https://example.org/privacy/timemap.link>;rel=\"self\";type=\"application/link-format\";from=\"Mon, 01 Jan 2018 \
         06:00:00 GMT\";until=\"Wed, 01 Jan 2020 06:00:00 GMT\",\n\
         <https://example.org/privacy/2018-01-01/>;rel=\"first memento\";datetime=\"Mon, 01 Jan 2018 06:00:00 GMT\",\n\
         <https://example.org/privacy/2019-01-01/>;rel=\"memento\";datetime=\"Tue, 01 Jan 2019 06:00:00 GMT\",\n\
         <https://example.org/privacy/2019-02-01/>;rel=\"memento\";datetime=\"Fri, 01 Feb 2019 06:00:00 GMT\",\n\
         <https://example.org/privacy/2020-01-01/>;rel=\"last memento\";datetime=\"Wed, 01 Jan 2020 06:00:00 GMT\"\n"
    );
}
