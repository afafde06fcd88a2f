//! What becomes of a registration's mail when it cannot be sent at once, and of submissions that come twice.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where something is not as it should be"
)]

use std::path::Path;
use std::sync::Arc;

use form_handler::registration::{Mail, MailKind, MailState, Registration};
use form_handler::store::{Envelope, Inserted, Order, Outbox, Scan};
use form_handler::{Delivery, Handler, LocalDefaults, Redelivered, Settings};
use jiff::{SignedDuration, Timestamp};
use statement::contract::Contract;
use statement::form::Notify;

mod sample;
use sample::{all, answer, body, contract, database, now, post, sealing, stored};

/// A port of this machine where nobody listens.
const GONE: &str = "smtps://127.0.0.1:1";

fn with_confirmation() -> Contract {
    let mut contract = contract(Notify::Reference);
    contract.forms.get_mut("register").unwrap().confirmation = Some("email".into());
    contract
}

async fn delivery(folder: &Path, mail: &str) -> Arc<Delivery> {
    let lookup = |name: &str| match name {
        "CANDOR_MAIL" if !mail.is_empty() => Some(mail.to_owned()),
        "CANDOR_MAIL_FROM" => Some("site@example.org".to_owned()),
        "CANDOR_MAIL_TO" => Some("staff@example.org".to_owned()),
        _ => None,
    };
    let local = LocalDefaults { folder: folder.to_owned() };
    Arc::new(Delivery::open(&Settings::from_environment(&lookup, Some(&local)).unwrap()).await.unwrap())
}

const HALF_A_SECOND: SignedDuration = SignedDuration::from_millis(500);

fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn mails(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder.join("mail")) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn outbox(folder: &Path) -> Outbox {
    database(folder).open_for_reading().await.unwrap().numbers(now()).await.unwrap().outbox
}

#[tokio::test]
async fn a_mail_that_failed_is_sent_by_the_next_run_once() {
    let folder = tempfile::tempdir().unwrap();
    let gone = delivery(folder.path(), GONE).await;
    let handler = Handler::new(with_confirmation(), Arc::clone(&gone)).unwrap();
    assert_eq!(answer(&handler, post(body("name=Ada&email=ada@example.org"))).await.0, 303);
    assert_eq!(outbox(folder.path()).await, Outbox { pending: 0, failing: 2, resting: 0 });
    let failed = |kind| (kind, MailState::Failed, Some("unreachable".to_owned()));
    assert_eq!(stored(folder.path()).await[0].mails, [failed(MailKind::Staff), failed(MailKind::Confirmation)]);

    let mended = delivery(folder.path(), "").await;
    let contract = with_confirmation();
    assert_eq!(mended.redeliver(&contract, after(59), 9).await.unwrap(), Redelivered::default(), "not due yet");
    assert_eq!(gone.redeliver(&contract, after(61), 9).await.unwrap(), Redelivered { sent: 0, failed: 2 });
    assert_eq!(mended.redeliver(&contract, after(61 + 239), 9).await.unwrap(), Redelivered::default(), "rarer");
    // Another visitor's run sends what is due, besides its own.
    let handler = Handler::new(contract.clone(), Arc::clone(&mended)).unwrap();
    let response = handler.handle(post(body("name=Eve&email=eve@example.org")), after(61 + 241)).await;
    assert_eq!(response.status(), 303);
    assert_eq!(mails(folder.path()).len(), 4);
    assert_eq!(outbox(folder.path()).await, Outbox::default());
    assert_eq!(mended.redeliver(&contract, after(1_000_000), 9).await.unwrap(), Redelivered::default(), "once");
}

#[tokio::test]
async fn a_mail_cut_short_by_a_crash_is_sent_after_a_while_and_by_one_of_two() {
    let folder = tempfile::tempdir().unwrap();
    let none = delivery(folder.path(), "none").await;
    let handler = Handler::new(with_confirmation(), none).unwrap();
    assert_eq!(answer(&handler, post(body("name=Ada&email=ada@example.org"))).await.0, 303);
    let mut registration = stored(folder.path()).await.remove(0).registration;
    // What a process leaves that ends between storing and mailing.
    registration.id = Registration::id(after(1));
    registration.fields.pop();
    let store = database(folder.path()).open().await.unwrap();
    let (contract, seal) = (with_confirmation(), sealing(&[]));
    let new = registration.to_stored(&contract.forms["register"], &seal, "{}", &[MailKind::Staff]);
    let inserted = store.insert(&new).await.unwrap();
    assert_eq!(inserted, Inserted::New { confirmation: false });
    assert_eq!(outbox(folder.path()).await, Outbox { pending: 1, failing: 0, resting: 0 });

    let (one, other) = (delivery(folder.path(), "").await, delivery(folder.path(), "").await);
    let contract = with_confirmation();
    assert_eq!(one.redeliver(&contract, after(119), 9).await.unwrap(), Redelivered::default());
    let (first, second) =
        tokio::join!(one.redeliver(&contract, after(121), 9), other.redeliver(&contract, after(121), 9));
    assert_eq!(first.unwrap().sent + second.unwrap().sent, 1);
    assert_eq!(mails(folder.path()), [format!("{}.eml", registration.id)]);
}

