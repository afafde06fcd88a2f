//! What the handler answers, and what is in the store afterwards.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where something is not as it should be"
)]

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use form_handler::registration::{MailKind, MailState};
use form_handler::{Delivery, Handler, LocalDefaults, Settings};
use http::Request;
use http_body::{Body, Frame};
use http_body_util::Full;
use proptest::prelude::*;
use statement::form::Notify;

mod sample;
use sample::{answer, body, contract, handler, now, post, stored};

#[tokio::test]
async fn a_submission_becomes_a_registration() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path(), Notify::Reference, &[]).await;
    let typed = "name=++Zoe%CC%88+&email=zoe%2Bsite@example.org&phone=206+555+0100&other=a%0D%0Ab";
    let (status, location, page) = answer(&handler, post(body(typed))).await;
    assert_eq!((status, page.as_str()), (303, ""));
    let all = stored(folder.path()).await;
    let [one] = all.as_slice() else { panic!("one registration") };
    let registration = &one.registration;
    assert_eq!(location, format!("/api/register/receipt?reference={}", registration.id));
    assert_eq!(registration.id.get_version_num(), 7);
    assert_eq!(registration.received, now());
    assert_eq!(registration.form, "register");
    assert_eq!(
        (registration.statement_version.as_str(), registration.statement_digest.as_str()),
        ("2018-09-26", sample::DIGEST)
    );
    assert_eq!(one.mails, [(MailKind::Staff, MailState::Sent, None)]);
    let values: Vec<(&str, &str)> =
        registration.fields.iter().map(|(name, value)| (name.as_str(), value.expose().as_str())).collect();
    assert_eq!(
        values,
        [("name", "Zoë"), ("email", "zoe+site@example.org"), ("phone", "206 555 0100"), ("other", "a\nb")]
    );
}

#[tokio::test]
async fn json_is_answered_with_json() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path(), Notify::Reference, &[]).await;
    let send = |json: String| {
        Request::post("/prod/api/register")
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .header("x-request-id", "request-1")
            .body(Full::new(Bytes::from(json)))
            .unwrap()
    };
    let statement = format!("\"statement_version\": \"2018-09-26\", \"statement_digest\": \"{}\"", sample::DIGEST);
    let (status, _, text) = answer(&handler, send(format!("{{\"name\": \"Ada\", {statement}}}"))).await;
    let found = &stored(folder.path()).await[0];
    let id = found.registration.id;
    let thanks = format!("\"request\":\"request-1\",\"thanks\":\"/thank-you/?reference={id}\"");
    let receipt = &found.receipt;
    assert_eq!((status, text), (201, format!("{{\"receipt\":{receipt},\"reference\":\"{id}\",{thanks}}}\n")));
    let (status, _, text) = answer(&handler, send(format!("{{\"name\": \"Ada\", {statement}}}"))).await;
    assert_eq!((status, text), (200, format!("{{\"reference\":\"{id}\",{thanks}}}\n")), "sent twice");
    let (status, _, text) = answer(&handler, send(format!("{{\"email\": \"a\", {statement}}}"))).await;
    assert_eq!(
        (status, text.as_str()),
        (
            422,
            "{\"error\":\"Some answers must be changed\",\"fields\":[{\"field\":\"name\",\"message\":\"Enter your name\"},\
             {\"field\":\"email\",\"message\":\"Enter email in the correct format\"}],\"request\":\"request-1\"}\n"
        )
    );
}

#[tokio::test]
async fn what_must_be_mended_is_shown_with_all_that_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path(), Notify::Reference, &[]).await;
    let typed = "name=&email=%3Cb%3E%22&phone=12&other=it%27s";
    let (status, _, page) = answer(&handler, post(body(typed))).await;
    assert_eq!(status, 422);
    assert_eq!(
        page,
        "<ul><li><a href=\"#name\">Enter your name</a></li><li><a href=\"#email\">Enter email in the correct format</a></li>\
         <li><a href=\"#phone\">Enter phone in the correct format</a></li></ul><code>request-1</code><form>\
         <p>Enter your name</p><input name=\"name\" value=\"\">\
         <p>Enter email in the correct format</p><input name=\"email\" value=\"&lt;b&gt;&quot;\">\
         <p>Enter phone in the correct format</p><input name=\"phone\" value=\"12\">\
         <input name=\"other\" value=\"it&#39;s\"></form>\n"
    );
    assert!(stored(folder.path()).await.is_empty());
}

#[tokio::test]
async fn its_pages_have_the_policy_of_the_site() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path(), Notify::Reference, &[]).await;
    for typed in ["name=", "name=Ada&school=x"] {
        let response = handler.handle(post(body(typed)), now()).await;
        let policy = response.headers().get("content-security-policy").map(|value| value.to_str().unwrap());
        assert_eq!(policy, Some("default-src 'none'; img-src https://pictures.example"), "{typed}");
    }
}

