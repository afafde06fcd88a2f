//! The receipt: what a registrant was shown and promised, so that both sides can prove it later.
//!
//! It names fields and repeats no answer; it has no IP address and no browser string. It knows the contract, and neither
//! the store nor the mail.

use jiff::Timestamp;
use jiff::civil::Date;
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
            "not_before": statement.retention_minimum.as_deref().and_then(|minimum| not_before(registration.received, minimum)).map(|date| date.to_string()),
            "then": statement.at_minimum,
            "unless": statement.hold_grounds,
        },
    });
    receipt["sha256"] = Value::from(sha256_hex(canonical_json(&receipt).as_bytes()));
    canonical_json(&receipt)
}

/// The day before which it is not deleted, in UTC.
fn not_before(received: Timestamp, minimum: &str) -> Option<Date> {
    let minimum = Period::parse(minimum).ok()?;
    let received = TimeZone::UTC.to_datetime(received).date();
    let end = received.checked_add(minimum.to_span()).ok()?;
    // Where the month has no such day the calendar takes its last one, which is not the whole time.
    if received.day() > 28 && end.day() < received.day() { end.tomorrow().ok() } else { Some(end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimum_is_kept_on_a_leap_day_too() {
        for (received, day) in [
            ("2024-02-29T23:59:59Z", "2031-03-01"),
            ("2024-05-01T12:00:00Z", "2031-05-01"),
            ("2024-12-31T23:00:00Z", "2031-12-31"),
        ] {
            assert_eq!(not_before(received.parse().unwrap(), "P7Y").unwrap().to_string(), day);
        }
    }
}
