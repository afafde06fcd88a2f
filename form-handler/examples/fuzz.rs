//! Sends the function what nobody would send, for as long as it is told, and holds its answers against what it promises:
//! `cargo run -p form-handler --example fuzz -- bodies 600`.
//!
//! `bodies` are of every kind for the parser: raw bytes, forms and JSON that are cut, joined and salted, in pieces of any
//! size, under types and lengths that may lie. `requests` are whole ones, of any method to any path with any headers, at a
//! clock that jumps. What fails is shortened until nothing can be left out. The same seed sends the same.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program for a terminal that stops at a surprise")]
#![expect(clippy::disallowed_methods, reason = "it reads the clock")]

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::pin::Pin;
use std::process::ExitCode;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use form_handler::Handler;
use form_handler::store::{Order, Scan};
use http::{HeaderName, HeaderValue, Method, Request};
use http_body::{Body, Frame};
use jiff::SignedDuration;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::strategy::BoxedStrategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use statement::form::Notify;
use tokio::runtime::Runtime;

#[path = "../tests/sample/mod.rs"]
mod sample;

/// What a fuzzer sends.
#[derive(Debug, Clone)]
struct Sent {
    method: Method,
    path: String,
    headers: Vec<(HeaderName, Vec<u8>)>,
    pieces: Vec<Vec<u8>>,
    /// After the moment of the sample.
    seconds: i64,
}

/// A body that arrives in these pieces.
struct Pieces(VecDeque<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }
}

/// Stands where something was typed; nothing answered or stored as HTML may have it as it is.
const MARKUP: &str = "<b x='\"&>";
/// What the parsers read, and what tells a browser's form from others.
const SALT: [&str; 30] = [
    "name=",
    "email=",
    "phone=",
    "other=",
    "web_address=",
    "statement_version=2018-09-26",
    "statement_digest=",
    sample::DIGEST,
    "proof_of_work=",
    "&",
    "=",
    "+",
    "%",
    "%2",
    "%00",
    "%FF",
    "%F0%9F%98%80",
    "%C3",
    "\u{fdd0}",
    "\u{202e}",
    "{\"name\": \"Ada\"",
    "\": \"",
    "\"",
    "{",
    "}",
    "\\ud800",
    "null",
    "ada@example.org",
    "%0D%0A",
    MARKUP,
];

fn text() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![
        4 => select(&SALT[..]).prop_map(|salt| salt.as_bytes().to_vec()),
        2 => "[ -~]{0,12}".prop_map(String::into_bytes),
        1 => "\\PC{0,6}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..12),
        1 => (select(&SALT[..]), 1_usize..4000).prop_map(|(salt, times)| salt.repeat(times).into_bytes()),
    ]
    .boxed()
}

fn body() -> BoxedStrategy<Vec<u8>> {
    let end = format!("&statement_version=2018-09-26&statement_digest={}", sample::DIGEST);
    let json = format!("\"statement_version\": \"2018-09-26\", \"statement_digest\": \"{}\"}}", sample::DIGEST);
    let typed = || vec(text(), 0..6).prop_map(|parts| parts.concat());
    let encoded = |bytes: &[u8]| bytes.iter().map(|byte| format!("%{byte:02x}")).collect::<String>();
    prop_oneof![
        3 => typed(),
        // So that some are taken.
        3 => (typed(), typed()).prop_map(move |(name, other)| {
            format!("name=A{}&other={}{end}", encoded(&name), encoded(&other)).into_bytes()
        }),
        2 => (typed(), Just(end_of_form())).prop_map(|(typed, end)| [b"name=Ada&other=".to_vec(), typed, end].concat()),
        2 => typed().prop_map(move |typed| {
            let other = serde_json::to_string(&String::from_utf8_lossy(&typed)).unwrap();
            format!("{{\"name\": \"Ada\", \"other\": {other}, {json}").into_bytes()
        }),
        1 => vec(any::<u8>(), 0..300),
    ]
    .boxed()
}

fn end_of_form() -> Vec<u8> {
    format!("&statement_version=2018-09-26&statement_digest={}", sample::DIGEST).into_bytes()
}