#[tokio::test]
async fn a_mail_that_keeps_failing_rests_until_staff_say_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let gone = delivery(folder.path(), GONE).await;
    let contract = contract(Notify::Reference);
    let handler = Handler::new(contract.clone(), Arc::clone(&gone)).unwrap();
    assert_eq!(answer(&handler, post(body("name=Ada"))).await.0, 303);
    for day in 1..20 {
        assert_eq!(gone.redeliver(&contract, after(day * 86_400), 9).await.unwrap().failed, 1, "{day}");
    }
    assert_eq!(outbox(folder.path()).await, Outbox { pending: 0, failing: 0, resting: 1 });
    let mended = delivery(folder.path(), "").await;
    let later = after(30 * 86_400);
    assert_eq!(mended.redeliver(&contract, later, 9).await.unwrap(), Redelivered::default());
    assert_eq!(mended.make_due(Some(stored(folder.path()).await[0].registration.id), later).await.unwrap(), 1);
    assert_eq!(mended.redeliver(&contract, later, 9).await.unwrap(), Redelivered { sent: 1, failed: 0 });
    assert_eq!(outbox(folder.path()).await, Outbox::default());
}

#[tokio::test]
async fn the_same_answers_twice_are_one_registration_and_one_mail() {
    let folder = tempfile::tempdir().unwrap();
    let handler = Handler::new(with_confirmation(), delivery(folder.path(), "").await).unwrap();
    let sent = || post(body("name=Ada&email=ada@example.org&other=x"));
    let (one, other) = tokio::join!(answer(&handler, sent()), answer(&handler, sent()));
    assert_eq!(one, other, "both are told of one reference");
    assert_eq!(handler.handle(sent(), after(86_399)).await.headers()["location"], one.1.as_str());
    assert_eq!((stored(folder.path()).await.len(), mails(folder.path()).len()), (1, 2));
    assert_ne!(answer(&handler, post(body("name=Ada&email=ada@example.org&other=y"))).await.1, one.1);
    assert_ne!(handler.handle(sent(), after(86_401)).await.headers()["location"], one.1.as_str());
    assert_eq!(stored(folder.path()).await.len(), 3);
}

#[tokio::test]
async fn a_confirmation_repeats_nothing_and_has_the_receipt() {
    let folder = tempfile::tempdir().unwrap();
    let handler = Handler::new(with_confirmation(), delivery(folder.path(), "").await).unwrap();
    let typed = "name=Buy+at+spam.example&email=Ada@example.org&other=http://spam.example";
    assert_eq!(answer(&handler, post(body(typed))).await.0, 303);
    let id = stored(folder.path()).await[0].registration.id;
    let mail = std::fs::read_to_string(folder.path().join("mail").join(format!("{id}.confirmation.eml"))).unwrap();
    let mail = mail.replace("\r\n", "\n");
    assert!(!mail.contains("spam"), "{mail}");
    let (headers, parts) = mail.split_once("\n\n").unwrap();
    assert_eq!(
        headers,
        format!(
            "From: site@example.org\nSubject: Example: we have what you sent\n\
             Message-ID: <{id}.confirmation@example.org>\nDate: Wed, 01 May 2024 12:00:00 +0000\n\
             Auto-Submitted: auto-generated\nTo: Ada@example.org\nMIME-Version: 1.0\n\
             Content-Type: multipart/mixed;\n boundary=\"{id}.confirmation.parts\""
        )
    );
    let said = "2024-05-01T12:00:00Z\nhttps://example.org/privacy/2018-09-26/";
    assert!(parts.contains(&format!("We have it.\n{said}\n")), "{parts}");
    assert!(parts.contains(&format!("<p>We have it. {said}</p>\n")), "{parts}");
    assert!(parts.contains("Content-Disposition: attachment; filename=\"receipt.json\""), "{parts}");
}

