//! The lock as the outside sees it: published vectors, broken chains, and what is a correction.

use std::sync::Arc;

use jiff::Timestamp;
use statement::diagnostic::{Diagnostics, Severity};
use statement::lock::{Event, FIRST_PREV, Line, Lock, Note, check_correction, extends, more_than_a_correction};
use statement::publication;
use statement::version::Statement;

mod versions;

use versions::{at, note};

fn version(version: &str, more: &str, text: &str) -> Statement {
    // Any day does, where only the chain is looked at.
    versions::version(version, version.get(..10).unwrap_or_default(), more, text)
}

fn path() -> Arc<str> {
    "content/privacy/statement.lock".into()
}

/// The lock, or the messages about it.
fn parse(text: &str) -> Result<Lock, Vec<String>> {
    let mut diagnostics = Diagnostics::new();
    let lock = Lock::parse(&path(), text, &mut diagnostics);
    lock.ok_or_else(|| said(diagnostics))
}

fn said(diagnostics: Diagnostics) -> Vec<String> {
    let found = diagnostics.into_sorted().into_iter();
    found.map(|found| format!("{}: {}", found.code.unwrap_or("-"), found.message)).collect()
}

const FIRST: &str = r#"{"seq":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000","event":"published","version":"2020-01-01","text_sha256":"8da48ab411f19571842c9c36d0198258c02100967a255f66266f5a27791ed302","facts_sha256":"33d1243e475961cc96ce07502a6c0287bd03d36f91471cda7a12669e3f4b7516","digest":"42e4796a4ed10f1b027f2461a69494b1939ecc180d3168b7eb95c9efaded9f1f","effective":"2020-01-01T06:00:00Z","posted":"2019-12-31T18:00:00Z","author":"A. Editor","note":{"summary":"First","why":"New","who":"All","do":"Nothing"}}"#;
/// What `printf %s "$line" | sha256sum` says of the line above.
const FIRST_SHA256: &str = "ecbc46d210bbb067d1fbddee215f985525462224aaed2c14224d06709df6843f";

fn second() -> String {
    format!(
        r#"{{"seq":2,"prev":"{FIRST_SHA256}","event":"withdrawn","version":"2020-01-01","effective":"2020-02-01T06:00:00Z","posted":"2020-02-01T06:00:00Z","author":"A. Editor","reason":"It was not ours"}}"#
    )
}

#[test]
fn the_published_vector() {
    let lock = parse(&format!("{FIRST}\n{}\n", second())).unwrap();
    assert_eq!(lock.lines[0].prev, FIRST_PREV);
    assert_eq!(lock.lines[0].to_json(), FIRST, "a line is written as it is read");
    assert_eq!(lock.lines[1].to_json(), second());
    assert_eq!(parse("").unwrap().next_prev(), FIRST_PREV);
}

#[test]
fn a_broken_chain_is_refused_at_its_line() {
    let whole = format!("{FIRST}\n{}\n", second());
    for (from, to, wanted) in [
        ("A. Editor\",\"note", "B. Editor\",\"note", "line 2 of the lock does not follow the line before it"),
        ("\"seq\":2", "\"seq\":3", "line 2 of the lock says `seq` 3"),
        ("It was not ours\"}\n", "It was not ours\"}", "the last line of the lock is not ended"),
        ("ours\"}\n", "ou", "the last line is not ended: the lock was cut short"),
        ("ours\"}\n", "ours\"}\r\n", "line 2 of the lock ends as on Windows (CR LF), so its digest is another"),
        ("ours\"}\n", "ours}\n", "line 2 of the lock is not JSON"),
        (",\"reason\":\"It was not ours\"", "", "line 2 of the lock has no `reason`"),
        ("It was not ours", " ", "line 2 of the lock has no `reason`"),
        (
            "digest\":\"42e4",
            "digest\":\"52e4",
            "line 1 of the lock has a digest that is not the one of its text and facts",
        ),
        (
            "\"effective\":\"2020-02-01",
            "\"effective\":\"2020-01-20",
            "line 2 of the lock withdraws version 2020-01-01 before it was posted",
        ),
        (
            "withdrawn\",\"version\":\"2020-01-01",
            "withdrawn\",\"version\":\"2019-01-01",
            "line 2 of the lock is about version 2019-01-01, which was not published",
        ),
        (
            "\"seq\":1",
            "\"sequence\":1",
            "line 1 of the lock cannot be read: unknown field `sequence`, expected one of `seq`, `prev`, `event`, `version`, `text_sha256`, `facts_sha256`, `digest`, `effective`, `posted`, `language`, `of`, `author`, `note`, `corrects`, `reason`, `backfilled`, `source`",
        ),
    ] {
        assert_eq!(parse(&whole.replacen(from, to, 1)), Err(vec![format!("P216: {wanted}")]), "{from}");
    }
    let added = |line: &str| parse(&format!("{FIRST}\n{line}\n")).unwrap_err();
    assert_eq!(added(""), ["P216: line 2 of the lock is empty"]);
    assert_eq!(
        added("<<<<<<< HEAD"),
        ["P216: line 2 of the lock is a mark of git: two versions were published at once"]
    );
}

