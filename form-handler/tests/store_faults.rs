//! Nothing that somebody was told of is lost and nothing is there twice, whatever happens to the server that a store is on:
//! PostgreSQL that is started anew under load, objects that answer with an error, late or not at all, functions that are cut
//! short, and schedules that are played twice.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where something is not as it should be"
)]

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use form_handler::registration::MailKind;
use form_handler::store::{Attempt, Inserted, Location, Order};
use serde_json::{Value, json};
use statement::form::Notify;
use tokio::task::JoinSet;
use uuid::Uuid;

mod lambda_host;
mod promises;
mod sample;
mod servers;
use lambda_host::Function;
use promises::{DAY, STAFF, after, all_at_once, confirmation, error, ids, new, open_twice, outbox};
use servers::{Fault, PostgresServer, S3Server, aws, gateway};

/// Every registration that somebody is told of is there, once; `shake` is what happens to the server meanwhile.
async fn loses_nothing(place: Location, shake: impl FnOnce() + Send + 'static) {
    let stores = open_twice(&place).await;
    let shaken = tokio::task::spawn_blocking(shake);
    let told = all_at_once(&stores, 8, |store, number| async move {
        let mut told = Vec::new();
        for part in 0..30 {
            let new = new(&format!("{number}.{part}"), after(part), &[STAFF]);
            match store.insert(&new).await {
                Ok(Inserted::New { .. }) => told.push(new.envelope.id),
                Ok(Inserted::Already(id)) => panic!("{id} was never sent before"),
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        told
    })
    .await;
    shaken.await.unwrap();
    let told: BTreeSet<Uuid> = told.concat().into_iter().collect();
    let stored = ids(&*stores[0], Order::Oldest).await;
    assert!(told.len() > 100, "most went well: {}", told.len());
    assert!(told.iter().all(|id| stored.contains(id)), "{} told, {} stored", told.len(), stored.len());
    // What was stored without an answer has its mail all the same.
    let mut mailed = BTreeSet::new();
    loop {
        let due = stores[1].take_due(after(DAY), 20).await.unwrap();
        if due.is_empty() {
            break;
        }
        for (stored, kind) in due {
            stores[1].note_mail(stored.envelope.id, kind, Attempt::Sent, after(DAY)).await.unwrap();
            assert!(mailed.insert(stored.envelope.id), "it is mailed once");
        }
    }
    assert_eq!(mailed, stored.into_iter().collect());
}

/// Lets a server be for a moment, and then does something to it.
fn soon(shake: impl FnOnce() + Send + 'static) -> impl FnOnce() + Send + 'static {
    move || {
        std::thread::sleep(Duration::from_millis(300));
        shake();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    loses_nothing(Location::Sqlite(folder.path().join("a.sqlite")), || {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_loses_nothing_when_it_is_started_anew() {
    let server = Arc::new(PostgresServer::start());
    let place = Location::parse(&server.database("a"), &|_| None).unwrap();
    let shaken = Arc::clone(&server);
    loses_nothing(place, soon(move || shaken.crash_and_restart())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_lose_nothing_when_their_server_stalls() {
    let server = Arc::new(S3Server::start());
    let place = Location::parse(&server.bucket("bucket-a"), &aws(server.port)).unwrap();
    let shaken = Arc::clone(&server);
    loses_nothing(place, soon(move || shaken.stall(Duration::from_secs(6)))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_survive_a_server_that_fails_and_refuse_one_that_writes_over() {
    let server = S3Server::start();
    let url = server.bucket("bucket-faults");
    for status in [500, 503] {
        let failing = gateway(server.port, Fault::Status(status));
        let place = Location::parse(&format!("{url}-{status}"), &aws(failing)).unwrap();
        let store = place.open().await.unwrap();
        for number in 0..5 {
            let new = new(&format!("{number}"), after(number), &[STAFF, confirmation(&format!("{number}"))]);
            assert_eq!(store.insert(&new).await.unwrap(), Inserted::New { confirmation: true });
            assert_eq!(store.get(new.envelope.id).await.unwrap().unwrap(), new);
        }
        assert_eq!(ids(&*store, Order::Oldest).await.len(), 5);
        assert_eq!(outbox(&*store).await.pending, 10);
    }
    let careless = gateway(server.port, Fault::NoConditions);
    let place = Location::parse(&format!("{url}-careless"), &aws(careless)).unwrap();
    let fact = "what is written there would not be safe: the server writes over objects although it is told not to";
    assert_eq!(error(place.open()).await, fact);
    let gone = Location::parse(&url, &aws(1)).unwrap();
    assert_eq!(error(gone.open()).await, "the store cannot be opened: the server cannot be reached");
}

/// However far a function got before it was cut short, whoever sends the same again is stored once and mailed once.
#[tokio::test(flavor = "multi_thread")]
async fn objects_of_a_submission_that_was_cut_short_are_completed_by_the_next() {
    let server = S3Server::start();
    let url = server.bucket("bucket-cut");
    // The bucket's own object is made before.
    let whole = Location::parse(&url, &aws(server.port)).unwrap().open().await.unwrap();
    let (mut stored, mut outcomes, mut stages) = (BTreeSet::new(), BTreeSet::new(), JoinSet::new());
    // To be opened takes two requests, an insertion some more.
    for most in 2..14 {
        let cut = gateway(server.port, Fault::CutShort(most));
        let cut = Location::parse(&url, &aws(cut)).unwrap().open().await.unwrap();
        let whole = Arc::clone(&whole);
        stages.spawn(async move {
            let first = new(&format!("{most}"), after(most as i64), &[STAFF]);
            let is_told = cut.insert(&first).await.is_ok();
            let again = new(&format!("{most}"), after(30 + most as i64), &[STAFF]);
            // A server that is busy with all the others may not answer in time.
            let id = loop {
                match whole.insert(&again).await {
                    Ok(Inserted::New { .. }) => break again.envelope.id,
                    Ok(Inserted::Already(id)) => break id,
                    Err(_) => {}
                }
            };
            let is_first = id == first.envelope.id;
            assert_eq!(is_first, whole.get(first.envelope.id).await.unwrap().is_some(), "{most}");
            assert!(!is_told || is_first, "{most}: what somebody was told of stays");
            assert!(whole.get(id).await.unwrap().unwrap().data_key.is_some());
            (id, is_told, is_first)
        });
    }
    for (id, is_told, is_first) in stages.join_all().await {
        stored.insert(id);
        outcomes.insert((is_told, is_first));
    }
    assert_eq!(outcomes, BTreeSet::from([(false, false), (false, true), (true, true)]), "at every stage");
    assert_eq!(ids(&*whole, Order::Oldest).await.into_iter().collect::<BTreeSet<_>>(), stored, "once each");
    assert_eq!(stored.len(), 12);
    let mut due = whole.take_due(after(DAY), 99).await.unwrap();
    due.sort_by_key(|(stored, _)| stored.envelope.id);
    assert_eq!(due.iter().map(|(stored, _)| stored.envelope.id).collect::<BTreeSet<_>>(), stored);
    assert_eq!(due.len(), stored.len(), "mailed once each");
}

/// On Lambda with objects: the schedule's event sends what is due, once, however often it comes and to however many.
#[tokio::test(flavor = "multi_thread")]
async fn objects_and_a_schedule_that_is_played_twice_send_each_mail_once() {
    let (server, folder) = (S3Server::start(), tempfile::tempdir().unwrap());
    let url = server.bucket("bucket-schedule");
    let variables = aws(server.port);
    let store = Location::parse(&url, &variables).unwrap().open().await.unwrap();
    let (contract, seal) = (sample::contract(Notify::Reference), sample::sealing(&[]));
    let file = folder.path().join("contract.json");
    std::fs::write(&file, serde_json::to_vec(&contract).unwrap()).unwrap();
    for number in 0..6 {
        // Left by functions that were cut short before they could mail.
        let answers = new(&format!("{number}"), after(number), &[]);
        let registration = form_handler::registration::Registration {
            fields: vec![("name".into(), form_handler::Private::new(format!("Visitor {number}")))],
            ..form_handler::registration::Registration::without_answers(&answers.envelope)
        };
        let stored = registration.to_stored(&contract.forms["register"], &seal, "{}", &[MailKind::Staff]);
        assert!(matches!(store.insert(&stored).await.unwrap(), Inserted::New { .. }));
    }
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_form-handler"));
        command.env("CANDOR_CONTRACT", &file).env("CANDOR_STORE", &url).env("CANDOR_COUNTRY", "US");
        command
            .env("CANDOR_STORE_COUNTRY", "US")
            .env("CANDOR_MAIL", format!("file:{}", folder.path().join("mail").display()));
        command.env("CANDOR_MAIL_FROM", "site@example.org").env("CANDOR_MAIL_TO", "staff@example.org");
        command.env("CANDOR_KEYS", "none-and-registrations-are-readable-in-the-store");
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL"] {
            command.env(name, variables(name).unwrap());
        }
        Function::start(command)
    };
    let event = json!({
        "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event",
        "source": "aws.events", "account": "123456789012", "time": "2024-05-01T13:00:00Z", "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:123456789012:rule/outbox"], "detail": {}
    })
    .to_string();
    let told = |answer: String| -> u64 {
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["failed"], 0, "{answer}");
        answer["sent"].as_u64().unwrap()
    };
    let (one, other) = tokio::join!(
        tokio::task::spawn_blocking({
            let (event, mut function) = (event.clone(), start());
            move || (function.invoke(&event), function)
        }),
        tokio::task::spawn_blocking({
            let (event, mut function) = (event.clone(), start());
            move || function.invoke(&event)
        }),
    );
    let (one, mut function) = one.unwrap();
    assert_eq!(told(one) + told(other.unwrap()), 6);
    assert_eq!(told(function.invoke(&event)), 0, "played once more");
    assert_eq!(std::fs::read_dir(folder.path().join("mail")).unwrap().count(), 6);
    assert_eq!(outbox(&*store).await.pending, 0);
}
