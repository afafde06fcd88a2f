//! What staff do with records in PostgreSQL and in S3: the same as in a file, each on a real server and after real backups.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where something is not as it should be"
)]

mod desk_model_suite;
mod desk_suite;
mod office;
mod sample;
mod servers;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use form_handler::records::{PlanClass, Subject};
use office::{Backing, Office, after};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use servers::{PostgresServer, S3Server};

/// Every test of the suite, in stores of its own.
async fn keep_to_the_desk(new: &dyn Fn() -> Office) {
    macro_rules! each {
        ($($name:ident,)*) => { $( desk_suite::$name(new).await; )* };
    }
    each! {
        what_is_due_is_erased_and_the_rest_is_kept,
        nothing_is_destroyed_before_its_minimum_whoever_calls,
        a_hold_placed_after_the_plan_wins,
        the_end_of_a_hold_resumes_what_it_deferred,
        a_request_before_the_minimum_is_over_restricts_and_a_law_erases,
        what_the_statement_or_the_role_does_not_allow_is_refused_and_written_down,
        longer_takes_a_reason_an_end_and_beyond_two_years_legal,
        a_clock_that_was_set_back_is_refused,
        a_plan_of_yesterday_is_refused,
        two_who_apply_one_plan_erase_each_record_once,
        what_was_cut_short_is_ended_by_whoever_comes_next,
        a_hold_of_which_nobody_knows_whether_it_was_placed_is_placed,
        no_address_leaves_a_trace_in_the_ledger,
        what_is_released_from_suspicion_is_so_after_a_restore_too,
        a_lost_extension_is_missed_before_a_plan,
        no_two_holds_have_one_name_whatever_became_of_the_ledger,
        after_a_restore_nothing_erased_is_back_and_no_hold_is_missing,
        a_damaged_registration_is_named_and_nothing_is_erased,
        an_altered_ledger_stops_every_plan,
    }
}

/// Whatever staff do in whatever order.
async fn keep_to_the_model(new: &dyn Fn() -> Office, cases: usize, steps: usize) {
    let mut runner = TestRunner::deterministic();
    for _ in 0..cases {
        let steps = prop::collection::vec(desk_model_suite::step(), steps).new_tree(&mut runner).unwrap().current();
        desk_model_suite::run(new(), steps).await;
    }
}

fn in_postgres(server: PostgresServer) -> impl Fn() -> Office {
    let (server, count) = (Arc::new(server), AtomicUsize::new(0));
    move || {
        let database = format!("desk{}", count.fetch_add(1, Ordering::Relaxed));
        Office::backed_by(Backing::Postgres(Arc::clone(&server), server.database(&database), database))
    }
}

fn in_a_bucket(server: S3Server) -> impl Fn() -> Office {
    let (server, count) = (Arc::new(server), AtomicUsize::new(0));
    move || {
        let bucket = format!("desk-{}", count.fetch_add(1, Ordering::Relaxed));
        Office::backed_by(Backing::Bucket(Arc::clone(&server), server.bucket(&bucket), bucket))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_to_the_desk() {
    let new = in_postgres(PostgresServer::start());
    keep_to_the_desk(&new).await;
    desk_suite::what_a_store_says_it_has_not_done_was_not_done(&new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_destroys_nothing_early_and_keeps_nothing_late() {
    keep_to_the_model(&in_postgres(PostgresServer::start()), 4, 16).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_keep_to_the_desk() {
    keep_to_the_desk(&in_a_bucket(S3Server::start())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_destroy_nothing_early_and_keep_nothing_late() {
    keep_to_the_model(&in_a_bucket(S3Server::start()), 2, 16).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_looked_at_once_for_a_plan_and_once_to_apply_it() {
    let server = Arc::new(S3Server::start());
    let url = server.bucket("once");
    let office = Office::backed_by(Backing::Bucket(Arc::clone(&server), url, "once".into()));
    let old = office.register("Ada", after(-8 * 366)).await;
    office.register_many(20).await;
    let young: Vec<_> = office.ids().await.into_iter().filter(|id| *id != old).collect();
    let store = office.store().await;
    let ledger = office.ledger();
    let desk = office.desk(store.records(), &ledger, "ada", after(30));
    let reads = |since: usize, name: &str| {
        let wanted = format!("\"GET /once/candor/{name}");
        server.requests().iter().skip(since).filter(|line| line.contains(&wanted)).count()
    };
    let since = server.requests().len();
    let plan = desk.plan(&Subject::Retention, &mut |_, _, _| {}).await.unwrap();
    assert_eq!((plan.count(PlanClass::Due), plan.count(PlanClass::Keep)), (1, 20));
    assert!(young.iter().all(|id| reads(since, &format!("registration/{id}")) == 1));
    assert_eq!(reads(since, "data_key/"), 0, "nobody needs a key to plan");
    let since = server.requests().len();
    assert_eq!(desk.apply(&Subject::Retention, &plan.id(), &mut |_| {}).await.unwrap().erased, 1);
    assert!(young.iter().all(|id| reads(since, &format!("registration/{id}")) == 1));
    // Nothing is left of the one that was erased, not even a hash.
    let key = old.to_string();
    let left = server.names("once");
    assert!(!left.iter().any(|name| name.contains(&key)), "{left:?}");
    assert_eq!(left.iter().filter(|name| name.starts_with("candor/same/")).count(), 20, "{left:?}");
    assert_eq!(office.ids().await, young);
}
