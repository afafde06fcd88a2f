//! What every store promises, of each of them, on real servers: SQLite, PostgreSQL, and S3 as moto speaks it.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where something is not as it should be"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use form_handler::registration::{Mail, MailKind, MailState, Registration};
use form_handler::seal::DataKey;
use form_handler::store::{
    Attempt, Copied, Envelope, Inserted, Location, Numbers, Order, Outbox, Scan, Store, StoreError, Stored, copy,
};
use form_handler::{Private, Settings, doctor};
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;
use uuid::Uuid;

mod sample;
mod servers;
use servers::{Fault, PostgresServer, S3Server, gateway};

const DAY: i64 = 86_400;

fn now() -> Timestamp {
    "2024-05-01T12:00:00.5Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

/// A registration that arrives `moment`, whose answers are `answers`.
fn new(answers: &str, moment: Timestamp, mails: &[(MailKind, Option<&str>)]) -> Stored {
    let due = Some(moment.as_second() + 120);
    let mail = |(kind, address): &(MailKind, Option<&str>)| Mail {
        kind: *kind,
        state: MailState::Pending,
        error: None,
        attempts: 0,
        due,
        address_key: address.map(str::to_owned),
        letter: Some(Private::new(vec![0, 0xfe])),
    };
    Stored {
        envelope: Envelope {
            id: Registration::id(moment),
            received: moment,
            form: "register".into(),
            form_sha256: "f".repeat(64),
            statement_version: "2018-09-26".into(),
            statement_digest: "d".repeat(64),
            held: None,
            receipt: r#"{"kind":"notice"}"#.into(),
            revision: 1,
        },
        // Bytes of any kind, as those of something sealed are.
        content: Private::new([b"typed ", answers.as_bytes(), &[0, 0xff, b'\n', 0x80]].concat()),
        data_key: Some(DataKey { sealed: answers.as_bytes().to_vec(), keys: "old".into() }),
        person_keys: vec![format!("mail-of-{answers}"), format!("phone-of-{answers}")],
        submission_key: format!("key-of-{answers}"),
        mails: mails.iter().map(mail).collect(),
    }
}

const STAFF: (MailKind, Option<&str>) = (MailKind::Staff, None);

fn confirmation(address: &str) -> (MailKind, Option<&str>) {
    (MailKind::Confirmation, Some(address))
}

const NEW: Inserted = Inserted::New { confirmation: false };

async fn ids(store: &dyn Store, order: Order) -> Vec<Uuid> {
    let (mut scan, mut ids) = (Scan::new(store, order), Vec::new());
    while let Some(envelope) = scan.next().await.unwrap() {
        ids.push(envelope.id);
    }
    ids
}

async fn outbox(store: &dyn Store) -> Outbox {
    store.numbers(now()).await.unwrap().outbox
}

/// Does something as often as there are values, all at a time, on one instance or the other.
async fn all_at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    stores: &[Arc<dyn Store>; 2],
    count: usize,
    work: impl Fn(Arc<dyn Store>, usize) -> F,
) -> Vec<T> {
    let mut tasks = JoinSet::new();
    for number in 0..count {
        tasks.spawn(work(Arc::clone(&stores[number % 2]), number));
    }
    tasks.join_all().await
}

async fn open_twice(place: &Location) -> [Arc<dyn Store>; 2] {
    let (one, other) = tokio::join!(place.open(), place.open());
    [one.unwrap(), other.unwrap()]
}

