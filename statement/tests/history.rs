//! The life of a document as the outside sees it: what was in force when, and what became of each version.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use statement::diagnostic::Diagnostics;
use statement::history::{History, State};
use statement::lock::{Event, Line, Lock};
use statement::promise::Kind;
use statement::translation::Translation;
use statement::version::Statement;
use statement::{front_matter, yaml};

mod versions;

use versions::{at, note};

fn version(version: &str, effective: &str) -> Statement {
    versions::version(version, effective, "", &format!("Text of {version}."))
}

fn day(date: &str) -> Timestamp {
    at(&format!("{date}T00:00:00Z"))
}

fn in_utc(statement: &Statement) -> Timestamp {
    statement.effective_in(&TimeZone::UTC)
}

/// A lock that grows line by line, as the commands write it.
#[derive(Default)]
struct Growing(String);

impl Growing {
    fn lock(&self) -> Lock {
        let mut diagnostics = Diagnostics::new();
        let path: Arc<str> = "content/privacy/statement.lock".into();
        let lock = Lock::parse(&path, &self.0, &mut diagnostics);
        lock.unwrap_or_else(|| panic!("{diagnostics:?}"))
    }

    fn append(mut self, line: &Line) -> Self {
        self.0.push_str(&line.to_json());
        self.0.push('\n');
        self
    }

    fn publish(self, statement: &Statement) -> Self {
        let line =
            self.lock().publishing(statement, Event::Published, in_utc(statement), in_utc(statement), "A", note());
        self.append(&line)
    }

    /// A line of another kind about a version.
    fn then(self, event: Event, version: &str, moment: &str) -> Self {
        let line = self.lock().next_line(event, version, day(moment), "A");
        let line = Line { effective: Some(day(moment)), reason: Some("because".into()), ..line };
        self.append(&line)
    }
}

fn history(lock: &Lock, statements: &[Statement]) -> History {
    let statements: Vec<&Statement> = statements.iter().collect();
    History::new(lock, &statements, &[], in_utc)
}

/// The version in force at a moment.
fn in_force(history: &History, moment: Timestamp) -> Option<&str> {
    history.in_force(moment).map(|index| history.versions[index].version.as_str())
}

#[test]
fn files_alone_make_a_history() {
    let files = [
        version("2020-01-01-10", "2020-01-01"),
        version("2018-09-26", "2018-09-26"),
        version("2020-01-01-2", "2020-01-01"),
    ];
    let history = history(&Lock::default(), &files);
    let order: Vec<&str> = history.versions.iter().map(|version| version.version.as_str()).collect();
    assert_eq!(order, ["2018-09-26", "2020-01-01-2", "2020-01-01-10"]);
    assert_eq!(in_force(&history, at("2018-09-25T23:59:59Z")), None);
    assert_eq!(in_force(&history, day("2018-09-26")), Some("2018-09-26"));
    assert_eq!(in_force(&history, at("2019-12-31T23:59:59.999Z")), Some("2018-09-26"));
    assert_eq!(in_force(&history, day("2020-01-01")), Some("2020-01-01-10"), "the last of two on a day");
    assert_eq!(history.versions[0].until(), Some(day("2020-01-01")));
    assert_eq!(history.versions[1].in_force, [], "of two at one moment, one was never in force");
    assert_eq!(history.versions[2].until(), None);
    assert_eq!((history.versions[0].kind, history.versions[2].kind), (Kind::Original, Kind::Revision));
    assert!(history.versions.iter().all(|version| !version.is_locked && version.note.is_none()));
    assert_eq!(history.next_transition(day("2018-09-26")), Some((day("2020-01-01"), Some(2))));
    assert_eq!(history.next_transition(day("2020-01-01")), None);
}

#[test]
fn a_moment_with_an_offset_is_the_same_moment_in_every_zone() {
    let noon = version("2026-03-02", "2026-03-02T09:00:00-05:00");
    for zone in ["America/Chicago", "Europe/Paris", "Pacific/Apia"] {
        assert_eq!(noon.effective_in(&TimeZone::get(zone).unwrap()), at("2026-03-02T14:00:00Z"));
    }
    let day = version("2011-12-30", "2011-12-30");
    let apia = TimeZone::get("Pacific/Apia").unwrap();
    assert_eq!(day.effective_in(&apia), at("2011-12-30T10:00:00Z"), "a day that was skipped begins when the next does");
    let santiago = TimeZone::get("America/Santiago").unwrap();
    let skipped = version("2024-09-08", "2024-09-08");
    assert_eq!(skipped.effective_in(&santiago), at("2024-09-08T04:00:00Z"), "clocks went from 24:00 to 01:00");
}

