//! Forms that ask a browser for some work: who does it is taken, who does not is held, and nobody is refused.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::Request;
use http_body_util::Full;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use statement::contract::Contract;
use statement::form::Notify;

mod sample;
use form_handler::Handler;
use sample::{all, answer, body, contract, database, handler_of, now, post};

const KEY: (&str, &str) = ("CANDOR_PROOF_KEY", "0123456789abcdef0123456789abcdef");

fn asking() -> Contract {
    let mut contract = contract(Notify::Reference);
    contract.forms.get_mut("register").unwrap().proof_of_work = true;
    contract
}

/// What a browser does, at the sample's moment.
async fn solve(handler: &Handler) -> String {
    let (status, _, text) =
        answer(handler, Request::get("/api/register/challenge").body(Full::default()).unwrap()).await;
    assert_eq!(status, 200);
    let challenge: Value = serde_json::from_str(&text).unwrap();
    let theirs: altcha::Challenge = serde_json::from_value(challenge.clone()).unwrap();
    let solution = altcha::solve_challenge(altcha::SolveChallengeOptions::new(&theirs)).unwrap().unwrap();
    let solution = json!({"counter": solution.counter, "derivedKey": solution.derived_key});
    let payload = BASE64_STANDARD.encode(json!({"challenge": challenge, "solution": solution}).to_string());
    payload.replace('+', "%2B").replace('=', "%3D")
}

fn after(milliseconds: i64) -> Timestamp {
    now() + SignedDuration::from_millis(milliseconds)
}

async fn send(handler: &Handler, name: &str, proof: &str, at: Timestamp) -> String {
    let sent = post(body(&format!("name={name}&proof_of_work={proof}")));
    let response = handler.handle(sent, at).await;
    assert_eq!(response.status(), 303, "nobody is told");
    response.headers()["location"].to_str().unwrap().to_owned()
}

/// Why each one is held, by name.
async fn held(folder: &Path) -> Vec<(String, String)> {
    let store = database(folder).open_for_reading().await.unwrap();
    let mut held: Vec<(String, String)> = all(&*store, true)
        .await
        .into_iter()
        .map(|found| (found.registration.fields[0].1.expose().clone(), found.registration.held.unwrap()))
        .collect();
    held.sort();
    held
}

#[tokio::test]
async fn who_proves_some_work_is_taken_and_everybody_else_is_held() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler_of(asking(), folder.path(), &[KEY]).await;
    // Another instance with the same store and the same key.
    let other = handler_of(asking(), folder.path(), &[KEY]).await;
    let proof = solve(&handler).await;
    assert_eq!(
        answer(&handler, post(body(&format!("name=&proof_of_work={proof}")))).await.0,
        422,
        "nothing is used up"
    );
    send(&handler, "quick", &proof, after(999)).await;
    let first = send(&other, "taken", &proof, after(1000)).await;
    assert_eq!(send(&handler, "taken", &proof, after(2100)).await, first, "a double click");
    send(&handler, "again", &proof, after(2200)).await;
    send(&handler, "late", &proof, after(3 * 60 * 60 * 1000)).await;
    send(&handler, "wrong", "e30%3D", after(2000)).await;
    send(&handler, "scriptless", "", after(2000)).await;
    assert_eq!(answer(&handler, post(body("name=without"))).await.0, 303);
    let expected = [
        ("again", "used_proof"),
        ("late", "expired_proof"),
        ("quick", "too_fast"),
        ("scriptless", "no_proof"),
        ("without", "no_proof"),
        ("wrong", "wrong_proof"),
    ];
    assert_eq!(held(folder.path()).await, expected.map(|(name, why)| (name.to_owned(), why.to_owned())));
    let taken = sample::stored(folder.path()).await;
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].registration.fields[0].1.expose(), "taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_with_one_proof_one_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let one = Arc::new(handler_of(asking(), folder.path(), &[KEY]).await);
    let other = Arc::new(handler_of(asking(), folder.path(), &[KEY]).await);
    let proof = solve(&one).await;
    let sending: Vec<_> = (0..16)
        .map(|number| {
            let (handler, proof) = (Arc::clone(if number % 2 == 0 { &one } else { &other }), proof.clone());
            tokio::spawn(async move { send(&handler, &format!("bot{number}"), &proof, after(5000)).await })
        })
        .collect();
    for sent in sending {
        sent.await.unwrap();
    }
    assert_eq!((sample::stored(folder.path()).await.len(), held(folder.path()).await.len()), (1, 15));
}

#[tokio::test]
async fn a_form_that_asks_for_no_work_knows_no_proof_and_has_no_challenges() {
    let folder = tempfile::tempdir().unwrap();
    let request = || Request::get("/api/register/challenge").body(Full::default()).unwrap();
    let without = handler_of(contract(Notify::Reference), folder.path(), &[]).await;
    assert_eq!(answer(&without, post(body("name=Ada&proof_of_work="))).await.0, 422);
    assert_eq!(answer(&without, request()).await.0, 404);
    let asking = handler_of(asking(), folder.path(), &[]).await;
    assert_eq!(answer(&asking, request()).await.0, 200, "a machine of one's own needs no key");
    let mut request = request();
    *request.method_mut() = http::Method::DELETE;
    assert_eq!(answer(&asking, request).await.0, 405);
}