/// What is stored is found again, whole, and nothing else is.
async fn keeps_what_it_is_given(place: Location) {
    let [store, other] = open_twice(&place).await;
    store.reach().await.unwrap();
    let mut first = new("Zoe", now(), &[STAFF, confirmation("z")]);
    assert_eq!(store.insert(&first).await.unwrap(), Inserted::New { confirmation: true });
    assert_eq!(other.get(first.envelope.id).await.unwrap().unwrap(), first);
    let mut held = new("Bot", after(1), &[]);
    held.envelope.held = Some("unseen_field".into());
    assert_eq!(store.insert(&held).await.unwrap(), NEW);
    assert_eq!(other.get(Registration::id(now())).await.unwrap(), None);

    let reading = place.open_for_reading().await.unwrap();
    assert_eq!(reading.get(held.envelope.id).await.unwrap().unwrap(), held);
    assert_eq!(ids(&*reading, Order::Oldest).await, [first.envelope.id, held.envelope.id]);
    let numbers =
        Numbers { registrations: 2, lately: 2, held: 1, outbox: Outbox { pending: 2, failing: 0, resting: 0 } };
    assert_eq!(reading.numbers(after(2)).await.unwrap(), numbers);
    assert_eq!(reading.numbers(after(2 * DAY)).await.unwrap(), Numbers { lately: 0, ..numbers });
    // Stored a second time, because an answer was lost on its way: it is there once.
    assert!(matches!(store.insert(&first).await.unwrap(), Inserted::New { .. } | Inserted::Already(_)));
    assert_eq!(ids(&*store, Order::Oldest).await.len(), 2);
    first.envelope.held = Some("changed".into());
    assert!(!store.restore(&first).await.unwrap(), "its id is there");
    assert_eq!(store.get(first.envelope.id).await.unwrap().unwrap().envelope.held, None);
    assert!(!format!("{store:?} {first:?}").contains("typed"), "nothing typed is printed");
}

/// The same answers are one registration for a day, however they arrive.
async fn knows_the_same_answers(place: Location) {
    let stores = open_twice(&place).await;
    let answers = all_at_once(&stores, 16, |store, _| async move {
        let new = new("same", now(), &[STAFF, confirmation("a")]);
        (new.envelope.id, store.insert(&new).await.unwrap())
    })
    .await;
    let firsts: Vec<Uuid> =
        answers.iter().filter(|(_, inserted)| matches!(inserted, Inserted::New { .. })).map(|(id, _)| *id).collect();
    let [first] = firsts[..] else { panic!("one is new: {answers:?}") };
    for (id, inserted) in answers {
        let expected = if id == first { Inserted::New { confirmation: true } } else { Inserted::Already(first) };
        assert_eq!(inserted, expected);
    }
    assert_eq!(ids(&*stores[0], Order::Oldest).await, [first]);
    assert_eq!(outbox(&*stores[1]).await, Outbox { pending: 2, failing: 0, resting: 0 });
    let again = |moment| {
        let store = &stores[1];
        async move { store.insert(&new("same", moment, &[STAFF])).await.unwrap() }
    };
    assert_eq!(again(after(DAY - 1)).await, Inserted::Already(first));
    assert_eq!(again(after(1 - DAY)).await, Inserted::Already(first), "a clock that is behind");
    assert_eq!(stores[0].insert(&new("other", now(), &[])).await.unwrap(), NEW);
    assert_eq!(again(after(DAY + 1)).await, NEW);
    assert_eq!(ids(&*stores[0], Order::Oldest).await.len(), 3);
}

/// An address has three confirmations a day, however many ask at a time.
async fn limits_confirmations(place: Location) {
    let stores = open_twice(&place).await;
    let insert = |answers: String, moment, address: &'static str| {
        let store = Arc::clone(&stores[0]);
        async move { store.insert(&new(&answers, moment, &[STAFF, confirmation(address)])).await.unwrap() }
    };
    let with = Inserted::New { confirmation: true };
    let inserted = all_at_once(&stores, 8, |store, number| async move {
        store.insert(&new(&format!("{number}"), now(), &[STAFF, confirmation("a")])).await.unwrap()
    })
    .await;
    assert_eq!(inserted.iter().filter(|inserted| **inserted == with).count(), 3, "{inserted:?}");
    assert_eq!(inserted.iter().filter(|inserted| **inserted == NEW).count(), 5, "{inserted:?}");
    assert_eq!(insert("b".into(), now(), "b").await, with);
    assert_eq!(insert("later".into(), after(DAY - 1), "a").await, NEW);
    assert_eq!(insert("tomorrow".into(), after(DAY + 1), "a").await, with);
    assert_eq!(outbox(&*stores[0]).await.pending, 11 + 5);
}