#[test]
fn a_version_that_is_withdrawn_gives_its_place_to_the_one_before() {
    let files =
        [version("2020-01-01", "2020-01-01"), version("2021-01-01", "2021-01-01"), version("2022-01-01", "2022-01-01")];
    let lock =
        Growing::default().publish(&files[0]).publish(&files[1]).then(Event::Withdrawn, "2021-01-01", "2021-06-01");
    let lock = lock.publish(&files[2]).lock();
    let history = history(&lock, &files);
    assert_eq!(in_force(&history, day("2021-05-31")), Some("2021-01-01"));
    assert_eq!(in_force(&history, day("2021-06-01")), Some("2020-01-01"));
    assert_eq!(history.versions[0].in_force.len(), 2, "it was in force twice");
    assert_eq!(history.versions[0].until(), Some(day("2022-01-01")));
    assert_eq!(history.versions[1].until(), Some(day("2021-06-01")));
    assert_eq!(history.versions[1].withdrawn, Some((day("2021-06-01"), "because".into())));
    let states = |moment: &str| [0, 1, 2].map(|version| history.state(version, day(moment)));
    assert_eq!(states("2020-06-01"), [State::InForce, State::Upcoming, State::Upcoming]);
    assert_eq!(states("2021-02-01"), [State::Superseded, State::InForce, State::Upcoming]);
    assert_eq!(states("2021-07-01"), [State::InForce, State::Withdrawn, State::Upcoming]);
    assert_eq!(states("2022-01-01"), [State::Superseded, State::Withdrawn, State::InForce]);
}

#[test]
fn the_only_version_may_be_withdrawn() {
    let files = [version("2020-01-01", "2020-01-01")];
    let lock = Growing::default().publish(&files[0]).then(Event::Withdrawn, "2020-01-01", "2021-01-01").lock();
    let history = history(&lock, &files);
    assert_eq!(in_force(&history, day("2021-01-01")), None);
    assert_eq!(history.next_transition(day("2020-01-01")), Some((day("2021-01-01"), None)));
}

#[test]
fn a_version_withdrawn_before_its_day_is_never_in_force() {
    let files = [version("2020-01-01", "2020-01-01"), version("2021-01-01", "2021-01-01")];
    let lock =
        Growing::default().publish(&files[0]).publish(&files[1]).then(Event::Withdrawn, "2021-01-01", "2020-06-01");
    let history = history(&lock.lock(), &files);
    assert_eq!(history.versions[1].in_force, []);
    assert_eq!(in_force(&history, day("2021-06-01")), Some("2020-01-01"));
    assert_eq!(history.next_transition(day("2020-02-01")), None);
}

#[test]
fn a_backfilled_version_comes_first_and_is_never_in_force() {
    let files = [version("2020-01-01", "2020-01-01"), version("2015-05-05", "2015-05-05")];
    let first = Growing::default().publish(&files[0]);
    let line = first.lock().publishing(&files[1], Event::Published, in_utc(&files[1]), day("2026-01-01"), "A", note());
    let lock = first.append(&Line { backfilled: true, source: Some("an archive".into()), ..line }).lock();
    let history = history(&lock, &files);
    assert_eq!(history.versions[0].version, "2015-05-05");
    assert_eq!(history.state(0, day("2016-01-01")), State::Backfilled);
    assert_eq!(in_force(&history, day("2016-01-01")), None);
    assert_eq!(history.versions[0].posted, day("2026-01-01"));
}