/// Cuts a body into pieces, and loses its end sometimes.
fn in_pieces() -> BoxedStrategy<Vec<Vec<u8>>> {
    (body(), vec(1_usize..400, 1..8), prop_oneof![9 => Just(1.0), 1 => 0.0..1.0])
        .prop_map(|(mut body, sizes, part)| {
            body.truncate((body.len() as f64 * part) as usize);
            let (mut pieces, mut rest) = (Vec::new(), body.as_slice());
            for size in sizes.iter().cycle() {
                if rest.is_empty() || pieces.len() > 200 {
                    break;
                }
                let (piece, after) = rest.split_at((*size).min(rest.len()));
                pieces.push(piece.to_vec());
                rest = after;
            }
            pieces.push(rest.to_vec());
            pieces
        })
        .boxed()
}

fn header(name: &'static str, values: &'static [&'static str]) -> BoxedStrategy<(HeaderName, Vec<u8>)> {
    let value =
        prop_oneof![4 => select(values).prop_map(|value| value.as_bytes().to_vec()), 1 => vec(any::<u8>(), 0..20)];
    value.prop_map(move |value| (HeaderName::from_static(name), value)).boxed()
}

fn content_type() -> BoxedStrategy<(HeaderName, Vec<u8>)> {
    header(
        "content-type",
        &["application/x-www-form-urlencoded", "application/json", "application/json;charset=\"utf-8\"", "text/plain"],
    )
}

fn bodies() -> BoxedStrategy<Sent> {
    let length = header("content-length", &["0", "10", "99999999999999999999", "-1", "1048577"]);
    let headers = (content_type(), proptest::option::weighted(0.1, length))
        .prop_map(|(one, other)| std::iter::once(one).chain(other).collect::<Vec<_>>());
    (headers, in_pieces())
        .prop_map(|(headers, pieces)| Sent {
            method: Method::POST,
            path: "/api/register".to_owned(),
            headers,
            pieces,
            seconds: 0,
        })
        .boxed()
}

fn requests() -> BoxedStrategy<Sent> {
    let path = prop_oneof![
        6 => Just("/api/register".to_owned()),
        1 => Just("/prod/api/register".to_owned()),
        2 => "/api/register/(receipt|receipt.json|challenge)(\\?reference=[0-9a-f-]{0,40})?",
        1 => "/[a-z/%.?=&]{0,30}",
    ];
    let method =
        select(vec![Method::POST, Method::POST, Method::POST, Method::GET, Method::HEAD, Method::PUT, Method::OPTIONS]);
    let headers = (
        content_type(),
        vec(
            prop_oneof![
                header("accept", &["application/json", "text/html", "*/*"]),
                header("origin", &["https://example.org", "null", "https://evil.example", "://"]),
                header("sec-fetch-site", &["same-origin", "cross-site", "none"]),
                header("host", &["example.org", "evil.example"]),
                header("x-request-id", &["request-1", MARKUP, "ada@example.org"]),
                header("x-forwarded-for", &["203.0.113.7", "2001:db8::1, 203.0.113.9", ",,", "::ffff:203.0.113.7"]),
                header("content-length", &["0", "7", "18446744073709551615"]),
            ],
            0..5,
        ),
    );
    let headers = headers.prop_map(|(one, others)| std::iter::once(one).chain(others).collect());
    let seconds = prop_oneof![3 => Just(0), 1 => -10_000_000_i64..10_000_000];
    (method, path, headers, in_pieces(), seconds)
        .prop_map(|(method, path, headers, pieces, seconds)| Sent { method, path, headers, pieces, seconds })
        .boxed()
}

/// Every status there is (docs/content/running/function.md).
const STATUSES: [u16; 14] = [200, 201, 303, 400, 403, 404, 405, 408, 409, 413, 415, 422, 429, 503];

/// Sends it; the reference, where it was acknowledged.
fn send(runtime: &Runtime, handler: &Handler, sent: &Sent) -> Result<Option<String>, TestCaseError> {
    let Ok(mut request) = Request::builder().method(sent.method.clone()).uri(&*sent.path).body(()) else {
        return Ok(None);
    };
    for (name, value) in &sent.headers {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            request.headers_mut().append(name.clone(), value);
        }
    }
    let request = request.map(|()| Pieces(sent.pieces.iter().map(|piece| Bytes::from(piece.clone())).collect()));
    let moment = sample::now() + SignedDuration::from_secs(sent.seconds);
    let began = Instant::now();
    let answer = runtime.block_on(handler.handle(request, moment));
    let fail = |fact: String| Err(TestCaseError::fail(fact));
    if began.elapsed() > Duration::from_secs(5) {
        return fail(format!("it took {:?}", began.elapsed()));
    }
    let status = answer.status().as_u16();
    if !STATUSES.contains(&status) || status == 503 {
        return fail(format!("the status is {status}"));
    }
    let Ok(text) = std::str::from_utf8(answer.body()) else { return fail("the answer is not UTF-8".to_owned()) };
    let kind = answer.headers().get("content-type").map_or("", |value| value.to_str().unwrap());
    if kind.starts_with("text/html") && text.contains("<b x=") {
        return fail(format!("what was typed is markup: {text}"));
    }
    let is_json = kind == "application/json";
    let json = is_json.then(|| serde_json::from_str::<serde_json::Value>(text));
    if json.as_ref().is_some_and(Result::is_err) {
        return fail(format!("the answer is no JSON: {text}"));
    }
    if status >= 400 {
        let id = json.map_or_else(
            || text.split_once("<code>").and_then(|(_, rest)| rest.split_once("</code>")).map(|(id, _)| id.to_owned()),
            |json| json.unwrap()["request"].as_str().map(str::to_owned),
        );
        // What answers HEAD has a body that the host leaves out.
        let is_id = |id: &String| id.len() >= 8 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        return if id.as_ref().is_some_and(is_id) {
            Ok(None)
        } else {
            fail(format!("no number of the request: {text}"))
        };
    }
    let location = answer.headers().get("location").map_or("", |value| value.to_str().unwrap());
    let told = json.and_then(|json| json.unwrap()["reference"].as_str().map(str::to_owned));
    let is_post = sent.method == Method::POST;
    Ok(location.split_once("?reference=").map(|(_, id)| id.to_owned()).or(told).filter(|_| is_post))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let target = match arguments.first().map(String::as_str) {
        Some("bodies") => Some(bodies()),
        Some("requests") => Some(requests()),
        _ => None,
    };
    let (Some(target), Some(seconds)) = (target, arguments.get(1).and_then(|seconds| seconds.parse::<u64>().ok()))
    else {
        println!("usage: fuzz bodies|requests SECONDS [SEED]");
        return ExitCode::from(2);
    };
    let seed: u64 = arguments.get(2).and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let seed: Vec<u8> = (0..4).flat_map(|part: u64| seed.wrapping_add(part).to_le_bytes()).collect();
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let handler = runtime.block_on(sample::handler(folder.path(), Notify::Reference, &[("CANDOR_MAIL", "none")]));

    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let config = Config { cases: u32::MAX, failure_persistence: None, max_shrink_time: 30_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let (tried, acknowledged) = (RefCell::new(0_u64), RefCell::new(BTreeSet::new()));
    let until = Instant::now() + Duration::from_secs(seconds);
    let outcome = runner.run(&target, |sent| {
        if Instant::now() > until {
            return Err(TestCaseError::reject("the time is over"));
        }
        *tried.borrow_mut() += 1;
        acknowledged.borrow_mut().extend(send(&runtime, &handler, &sent)?);
        Ok(())
    });
    let (tried, acknowledged) = (tried.into_inner(), acknowledged.into_inner());
    let stored = runtime.block_on(async {
        let store = sample::database(folder.path()).open().await.unwrap();
        let (mut scan, mut stored) = (Scan::new(&*store, Order::Oldest), BTreeSet::new());
        while let Some(envelope) = scan.next().await.unwrap() {
            stored.insert(envelope.id.to_string());
        }
        stored
    });
    let mut faults = 0;
    if let Err(TestError::Fail(reason, sent)) = outcome {
        faults += 1;
        println!("fault: {reason}\n  sent: {sent:?}");
    }
    if stored != acknowledged {
        faults += 1;
        println!("fault: {} acknowledged, {} stored", acknowledged.len(), stored.len());
    }
    println!("{}: {tried} sent, {} of them acknowledged and stored, {faults} faults", arguments[0], stored.len());
    ExitCode::from(u8::from(faults > 0))
}
