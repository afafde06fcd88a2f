//! What a retention plan costs, measured against a bare scan of the same rows in the same run; and whether finding one
//! registration depends on how many there are.
//!
//! `cargo bench -p form-handler --features objects,postgres --bench records` prints tables for 1,000,000 registrations in
//! SQLite and in PostgreSQL; `-- 100000` measures that many.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark makes files, measures time, prints, and ends where something is not as it should be"
)]

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use form_handler::records::{Cause, Desk, Outcome, People, PlanClass, Record, Subject, Who};
use form_handler::store::{Location, Store};
use futures_util::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};
use statement::contract::{Contract, RetentionPromises, SCHEMA, VersionPromises};
use uuid::Uuid;

#[path = "../tests/servers/mod.rs"]
mod servers;
use servers::PostgresServer;

const RUNS: usize = 5;
const FEW: u32 = 10_000;
const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// The same columns as a plan looks at.
const COLUMNS: &str = "id, received, form, statement_version, statement_digest, revision";

fn main() {
    let count = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(run(count));
}

async fn run(count: u32) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger.jsonl");
    let (small, large) = (folder.path().join("small.sqlite"), folder.path().join("large.sqlite"));
    for (path, count) in [(&small, FEW), (&large, count)] {
        // The store makes its tables.
        drop(Location::Sqlite(path.clone()).open().await.unwrap());
        fill(path, count);
    }
    println!("{count} registrations in SQLite, {} MiB", std::fs::metadata(&large).unwrap().len() >> 20);
    let bare = median((0..RUNS).map(|_| scan(&large, count)).collect());
    compare(bare, &Location::Sqlite(large.clone()), &ledger, count).await;
    find(&[(Location::Sqlite(small), FEW), (Location::Sqlite(large.clone()), count)]).await;
    std::fs::remove_file(large).unwrap();

    let server = PostgresServer::start();
    let [small, large] = ["small", "large"].map(|name| server.database(name));
    for (name, url, count) in [("small", &small, FEW), ("large", &large, count)] {
        drop(postgres(url).open().await.unwrap());
        server.sql(name, &filling(count));
        server.sql(name, "vacuum analyze");
    }
    println!(
        "{count} registrations in PostgreSQL, {} MiB",
        server.sql("large", "select pg_database_size('large') >> 20")
    );
    let mut bare = Vec::new();
    for _ in 0..RUNS {
        bare.push(scan_postgres(&large, count).await);
    }
    compare(median(bare), &postgres(&large), &ledger, count).await;
    find(&[(postgres(&small), FEW), (postgres(&large), count)]).await;
}

/// A plan against a bare scan.
async fn compare(bare: Duration, place: &Location, ledger: &Path, count: u32) {
    let before = peak_kib();
    let mut plans = Vec::new();
    for _ in 0..RUNS {
        plans.push(plan(place, ledger, count).await);
    }
    let planned = median(plans);
    let times = planned.as_secs_f64() / bare.as_secs_f64();
    println!("bare scan       {:>8.0} ms", milliseconds(bare));
    println!("retention plan  {:>8.0} ms, {times:.1} times the scan", milliseconds(planned));
    println!("memory of it    {:>8} KiB more at the most", peak_kib() - before);
}

/// One registration by its id, and all of one person, in stores of each size.
async fn find(stores: &[(Location, u32)]) {
    for (place, count) in stores {
        let store = place.open_for_reading().await.unwrap();
        let (one, person) = (one(&store, *count).await, person(&store, *count).await);
        println!("of {count:>8} one {:>8.3} ms, a person's {:>8.3} ms", milliseconds(one), milliseconds(person));
    }
}

fn postgres(url: &str) -> Location {
    Location::parse(url, &|_| None).unwrap()
}

fn start() -> Timestamp {
    "2016-01-01T00:00:00Z".parse().unwrap()
}

/// So many seconds are between two registrations, over sixteen years.
fn pause(count: u32) -> i64 {
    16 * 365 * 86_400 / i64::from(count)
}

fn received(number: u32, count: u32) -> Timestamp {
    start() + SignedDuration::from_secs(i64::from(number) * pause(count))
}

fn id(number: u32, count: u32) -> Uuid {
    let milliseconds = u64::try_from(received(number, count).as_millisecond()).unwrap();
    let mut rest = [0; 10];
    rest[6..].copy_from_slice(&number.to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &rest).into_uuid()
}

fn key(number: u32) -> String {
    format!("{number:064x}")
}

