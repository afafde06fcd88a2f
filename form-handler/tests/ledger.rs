//! The ledger against what may happen to a file: two at once, a cut line, a changed line, a missing end, a clock set back.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where something is not as it should be"
)]

use std::path::Path;

use form_handler::records::ledger::{Act, Head, Ledger, LedgerError, Step, check_anchor, read};
use jiff::{SignedDuration, Timestamp};

fn now() -> Timestamp {
    "2026-03-04T17:05:11Z".parse().unwrap()
}

fn act(target: &str, outcome: Step) -> Act {
    Act {
        who: "ada".into(),
        role: "reader".into(),
        action: "show".into(),
        target: target.into(),
        reason: None,
        statement: Some("2018-09-26".into()),
        outcome,
        detail: None,
    }
}

fn append(path: &Path, target: &str) -> u64 {
    Ledger::open(path).unwrap().append(act(target, Step::Done), now()).unwrap()
}

fn verify(path: &Path) -> Result<Head, String> {
    read(path, |_| Ok(())).map_err(|error| error.to_string())
}

#[test]
fn every_line_names_the_one_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apart/ledger.jsonl");
    assert_eq!(verify(&path).unwrap().seq, 0);
    assert_eq!([append(&path, "a"), append(&path, "b"), append(&path, "c")], [1, 2, 3]);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with(&format!(
        "{{\"seq\":1,\"prev\":\"{}\",\"at\":\"2026-03-04T17:05:11Z\",\"who\":\"ada\",\"role\":\"reader\",\
         \"action\":\"show\",\"target\":\"a\",\"statement\":\"2018-09-26\",\"outcome\":\"done\"}}\n",
        "0".repeat(64)
    )));
    let head = verify(&path).unwrap();
    assert_eq!(head, *Ledger::open(&path).unwrap().head());
    assert_eq!(head.seq, 3);
}

#[test]
fn a_change_in_any_line_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    for target in ["one", "two", "six"] {
        append(&path, target);
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let with = |from: &str, to: &str| {
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        verify(&path).unwrap_err()
    };
    assert_eq!(with("one", "won"), "P540: the ledger was altered: line 2 does not follow from the line before it");
    assert_eq!(with("two", "tow"), "P540: the ledger was altered: line 3 does not follow from the line before it");
    assert_eq!(with("\"seq\":2", "\"seq\":x"), "P540: the ledger was altered: line 2 is not one of ours");
    let without_second: Vec<&str> = text.lines().enumerate().filter(|(at, _)| *at != 1).map(|(_, line)| line).collect();
    std::fs::write(&path, without_second.join("\n") + "\n").unwrap();
    assert_eq!(
        verify(&path).unwrap_err(),
        "P540: the ledger was altered: line 2 does not follow from the line before it"
    );
}

#[test]
fn a_missing_end_is_told_by_the_anchor() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    let none = Head { seq: 0, ..verify(&path).unwrap() };
    append(&path, "one");
    append(&path, "two");
    let middle = verify(&path).unwrap();
    append(&path, "six");
    let end = verify(&path).unwrap();
    for anchor in [&none, &middle, &end] {
        assert_eq!(check_anchor(&path, anchor).unwrap(), end);
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let cut: String = text.lines().take(2).map(|line| format!("{line}\n")).collect();
    std::fs::write(&path, &cut).unwrap();
    assert_eq!(verify(&path).unwrap(), middle, "nothing else tells it");
    let said = |anchor: &Head| check_anchor(&path, anchor).unwrap_err().to_string();
    assert_eq!(said(&end), "P542: the ledger ends at line 2, and line 3 was seen: its end was cut off");
    append(&path, "ten");
    assert_eq!(said(&end), "P540: the ledger was altered: line 3 is not the one that was seen");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(said(&middle), "P542: the ledger ends at line 0, and line 2 was seen: its end was cut off");
}

#[test]
fn half_a_line_was_never_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    append(&path, "one");
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{whole}{{\"seq\":2,\"prev\"")).unwrap();
    assert_eq!(verify(&path).unwrap().seq, 1);
    assert_eq!(append(&path, "two"), 2);
    assert_eq!(verify(&path).unwrap().seq, 2);
    // A line longer than what is read at first.
    let mut ledger = Ledger::open(&path).unwrap();
    let mut long = act("long", Step::Begun);
    long.detail = Some("x".repeat(300_000).into());
    assert_eq!(ledger.append(long, now()).unwrap(), 3);
    drop(ledger);
    let ledger = Ledger::open(&path).unwrap();
    assert_eq!(ledger.unfinished().unwrap().seq, 3);
    drop(ledger);
    assert_eq!(append(&path, "four"), 4);
}

#[test]
fn a_clock_behind_the_last_line_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    append(&path, "one");
    let before = now() - SignedDuration::from_secs(1);
    let error = Ledger::open(&path).unwrap().append(act("two", Step::Done), before).unwrap_err();
    assert!(matches!(error, LedgerError::Refused(_)));
    assert_eq!(
        error.to_string(),
        "P541: the clock says 2026-03-04T17:05:10Z, and the ledger's last entry is of 2026-03-04T17:05:11Z: set the \
         clock right"
    );
    assert_eq!(verify(&path).unwrap().seq, 1);
}

#[test]
fn two_who_append_at_once_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    std::thread::scope(|scope| {
        for name in ["a", "b", "c"] {
            let path = &path;
            scope.spawn(move || (0..20).for_each(|_| assert!(append(path, name) > 0)));
        }
    });
    assert_eq!(verify(&path).unwrap().seq, 60);
}
