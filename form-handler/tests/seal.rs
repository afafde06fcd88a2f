//! Registrations that only the holders of a key can read: what the store holds, what the tools of age open, what becomes of
//! mail, and how people come and go.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![expect(clippy::disallowed_methods, reason = "a test looks into the store's files, and runs other programs")]

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use form_handler::registration::{MailKind, MailState, Registration};
use form_handler::seal::rotation::{self, Sealed};
use form_handler::seal::{Identities, PublicKeys, SealError};
use form_handler::store::{Location, Outbox, Store};
use form_handler::{Delivery, Handler, LocalDefaults, Redelivered, Settings};
use jiff::{SignedDuration, Timestamp};
use statement::form::Notify;
use uuid::Uuid;

mod sample;

use sample::{answer, body, contract, now, post};

/// Nobody listens there.
const GONE: &str = "smtps://127.0.0.1:1";
const INDEX_KEY: &str = "0123456789abcdef0123456789abcdef";

/// Somebody with an identity, made by age's own program.
struct Person {
    file: String,
    public_key: String,
}

impl Person {
    fn new() -> Self {
        let made = run(&mut Command::new("age-keygen"));
        let file = String::from_utf8(made.stdout).unwrap();
        let public_key = file.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned();
        Self { file, public_key }
    }

    fn identities(&self) -> Identities {
        Identities::parse(self.file.as_bytes(), || None).unwrap()
    }
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; `tests/run` installs it"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn keys(people: &[&Person]) -> PublicKeys {
    let keys: Vec<&str> = people.iter().map(|person| person.public_key.as_str()).collect();
    let keys = keys.join(",");
    sample::sealing(&[("CANDOR_KEYS", &keys), ("CANDOR_INDEX_KEY", INDEX_KEY)]).keys().unwrap().clone()
}

/// A function whose registrations these people can read.
async fn delivery(folder: &Path, people: &[&Person], more: &[(&str, &str)]) -> Delivery {
    let keys = keys(people);
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let keys = keys.join("\n");
    let mut variables = vec![("CANDOR_KEYS", keys.as_str()), ("CANDOR_INDEX_KEY", INDEX_KEY)];
    variables.extend_from_slice(more);
    let lookup = |name: &str| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
    let settings = Settings::from_environment(&lookup, Some(&LocalDefaults { folder: folder.to_owned() })).unwrap();
    Delivery::open(&settings).await.unwrap()
}

fn form(notify: Notify) -> statement::contract::Contract {
    let mut contract = contract(notify);
    contract.forms.get_mut("register").unwrap().confirmation = Some("email".to_owned());
    contract
}

fn location(folder: &Path) -> Location {
    sample::database(folder)
}

async fn ids(store: &dyn Store) -> Vec<Uuid> {
    let page = store.page(form_handler::store::Order::Oldest, None, 100).await.unwrap();
    page.into_iter().map(|envelope| envelope.id).collect()
}

/// Every byte under a folder, in one piece.
fn bytes_under(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all.extend(if path.is_dir() { bytes_under(&path) } else { std::fs::read(path).unwrap() });
    }
    all
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

#[tokio::test]
async fn the_store_holds_nothing_that_was_typed_and_stock_age_opens_it() {
    let folder = tempfile::tempdir().unwrap();
    let (ada, bob) = (Person::new(), Person::new());
    let delivery = delivery(folder.path(), &[&ada, &bob], &[("CANDOR_MAIL", "none")]).await;
    let handler = Handler::new(form(Notify::Reference), Arc::new(delivery)).unwrap();
    let typed = "name=Grace+Hopper&email=Grace@example.org&phone=%2B44+808+157+0192&other=a+secret";
    assert_eq!(answer(&handler, post(body(typed))).await.0, 303);
    assert_eq!(answer(&handler, post(body(typed))).await.0, 303, "the same once more");
    let bytes = bytes_under(folder.path());
    let digest = statement::digest::sha256_hex(b"grace@example.org");
    for gone in ["Grace", "grace@", "Grace@", "157 0192", "secret", digest.as_str()] {
        assert!(!holds(&bytes, gone), "{gone}");
    }

    let store = location(folder.path()).open_for_reading().await.unwrap();
    let ids = ids(&*store).await;
    assert_eq!(ids.len(), 1, "the same answers are one registration");
    let stored = store.get(ids[0]).await.unwrap().unwrap();
    // A person of either key, with no program of ours.
    for person in [&ada, &bob] {
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("identity"), &person.file).unwrap();
        std::fs::write(path("data_key"), &stored.data_key.as_ref().unwrap().sealed).unwrap();
        std::fs::write(path("content"), stored.content.expose()).unwrap();
        let age = |identity: &str, file: &str| {
            run(Command::new("age").arg("-d").arg("-i").arg(path(identity)).arg(path(file))).stdout
        };
        std::fs::write(path("opened_key"), age("identity", "data_key")).unwrap();
        let answers: serde_json::Value = serde_json::from_slice(&age("opened_key", "content")).unwrap();
        assert_eq!(answers[0], serde_json::json!(["name", "Grace Hopper"]));
        let opened = Registration::from_stored(&stored, Some(&person.identities())).unwrap();
        assert_eq!(opened.fields[3].1.expose(), "a secret");
    }
    assert_eq!(Registration::from_stored(&stored, None).unwrap_err(), SealError::NoIdentity);
    let eve = Person::new();
    assert_eq!(Registration::from_stored(&stored, Some(&eve.identities())).unwrap_err(), SealError::OtherKeys);

    // Whoever has the key of the index finds a person, and nobody else.
    let seal = sample::sealing(&[("CANDOR_INDEX_KEY", INDEX_KEY)]);
    for written in ["grace@EXAMPLE.org", "0044 808 1570192"] {
        let key = seal.index_key().person(written).unwrap();
        assert_eq!(store.ids_of_person(&key).await.unwrap(), ids, "{written}");
    }
    let guess = sample::sealing(&[]).index_key().person("grace@example.org").unwrap();
    assert!(store.ids_of_person(&guess).await.unwrap().is_empty());
}