#[tokio::test]
async fn an_address_gets_three_confirmations_a_day_and_everything_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let handler = Handler::new(with_confirmation(), delivery(folder.path(), "").await).unwrap();
    for (number, address) in ["a@example.org", "A@example.org", "a@EXAMPLE.org", "a@example.org"].iter().enumerate() {
        assert_eq!(answer(&handler, post(body(&format!("name={number}&email={address}")))).await.0, 303);
    }
    assert_eq!(answer(&handler, post(body("name=Eve&email=eve@example.org"))).await.0, 303);
    let confirmations = |folder: &Path| mails(folder).iter().filter(|name| name.contains("confirmation")).count();
    assert_eq!((stored(folder.path()).await.len(), confirmations(folder.path())), (5, 4));
    let response = handler.handle(post(body("name=later&email=a@example.org")), after(86_401)).await;
    assert_eq!((response.status().as_u16(), confirmations(folder.path())), (303, 5));
}

#[tokio::test]
async fn a_receipt_says_what_was_shown_and_promised() {
    let folder = tempfile::tempdir().unwrap();
    let handler = Handler::new(contract(Notify::Reference), delivery(folder.path(), "none").await).unwrap();
    assert_eq!(answer(&handler, post(body("name=Ada&other=confided"))).await.0, 303);
    let found = stored(folder.path()).await.remove(0);
    let mut receipt: serde_json::Value = serde_json::from_str(&found.receipt).unwrap();
    let sha256 = receipt.as_object_mut().unwrap().remove("sha256").unwrap();
    let canonical = statement::digest::canonical_json(&receipt);
    assert_eq!(sha256, statement::digest::sha256_hex(canonical.as_bytes()));
    assert_eq!(
        receipt,
        serde_json::json!({
            "schema": "registration-receipt/1",
            "kind": "notice",
            "acknowledged": [],
            "record": found.registration.id,
            "received": "2024-05-01T12:00:00Z",
            "channel": "web",
            "form": {"id": "register", "page": "/register/", "sha256": sample::DIGEST},
            "statement": {
                "document": "example-privacy", "version": "2018-09-26", "digest": sample::DIGEST,
                "text_sha256": sample::DIGEST, "facts_sha256": sample::DIGEST, "language": "en",
                "url": "https://example.org/privacy/2018-09-26/",
            },
            "controller": {"name": "Example Ltd", "contact": "mailto:support@example.org?subject=WEBSITE"},
            "fields": ["name", "other"],
            "purpose": "support-services",
            "never": ["marketing"],
            "recipients": ["Example Partner"],
            "shown": [{"what": "form", "sha256": sample::DIGEST}],
            "storage": {"countries": ["US"]},
            "law": "US",
            "retention": {"not_before": "2031-05-01", "then": "delete", "unless": ["litigation-hold"]},
        })
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(60))]

    /// No receipt has anything that was typed, no address and no browser; nor has anything else that is kept or mailed.
    #[test]
    fn a_receipt_has_no_answer_no_address_and_no_browser(
        name in "[a-z]{6}Q", other in "Q[ -~]{0,30}Q", host in 1_u8..255, browser in "Browser/[0-9]{9}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let handler = Handler::new(contract(Notify::Reference), delivery(folder.path(), "").await).unwrap();
            let handler = handler.counting(Some(http::HeaderName::from_static("x-forwarded-for")));
            let typed: String = other.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let mut request = post(body(&format!("name={name}&other={typed}")));
            let address = format!("203.0.113.{host}");
            request.headers_mut().insert("x-forwarded-for", address.parse().unwrap());
            request.headers_mut().insert("user-agent", browser.parse().unwrap());
            assert_eq!(answer(&handler, request).await.0, 303);
            let found = stored(folder.path()).await.remove(0);
            let receipt = &found.receipt;
            proptest::prop_assert!(!receipt.contains(&name) && !receipt.contains(&other), "{receipt}");
            let mut kept = format!("{receipt}{:?}", found.registration);
            kept.extend(found.registration.fields.iter().map(|(_, value)| value.expose().as_str()));
            for mail in mails(folder.path()) {
                kept.push_str(&std::fs::read_to_string(folder.path().join("mail").join(mail)).unwrap());
            }
            proptest::prop_assert!(!kept.contains("203.0.113.") && !kept.contains(&browser), "{kept}");
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_store_of_the_version_before_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(folder.path());
    let path = LocalDefaults { folder: folder.path().to_owned() }.database();
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(
        "create table registration (id text primary key, received text not null, form text not null, \
         form_sha256 text not null, statement_version text not null, statement_digest text not null, \
         fields text not null, mail text not null, mail_error text) strict, without rowid; \
         insert into registration values \
         ('018f3f7e-0000-7000-8000-000000000001', '2024-05-01T12:00:00Z', 'register', 'a', '2018-09-26', 'b', \
         '[[\"name\",\"Ada\"]]', 'failed', 'timeout'), \
         ('018f3f7e-0000-7000-8000-000000000002', '2024-05-01T12:00:01Z', 'register', 'a', '2018-09-26', 'b', \
         '[[\"name\",\"Eve\"]]', 'none', null); \
         pragma user_version = 1;",
    )
    .unwrap();
    drop(old);
    let early = database.open_for_reading().await.unwrap_err().to_string();
    assert_eq!(
        early,
        "the store was written by an earlier version of this software; `registrations redeliver` brings it up to date"
    );
    let store = database.open().await.unwrap();
    let found = all(&*store, false).await;
    assert_eq!((found.len(), found[0].mails.len()), (2, 0));
    let names: Vec<&str> = found.iter().map(|found| found.registration.fields[0].1.expose().as_str()).collect();
    assert_eq!(names, ["Eve", "Ada"]);
    assert_eq!(store.page(Order::Oldest, None, 9).await.unwrap()[0].revision, 1);
    assert_eq!(found[1].mails, [(MailKind::Staff, MailState::Failed, Some("timeout".to_owned()))]);
    assert_eq!(store.take_due(now(), 9).await.unwrap().len(), 1);
    drop(store);
    assert_eq!(stored(folder.path()).await.len(), 2);
}