/// Mail is due when it should be, for one at a time, and what became of it is known.
async fn keeps_an_outbox(place: Location) {
    let stores = open_twice(&place).await;
    let [store, other] = &stores;
    for number in 0..10 {
        assert_eq!(store.insert(&new(&format!("{number}"), after(number), &[STAFF])).await.unwrap(), NEW);
    }
    let taken =
        |found: &[(Stored, MailKind)]| -> Vec<Uuid> { found.iter().map(|(stored, _)| stored.envelope.id).collect() };
    assert!(store.take_due(after(119), 9).await.unwrap().is_empty(), "the caller is about to send it");
    let all = ids(&**store, Order::Oldest).await;
    assert_eq!(taken(&store.take_due(after(121), 9).await.unwrap()), all[..2], "the longest overdue first");
    // Several at a time, again and again: each mail is given to one of them.
    let given = all_at_once(&stores, 4, |store, _| async move {
        let mut given = Vec::new();
        loop {
            let found = store.take_due(after(200), 3).await.unwrap();
            if found.is_empty() {
                return given;
            }
            given.extend(found.into_iter().map(|(stored, _)| stored.envelope.id));
        }
    })
    .await;
    let mut given: Vec<Uuid> = given.concat();
    given.sort();
    assert_eq!(given, all[2..]);
    assert_eq!(taken(&store.take_due(after(121 + 120), 9).await.unwrap()), all[..2], "the lease has ended");

    let failed = |is_final| Attempt::Failed { error: "timeout", is_final };
    let note = async |number: usize, outcome| {
        store.note_mail(all[number], MailKind::Staff, outcome, after(300)).await.unwrap()
    };
    for number in 0..8 {
        note(number, Attempt::Sent).await;
    }
    note(8, failed(false)).await;
    note(9, failed(true)).await;
    assert_eq!(outbox(&**other).await, Outbox { pending: 0, failing: 1, resting: 1 });
    let mail = other.get(all[8]).await.unwrap().unwrap().mails.remove(0);
    assert_eq!((mail.state, mail.error.as_deref(), mail.attempts), (MailState::Failed, Some("timeout"), 1));
    assert_eq!(mail.due, Some(after(360).as_second()));
    assert!(other.take_due(after(359), 9).await.unwrap().is_empty());
    assert_eq!(taken(&other.take_due(after(361), 9).await.unwrap()), [all[8]]);
    store.note_mail(all[8], MailKind::Staff, failed(false), after(361)).await.unwrap();
    assert_eq!(other.get(all[8]).await.unwrap().unwrap().mails[0].due, Some(after(361 + 240).as_second()), "rarer");

    assert_eq!(other.make_due(Some(all[0]), after(400)).await.unwrap(), 0, "it was sent");
    assert_eq!(other.make_due(Some(all[9]), after(400)).await.unwrap(), 1);
    assert_eq!(taken(&store.take_due(after(400), 9).await.unwrap()), [all[9]]);
    note(9, failed(true)).await;
    assert_eq!(other.make_due(None, after(401)).await.unwrap(), 2);
    assert_eq!(taken(&store.take_due(after(401), 9).await.unwrap()).len(), 2);
    for number in [8, 9] {
        note(number, Attempt::Sent).await;
    }
    assert_eq!(outbox(&**store).await, Outbox::default());
    assert!(store.take_due(after(100 * DAY), 9).await.unwrap().is_empty(), "each is sent once");
    assert_eq!(store.get(all[9]).await.unwrap().unwrap().envelope.revision, 1, "mail is no change of a registration");
}

/// What is held is released once, and mailed then.
async fn releases_what_is_held(place: Location) {
    let stores = open_twice(&place).await;
    let mut held = new("Bot", now(), &[]);
    held.envelope.held = Some("unseen_field".into());
    let id = held.envelope.id;
    assert_eq!(stores[0].insert(&held).await.unwrap(), NEW);
    assert!(stores[0].take_due(after(DAY), 9).await.unwrap().is_empty());
    let released = all_at_once(&stores, 4, |store, _| async move { store.release(id, after(60)).await.unwrap() }).await;
    assert_eq!(released.iter().filter(|is_released| **is_released).count(), 1);
    let stored = stores[1].get(id).await.unwrap().unwrap();
    assert_eq!((stored.envelope.held, stored.envelope.revision), (None, 2));
    assert_eq!(stores[0].numbers(now()).await.unwrap().held, 0);
    assert_eq!(stores[0].take_due(after(60), 9).await.unwrap().len(), 1);
    assert!(!stores[0].release(Registration::id(now()), now()).await.unwrap());
}

