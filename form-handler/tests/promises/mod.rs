//! What every store promises, whatever it is, and what a registration is in these tests.

#![allow(dead_code, reason = "each test program uses what it needs")]

use std::path::Path;
use std::sync::Arc;

use form_handler::Private;
use form_handler::registration::{Mail, MailKind, MailState, Registration};
use form_handler::seal::DataKey;
use form_handler::store::{
    Attempt, Copied, Envelope, Inserted, Location, Numbers, Order, Outbox, Scan, Store, StoreError, Stored, copy,
};
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;
use uuid::Uuid;

pub(crate) const DAY: i64 = 86_400;

pub(crate) fn now() -> Timestamp {
    "2024-05-01T12:00:00.5Z".parse().unwrap()
}

pub(crate) fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

/// A registration that arrives `moment`, whose answers are `answers`.
pub(crate) fn new(answers: &str, moment: Timestamp, mails: &[(MailKind, Option<&str>)]) -> Stored {
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

pub(crate) const STAFF: (MailKind, Option<&str>) = (MailKind::Staff, None);

pub(crate) fn confirmation(address: &str) -> (MailKind, Option<&str>) {
    (MailKind::Confirmation, Some(address))
}

pub(crate) const NEW: Inserted = Inserted::New { confirmation: false };

pub(crate) async fn ids(store: &dyn Store, order: Order) -> Vec<Uuid> {
    let (mut scan, mut ids) = (Scan::new(store, order), Vec::new());
    while let Some(envelope) = scan.next().await.unwrap() {
        ids.push(envelope.id);
    }
    ids
}

pub(crate) async fn outbox(store: &dyn Store) -> Outbox {
    store.numbers(now()).await.unwrap().outbox
}

/// Does something as often as there are values, all at a time, on one instance or the other.
pub(crate) async fn all_at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
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

pub(crate) async fn open_twice(place: &Location) -> [Arc<dyn Store>; 2] {
    let (one, other) = tokio::join!(place.open(), place.open());
    [one.unwrap(), other.unwrap()]
}

pub(crate) async fn error(opening: impl Future<Output = Result<Arc<dyn Store>, StoreError>>) -> String {
    opening.await.err().map(|error| error.to_string()).unwrap_or_default()
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

    let copied = |copied, already| Copied { copied, already, ..Copied::default() };
    let there = Location::Sqlite(folder.join("copy.sqlite")).open().await.unwrap();
    // As much as there is when the first copy is cut short.
    for id in &all[..100] {
        assert!(there.restore(&stores[0].get(*id).await.unwrap().unwrap()).await.unwrap());
    }
    assert_eq!(copy(&*stores[0], &*there, None).await.unwrap(), copied(428, 100));
    assert_eq!(copy(&*stores[0], &*there, None).await.unwrap(), copied(0, 528));
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
    let copied = copy(&*there, &*here, None).await.unwrap();
    assert_eq!(copied, Copied { copied: 3, already: 0, ..Copied::default() });
    for id in ids(&*there, Order::Oldest).await {
        assert_eq!(here.get(id).await.unwrap(), there.get(id).await.unwrap());
    }
    assert_eq!(here.numbers(now()).await.unwrap(), there.numbers(now()).await.unwrap());
    let again = new("pending", after(60), &[STAFF]);
    assert_eq!(here.insert(&again).await.unwrap(), Inserted::Already(pending.envelope.id));
    assert_eq!(here.take_due(after(200), 9).await.unwrap().len(), 2);
    assert!(here.release(held.envelope.id, now()).await.unwrap());
    assert_eq!(copy(&*there, &*here, None).await.unwrap().different, [held.envelope.id], "it has changed since");
}

/// What every store keeps, each promise in a store of its own.
pub(crate) async fn keep_the_promises(place: impl Fn(&str) -> Location, folder: &Path) {
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