#[tokio::test]
async fn refusals_store_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path(), Notify::Reference, &[]).await;
    let long = |size: usize| "a".repeat(size);
    let digest = sample::DIGEST;
    let ours = "This was not sent by our form";
    for (sent, status, message) in [
        (body("name=Ada&school=x"), 422, ours),
        (body("name=Ada&name=Eve"), 422, ours),
        (body("name=Ada&statement_version=2018-09-26"), 422, ours),
        (body(&format!("name=Ada{}", "&email=".repeat(10))), 422, ours),
        (body("name=%FF"), 400, ours),
        (body(&format!("name={}", long(2_000_000))), 413, "Your answers are too long"),
        (body(&format!("school={}", long(100_000))), 413, "Your answers are too long"),
        (body(&format!("other={}", long(1_000_000))), 422, "Your other must be 2000 characters or less"),
        ("name=Ada".to_owned(), 409, "The statement has changed"),
        (format!("name=Ada&statement_version=2017-01-01&statement_digest={digest}"), 409, "The statement has changed"),
        ("name=Ada&statement_version=2018-09-26&statement_digest=0".to_owned(), 409, "The statement has changed"),
        (body("name=Ada+Lovelace+of+Ockham"), 422, "Your name must be 20 characters or less"),
    ] {
        let (found, _, page) = answer(&handler, post(sent.clone())).await;
        assert_eq!(found, status, "{}", &sent[..sent.len().min(80)]);
        assert!(page.contains(&format!("\">{message}</a>")), "{page}");
    }
    let undeclared = "&school=x&school=y&school=z&school=x&school=y";
    for (sent, status) in [
        ("name=Ada&other=kept".to_owned(), 409),
        (body("name=Ada&other=kept&name=Eve"), 422),
        (body(&format!("name=Ada&other=kept{undeclared}")), 422),
        (body("name=Ada&email=%FF&other=kept"), 400),
        (body(&format!("name=Ada&school={}&other=kept", long(100_000))), 413),
    ] {
        let (found, _, page) = answer(&handler, post(sent)).await;
        assert_eq!(found, status, "{page}");
        assert!(page.contains("value=\"Ada\"") && page.contains("value=\"kept\""), "{status}: {page}");
    }
    assert!(stored(folder.path()).await.is_empty());
}

#[tokio::test]
async fn whoever_saw_an_earlier_statement_is_shown_what_changed_and_keeps_what_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path(), Notify::Reference, &[]).await;
    let shown = |digest: &str| format!("name=Ada&statement_version=2017-01-01&statement_digest={digest}");
    let (status, _, page) = answer(&handler, post(shown(&"e".repeat(64)))).await;
    assert_eq!(status, 409);
    assert!(
        page.contains("The statement has changed</a></li></ul><code>request-1</code><ins>new</ins><form>"),
        "{page}"
    );
    assert!(page.contains("value=\"Ada\""), "{page}");
    let (status, _, page) = answer(&handler, post(shown(&"d".repeat(64)))).await;
    assert_eq!((status, page.contains("<ins>")), (409, false));
    let (_, _, page) = answer(&handler, post(body("name="))).await;
    assert!(!page.contains("<ins>"), "{page}");
    assert!(stored(folder.path()).await.is_empty());
}

#[tokio::test]
async fn the_longest_answers_a_form_allows_fit() {
    let folder = tempfile::tempdir().unwrap();
    let mut contract = contract(Notify::Reference);
    contract.forms.get_mut("register").unwrap().fields[3].characters_max = 10_000;
    let local = LocalDefaults { folder: folder.path().to_owned() };
    let settings = Settings::from_environment(&|_| None, Some(&local)).unwrap();
    let handler = Handler::new(contract, Arc::new(Delivery::open(&settings).await.unwrap())).unwrap();
    let encoded = "%F0%9F%98%80".repeat(10_000);
    assert_eq!(answer(&handler, post(body(&format!("name=Ada&other={encoded}")))).await.0, 303);
    let found = stored(folder.path()).await;
    assert_eq!(found[0].registration.fields[3].1.expose().chars().count(), 10_000);
    assert_eq!(answer(&handler, post(body(&format!("name=Ada&other={encoded}a")))).await.0, 422);
}

#[tokio::test]
async fn what_is_asked_for_as_json_is_json_whatever_the_status() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path(), Notify::Reference, &[]).await;
    for (method, path, status, error) in [
        ("POST", "/api/other", 404, "There is no form at this address."),
        ("DELETE", "/api/register", 405, "A form is sent with POST."),
        ("POST", "/api/register", 415, "This was not sent by our form"),
    ] {
        let request = Request::builder().method(method).uri(path).header("accept", "application/json");
        let request = request.header("x-request-id", "request-1");
        let (found, _, text) = answer(&handler, request.body(Full::default()).unwrap()).await;
        assert_eq!(
            (found, text),
            (status, format!("{{\"error\":\"{error}\",\"fields\":[],\"request\":\"request-1\"}}\n"))
        );
    }
}