#[test]
fn one_version_is_published_once_and_alone_at_its_moment() {
    let first = version("2020-01-01", "", "One.");
    let line = Lock::default()
        .publishing(&first, Event::Published, at("2020-01-01T06:00:00Z"), at("2020-01-01T06:00:00Z"), "A", note())
        .to_json();
    let lock = parse(&format!("{line}\n")).unwrap();
    let again = lock
        .publishing(&first, Event::Published, at("2021-01-01T06:00:00Z"), at("2020-01-01T06:00:00Z"), "A", note())
        .to_json();
    assert_eq!(
        parse(&format!("{line}\n{again}\n")),
        Err(vec!["P216: line 2 of the lock publishes version 2020-01-01 again".into()])
    );
    let other = version("2020-01-01-2", "", "Two.");
    let same = lock
        .publishing(&other, Event::Published, at("2020-01-01T06:00:00Z"), at("2020-01-01T06:00:00Z"), "A", note())
        .to_json();
    assert_eq!(
        parse(&format!("{line}\n{same}\n")),
        Err(vec!["P216: line 2 of the lock has the moment of version 2020-01-01".into()])
    );
    // What was taken back before its day has left the moment free.
    let back = Line {
        effective: Some(at("2019-12-31T00:00:00Z")),
        reason: Some("r".into()),
        ..lock.next_line(Event::Withdrawn, "2020-01-01", at("2019-12-31T00:00:00Z"), "A")
    };
    let text = format!("{line}\n{}\n", back.to_json());
    let lock = parse(&text).unwrap();
    let moment = at("2020-01-01T06:00:00Z");
    let same = lock.publishing(&other, Event::Published, moment, moment, "A", note());
    assert!(parse(&format!("{text}{}\n", same.to_json())).is_ok());
}

#[test]
fn an_empty_note_is_reported() {
    let statement = version("2020-01-01", "", "One.");
    let empty = Note { summary: " ".into(), ..note() };
    let line = Lock::default().publishing(
        &statement,
        Event::Published,
        at("2020-01-01T06:00:00Z"),
        at("2020-01-01T06:00:00Z"),
        "A",
        empty,
    );
    let mut diagnostics = Diagnostics::new();
    assert!(Lock::parse(&path(), &format!("{}\n", line.to_json()), &mut diagnostics).is_some());
    let found = diagnostics.into_sorted();
    assert_eq!(found[0].help.len(), 2);
    assert_eq!(found[0].severity, Severity::Warning);
    let message = "P213: the note of a change is empty: say what changed and for whom";
    assert_eq!(
        found.iter().map(|found| format!("{}: {}", found.code.unwrap(), found.message)).collect::<Vec<_>>(),
        [message]
    );
}

#[test]
fn altered_missing_and_unpublished_versions_are_reported() {
    let first = version("2020-01-01", "", "One.");
    let moment = |_: &Statement| at("2020-01-01T06:00:00Z");
    let check = |lock: &Lock, statements: &[&Statement]| {
        let mut diagnostics = Diagnostics::new();
        lock.check(
            &path(),
            statements,
            |version| version == "2021-01-01",
            moment,
            at("2020-01-01T06:00:00Z"),
            &mut diagnostics,
        );
        diagnostics
    };
    let unpublished = check(&Lock::default(), &[&first]).into_sorted();
    assert_eq!(unpublished[0].code, Some("P217"));
    assert_eq!(unpublished[0].message, "version 2020-01-01 is not in the lock");
    let help = &unpublished[0].help[0];
    let pasted = help.split_once("filled in: ").unwrap().1;
    let lock = parse(&format!("{pasted}\n")).unwrap();
    assert_eq!(said(check(&lock, &[&first])), [""; 0], "the line that was pasted is right");
    let altered = version("2020-01-01", "", "Two.");
    assert_eq!(
        said(check(&lock, &[&altered])),
        ["P210: published version 2020-01-01 was altered (text sha256 77cff70e → e4971875)"]
    );
    let altered = version("2020-01-01", "kind: original\n", "One.");
    assert_eq!(said(check(&lock, &[&altered])).len(), 1);
    assert_eq!(said(check(&lock, &[])), ["P210: published version 2020-01-01 is missing"]);
    let second = version("2021-01-01", "", "Two.");
    let moment = at("2021-01-01T06:00:00Z");
    let line = lock.publishing(&second, Event::Published, moment, moment, "A", note()).to_json();
    let lock = parse(&format!("{pasted}\n{line}\n")).unwrap();
    assert_eq!(
        said(check(&lock, &[&first])),
        [""; 0],
        "what is wrong with a file that cannot be read is said elsewhere"
    );
    let elsewhere = line.replace("\"effective\":\"2021-01-01T06", "\"effective\":\"2020-12-30T06");
    let lock = parse(&format!("{pasted}\n{elsewhere}\n")).unwrap();
    assert_eq!(
        said(check(&lock, &[&first, &second])),
        ["P216: version 2021-01-01 is effective from another day than its file says"]
    );
}

