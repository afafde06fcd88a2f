//! The receipt: what a registrant was shown and promised, so that both sides can prove it later.
//!
//! It names fields and repeats no answer; it has no IP address and no browser string. It knows the contract, and neither
//! the store nor the mail.

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use statement::contract::{FormContract, StatementInForce};
use statement::digest::{canonical_json, sha256_hex};
use statement::form::FieldKind;
use statement::period::Period;

use crate::registration::Registration;

/// The receipt of a registration as JSON in its canonical form (RFC 8785); its `sha256` is over the same without it.
///
/// Its shape is that of ISO/IEC TS 27560 under shorter names. It is a notice, which says what was shown and not that anybody
/// agreed, unless the form has a box for that and it was ticked.
pub(crate) fn receipt(registration: &Registration, form: &FormContract, statement: &StatementInForce) -> String {
    let filled: Vec<&str> = registration
        .fields
        .iter()
        // Whether something was typed is no part of what was.
        .filter(|(_, value)| !value.expose().is_empty())
        .map(|(name, _)| name.as_str())
        .collect();
    let agreed: Vec<Value> = form
        .fields
        .iter()
        .filter(|field| field.kind == FieldKind::Agreement && filled.contains(&field.name.as_str()))
        .map(|field| json!({"field": field.name, "label_sha256": sha256_hex(field.label.as_bytes())}))
        .collect();
    let mut receipt = json!({
        "schema": "registration-receipt/1",
        "kind": if agreed.is_empty() { "notice" } else { "consent" },
        "acknowledged": agreed,
        "record": registration.id,
        "received": registration.received_seconds(),
        "channel": "web",
        "form": {"id": registration.form, "page": form.page, "sha256": form.sha256},
        "statement": {
            "document": statement.document,
            "version": statement.version,
            "digest": statement.digest,
            "text_sha256": statement.text_sha256,
            "facts_sha256": statement.facts_sha256,
            "language": statement.language,
            "url": statement.url,
        },
        "controller": {"name": statement.controller, "contact": statement.contact_url},
        "fields": filled,
        "purpose": form.purpose,
        "never": form.never,
        "recipients": statement.recipients,
        "storage": {"countries": statement.countries},
        "law": statement.law,
        "retention": {
            "not_before": statement.retention_minimum.as_deref().and_then(|minimum| not_before(registration, minimum)),
            "then": statement.at_minimum,
            "unless": statement.hold_grounds,
        },
    });
    receipt["sha256"] = Value::from(sha256_hex(canonical_json(&receipt).as_bytes()));
    canonical_json(&receipt)
}

/// The day before which it is not deleted, in UTC.
fn not_before(registration: &Registration, minimum: &str) -> Option<String> {
    let end = Period::parse(minimum).ok()?.after(registration.received);
    Some(TimeZone::UTC.to_datetime(end).date().to_string())
}
