//! What staff do with records in PostgreSQL: the same desk as in `desk.rs`, on a real server, with a real backup.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where something is not as it should be"
)]

use std::sync::Arc;

use form_handler::records::{Fate, Recheck, RequestKind, Rules, Scope, Subject, decide};

mod office;
mod sample;
#[expect(dead_code, reason = "other stores have other servers")]
mod servers;

use office::{Office, after, at_desk};
use sample::now;
use servers::PostgresServer;

const YEAR: i64 = 366;

#[tokio::test(flavor = "multi_thread")]
async fn postgres_destroys_only_what_is_decided_again() {
    let server = PostgresServer::start();
    let office = Office { url: Some(server.database("desk")), ..Office::new() };
    let old = office.register("Ada", now()).await;
    let held = office.register("Bob", after(1)).await;
    let mine = office.register_with("name=Eve&email=eve@example.org", after(7 * YEAR)).await;
    // Nobody writes while it is made.
    server.sql("postgres", "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'desk'");
    server.sql("postgres", "create database backup template desk");
    let at = after(8 * YEAR);

    // Nothing before its minimum, and nothing that was changed since.
    let store = office.store().await;
    let records = store.records().unwrap();
    let rules = Arc::new(Rules::new(&office.contract, &[]));
    let record = records.record(mine).await.unwrap().unwrap();
    let late = decide(&record, &[], &[], &rules, after(20 * YEAR));
    let recheck = |now| Recheck::Rules { rules: rules.clone(), now, answering: None };
    let fates = records.destroy(std::slice::from_ref(&late), &recheck(at)).await.unwrap();
    assert!(matches!(fates[..], [Fate::Kept(_)]), "{fates:?}");

    // The plan that was made before a hold is refused, and the next one keeps what it covers.
    let plan = at_desk!(office, "ada", at, |desk| desk.plan(&Subject::Retention, &mut |_, _, _| {}).await.unwrap());
    let scope = Scope { records: Some([held].into()), ..Scope::default() };
    let hold = at_desk!(office, "lea", at, |desk| {
        desk.place_hold("litigation-hold", scope, false, "case 7").await.unwrap().0
    });
    let apply = at_desk!(office, "ada", at, |desk| desk.apply(&Subject::Retention, &plan.id(), &mut |_| {}).await);
    assert!(apply.unwrap_err().to_string().starts_with("P515: "));
    let key = store.get(mine).await.unwrap().unwrap().person_keys.remove(0);
    let scope = Scope { people: [key].into(), ..Scope::default() };
    let request = at_desk!(office, "ada", at, |desk| {
        desk.open_request(RequestKind::Erasure { citation: None }, scope, "a letter").await.unwrap()
    });
    let applied = office.sweep(Subject::Request(request.id.clone()), "ada", at).await.unwrap();
    assert_eq!((applied.erased, applied.restricted), (0, 1));
    assert_eq!(records.restricted().await.unwrap(), [mine]);
    assert_eq!(office.sweep(Subject::Retention, "ada", at).await.unwrap().erased, 1);
    assert_eq!(office.ids().await, [held, mine]);
    let before = records.matters().await.unwrap();

    // A backup of before is put in its place.
    drop(store);
    server.sql("postgres", "drop database desk with (force)");
    server.sql("postgres", "create database desk template backup");
    assert_eq!(office.ids().await, [old, held, mine]);
    let replayed = at_desk!(office, "ada", after(8 * YEAR + 1), |desk| desk.replay().await.unwrap());
    assert_eq!((replayed.erased, replayed.holds, replayed.requests, replayed.changed), (1, 1, 1, 1));
    assert_eq!(office.ids().await, [held, mine]);
    assert_eq!(office.store().await.records().unwrap().matters().await.unwrap(), before);

    at_desk!(office, "lea", after(9 * YEAR), |desk| desk.release_hold(&hold.id, "settled").await.unwrap());
    assert_eq!(office.sweep(Subject::Retention, "ada", after(9 * YEAR)).await.unwrap().erased, 1);
    let applied = office.sweep(Subject::Retention, "ada", after(15 * YEAR)).await.unwrap();
    assert_eq!((applied.erased, applied.closed), (1, vec![request.id]));
    assert!(office.ids().await.is_empty());
    // The one that the backup had brought back, twice.
    assert_eq!(office.erased().len(), 4);
}