/// What counts once is the first one's, whoever else claims it at the same time.
async fn lets_one_claim(place: Location) {
    let stores = open_twice(&place).await;
    let claim = |store: Arc<dyn Store>, number: usize| async move {
        store.claim("proof", &format!("owner{number}"), after(60), now()).await.unwrap()
    };
    let claimed = all_at_once(&stores, 8, claim).await;
    assert_eq!(claimed.iter().filter(|is_first| **is_first).count(), 1);
    for (owner, is_theirs) in [("one", true), ("one", true), ("other", false)] {
        let claimed = stores[1].claim("another", owner, after(60), now()).await.unwrap();
        assert_eq!(claimed, is_theirs, "{owner}");
    }
}

/// A person is found by each of their keys, and who may read what was typed can be changed without it.
async fn finds_people_and_changes_their_keys(place: Location) {
    let [store, other] = open_twice(&place).await;
    let (one, mut second) = (new("one", now(), &[STAFF]), new("second", after(1), &[]));
    second.person_keys = vec!["mail-of-one".into()];
    for new in [&one, &second] {
        assert_eq!(store.insert(new).await.unwrap(), NEW);
    }
    let (first, second) = (one.envelope.id, second.envelope.id);
    assert_eq!(other.ids_of_person("mail-of-one").await.unwrap(), [first, second]);
    assert_eq!(other.ids_of_person("phone-of-one").await.unwrap(), [first]);
    assert!(other.ids_of_person("phone-of-second").await.unwrap().is_empty());
    assert_eq!(other.get(second).await.unwrap().unwrap().person_keys, ["mail-of-one"]);

    let key = |sealed: &str, keys: &str| DataKey { sealed: sealed.as_bytes().to_vec(), keys: keys.into() };
    assert_eq!(store.data_keys(None, 9).await.unwrap(), [(first, key("one", "old")), (second, key("second", "old"))]);
    assert_eq!(store.data_keys(None, 1).await.unwrap().len(), 1);
    assert!(store.replace_data_key(first, &key("one", "old"), &key("ONE", "new")).await.unwrap());
    assert!(!other.replace_data_key(first, &key("one", "old"), &key("two", "new")).await.unwrap(), "it has changed");
    assert_eq!(other.get(first).await.unwrap().unwrap().data_key, Some(key("ONE", "new")));
    assert_eq!(other.data_keys(Some(first), 9).await.unwrap(), [(second, key("second", "old"))]);
    assert!(!store.replace_data_key(Registration::id(now()), &key("x", "old"), &key("y", "new")).await.unwrap());
    let due = other.take_due(after(200), 9).await.unwrap().remove(0).0;
    assert_eq!((due.data_key, due.mails[0].letter.is_some()), (Some(key("ONE", "new")), true));
    other.note_mail(first, MailKind::Staff, Attempt::Sent, after(200)).await.unwrap();
    assert_eq!(store.get(first).await.unwrap().unwrap().mails[0].letter, None, "what was sent is forgotten");
}

/// All are gone through in the order of their ids, from either end, and they can be copied into another store.
async fn is_gone_through_and_copied(place: Location, folder: &Path) {
    let stores = open_twice(&place).await;
    // More than there are in one page.
    all_at_once(&stores, 8, |store, number| async move {
        for part in 0..66 {
            let moment = after((part * 8 + number) as i64 * 60);
            assert!(store.restore(&new(&format!("{number}.{part}"), moment, &[])).await.unwrap());
        }
    })
    .await;
    let all = ids(&*stores[0], Order::Oldest).await;
    assert!(all.is_sorted() && all.len() == 528, "{}", all.len());
    let mut newest = ids(&*stores[1], Order::Newest).await;
    newest.reverse();
    assert_eq!(newest, all);
    let page = stores[0].page(Order::Oldest, Some(all[3]), 2).await.unwrap();
    assert_eq!(page.iter().map(|envelope| envelope.id).collect::<Vec<_>>(), all[4..6]);
    let page = stores[0].page(Order::Newest, Some(all[3]), 9).await.unwrap();
    assert_eq!(page.iter().map(|envelope| envelope.id).collect::<Vec<_>>(), [all[2], all[1], all[0]]);

    let copied = |copied, already| Copied { copied, already, different: Vec::new() };
    let there = Location::Sqlite(folder.join("copy.sqlite")).open().await.unwrap();
    // As much as there is when the first copy is cut short.
    for id in &all[..100] {
        assert!(there.restore(&stores[0].get(*id).await.unwrap().unwrap()).await.unwrap());
    }
    assert_eq!(copy(&*stores[0], &*there).await.unwrap(), copied(428, 100));
    assert_eq!(copy(&*stores[0], &*there).await.unwrap(), copied(0, 528));
}