#[tokio::test]
async fn mail_that_failed_is_sent_with_the_outbox_key_and_what_it_needed_goes() {
    let folder = tempfile::tempdir().unwrap();
    let (ada, outbox) = (Person::new(), Person::new());
    let key = ("CANDOR_OUTBOX_KEY", outbox.file.as_str());
    let from = [("CANDOR_MAIL_FROM", "site@example.org"), ("CANDOR_MAIL_TO", "staff@example.org")];
    let gone = delivery(folder.path(), &[&ada], &[key, ("CANDOR_MAIL", GONE), from[0], from[1]]).await;
    let contract = form(Notify::Full);
    let handler = Handler::new(contract.clone(), Arc::new(gone)).unwrap();
    assert_eq!(answer(&handler, post(body("name=Grace+Hopper&email=grace@example.org&other=a+secret"))).await.0, 303);
    let store = location(folder.path()).open_for_reading().await.unwrap();
    let id = ids(&*store).await[0];
    let letters = |stored: form_handler::store::Stored| -> Vec<(MailKind, bool)> {
        stored.mails.into_iter().map(|mail| (mail.kind, mail.letter.is_some())).collect()
    };
    let both = [(MailKind::Staff, true), (MailKind::Confirmation, true)];
    assert_eq!(letters(store.get(id).await.unwrap().unwrap()), both);
    assert!(!holds(&bytes_under(folder.path()), "grace@"));

    // The function itself, which can open no registration.
    let mended = delivery(folder.path(), &[&ada], &[key]).await;
    let done = mended.redeliver(&contract, after(61), 9).await.unwrap();
    assert_eq!(done, Redelivered { sent: 2, failed: 0 });
    assert_eq!(letters(store.get(id).await.unwrap().unwrap()), both.map(|(kind, _)| (kind, false)));
    let mail = |name: String| std::fs::read_to_string(folder.path().join("mail").join(name)).unwrap();
    assert!(mail(format!("{id}.eml")).contains("a secret"));
    let confirmation = mail(format!("{id}.confirmation.eml"));
    assert!(confirmation.contains("To: grace@example.org") && !confirmation.contains("secret"), "{confirmation}");
}

#[tokio::test]
async fn without_an_outbox_key_mail_waits_for_somebody_with_an_identity() {
    let folder = tempfile::tempdir().unwrap();
    let ada = Person::new();
    let from = [("CANDOR_MAIL_FROM", "site@example.org"), ("CANDOR_MAIL_TO", "staff@example.org")];
    let gone = delivery(folder.path(), &[&ada], &[("CANDOR_MAIL", GONE), from[0], from[1]]).await;
    let contract = form(Notify::Reference);
    let handler = Handler::new(contract.clone(), Arc::new(gone)).unwrap();
    assert_eq!(answer(&handler, post(body("name=Grace&email=grace@example.org"))).await.0, 303);

    let function = delivery(folder.path(), &[&ada], &[]).await;
    let done = function.redeliver(&contract, after(61), 9).await.unwrap();
    assert_eq!(done, Redelivered { sent: 0, failed: 2 });
    let numbers = function.numbers(after(61)).await.unwrap().unwrap();
    assert_eq!(numbers.outbox, Outbox { pending: 0, failing: 0, resting: 2 });
    let store = location(folder.path()).open_for_reading().await.unwrap();
    let stored = store.get(ids(&*store).await[0]).await.unwrap().unwrap();
    assert!(stored.mails.iter().all(|mail| mail.error.as_deref() == Some("sealed") && mail.state == MailState::Failed));

    let staff = function.opening_with(Some(ada.identities()));
    assert_eq!(staff.make_due(None, after(62)).await.unwrap(), 2);
    assert_eq!(staff.redeliver(&contract, after(63), 9).await.unwrap(), Redelivered { sent: 2, failed: 0 });
}