#[test]
fn a_redacted_version_keeps_its_time() {
    let files = [version("2020-01-01", "2020-01-01"), version("2021-01-01", "2021-01-01")];
    let lock =
        Growing::default().publish(&files[0]).publish(&files[1]).then(Event::Redacted, "2020-01-01", "2021-06-01");
    let history = history(&lock.lock(), &files[1..]);
    assert_eq!(history.versions[0].statement, None);
    assert_eq!(history.versions[0].kind, Kind::Original);
    assert_eq!(history.state(0, day("2021-05-01")), State::Superseded);
    assert_eq!(history.state(0, day("2021-06-01")), State::Redacted);
    assert_eq!(in_force(&history, day("2020-05-01")), Some("2020-01-01"));
}

fn translation(of: &str, text: &str) -> Translation {
    let path: Arc<str> = "content/privacy/2020-01-01.es.md".into();
    let file = format!("---\nof: {of}\ntitle: Privacidad\n---\n{text}\n");
    let mut diagnostics = Diagnostics::new();
    let parts = front_matter::split(&path, &file, &mut diagnostics).expect("front matter");
    let root = yaml::parse(&path, &file, parts.yaml, &mut diagnostics).expect("YAML");
    Translation::parse(&path, &file, &root, parts.text, &mut diagnostics).unwrap_or_else(|| panic!("{diagnostics:?}"))
}

#[test]
fn a_translation_of_another_text_is_stale() {
    let files = [version("2020-01-01", "2020-01-01")];
    let right = translation(&files[0].digests.digest, "Hola.");
    let published = Growing::default().publish(&files[0]);
    let line = published.lock().next_line(Event::Translated, "2020-01-01", day("2020-02-01"), "A");
    let line = Line {
        text_sha256: Some(right.sha256.clone()),
        language: Some("es".into()),
        of: Some(right.of.clone()),
        ..line
    };
    let lock = published.append(&line).lock();
    let of = |translation: &Translation| {
        let history = History::new(&lock, &[&files[0]], &[translation], in_utc);
        let [found] = history.versions[0].translations.as_slice() else { panic!("{history:?}") };
        (found.language.clone(), found.is_stale, found.posted)
    };
    assert_eq!(of(&right), ("es".into(), false, Some(day("2020-02-01"))));
    assert!(of(&translation(&files[0].digests.digest, "Adios.")).1, "not the text that was published");
    assert!(of(&translation(&"0".repeat(64), "Hola.")).1, "not of the version as it is");
    let unlocked = History::new(&Lock::default(), &[&files[0]], &[&right], in_utc);
    assert_eq!(unlocked.versions[0].translations[0].posted, None);
}

proptest! {
    /// At every moment the version in force is the last that was effective and is not withdrawn, its interval holds
    /// the moment, and no two intervals overlap.
    #[test]
    fn one_version_is_in_force(
        days in prop::collection::btree_set(0_i64..400, 1..8),
        withdrawn in prop::collection::vec(prop::option::of(0_i64..500), 8),
        moments in prop::collection::vec(-10_i64..510, 20),
    ) {
        let moment = |day: i64| Timestamp::from_second(1_600_000_000 + day * 86_400).expect("a moment");
        let files: Vec<Statement> = days.iter().map(|day| {
            let moment = moment(*day).to_string();
            version(&moment[..10], &moment)
        }).collect();
        let mut lock = files.iter().fold(Growing::default(), Growing::publish);
        for (file, withdrawn) in files.iter().zip(&withdrawn) {
            if let Some(day) = withdrawn {
                let line = lock.lock().next_line(Event::Withdrawn, &file.version, moment(*day), "A");
                lock = lock.append(&Line { effective: Some(moment(*day)), reason: Some("r".into()), ..line });
            }
        }
        let history = history(&lock.lock(), &files);
        for day in moments {
            let expected = days.iter().zip(&withdrawn).rposition(|(from, until)| {
                *from <= day && until.is_none_or(|until| until > day)
            });
            prop_assert_eq!(history.in_force(moment(day)), expected);
            let holding: Vec<usize> = (0..files.len()).filter(|version| {
                history.versions[*version].in_force.iter().any(|interval| {
                    interval.from <= moment(day) && interval.until.is_none_or(|until| until > moment(day))
                })
            }).collect();
            prop_assert_eq!(holding, expected.into_iter().collect::<Vec<_>>());
            prop_assert_eq!((0..files.len()).filter(|version| history.state(*version, moment(day)) == State::InForce).count(), usize::from(expected.is_some()));
        }
    }
}