/// What comes from another store is here as it was there: with its mail, and known as the same answers.
async fn takes_what_is_copied(place: Location, folder: &Path) {
    let there = Location::Sqlite(folder.join("source.sqlite")).open().await.unwrap();
    let mut held = new("Bot", after(1), &[]);
    held.envelope.held = Some("unseen_field".into());
    let pending = new("pending", after(2), &[STAFF, confirmation("a")]);
    for new in [&new("sent", now(), &[STAFF]), &held, &pending] {
        there.insert(new).await.unwrap();
    }
    let [sent, ..] = ids(&*there, Order::Oldest).await[..] else { panic!("there are some") };
    there.note_mail(sent, MailKind::Staff, Attempt::Sent, now()).await.unwrap();
    let here = place.open().await.unwrap();
    let copied = copy(&*there, &*here).await.unwrap();
    assert_eq!(copied, Copied { copied: 3, already: 0, different: Vec::new() });
    for id in ids(&*there, Order::Oldest).await {
        assert_eq!(here.get(id).await.unwrap(), there.get(id).await.unwrap());
    }
    assert_eq!(here.numbers(now()).await.unwrap(), there.numbers(now()).await.unwrap());
    let again = new("pending", after(60), &[STAFF]);
    assert_eq!(here.insert(&again).await.unwrap(), Inserted::Already(pending.envelope.id));
    assert_eq!(here.take_due(after(200), 9).await.unwrap().len(), 2);
    assert!(here.release(held.envelope.id, now()).await.unwrap());
    assert_eq!(copy(&*there, &*here).await.unwrap().different, [held.envelope.id], "it has changed since");
}

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

/// Whoever looks after the function is told how the store is.
async fn is_examined(url: &str, variables: &dyn Fn(&str) -> Option<String>) {
    let lookup = |name: &str| match name {
        "CANDOR_STORE" => Some(url.to_owned()),
        "CANDOR_MAIL" => Some("none".to_owned()),
        "CANDOR_KEYS" => Some("none-and-registrations-are-readable-in-the-store".to_owned()),
        _ => variables(name),
    };
    let settings = Settings::from_environment(&lookup, None).unwrap();
    let examine = async || {
        let findings = doctor::examine(&settings, Err("there is none".to_owned()), now()).await;
        findings.into_iter().find(|finding| finding.part == "store").unwrap()
    };
    let found = examine().await;
    assert!(found.help.is_none() && found.fact.ends_with(": not there yet"), "{found}");
    drop(settings.store().unwrap().open().await.unwrap());
    let found = examine().await;
    assert!(found.help.is_none(), "{found}");
    assert!(found.fact.ends_with(": 0 stored, 0 of them in the last 24 hours, 0 held"), "{found}");
}

async fn error(opening: impl Future<Output = Result<Arc<dyn Store>, StoreError>>) -> String {
    opening.await.err().map(|error| error.to_string()).unwrap_or_default()
}

const LATER: &str = "the store was written by a later version of this software";

