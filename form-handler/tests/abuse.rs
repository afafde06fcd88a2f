//! What programs send, what other sites' pages send, and who sends too much.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use form_handler::store::Outbox;
use form_handler::{Delivery, LocalDefaults, Settings};
use http::HeaderName;
use statement::form::Notify;

mod sample;
use sample::{all, answer, body, contract, database, handler, now, post, stored};

#[tokio::test]
async fn what_a_program_fills_in_is_held_and_mailed_to_nobody_until_staff_release_it() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path(), Notify::Reference, &[]).await;
    assert_eq!(answer(&handler, post(body("name=Ada&web_address="))).await.0, 303);
    assert_eq!(stored(folder.path()).await.len(), 1, "a browser sends the field empty");
    let (status, location, _) = answer(&handler, post(body("name=Bot&web_address=http://spam.example"))).await;
    assert_eq!(status, 303, "it is told the same");
    assert!(location.starts_with("/api/register/receipt?reference="), "{location}");
    assert_eq!(stored(folder.path()).await.len(), 1);
    let local = LocalDefaults { folder: folder.path().to_owned() };
    let store = database(folder.path()).open_for_reading().await.unwrap();
    let held = all(&*store, true).await;
    assert_eq!(held[0].registration.held.as_deref(), Some("unseen_field"));
    assert_eq!((held.len(), held[0].mails.len()), (1, 0));
    assert_eq!(store.numbers(now()).await.unwrap().outbox, Outbox::default());
    assert!(!format!("{:?}", held[0].registration.fields).contains("web_address"), "it is no answer");

    let settings = Settings::from_environment(&|_| None, Some(&local)).unwrap();
    let delivery = std::sync::Arc::new(Delivery::open(&settings).await.unwrap());
    let id = held[0].registration.id;
    let store = database(folder.path()).open().await.unwrap();
    assert!(store.release(id, now()).await.unwrap());
    assert!(!store.release(id, now()).await.unwrap(), "it is not held any more");
    assert_eq!(delivery.redeliver(&contract(Notify::Reference), now(), 9).await.unwrap().sent, 1);
    assert_eq!(stored(folder.path()).await.len(), 2);
    assert_eq!(answer(&handler, post(body("name=Eve&web_address=&web_address="))).await.0, 422);
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path(), Notify::Reference, &[]).await;
    let mut request = post(body("name=Ada"));
    request.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    let (status, _, page) = answer(&handler, request).await;
    assert_eq!(status, 403);
    assert!(page.contains("This was not sent by our form") && !page.contains("Ada"), "{page}");
    assert!(stored(folder.path()).await.is_empty());
}

#[tokio::test]
async fn a_network_that_sends_too_much_is_told_to_wait_and_keeps_what_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    let header = HeaderName::from_static("x-real-ip");
    let handler = handler(folder.path(), Notify::Reference, &[("CANDOR_MAIL", "none")]).await.counting(Some(header));
    let from = |address: &str| {
        let mut request = post(body("name=Ada"));
        request.headers_mut().insert("x-real-ip", address.parse().unwrap());
        request
    };
    for _ in 0..60 {
        assert_eq!(answer(&handler, from("198.51.100.1")).await.0, 303);
    }
    let (status, _, page) = answer(&handler, from("198.51.100.1")).await;
    assert_eq!(status, 429);
    assert!(page.contains("Too many were sent") && page.contains("value=\"Ada\""), "{page}");
    assert_eq!(answer(&handler, from("198.51.100.2")).await.0, 303);
    let found = format!("{handler:?}{:?}", stored(folder.path()).await);
    assert!(!found.contains("198.51.100"), "{found}");
}

#[tokio::test]
async fn nobody_is_counted_whose_address_the_statement_does_not_declare() {
    let folder = tempfile::tempdir().unwrap();
    let mut contract = contract(Notify::Reference);
    contract.statement.as_mut().unwrap().security_data.clear();
    let local = LocalDefaults { folder: folder.path().to_owned() };
    let lookup = |name: &str| (name == "CANDOR_MAIL").then(|| "none".to_owned());
    let delivery = Delivery::open(&Settings::from_environment(&lookup, Some(&local)).unwrap()).await.unwrap();
    let handler = form_handler::Handler::new(contract, std::sync::Arc::new(delivery)).unwrap();
    let handler = handler.counting(Some(HeaderName::from_static("x-real-ip")));
    for _ in 0..70 {
        let mut request = post(body("name=Ada"));
        request.headers_mut().insert("x-real-ip", "198.51.100.1".parse().unwrap());
        assert_eq!(answer(&handler, request).await.0, 303);
    }
}
