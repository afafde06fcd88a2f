//! The receipt of a registration, shown: on the thank-you page, and as a file.
//!
//! There is nothing personal in it, so whoever knows the reference may see it.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::{Form, Handler};
use crate::answer::{Asked, answer, html, told};
use crate::letter;
use crate::registration::Registration;
use crate::store::Stored;

/// As what a receipt is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Page,
    File,
}

/// Where the receipt of a registration is shown.
pub(super) fn location(endpoint: &str, id: Uuid) -> String {
    format!("{endpoint}/receipt?reference={id}")
}

impl Handler {
    /// The form whose receipts are at a path.
    pub(super) fn receipt_at(&self, path: &str) -> Option<(Form<'_>, Kind)> {
        let page = || Some((path.strip_suffix("/receipt")?, Kind::Page));
        let (path, kind) = path.strip_suffix("/receipt.json").map(|path| (path, Kind::File)).or_else(page)?;
        Some((self.form_at(path)?, kind))
    }

    pub(super) async fn show_receipt(
        &self,
        form: Form<'_>,
        kind: Kind,
        head: &Parts,
        asked: Asked<'_>,
        now: Timestamp,
    ) -> Response<Bytes> {
        let headers = asked.headers;
        let refuse = |status, title, text| {
            tracing::warn!(form = form.id, status = StatusCode::as_u16(&status), "a receipt was not shown");
            told(status, title, text, asked)
        };
        if !matches!(head.method, Method::GET | Method::HEAD) {
            let text = "A receipt is read with GET.";
            let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", text);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        if self.proxy_secret.as_ref().is_some_and(|secret| !secret.has_signed(headers, &self.contract.base_url, now)) {
            return refuse(StatusCode::FORBIDDEN, "Not allowed", "Receipts are read at the site's own address.");
        }
        if self.reading.as_ref().is_some_and(|counter| counter.is_too_many(headers, now)) {
            let text = "Too many receipts were asked for by your network. Try again in a few minutes.";
            return refuse(StatusCode::TOO_MANY_REQUESTS, "Too many requests", text);
        }
        let Some(id) = head.uri.query().and_then(reference) else {
            return refuse(StatusCode::NOT_FOUND, "Page not found", "There is no receipt without its reference.");
        };
        match self.delivery.stored(id).await {
            Err(error) => {
                tracing::error!(%error, "a receipt could not be looked for");
                refuse(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Try again",
                    "The receipt cannot be read now. Try again in a few minutes.",
                )
            }
            Ok(Some(stored)) if stored.envelope.form == form.id && !stored.envelope.receipt.is_empty() => match kind {
                Kind::Page => html(StatusCode::OK, page(form, &stored)),
                Kind::File => file(&stored),
            },
            Ok(_) => refuse(StatusCode::NOT_FOUND, "Page not found", "There is no receipt with this reference."),
        }
    }
}

fn reference(query: &str) -> Option<Uuid> {
    query.split('&').find_map(|pair| pair.strip_prefix("reference=")).and_then(|id| id.parse().ok())
}

fn page(form: Form<'_>, stored: &Stored) -> String {
    // As a person reads it; the file has the form that is signed.
    let receipt: Value = serde_json::from_str(&stored.envelope.receipt).unwrap_or_default();
    let mut json = String::new();
    crate::page::escape(&format!("{receipt:#}"), &mut json);
    letter::fill(&form.form.receipt, &Registration::without_answers(&stored.envelope), form.statement, &json, true)
}

fn file(stored: &Stored) -> Response<Bytes> {
    let mut response = answer(StatusCode::OK, Bytes::from(stored.envelope.receipt.clone()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let name = "attachment; filename=\"receipt.json\"";
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(name));
    response
}