#[tokio::test]
async fn a_leavers_access_ends_and_it_may_be_stopped_and_done_by_two() {
    let folder = tempfile::tempdir().unwrap();
    let (ada, bob, new) = (Person::new(), Person::new(), Person::new());
    let delivery = delivery(folder.path(), &[&ada, &bob], &[("CANDOR_MAIL", "none")]).await;
    let handler = Handler::new(form(Notify::Reference), Arc::new(delivery)).unwrap();
    for number in 0..6 {
        assert_eq!(answer(&handler, post(body(&format!("name=Person+{number}")))).await.0, 303);
    }
    let store = location(folder.path()).open().await.unwrap();
    let ids = ids(&*store).await;
    let read = async |id: &Uuid, person: &Person| {
        let stored = store.get(*id).await.unwrap().unwrap();
        Registration::from_stored(&stored, Some(&person.identities())).map(|read| read.fields[0].1.expose().clone())
    };
    let before = store.get(ids[0]).await.unwrap().unwrap();

    let now = keys(&[&ada, &new]);
    assert_eq!(rotation::count(&*store, &now).await.unwrap(), Sealed { to_these: 0, to_others: 6 });
    // Somebody had begun and was interrupted.
    for (id, seen) in store.data_keys(None, 2).await.unwrap() {
        let again = now.reseal(&seen, &ada.identities()).unwrap();
        assert!(store.replace_data_key(id, &seen, &again).await.unwrap());
        assert!(!store.replace_data_key(id, &seen, &again).await.unwrap(), "it is not the one that was seen");
    }
    let other = location(folder.path()).open().await.unwrap();
    let (identities, mut seen) = (ada.identities(), Vec::new());
    let (mut tell, mut tell_other) = (|count| seen.push(count), |_| ());
    let (one, two) = tokio::join!(
        rotation::reseal(&*store, &now, &identities, &mut tell),
        rotation::reseal(&*other, &now, &identities, &mut tell_other),
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!((one.done + two.done, one.failed, two.failed), (4, Vec::new(), Vec::new()));
    assert_eq!(seen, [6]);
    assert_eq!(rotation::count(&*store, &now).await.unwrap(), Sealed { to_these: 6, to_others: 0 });
    assert_eq!(rotation::reseal(&*store, &now, &identities, &mut |_| ()).await.unwrap().done, 0, "once more");

    for person in [&ada, &new] {
        let mut names = Vec::new();
        for id in &ids {
            names.push(read(id, person).await.unwrap());
        }
        names.sort();
        assert_eq!(names, [0, 1, 2, 3, 4, 5].map(|number| format!("Person {number}")));
    }
    for id in &ids {
        assert_eq!(read(id, &bob).await, Err(SealError::OtherKeys));
    }
    let after = store.get(ids[0]).await.unwrap().unwrap();
    assert_eq!((after.content, after.envelope), (before.content, before.envelope), "the content is not touched");

    // Who cannot open what is there changes nothing.
    let failed = rotation::reseal(&*store, &keys(&[&bob]), &bob.identities(), &mut |_| ()).await.unwrap();
    assert_eq!((failed.done, failed.failed.len()), (0, 6));
    assert_eq!(failed.failed[0], (ids[0], SealError::OtherKeys));
}

#[tokio::test]
async fn what_was_stored_before_there_were_keys_is_sealed_too() {
    let (folder, ada) = (tempfile::tempdir().unwrap(), Person::new());
    let handler = sample::handler(folder.path(), Notify::Reference, &[("CANDOR_MAIL", "none")]).await;
    assert_eq!(answer(&handler, post(body("name=Confided&other=x"))).await.0, 303);
    let gone = [("CANDOR_MAIL", GONE), ("CANDOR_MAIL_FROM", "a@example.org"), ("CANDOR_MAIL_TO", "b@example.org")];
    let waiting = sample::handler(folder.path(), Notify::Reference, &gone).await;
    assert_eq!(answer(&waiting, post(body("name=Waiting"))).await.0, 303);
    let store = sample::database(folder.path()).open().await.unwrap();
    let keys = keys(&[&ada]);
    assert_eq!(rotation::seal_readable(&*store, None).await.unwrap(), 1, "the other has mail due");
    assert_eq!(rotation::seal_readable(&*store, Some(&keys)).await.unwrap(), 1);
    assert_eq!(rotation::seal_readable(&*store, Some(&keys)).await.unwrap(), 0, "once more");
    assert_eq!(rotation::count(&*store, &keys).await.unwrap(), Sealed { to_these: 1, to_others: 0 });
    let mut sealed = Vec::new();
    for id in ids(&*store).await {
        sealed.extend(store.get(id).await.unwrap().filter(|stored| stored.data_key.is_some()));
    }
    let [stored] = &sealed[..] else { panic!("one is sealed: {sealed:?}") };
    assert!(!String::from_utf8_lossy(stored.content.expose()).contains("Confided"));
    assert_eq!(Registration::from_stored(stored, None), Err(SealError::NoIdentity));
    let read = Registration::from_stored(stored, Some(&ada.identities())).unwrap();
    assert_eq!(read.fields[0].1.expose(), "Confided");
}