#[tokio::test]
async fn requests_that_are_no_submission() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path(), Notify::Reference, &[]).await;
    let request = |method: &str, path: &str, headers: &[(&str, &str)], sent: String| {
        let mut builder = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(Full::new(Bytes::from(sent))).unwrap()
    };
    let form = ("content-type", "application/x-www-form-urlencoded");
    let sent = || body("name=Ada");
    let longer = (sent().len() + 1).to_string();
    for (request, status, location) in [
        (request("POST", "/api/other", &[form], sent()), 404, ""),
        (request("POST", "/api/register/", &[form], sent()), 404, ""),
        (request("GET", "/api/register", &[], String::new()), 303, "/register/"),
        (request("DELETE", "/api/register", &[form], sent()), 405, ""),
        (request("POST", "/api/register", &[], sent()), 415, ""),
        (request("POST", "/api/register", &[("content-type", "text/plain")], sent()), 415, ""),
        (request("POST", "/api/register", &[form, ("content-length", "2000000")], sent()), 413, ""),
        (request("POST", "/api/register", &[form, ("content-length", &longer)], sent()), 400, ""),
        (request("POST", "/api/register", &[("content-type", "application/json")], sent()), 400, ""),
    ] {
        let shown = format!("{} {} {:?}", request.method(), request.uri(), request.headers());
        let (found, found_location, _) = answer(&handler, request).await;
        assert_eq!((found, found_location.as_str()), (status, location), "{shown}");
    }
    assert!(stored(folder.path()).await.is_empty());
}

/// A body whose sender goes away in the middle.
struct Broken(Option<Bytes>);

impl Body for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(Some(
            self.0
                .take()
                .map_or_else(|| Err(std::io::ErrorKind::ConnectionReset.into()), |bytes| Ok(Frame::data(bytes))),
        ))
    }
}

/// A body that never ends and never comes.
struct Stalled;

impl Body for Stalled {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn bodies_that_never_arrive_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path(), Notify::Reference, &[]).await;
    let head = || Request::post("/api/register").header("content-type", "application/x-www-form-urlencoded");
    let broken = head().body(Broken(Some(Bytes::from_static(b"name=Ada&")))).unwrap();
    let answer = handler.handle(broken, now()).await;
    assert_eq!(answer.status(), 400);
    assert!(String::from_utf8_lossy(answer.body()).contains("value=\"Ada\""), "what has arrived is kept");
    assert_eq!(handler.handle(head().body(Stalled).unwrap(), now()).await.status(), 408);
}

#[tokio::test]
async fn nothing_is_acknowledged_that_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path(), Notify::Reference, &[]).await;
    let database = LocalDefaults { folder: folder.path().to_owned() }.database();
    let other = rusqlite::Connection::open(&database).unwrap();

    other.execute_batch("begin exclusive").unwrap();
    let (status, _, page) = answer(&handler, post(body("name=Ada&other=kept"))).await;
    assert_eq!(status, 503);
    assert!(page.contains("Your answers could not be saved") && page.contains("value=\"kept\""), "{page}");
    other.execute_batch("commit").unwrap();

    assert!(stored(folder.path()).await.is_empty());
    assert_eq!(std::fs::read_dir(folder.path().join("mail")).unwrap().count(), 0, "what is not stored is not mailed");
    assert_eq!(answer(&handler, post(body("name=Ada"))).await.0, 303, "the store works again by itself");
}

#[tokio::test]
async fn a_store_that_cannot_be_used_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let open = async |store: &str| {
        let lookup = |name: &str| (name == "CANDOR_STORE").then(|| store.to_owned());
        let local = LocalDefaults { folder: folder.path().to_owned() };
        let settings = Settings::from_environment(&lookup, Some(&local)).unwrap();
        Delivery::open(&settings).await.unwrap_err().to_string()
    };
    let damaged = folder.path().join("damaged.sqlite");
    std::fs::write(&damaged, "this is not a database, and long enough to be sure of it".repeat(20)).unwrap();
    let error = open(&format!("sqlite:{}", damaged.display())).await;
    assert!(error.ends_with("it is not a store of ours, or it is damaged"), "{error}");
    let later = folder.path().join("later.sqlite");
    rusqlite::Connection::open(&later).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(
        open(&format!("sqlite:{}", later.display())).await.ends_with("written by a later version of this software")
    );
    assert!(open(&folder.path().display().to_string()).await.starts_with("CANDOR_STORE: "));
}