#[tokio::test]
async fn a_store_of_version_2_keeps_every_registration_with_all_that_is_known_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(folder.path());
    let old = rusqlite::Connection::open(LocalDefaults { folder: folder.path().to_owned() }.database()).unwrap();
    old.execute_batch(
        "create table registration (id text primary key, received text not null, form text not null, \
         form_sha256 text not null, statement_version text not null, statement_digest text not null, \
         fields text not null, received_seconds integer not null default 0, \
         submission_sha256 text not null default '', receipt text not null default '', held text) strict, without rowid; \
         create table mail (registration text not null references registration (id) on delete cascade, \
         kind text not null, address_sha256 text, state text not null, error text, \
         attempts integer not null default 0, due integer, primary key (registration, kind)) strict, without rowid; \
         create index registration_by_submission on registration (submission_sha256, received_seconds); \
         create index mail_by_due on mail (due) where due is not null; \
         create index mail_by_address on mail (address_sha256) where address_sha256 is not null; \
         insert into registration values \
         ('018f3f7e-0000-7000-8000-000000000001', '2024-05-01T12:00:00.5Z', 'register', 'a', '2018-09-26', 'b', \
         '[[\"name\",\"Zoë\"],[\"other\",\"a\\nb\"]]', 1714564800, 'same', '{}', null), \
         ('018f3f7e-0000-7000-8000-000000000002', '2024-05-01T12:00:01Z', 'register', 'a', '2018-09-26', 'b', \
         '[[\"name\",\"Bot\"]]', 1714564801, 'other', '', 'unseen_field'); \
         insert into mail values \
         ('018f3f7e-0000-7000-8000-000000000001', 'staff', null, 'sent', null, 1, null), \
         ('018f3f7e-0000-7000-8000-000000000001', 'confirmation', 'address', 'failed', 'deferred', 2, 1714565000); \
         pragma user_version = 2;",
    )
    .unwrap();
    drop(old);
    let store = database.open().await.unwrap();
    let mut scan = Scan::new(&*store, Order::Oldest);
    let first = scan.next().await.unwrap().unwrap();
    let second = scan.next().await.unwrap().unwrap();
    assert_eq!(scan.next().await.unwrap(), None);
    let expected = Envelope {
        id: "018f3f7e-0000-7000-8000-000000000001".parse().unwrap(),
        received: now(),
        form: "register".into(),
        form_sha256: "a".into(),
        statement_version: "2018-09-26".into(),
        statement_digest: "b".into(),
        held: None,
        receipt: "{}".into(),
        revision: 1,
    };
    assert_eq!(first, expected);
    assert_eq!((second.held.as_deref(), second.received), (Some("unseen_field"), after(1) - HALF_A_SECOND));
    let stored = store.get(first.id).await.unwrap().unwrap();
    assert_eq!(stored.content.expose().as_slice(), "[[\"name\",\"Zoë\"],[\"other\",\"a\\nb\"]]".as_bytes());
    assert_eq!((stored.data_key, stored.person_keys), (None, Vec::new()));
    let mail = |kind, state, error: Option<&str>, attempts, due| {
        let error = error.map(str::to_owned);
        Mail { kind, state, error, attempts, due, address_key: None, letter: None }
    };
    assert_eq!(
        stored.mails,
        [
            mail(MailKind::Staff, MailState::Sent, None, 1, None),
            mail(MailKind::Confirmation, MailState::Failed, Some("deferred"), 2, Some(1_714_565_000)),
        ]
    );
    // Hashes made without a key could be guessed from, so they do not stay.
    assert_eq!(stored.submission_key, "");
}
