//! Requests and answers, as they are: no redirect is followed, no status is an error.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::OnceLock;

use serde_json::Value;
use ureq::Agent;
use ureq::http::{HeaderMap, Request, Response};

use crate::PATIENCE;

/// What a form is sent as.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl Answer {
    /// A header's value; empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("headers are text"))
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is something else.
    #[must_use]
    pub fn json(&self) -> Value {
        assert!(self.header("content-type").starts_with("application/json"), "not JSON: {self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The reference in the address of the thank-you page, a UUID of version 7.
    ///
    /// # Panics
    /// When nobody is thanked.
    #[must_use]
    pub fn reference(&self) -> String {
        assert_eq!(self.status, 303, "not thanked: {self:#?}");
        let reference = self.header("location").split_once("?reference=").map(|(_, reference)| reference);
        let reference = reference.unwrap_or_else(|| panic!("not thanked: {self:#?}"));
        assert!(reference.len() == 36 && reference.as_bytes()[14] == b'7', "not a UUID of version 7: {reference}");
        reference.to_owned()
    }

    /// The same, if it has this status.
    ///
    /// # Panics
    /// When it has another.
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "status of {self:#?}");
        self
    }
}

fn agent() -> &'static Agent {
    static AGENT: OnceLock<Agent> = OnceLock::new();
    AGENT.get_or_init(|| {
        Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(PATIENCE))
            .proxy(None)
            .build()
            .into()
    })
}

fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Response<ureq::Body>, ureq::Error> {
    let request = headers
        .iter()
        .fold(Request::builder().method(method).uri(url), |request, (name, value)| request.header(*name, *value));
    if body.is_empty() {
        agent().run(request.body(()).expect("a request"))
    } else {
        agent().run(request.body(body).expect("a request"))
    }
}

/// Sends a request and waits for the whole answer.
///
/// # Panics
/// When nobody answers within a minute.
#[must_use]
pub fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    try_request(method, url, headers, body).unwrap_or_else(|error| panic!("{method} {url}: {error}"))
}

/// The same; an error where nobody answers.
///
/// # Errors
/// When there is no answer, or not a whole one.
pub fn try_request(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, ureq::Error> {
    let mut response = send(method, url, headers, body)?;
    Ok(Answer {
        status: response.status().as_u16(),
        body: response.body_mut().read_to_string()?,
        headers: response.headers().clone(),
    })
}

/// Gets a page.
#[must_use]
pub fn get(url: &str) -> Answer {
    request("GET", url, &[], b"")
}

/// The lines of an answer that does not end, such as server-sent events.
///
/// # Panics
/// When nobody answers; while reading, when a minute passes without a line.
pub fn lines(url: &str) -> impl Iterator<Item = String> + use<> {
    let response = send("GET", url, &[], b"").unwrap_or_else(|error| panic!("{url}: {error}"));
    assert_eq!(response.status(), 200, "{url}");
    BufReader::new(response.into_body().into_reader()).lines().map(|line| line.expect("the stream goes on"))
}

/// Sends bytes as they are, and returns whatever comes back.
///
/// # Panics
/// When the connection fails.
#[must_use]
pub fn raw(address: &str, bytes: &[u8]) -> String {
    exchange(address, bytes, false)
}

/// The same, and ends the sending side before the answer, as a visitor does who goes away.
///
/// # Panics
/// When the connection fails.
#[must_use]
pub fn raw_cut_short(address: &str, bytes: &[u8]) -> String {
    exchange(address, bytes, true)
}

fn exchange(address: &str, bytes: &[u8], is_cut_short: bool) -> String {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit can be set");
    stream.write_all(bytes).expect("the server reads");
    if is_cut_short {
        stream.shutdown(std::net::Shutdown::Write).expect("the sending side can be closed");
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the server answers and closes");
    String::from_utf8(answer).expect("answers are UTF-8")
}

/// A form's body.
#[must_use]
pub fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
