//! The published version's facts are complete: every phrase is found, every sentence is covered.

use statement::diagnostic::Diagnostics;
use statement::promise::QuoteRole;
use statement::quote::{Coverage, coverage};
use statement::version::Statement;
use statement::{front_matter, yaml};

const FILE: &str = include_str!("../../content/privacy/2018-09-26.md");

/// The version, and all that is said about it, as `code place message`.
fn read(file: &str) -> (Option<Statement>, Vec<String>) {
    let path = "content/privacy/2018-09-26.md".into();
    let mut diagnostics = Diagnostics::new();
    let parts = front_matter::split(&path, file, &mut diagnostics).expect("front matter");
    let root = yaml::parse(&path, file, parts.yaml, &mut diagnostics).expect("YAML");
    let statement = Statement::parse(&path, file, &root, parts.text, &mut diagnostics);
    let said = diagnostics.into_sorted().into_iter().map(|found| {
        let place = found.place.expect("a place").span;
        format!("{} `{}` {}", found.code.unwrap_or("-"), &file[place.start..place.end], found.message)
    });
    (statement, said.collect())
}

/// What is said when `old` is replaced by `new` in the file.
fn changed(old: &str, new: &str) -> Vec<String> {
    assert!(FILE.contains(old), "{old}");
    read(&FILE.replacen(old, new, 1)).1
}

/// 57 phrases: 41 that facts rest on, 9 that promise nothing, 7 defects. One of these, the misspelt month, stands in
/// the date line, which is made from the front matter; so the text has 36 sentences, and with that line there are 37.
#[test]
fn every_phrase_is_found_and_every_sentence_covered() {
    let (statement, said) = read(FILE);
    assert_eq!(said, [""; 0]);
    let statement = statement.unwrap();
    let quotes = &statement.promises.quotes;
    assert_eq!(coverage(&statement.text, quotes), Coverage { phrases: 57, sentences: 36, covered: 36 });
    assert_eq!(quotes.iter().filter(|quote| quote.role == QuoteRole::Says).count(), 41);
    assert_eq!(quotes.iter().filter(|quote| matches!(quote.role, QuoteRole::Unclaimed(_))).count(), 9);
}

#[test]
fn one_word_of_any_phrase_is_missed() {
    let (statement, _) = read(FILE);
    let statement = statement.unwrap();
    let text_start = statement.text_span.start;
    for quote in &statement.promises.quotes {
        let phrase = &quote.text.value;
        // The date line is not in the text.
        let Some(at) = FILE[text_start..].find(phrase.as_str()) else {
            assert_eq!(phrase, "Septempber");
            continue;
        };
        // The section's occurrence may not be the text's first; altering every one is as good.
        let altered = FILE[text_start + at..].replace(phrase.as_str(), &format!("x{phrase}"));
        let file = format!("{}{altered}", &FILE[..text_start + at]);
        let said = read(&file).1;
        assert!(
            said.iter().any(|said| said.starts_with("P220") && said.contains(phrase.as_str())),
            "{phrase}: {said:?}"
        );
    }
}

#[test]
fn the_number_in_the_text_and_the_fact_agree() {
    assert_eq!(
        changed("minimum: P7Y", "minimum: P5Y"),
        ["P225 `P5Y` `retention.minimum` is 5 years, and the words it rests on do not say so"]
    );
    let file = FILE.replace("seven (7) years", "five (5) years");
    assert!(read(&file).1.iter().any(|said| said.starts_with("P225 `P7Y`")));
    let file = FILE.replace("seven (7) years", "seven (5) years");
    assert!(read(&file).1.iter().any(|said| said.contains("the text says 5 years")), "{:?}", read(&file).1);
}

#[test]
fn listed_defects_are_silent_and_others_are_not() {
    let unlisted = |id: &str| {
        let line = FILE.lines().find(|line| line.contains(&format!("{{id: {id},"))).unwrap();
        changed(&format!("{line}\n"), "")
    };
    assert_eq!(unlisted("D1"), [""; 0]);
    assert_eq!(unlisted("D2").len(), 1, "{:?}", unlisted("D2"));
    assert!(unlisted("D2")[0].starts_with("P205 `We may share your personal information with:`"));
    assert!(unlisted("D4")[0].starts_with("P203 `rights`"), "{:?}", unlisted("D4"));
    assert!(unlisted("D5")[0].starts_with("P207 `other countries`"), "{:?}", unlisted("D5"));
    assert!(unlisted("D6")[0].starts_with("P206 `Terms of Use`"), "{:?}", unlisted("D6"));
    assert!(changed("        implemented: false      # defect D3\n", "")[0].starts_with("P111 `password`"));
}

#[test]
fn the_misspelt_month_is_one_of_the_date_line() {
    assert!(changed("found: \"Septempber\"", "found: \"Septober 25\"")[0].starts_with("P220"));
    let dated = FILE.replacen("---\nOptimal", "---\nEffective: Septempber 26, 2018\n\nOptimal", 1);
    assert_eq!(read(&dated).1, [""; 0], "listed");
    let other_day = FILE.replacen("---\nOptimal", "---\nEffective: September 27, 2018\n\nOptimal", 1);
    assert!(
        read(&other_day).1.iter().any(|said| said.contains("the text is dated 2018-09-27, not 2018-09-26")),
        "{:?}",
        read(&other_day).1
    );
}

