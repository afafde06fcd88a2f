//! The receipt: shown where the visitor is thanked, saved as a file, signed, and checked by anybody.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use bytes::Bytes;
use form_handler::receipt::{ReceiptError, verify};
use http::{HeaderName, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use statement::form::Notify;

mod sample;
use sample::{answer, body, contract, handler, handler_of, post, stored};

/// RFC 8410, section 10.3: a key that the standard prints.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                   -----END PRIVATE KEY-----";
/// The same standard, section 10.1: the public key that belongs to it.
const PUBLIC: &str = "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";

fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(path).body(Full::default()).unwrap()
}

#[tokio::test]
async fn the_thank_you_page_has_the_receipt_and_nothing_that_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path(), Notify::Reference, &[]).await;
    let (status, location, _) = answer(&handler, post(body("name=Lovelace&email=ada@example.org"))).await;
    let stored = stored(folder.path()).await.remove(0);
    let id = stored.registration.id;
    assert_eq!((status, location.as_str()), (303, format!("/api/register/receipt?reference={id}").as_str()));
    let (status, _, page) = answer(&handler, get(&location)).await;
    assert_eq!(status, 200);
    assert!(page.starts_with("<h1>Thanks</h1><pre>{"), "{page}");
    assert!(
        page.contains("&quot;statement&quot;: {") && !page.contains("Lovelace") && !page.contains("ada@"),
        "{page}"
    );
    assert!(page.ends_with("\">https://example.org/privacy/2018-09-26/</a>\n"), "{page}");

    // Behind a stage of the host, and with more in the query.
    let (status, _, file) = answer(&handler, get(&format!("/prod/api/register/receipt.json?a=b&reference={id}"))).await;
    assert_eq!((status, &file), (200, &stored.receipt));
    assert_eq!(verify(file.as_bytes(), &sample::contract(Notify::Reference)).unwrap().signed_by, None);
    let response = handler.handle(get(&format!("/api/register/receipt.json?reference={id}")), sample::now()).await;
    assert_eq!(response.headers()["content-disposition"], "attachment; filename=\"receipt.json\"");
    assert_eq!(response.headers()["cache-control"], "no-store");

    // The same answers again lead to the receipt of the first.
    let (_, again, _) = answer(&handler, post(body("name=Lovelace&email=ada@example.org"))).await;
    assert_eq!(again, location);
}

#[tokio::test]
async fn a_receipt_is_shown_by_its_own_reference_only() {
    let folder = tempfile::tempdir().unwrap();
    let mut contract = contract(Notify::Reference);
    let mut other = contract.forms["register"].clone();
    other.endpoint = "/api/other".into();
    contract.forms.insert("other".into(), other);
    let handler = handler_of(contract, folder.path(), &[]).await;
    let (_, location, _) = answer(&handler, post(body("name=Ada"))).await;
    let unknown = "/api/register/receipt?reference=01890a5d-ac96-774b-bcce-b302099a8057";
    for path in
        [unknown, "/api/register/receipt", "/api/register/receipt?reference=1", &location.replace("register", "other")]
    {
        let (status, _, page) = answer(&handler, get(path)).await;
        assert_eq!(status, 404, "{path}");
        assert!(page.contains("There is no receipt"), "{page}");
    }
    assert_eq!(answer(&handler, get("/api/nobody/receipt?reference=1")).await.0, 404);
    let mut request = post(body("name=Ada"));
    *request.uri_mut() = location.parse().unwrap();
    assert_eq!(answer(&handler, request).await.0, 405);
}

#[tokio::test]
async fn nobody_tries_references_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let handler =
        handler(folder.path(), Notify::Reference, &[]).await.counting(Some(HeaderName::from_static("x-real-ip")));
    let ask = |address: &str| {
        let mut request = get("/api/register/receipt?reference=01890a5d-ac96-774b-bcce-b302099a8057");
        request.headers_mut().insert("x-real-ip", address.parse().unwrap());
        request
    };
    for _ in 0..240 {
        assert_eq!(answer(&handler, ask("198.51.100.1")).await.0, 404);
    }
    assert_eq!(answer(&handler, ask("198.51.100.1")).await.0, 429);
    assert_eq!(answer(&handler, ask("198.51.100.2")).await.0, 404);
}

#[tokio::test]
async fn what_is_only_mailed_has_no_receipt_to_show() {
    let folder = tempfile::tempdir().unwrap();
    let path = format!("file:{}", folder.path().join("mail").display());
    let variables = [
        ("CANDOR_STORE", "none"),
        ("CANDOR_MAIL", path.as_str()),
        ("CANDOR_MAIL_FROM", "a@example.org"),
        ("CANDOR_MAIL_TO", "b@example.org"),
    ];
    let handler = handler(folder.path(), Notify::Full, &variables).await;
    let (_, location, _) = answer(&handler, post(body("name=Ada"))).await;
    assert!(location.starts_with("/thank-you/?reference="), "{location}");
}

#[tokio::test]
async fn a_signed_receipt_is_checked_and_an_altered_one_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path(), Notify::Reference, &[("CANDOR_RECEIPT_KEY", KEY)]).await;
    assert_eq!(answer(&handler, post(body("name=Ada"))).await.0, 303);
    let json = stored(folder.path()).await.remove(0).receipt;
    let contract = contract(Notify::Reference);
    let verify = |json: &[u8]| verify(json, &contract);
    let verified = verify(json.as_bytes()).unwrap();
    let said: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(verified.signed_by.as_deref(), Some(PUBLIC));
    assert_eq!(said["signature"]["alg"], "Ed25519");
    assert_eq!(said["shown"], json!([{"what": "form", "sha256": sample::DIGEST}]));
    let receipt: Value = serde_json::from_str(&json).unwrap();
    // However it is laid out.
    assert_eq!(verify(format!("{receipt:#}").as_bytes()).unwrap().signed_by.as_deref(), Some(PUBLIC));
    let altered = |pointer: &str, value: Value| {
        let mut receipt = receipt.clone();
        *receipt.pointer_mut(pointer).unwrap() = value;
        verify(receipt.to_string().as_bytes()).unwrap_err()
    };
    assert_eq!(altered("/received", "2020-01-01T00:00:00Z".into()), ReceiptError::Altered);
    assert_eq!(altered("/sha256", "0".into()), ReceiptError::Altered);
    assert_eq!(altered("/signature/value", "AAAA".into()), ReceiptError::NotSigned);
    assert_eq!(altered("/signature/key", sample::DIGEST.into()), ReceiptError::NotSigned);
    assert_eq!(altered("/signature", json!({})), ReceiptError::NotSigned);
    assert_eq!(altered("/schema", "other/1".into()), ReceiptError::NotAReceipt);
    assert_eq!(verify(b"{").unwrap_err(), ReceiptError::NotAReceipt);
}