/// As long as a receipt and the answers to a short form are.
const RECEIPT: usize = 1200;
const CONTENT: usize = 300;

fn fill(path: &Path, count: u32) {
    let mut connection = Connection::open(path).unwrap();
    // Written once: no journal as large as the file.
    connection.execute_batch("pragma journal_mode = off; pragma synchronous = off").unwrap();
    let transaction = connection.transaction().unwrap();
    {
        let mut insert = transaction
            .prepare(
                "insert into registration (id, received, received_seconds, form, form_sha256, statement_version, \
                 statement_digest, receipt, revision, content, submission_key) \
                 values (?1, ?2, ?3, 'register', ?4, '2018-09-26', ?4, ?5, 1, ?6, ?1)",
            )
            .unwrap();
        let mut find = transaction.prepare("insert into person_key (key, registration) values (?1, ?2)").unwrap();
        let (receipt, content) = ("r".repeat(RECEIPT), vec![b'c'; CONTENT]);
        for number in 0..count {
            let (at, id) = (received(number, count), id(number, count).to_string());
            insert.execute(params![id, at.to_string(), at.as_second(), DIGEST, receipt, content]).unwrap();
            find.execute(params![key(number), id]).unwrap();
        }
    }
    transaction.commit().unwrap();
}

/// The same rows, made by PostgreSQL.
fn filling(count: u32) -> String {
    let (start, pause) = (start().as_second(), pause(count));
    format!(
        "insert into candor.registration (id, received, received_seconds, form, form_sha256, statement_version, \
         statement_digest, receipt, revision, content, submission_key) \
         select (lpad(to_hex(at * 1000), 12, '0') || '70008000' || lpad(to_hex(number), 12, '0'))::uuid, \
         to_char(to_timestamp(at) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), at, 'register', '{DIGEST}', \
         '2018-09-26', '{DIGEST}', repeat('r', {RECEIPT}), 1, convert_to(repeat('c', {CONTENT}), 'UTF8'), number::text \
         from (select number, {start} + number::bigint * {pause} as at from generate_series(0, {count} - 1) as number) as numbers; \
         insert into candor.person_key (key, registration) \
         select lpad(to_hex(submission_key::int), 64, '0'), id from candor.registration"
    )
}

/// The least that looking at every row can cost: the same columns, in the same order.
fn scan(path: &Path, count: u32) -> Duration {
    let begun = Instant::now();
    let connection = Connection::open(path).unwrap();
    let mut query = connection.prepare(&format!("select {COLUMNS} from registration order by id")).unwrap();
    let mut rows = query.query([]).unwrap();
    let mut seen = 0;
    while let Some(row) = rows.next().unwrap() {
        let bytes = (0..5).map(|column| row.get_ref(column).unwrap().as_str().unwrap().len()).sum::<usize>();
        seen += u32::from(bytes > 0);
    }
    assert_eq!(seen, count);
    begun.elapsed()
}

/// The same in PostgreSQL, row by row as they come.
async fn scan_postgres(url: &str, count: u32) -> Duration {
    let begun = Instant::now();
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let query = format!("select {COLUMNS} from candor.registration order by id");
    let no_parameters: [&str; 0] = [];
    let mut rows = pin!(client.query_raw(&query, no_parameters).await.unwrap());
    let mut seen = 0;
    while let Some(row) = rows.try_next().await.unwrap() {
        let bytes = (1..5).map(|column| row.get::<_, &str>(column).len()).sum::<usize>();
        seen += u32::from(bytes > 0);
    }
    assert_eq!(seen, count);
    connection.abort();
    begun.elapsed()
}

/// More than half of them are past seven years.
async fn plan(place: &Location, ledger: &Path, count: u32) -> Duration {
    let begun = Instant::now();
    let store = place.open_for_reading().await.unwrap();
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

fn some(count: u32) -> impl Iterator<Item = u32> {
    (0..500).map(move |number| number * (count / 500))
}

async fn one(store: &Arc<dyn Store>, count: u32) -> Duration {
    let begun = Instant::now();
    for number in some(count) {
        assert!(store.get(id(number, count)).await.unwrap().is_some());
    }
    begun.elapsed() / 500
}

async fn person(store: &Arc<dyn Store>, count: u32) -> Duration {
    let begun = Instant::now();
    for number in some(count) {
        assert_eq!(store.ids_of_person(&key(number)).await.unwrap(), [id(number, count)]);
    }
    begun.elapsed() / 500
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
