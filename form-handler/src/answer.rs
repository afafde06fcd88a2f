//! Answers: status, headers, and a body as HTML or JSON.
//!
//! It knows neither forms nor why something is answered.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::json;

use crate::page;
use crate::refusal::FieldMessage;
use crate::request_id::RequestId;

/// To what an answer is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) headers: &'a HeaderMap,
    /// For the visitor to quote.
    pub(crate) id: &'a RequestId,
}

/// Whether the answer is wanted as JSON and not as a page.
pub(crate) fn wants_json(headers: &HeaderMap) -> bool {
    let accepts = |kind: &str| {
        headers.get_all(header::ACCEPT).iter().any(|value| value.to_str().is_ok_and(|value| value.contains(kind)))
    };
    accepts("application/json") && !accepts("text/html")
}

/// The answer to a request that belongs to no form.
pub(crate) fn told(status: StatusCode, title: &str, text: &str, asked: Asked<'_>) -> Response<Bytes> {
    if wants_json(asked.headers) {
        return answer_json(status, &json_error(text, &[], asked.id));
    }
    html(status, page::plain(title, text, asked.id))
}

pub(crate) fn json_error(error: &str, fields: &[FieldMessage], id: &RequestId) -> serde_json::Value {
    let fields: Vec<_> = fields.iter().map(|field| json!({"field": field.field, "message": field.message})).collect();
    json!({"error": error, "fields": fields, "request": id.as_str()})
}

/// After a POST, a page that can be reloaded (RFC 9110, section 15.4.4).
pub(crate) fn see_other(location: &str) -> Response<Bytes> {
    let mut response = answer(StatusCode::SEE_OTHER, Bytes::new());
    let location = HeaderValue::from_str(location).expect("invariant: site paths are escaped by the build");
    response.headers_mut().insert(header::LOCATION, location);
    response
}

pub(crate) fn html(status: StatusCode, page: String) -> Response<Bytes> {
    let mut response = answer(status, Bytes::from(page));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

pub(crate) fn answer_json(status: StatusCode, value: &serde_json::Value) -> Response<Bytes> {
    let mut response = answer(status, Bytes::from(format!("{value}\n")));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An answer nobody may keep: it may hold what was typed.
pub(crate) fn answer(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}