#[test]
fn a_lock_may_only_grow() {
    let whole = format!("{FIRST}\n{}\n", second());
    assert_eq!(extends(&whole, &format!("{FIRST}\n")), Ok(()));
    assert_eq!(extends(&whole, ""), Ok(()));
    assert_eq!(extends(&format!("{FIRST}\n"), &whole), Err(2));
    assert_eq!(extends(&whole.replace("First", "Fist"), &whole), Err(1));
}

#[test]
fn a_correction_mends_spelling_and_nothing_else() {
    let old =
        version("2020-01-01", "retention: {minimum: P7Y}\n", "We may keep recieved mail. Write to a@example.org.");
    let reasons = |text: &str, minimum: &str| {
        let more = format!("kind: correction\ncorrects: \"2020-01-01\"\nretention: {{minimum: {minimum}}}\n");
        more_than_a_correction(&old, &version("2020-01-02", &more, text))
    };
    assert_eq!(reasons("We may keep received mail. Write to a@example.org.", "P7Y"), [""; 0]);
    assert_eq!(reasons("We will keep received mail. Write to a@example.org.", "P7Y"), ["`may` became `will`"]);
    assert_eq!(
        reasons("We may keep recieved mail. Write to a@example.org.", "P5Y"),
        ["the fact `retention.minimum` changed"]
    );
    assert_eq!(reasons("We may keep recieved mail. Never write to a@example.org.", "P7Y").len(), 1);
    assert_eq!(reasons("We may keep recieved mail 5 times. Write to a@example.org.", "P7Y").len(), 1);
    assert_eq!(reasons(&format!("{} Write to a@example.org.", "word ".repeat(30)), "P7Y").len(), 2);
    assert_eq!(
        reasons("We may keep recieved mail. Write to a@example.org.\n\n## New {#new}", "P7Y"),
        ["a section moved, or is new, or is gone"]
    );
}

#[test]
fn what_calls_itself_a_correction_is_held_to_it() {
    let old = version("2020-01-01", "", "We may keep it.");
    let check = |more: &str| {
        let new = version("2020-01-02", more, "We will keep it.");
        let mut diagnostics = Diagnostics::new();
        check_correction(&[&old, &new], |version| version == "2018-01-01", &new, &mut diagnostics);
        said(diagnostics)
    };
    assert_eq!(check("kind: correction\ncorrects: \"2018-01-01\"\n"), [""; 0], "nobody may read what it corrects");
    assert_eq!(check("kind: revision\n"), [""; 0]);
    assert_eq!(
        check("kind: correction\ncorrects: \"2020-01-01\"\n"),
        ["P222: this is more than a correction: `may` became `will`"]
    );
    for more in ["kind: correction\n", "kind: correction\ncorrects: \"2019-01-01\"\n"] {
        assert_eq!(check(more), ["P222: a correction does not say which version it corrects"]);
    }
}

#[test]
fn what_became_of_a_section_is_not_asked_of_a_text_that_is_not_here() {
    let first = version("2020-01-01", "", "Text.\n\n## Old {#old}\n\nText.");
    let third = version("2020-01-03", "", "Text.\n\n## New {#new}\n\nText.");
    let check = |earlier: &[Option<&Statement>]| {
        let mut diagnostics = Diagnostics::new();
        publication::check_sections(earlier, &third, &mut diagnostics);
        said(diagnostics)
    };
    assert_eq!(check(&[Some(&first)]), ["P218: the section `old` is gone, and nothing says where to"]);
    assert_eq!(check(&[Some(&first), None]), [""; 0], "the one between may have said it");
}

proptest::proptest! {
    /// Whatever line of a chain is changed, by whatever letter, the chain is broken there or at the next line; of the
    /// last line, only what was published before can tell.
    #[test]
    fn no_letter_of_a_line_can_be_changed(lines in 2_usize..6, line in 0_usize..6, at in 0_usize..400, letter in "[a-z0-9]") {
        let mut text = String::new();
        for day in 1..=lines {
            let name = format!("2020-01-{day:02}");
            let lock = parse(&text).unwrap();
            let moment = at_day(&name);
            let line = lock.publishing(&version(&name, "", &name), Event::Published, moment, moment, "A", note());
            text.push_str(&line.to_json());
            text.push('\n');
        }
        let whole: Vec<&str> = text.lines().collect();
        let line = line % (lines - 1);
        let at = at % whole[line].len();
        let mut changed = whole[line].to_owned();
        changed.replace_range(at..=at, &letter);
        let altered = text.replacen(whole[line], &changed, 1);
        let is_same = altered == text;
        proptest::prop_assert_eq!(parse(&altered).is_ok(), is_same);
        let found = if is_same { Ok(()) } else { Err(line + 1) };
        proptest::prop_assert_eq!(extends(&altered, &text), found);
        // A lock that was cut after a whole line holds together, and is known by what was published before.
        let cut: String = text.split_inclusive('\n').take(line + 1).collect();
        proptest::prop_assert!(parse(&cut).is_ok());
        proptest::prop_assert_eq!(extends(&cut, &text), Err(line + 2));
    }
}

fn at_day(day: &str) -> Timestamp {
    at(&format!("{day}T06:00:00Z"))
}