/// A tired editor's file: Windows line ends and a mark.
#[test]
fn line_ends_change_no_finding_and_no_digest_and_a_space_does() {
    let windows = format!("\u{feff}{}", FILE.replace('\n', "\r\n"));
    let (read_again, said) = read(&windows);
    assert_eq!(said, [""; 0]);
    let digests = |file: &str| read(file).0.unwrap().digests;
    assert_eq!(read_again.unwrap().digests, digests(FILE));
    let spaced = FILE.replacen("believes strongly", "believes  strongly", 1);
    assert_ne!(spaced, FILE);
    assert_ne!(digests(&spaced).digest, digests(FILE).digest, "one more space is another text");
    assert_eq!(digests(&spaced).facts_sha256, digests(FILE).facts_sha256);
}

#[test]
fn it_is_explained() {
    let explanation = statement::explain::explain(&read(FILE).0.unwrap());
    assert_eq!(explanation.promises.len(), 41);
    for promise in &explanation.promises {
        assert!(promise.value.is_some() || promise.fact.ends_with("only_for"), "{promise:?}");
    }
    assert_eq!(explanation.readings.len(), 7 + 4);
    // The text makes no promise that only people keep, but for those on the list.
    let by_people = explanation.promises.iter().filter(|promise| promise.kept_by.starts_with("Kept by people"));
    assert_eq!(by_people.map(|promise| promise.fact.as_str()).collect::<Vec<_>>(), ["safeguards"]);
    let text = explanation.to_text();
    for part in [
        "36 of 36 sentences are covered",
        "  never.marketing – of: email, phone; use: marketing\n    section use: “We do not use your email or phone number for \
         marketing purposes”\n    A form with this purpose is refused, and so is an export for it.\n",
        "  disclaimer, section protect: “no security system is impenetrable”",
        "  D5 `the U.S. and other countries`: the stricter sentence holds: US only",
        "  `retention.starts`: the period begins when data is submitted",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(serde_json::to_value(&explanation).unwrap()["promises"][0]["phrase"].is_string());
}

#[test]
fn it_is_said_in_the_data_privacy_vocabulary() {
    let statement = read(FILE).0.unwrap();
    let notice = statement::dpv::export(&statement, "https://example.org/privacy/2018-09-26/");
    assert_eq!(notice["@type"], "dpv:PrivacyNotice");
    assert_eq!(notice["dpv:hasDataController"]["dpv:hasName"], "Optimal PTC LLC");
    let typed = ["pd:Name", "pd:EmailAddress", "pd:TelephoneNumber", "pd:Communication"];
    let ids = |terms: &serde_json::Value| -> Vec<String> {
        let terms = terms.as_array().expect("a list").iter();
        terms.map(|term| term["@id"].as_str().expect("a term").to_owned()).collect()
    };
    let processes = notice["dpv:hasProcess"].as_array().expect("processes");
    assert_eq!(processes.len(), 8);
    assert_eq!(processes[0]["dpv:hasPurpose"]["@id"], "dpv:ServiceProvision");
    assert_eq!(ids(&processes[0]["dpv:hasPersonalData"]), typed);
    let with_automated = [&typed[..], &["pd:IPAddress", "pd:DeviceBased"]].concat();
    assert_eq!(ids(&processes[4]["dpv:hasPersonalData"]), with_automated);
    assert_eq!(
        notice["dpv:hasProhibition"],
        serde_json::json!([{
            "@type": "dpv:Prohibition",
            "dpv:hasPurpose": {"@id": "dpv:Marketing"},
            "dpv:hasPersonalData": [{"@id": "pd:EmailAddress"}, {"@id": "pd:TelephoneNumber"}],
        }])
    );
    assert_eq!(notice.get("dpv:hasRecipient"), None, "nobody receives anything");
    assert_eq!(
        notice["dpv:hasStorageCondition"],
        serde_json::json!([
            {"@type": "dpv:StorageLocation", "dpv:hasLocation": [{"@id": "loc:US"}]},
            {
                "@type": "dpv:StorageDuration",
                "dct:title": "minimum",
                "dpv:hasDuration": {"@type": "xsd:duration", "@value": "P7Y"},
            },
        ])
    );
    assert_eq!(
        ids(&notice["dpv:hasTechnicalOrganisationalMeasure"]),
        ["dpv:PhysicalMeasure", "dpv:OrganisationalMeasure", "dpv:TechnicalMeasure"]
    );
}

/// The draft that mends the first version's defects holds to every rule of an authored text, and has no defects left.
#[test]
fn the_draft_mends_every_defect_and_covers_every_sentence() {
    const DRAFT: &str = include_str!("../../content/privacy/next.md");
    let (path, mut diagnostics) = ("content/privacy/next.md".into(), Diagnostics::new());
    let parts = front_matter::split(&path, DRAFT, &mut diagnostics).expect("front matter");
    let root = yaml::parse(&path, DRAFT, parts.yaml, &mut diagnostics).expect("YAML");
    let draft = Statement::parse(&path, DRAFT, &root, parts.text, &mut diagnostics).expect("a statement");
    assert_eq!(diagnostics.into_sorted(), []);
    assert!(draft.is_draft());
    let covered = coverage(&draft.text, &draft.promises.quotes);
    assert_eq!((covered.sentences, covered.covered), (42, 42));
    assert!(!draft.promises.quotes.iter().any(|quote| matches!(quote.role, QuoteRole::Defect { .. })));
    assert!(!draft.promises.rights.is_empty());
    assert!(draft.promises.retention.as_ref().is_some_and(|retention| retention.maximum.is_some()));
}
