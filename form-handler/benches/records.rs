//! What a retention plan costs, measured against a bare scan of the same rows in the same run; and whether finding one
//! registration depends on how many there are.
//!
//! `cargo bench -p form-handler --bench records` prints a table for 1,000,000 registrations in SQLite; `-- 100000` measures
//! that many.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark makes files, measures time, prints, and ends where something is not as it should be"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use form_handler::records::{Cause, Desk, Outcome, People, PlanClass, Record, Subject, Who};
use form_handler::store::Location;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};
use statement::contract::{Contract, RetentionPromises, SCHEMA, VersionPromises};
use uuid::Uuid;

const RUNS: usize = 5;
const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn main() {
    let count = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(count));
}

async fn run(count: u32) {
    let folder = tempfile::tempdir().unwrap();
    let (small, large) = (folder.path().join("small.sqlite"), folder.path().join("large.sqlite"));
    for (path, count) in [(&small, 1000), (&large, count)] {
        // The store makes its tables.
        drop(Location::Sqlite(path.clone()).open().await.unwrap());
        fill(path, count);
    }
    let bare = median((0..RUNS).map(|_| scan(&large, count)).collect());
    let before = peak_kib();
    let mut plans = Vec::new();
    for _ in 0..RUNS {
        plans.push(plan(&large, &folder.path().join("ledger.jsonl"), count).await);
    }
    let planned = median(plans);
    println!("{count} registrations in SQLite, {} MiB", std::fs::metadata(&large).unwrap().len() >> 20);
    println!("bare scan       {:>8.0} ms", milliseconds(bare));
    println!(
        "retention plan  {:>8.0} ms, {:.1} times the scan",
        milliseconds(planned),
        planned.as_secs_f64() / bare.as_secs_f64()
    );
    println!("memory of it    {:>8} KiB more at the most", peak_kib() - before);
    for (path, count) in [(&small, 1000), (&large, count)] {
        println!("one of {count:>8} {:>8.3} ms", milliseconds(one(path, count).await));
    }
}

fn start() -> Timestamp {
    "2016-01-01T00:00:00Z".parse().unwrap()
}

/// Over sixteen years, one after the other.
fn received(number: u32, count: u32) -> Timestamp {
    let seconds = i64::from(number) * 16 * 365 * 86_400 / i64::from(count);
    start() + SignedDuration::from_secs(seconds)
}

fn id(number: u32, count: u32) -> Uuid {
    let milliseconds = u64::try_from(received(number, count).as_millisecond()).unwrap();
    let mut rest = [0; 10];
    rest[6..].copy_from_slice(&number.to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &rest).into_uuid()
}

fn fill(path: &Path, count: u32) {
    let mut connection = Connection::open(path).unwrap();
    let transaction = connection.transaction().unwrap();
    {
        let mut insert = transaction
            .prepare(
                "insert into registration (id, received, received_seconds, form, form_sha256, statement_version, \
                 statement_digest, receipt, revision, content, submission_key) \
                 values (?1, ?2, ?3, 'register', ?4, '2018-09-26', ?4, ?5, 1, ?6, ?1)",
            )
            .unwrap();
        // As long as a receipt and the answers to a short form are.
        let (receipt, content) = ("r".repeat(1200), vec![b'c'; 300]);
        for number in 0..count {
            let at = received(number, count);
            let row = params![id(number, count).to_string(), at.to_string(), at.as_second(), DIGEST, receipt, content];
            insert.execute(row).unwrap();
        }
    }
    transaction.commit().unwrap();
}

/// The least that looking at every row can cost: the same columns, in the same order.
fn scan(path: &Path, count: u32) -> Duration {
    let begun = Instant::now();
    let connection = Connection::open(path).unwrap();
    let query =
        "select id, received, form, statement_version, statement_digest, revision from registration order by id";
    let mut query = connection.prepare(query).unwrap();
    let mut rows = query.query([]).unwrap();
    let mut seen = 0;
    while let Some(row) = rows.next().unwrap() {
        let bytes = (0..5).map(|column| row.get_ref(column).unwrap().as_str().unwrap().len()).sum::<usize>();
        seen += u32::from(bytes > 0);
    }
    assert_eq!(seen, count);
    begun.elapsed()
}

/// Half of them are past seven years.
async fn plan(path: &Path, ledger: &Path, count: u32) -> Duration {
    let begun = Instant::now();
    let store = Location::Sqlite(path.to_owned()).open_for_reading().await.unwrap();
    let contract = contract();
    let now = start() + SignedDuration::from_hours(24 * 365 * 16);
    let desk = Desk::new(Some(store.records()), ledger, Some(&contract), &People::default(), Who::owner("bench"), now);
    let mut due = 0_u64;
    let mut each = |_: &Record, outcome: &Outcome, _| {
        due += u64::from(matches!(outcome, Outcome::Erase { cause: Cause::Expiry, .. }));
    };
    let plan = desk.plan(&Subject::Retention, &mut each).await.unwrap();
    assert_eq!(plan.count(PlanClass::Due), due);
    assert_eq!(plan.count(PlanClass::Due) + plan.count(PlanClass::Keep), u64::from(count));
    begun.elapsed()
}

async fn one(path: &Path, count: u32) -> Duration {
    let store = Location::Sqlite(path.to_owned()).open_for_reading().await.unwrap();
    let numbers: Vec<u32> = (0..500).map(|number| number * (count / 500)).collect();
    let begun = Instant::now();
    for number in &numbers {
        assert!(store.get(id(*number, count)).await.unwrap().is_some());
    }
    begun.elapsed() / u32::try_from(numbers.len()).unwrap()
}

fn contract() -> Contract {
    let retention = RetentionPromises {
        minimum: Some("P7Y".into()),
        maximum: None,
        starts: None,
        at_minimum: None,
        because: Vec::new(),
        hold_by: None,
        hold_grounds: Vec::new(),
        applies_to: None,
    };
    let version = VersionPromises {
        document: "privacy".into(),
        version: "2018-09-26".into(),
        digest: DIGEST.into(),
        text_sha256: DIGEST.into(),
        facts_sha256: DIGEST.into(),
        url: "https://example.org/privacy/2018-09-26/".into(),
        from: "2016-01-01T00:00:00Z".into(),
        uses: Vec::new(),
        never: Vec::new(),
        recipients: Vec::new(),
        sharing_exceptions: Vec::new(),
        countries: Vec::new(),
        channels: Vec::new(),
        fields: Vec::new(),
        roles: Vec::new(),
        rights: Vec::new(),
        retention: Some(retention),
    };
    Contract {
        schema: SCHEMA.into(),
        base_url: "https://example.org".into(),
        site_title: "Example".into(),
        content_security_policy: None,
        statement: None,
        versions: vec![version],
        forms: std::collections::BTreeMap::new(),
    }
}

/// The most memory that this process has ever had (Linux, proc(5)).
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    durations[durations.len() / 2]
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