/// What every store keeps, each promise in a store of its own.
async fn keep_the_promises(place: impl Fn(&str) -> Location, folder: &Path) {
    keeps_what_it_is_given(place("given")).await;
    knows_the_same_answers(place("same")).await;
    limits_confirmations(place("confirmations")).await;
    keeps_an_outbox(place("outbox")).await;
    releases_what_is_held(place("held")).await;
    finds_people_and_changes_their_keys(place("people")).await;
    lets_one_claim(place("claims")).await;
    is_gone_through_and_copied(place("copied"), folder).await;
    takes_what_is_copied(place("taken"), folder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_the_promises() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| Location::Sqlite(folder.path().join(name));
    keep_the_promises(&place, folder.path()).await;
    loses_nothing(place("h"), || {}).await;
    is_examined(&format!("sqlite:{}", folder.path().join("i").display()), &|_| None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_the_promises() {
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::new(PostgresServer::start());
    let place = |name: &str| Location::parse(&server.database(name), &|_| None).unwrap();
    keep_the_promises(&place, folder.path()).await;
    let shaken = Arc::clone(&server);
    let shake = move || {
        std::thread::sleep(Duration::from_millis(300));
        shaken.crash_and_restart();
    };
    loses_nothing(place("h"), shake).await;

    is_examined(&server.database("i"), &|_| None).await;
    let later = place("later");
    assert_eq!(error(later.open_for_reading()).await, "there is no store yet");
    drop(later.open().await.unwrap());
    server.sql("later", "update candor.store set version = version + 1");
    assert_eq!(error(later.open()).await, LATER);
    assert_eq!(error(later.open_for_reading()).await, LATER);
    server.sql("later", "drop table candor.registration cascade; update candor.store set version = version - 1");
    let damaged = later.open().await.unwrap().get(Registration::id(now())).await.unwrap_err();
    assert_eq!(damaged.to_string(), "it is not a store of ours, or it is damaged");

    let hasty = place("hasty");
    server.sql("hasty", "alter database hasty set synchronous_commit = off");
    assert_eq!(
        error(hasty.open()).await,
        "what is written there would not be safe: PostgreSQL has `synchronous_commit = off`"
    );
    let missing = Location::parse(&format!("postgres://candor@127.0.0.1:{}/missing", server.port), &|_| None).unwrap();
    assert_eq!(error(missing.open()).await, "the store cannot be opened: the server has no such database");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_spoken_to_over_tls_that_is_checked() {
    let server = PostgresServer::start();
    let plain = server.database("tls");
    let open = async |query: &str| error(Location::parse(&format!("{plain}?{query}"), &|_| None).unwrap().open()).await;
    let trusted = format!("sslmode=verify-full&sslrootcert={}", server.certificate().display());
    assert_eq!(open(&trusted).await, "");
    let untrusted = open("sslmode=require").await;
    assert!(untrusted.contains("certificate"), "{untrusted}");
    assert!(
        open("sslmode=require&sslrootcert=/nowhere.pem").await.contains("`/nowhere.pem` has no certificate in PEM")
    );
}

/// The variables of AWS that lead to a server of ours.
fn aws(port: u16) -> impl Fn(&str) -> Option<String> {
    move |name| match name {
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".into()),
        "AWS_REGION" => Some("us-east-1".into()),
        "AWS_ENDPOINT_URL" => Some(format!("http://127.0.0.1:{port}")),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_keep_the_promises() {
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::new(S3Server::start());
    let place = |name: &str| Location::parse(&server.bucket(name), &aws(server.port)).unwrap();
    keep_the_promises(&place, folder.path()).await;
    let shaken = Arc::clone(&server);
    let shake = move || {
        std::thread::sleep(Duration::from_millis(300));
        shaken.stall(Duration::from_secs(6));
    };
    loses_nothing(place("bucket-h"), shake).await;

    is_examined(&server.bucket("bucket-i"), &aws(server.port)).await;
    let later = place("bucket-later");
    let none = "there is no store yet";
    assert_eq!(error(later.open_for_reading()).await, none);
    drop(later.open().await.unwrap());
    let put = server.put("bucket-later/candor/store.json", r#"{"version":99}"#);
    assert!(put.starts_with("HTTP/1.1 200"), "{put}");
    assert_eq!(error(later.open()).await, LATER);
    assert_eq!(error(later.open_for_reading()).await, LATER);
    let missing = Location::parse("s3://bucket-missing/x", &aws(server.port)).unwrap();
    let none = "the store cannot be opened: there is no such bucket, or no store of ours in it";
    assert_eq!(error(missing.open()).await, none);
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

#[test]
fn objects_and_postgres_are_where_the_statement_allows_it() {
    let statement = sample::contract(statement::form::Notify::Reference).statement.unwrap();
    let check = |store: &str, variables: &[(&str, &str)]| {
        let lookup = |name: &str| {
            let all = [("CANDOR_COUNTRY", "US")];
            variables.iter().chain(&all).find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        };
        let store = Location::parse(store, &lookup).unwrap();
        form_handler::check_place(&lookup, Some(&statement), Some(&store)).err().unwrap_or_default()
    };
    for here in ["registrations.sqlite", "postgres://localhost/a", "postgres://%2Frun%2Fpostgresql/a"] {
        assert_eq!(check(here, &[]), "");
    }
    assert_eq!(check("s3://bucket?region=us-west-2", &[]), "");
    assert_eq!(
        check("s3://bucket/a?region=eu-west-1", &[("AWS_REGION", "us-east-1")]),
        "P150: CANDOR_STORE: the store is in eu-west-1 (IE), and statement 2018-09-26 keeps data in US; deploy it there"
    );
    for elsewhere in ["postgres://db.example.org/a", "s3://bucket"] {
        let server = ("AWS_ENDPOINT_URL", "https://s3.example.org");
        assert_eq!(
            check(elsewhere, &[server]),
            "P151: CANDOR_STORE_COUNTRY: nothing says where the store is, and statement 2018-09-26 keeps data in US; pin \
             it to one place there, and set the variable to its country"
        );
        assert_eq!(check(elsewhere, &[server, ("CANDOR_STORE_COUNTRY", "US")]), "");
        assert_eq!(
            check(elsewhere, &[server, ("CANDOR_STORE_COUNTRY", "DE")]),
            "P150: CANDOR_STORE_COUNTRY: the store is in DE, and statement 2018-09-26 keeps data in US; deploy it there"
        );
    }
}

#[test]
fn objects_and_postgres_are_named_by_urls_without_their_passwords() {
    let parse = |store: &str| Location::parse(store, &|_| None).map(|place| place.to_string());
    let shown = |store: &str| parse(store).unwrap();
    assert_eq!(
        shown("postgres://user:secret@db.example.org:5433/site?sslmode=verify-full"),
        "postgres://db.example.org/site"
    );
    assert_eq!(shown("s3://bucket/a/b/?region=us-east-1"), "s3://bucket/a/b");
    let wrong = |store: &str| parse(store).unwrap_err();
    assert_eq!(
        wrong("postgres://user:secret@db.example.org/site?sslmode=prefer"),
        "`sslmode=prefer` is not safe: write `verify-full`, or `disable`"
    );
    assert_eq!(
        wrong("postgres://user:secret@db.example.org/site?colour=red"),
        "it is not a URL of PostgreSQL: write `postgres://USER:PASSWORD@HOST/DATABASE`"
    );
    assert_eq!(wrong("postgres:///site"), "no host: write `postgres://USER:PASSWORD@HOST/DATABASE`");
    assert_eq!(wrong("s3://Bucket/a"), "`Bucket` is not the name of a bucket: write `s3://BUCKET/PREFIX`");
    assert_eq!(wrong("s3://bucket/a"), "no region: set AWS_REGION, or write `s3://BUCKET/PREFIX?region=REGION`");
    assert_eq!(
        wrong("s3://bucket/a?endpoint=x"),
        "`endpoint=x` is nothing that a bucket has: write `region=REGION`, or nothing"
    );
    let plain = |name: &str| (name == "AWS_ENDPOINT_URL").then(|| "http://s3.example.org:9000".to_owned());
    assert_eq!(
        Location::parse("s3://bucket", &plain).unwrap_err(),
        "AWS_ENDPOINT_URL is not encrypted: write `https://`"
    );
    assert!(!format!("{:?}", Location::parse("postgres://u:secret@h/d", &|_| None).unwrap()).contains("secret"));
    let keys = |name: &str| name.starts_with("AWS_").then(|| "secret".to_owned());
    assert!(!format!("{:?}", Location::parse("s3://bucket", &keys).unwrap()).contains("secret"));
}