#[tokio::test]
async fn a_contract_that_cannot_be_obeyed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let delivery = async |variables: &[(&str, &str)]| {
        let lookup =
            |name: &str| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
        let local = LocalDefaults { folder: folder.path().to_owned() };
        Arc::new(Delivery::open(&Settings::from_environment(&lookup, Some(&local)).unwrap()).await.unwrap())
    };
    let mut tampered = contract(Notify::Reference);
    tampered.statement.as_mut().unwrap().fields.retain(|field| field != "phone");
    assert_eq!(
        Handler::new(tampered, delivery(&[]).await).unwrap_err(),
        "the contract's form `register` asks for `phone`, which its statement does not declare; build the site again"
    );
    let error = Handler::new(contract(Notify::Reference), delivery(&[("CANDOR_STORE", "none")]).await).unwrap_err();
    assert!(error.starts_with("CANDOR_STORE is `none`, and the mail of the form `register`"), "{error}");
    assert!(Handler::new(contract(Notify::Full), delivery(&[("CANDOR_STORE", "none")]).await).is_ok());
}

#[test]
fn the_function_runs_where_the_statement_allows_it() {
    let statement = contract(Notify::Reference).statement.unwrap();
    let check = |variables: &[(&str, &str)]| {
        let lookup =
            |name: &str| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
        form_handler::check_place(&lookup, Some(&statement), None).err().unwrap_or_default()
    };
    for allowed in [[("AWS_REGION", "us-east-2")], [("AWS_REGION", "us-gov-west-1")], [("CANDOR_COUNTRY", "US")]] {
        assert_eq!(check(&allowed), "");
    }
    assert_eq!(
        check(&[("AWS_REGION", "eu-west-1"), ("CANDOR_COUNTRY", "US")]),
        "P150: AWS_REGION: the function runs in eu-west-1 (IE), and statement 2018-09-26 keeps data in US; deploy it there"
    );
    assert_eq!(
        check(&[("CANDOR_COUNTRY", "DE")]),
        "P150: CANDOR_COUNTRY: the function runs in DE, and statement 2018-09-26 keeps data in US; deploy it there"
    );
    assert_eq!(
        check(&[("AWS_REGION", "moon-north-1")]),
        "P151: AWS_REGION: no country is known for `moon-north-1`, and statement 2018-09-26 keeps data in US; deploy it \
         to a region there"
    );
    assert_eq!(
        check(&[]),
        "P151: CANDOR_COUNTRY: nothing says where the function runs, and statement 2018-09-26 keeps data in US; pin it to \
         one place there, and set the variable to its country"
    );
    assert!(check(&[("CANDOR_COUNTRY", "usa")]).starts_with("CANDOR_COUNTRY: `usa` is not a country"));
    assert_eq!(form_handler::check_place(&|_| None, None, None), Ok(()), "no statement, no promise");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    /// Whatever is sent, there is an answer, and only an acknowledged submission is stored.
    #[test]
    fn any_body_is_answered(sent in "((name|email|phone|other|x|statement_version)=[a-c@.%+0-9\\x00-\\x1f\u{fdd0}é]{0,12}&?){0,6}", is_signed in proptest::bool::ANY) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let handler = handler(folder.path(), Notify::Reference, &[("CANDOR_MAIL", "none")]).await;
            let sent = if is_signed { body(&sent) } else { sent };
            let (status, _, _) = answer(&handler, post(sent)).await;
            assert!([303, 400, 409, 422].contains(&status), "{status}");
            assert_eq!(stored(folder.path()).await.len(), usize::from(status == 303));
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_receipt_repeats_nothing_that_was_sent(
        name in "[A-Za-z]{12,20}",
        other in "[g-z0-9]{16,60}",
        browser in "[A-Z][a-z]{12,30}/[0-9]{3}",
        address in prop::array::uniform4(100_u8..),
    ) {
        let address = address.map(|byte| byte.to_string()).join(".");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let receipt = runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let handler = handler(folder.path(), Notify::Reference, &[("CANDOR_MAIL", "none")]).await;
            let mut request = post(body(&format!("name={name}&email={name}@example.org&other={other}")));
            request.headers_mut().insert("user-agent", browser.parse().unwrap());
            request.headers_mut().insert("x-forwarded-for", address.parse().unwrap());
            assert_eq!(answer(&handler, request).await.0, 303);
            stored(folder.path()).await.remove(0).receipt
        });
        for sent in [&name, &other, &browser, &address] {
            prop_assert!(!receipt.contains(sent.as_str()), "{sent} is in {receipt}");
        }
        prop_assert!(receipt.contains("\"fields\":[\"name\",\"email\",\"other\"]"), "{receipt}");
    }
}
