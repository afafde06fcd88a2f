//! The receipt: what a registrant was shown and promised, so that both sides can prove it later.
//!
//! It names fields and repeats no answer; it has no IP address and no browser string. It knows the contract, and neither
//! the store nor the mail.

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use statement::contract::{Contract, FormContract, StatementInForce};
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

/// A receipt that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The registration's id.
    pub record: String,
    /// The version of the statement it was collected under.
    pub version: String,
    /// The permalink of that version.
    pub url: String,
}

/// Checks that a receipt says what it said when it was written, and that its statement is one that the site has published.
///
/// # Errors
/// Says in plain words what is wrong with it.
pub fn verify(json: &[u8], contract: &Contract) -> Result<Verified, &'static str> {
    let receipt: Option<Value> = serde_json::from_slice(json).ok();
    let receipt = receipt.filter(|receipt| receipt["schema"] == "registration-receipt/1");
    let mut receipt = receipt.ok_or("it is not a receipt of a registration")?;
    let digest = receipt.as_object_mut().and_then(|receipt| receipt.remove("sha256"));
    if digest != Some(Value::from(sha256_hex(canonical_json(&receipt).as_bytes()))) {
        return Err("the receipt was altered: its digest is not that of what it says");
    }
    let said = &receipt["statement"];
    let version = contract.version_of(said["digest"].as_str().unwrap_or_default());
    let version = version.filter(|version| {
        [("version", &version.version), ("text_sha256", &version.text_sha256), ("facts_sha256", &version.facts_sha256)]
            .iter()
            .all(|(key, value)| said[*key] == value.as_str())
    });
    let version = version.ok_or("the site has published no such version of its statement")?;
    let record = receipt["record"].as_str().unwrap_or_default().to_owned();
    Ok(Verified { record, version: version.version.clone(), url: version.url.clone() })
}
