//! The receipt: what a registrant was shown and promised, so that both sides can prove it later.
//!
//! It names fields and repeats no answer; it has no IP address and no browser string. It knows the contract, and neither
//! the store nor the mail. Whether the statement it names was ever published, the statement's lock says.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use statement::contract::{Contract, FormContract, StatementInForce};
use statement::digest::{canonical_json, sha256_hex};
use statement::form::FieldKind;
use statement::period::Period;

use crate::registration::Registration;
use crate::signing::{SigningKey, is_signed};

/// The receipt of a registration as JSON in its canonical form (RFC 8785); its `sha256` is over the same without it, and
/// its signature over the same with that.
///
/// Its shape is that of ISO/IEC TS 27560 under shorter names. It is a notice, which says what was shown and not that anybody
/// agreed, unless the form has a box for that and it was ticked.
pub(crate) fn receipt(
    registration: &Registration,
    form: &FormContract,
    statement: &StatementInForce,
    key: Option<&SigningKey>,
) -> String {
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
        "shown": form.shown,
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
            "not_before": statement.retention_minimum.as_deref().and_then(|minimum| not_before(registration.received, minimum)),
            "then": statement.at_minimum,
            "unless": statement.hold_grounds,
        },
    });
    receipt["sha256"] = Value::from(sha256_hex(canonical_json(&receipt).as_bytes()));
    if let Some((key, public)) = key.and_then(|key| Some((key, key.ed25519_public()?))) {
        let value = key.sign(canonical_json(&receipt).as_bytes());
        receipt["signature"] =
            json!({"alg": "Ed25519", "key": BASE64_STANDARD.encode(public), "value": BASE64_STANDARD.encode(value)});
    }
    canonical_json(&receipt)
}

/// What is wrong with a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// It is something else.
    #[error("it is not a receipt of a registration")]
    NotAReceipt,
    /// Something in it was changed.
    #[error("the receipt was altered: its digest is not that of what it says")]
    Altered,
    /// The signature is not by the key beside it.
    #[error("the receipt's signature does not hold")]
    NotSigned,
    /// Nobody could have been shown that statement.
    #[error("the site has published no such version of its statement")]
    Unpublished,
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
    /// The Ed25519 public key of whoever signed it, in base64; none where nobody did. Whose key that is, the reader has
    /// to know.
    pub signed_by: Option<String>,
}

/// Checks that a receipt says what it said when it was written, that its signature holds where it has one, and that its
/// statement is one that the site has published; however its JSON is laid out.
///
/// # Errors
/// Says in plain words what is wrong with it.
pub fn verify(json: &[u8], contract: &Contract) -> Result<Verified, ReceiptError> {
    let receipt: Option<Value> = serde_json::from_slice(json).ok();
    let receipt = receipt.filter(|receipt| receipt["schema"] == "registration-receipt/1");
    let mut receipt = receipt.ok_or(ReceiptError::NotAReceipt)?;
    let take = |key: &str, receipt: &mut Value| receipt.as_object_mut().and_then(|receipt| receipt.remove(key));
    let signature = take("signature", &mut receipt);
    let signed = canonical_json(&receipt);
    let digest = take("sha256", &mut receipt);
    if digest != Some(Value::from(sha256_hex(canonical_json(&receipt).as_bytes()))) {
        return Err(ReceiptError::Altered);
    }
    let signed_by =
        signature.map(|signature| signer(&signature, &signed).ok_or(ReceiptError::NotSigned)).transpose()?;
    let said = &receipt["statement"];
    let version = contract.version_of(said["digest"].as_str().unwrap_or_default());
    let version = version.filter(|version| {
        [("version", &version.version), ("text_sha256", &version.text_sha256), ("facts_sha256", &version.facts_sha256)]
            .iter()
            .all(|(key, value)| said[*key] == value.as_str())
    });
    let version = version.ok_or(ReceiptError::Unpublished)?;
    let record = receipt["record"].as_str().unwrap_or_default().to_owned();
    Ok(Verified { record, version: version.version.clone(), url: version.url.clone(), signed_by })
}

/// The public key of a signature that holds, in base64.
fn signer(signature: &Value, signed: &str) -> Option<String> {
    let bytes = |key: &str| BASE64_STANDARD.decode(signature[key].as_str()?).ok();
    let holds = signature["alg"] == "Ed25519" && is_signed(&bytes("key")?, signed.as_bytes(), &bytes("value")?);
    signature["key"].as_str().filter(|_| holds).map(str::to_owned)
}

/// The day before which it is not deleted, in UTC.
fn not_before(received: Timestamp, minimum: &str) -> Option<String> {
    let end = Period::parse(minimum).ok()?.after(received);
    Some(TimeZone::UTC.to_datetime(end).date().to_string())
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
            assert_eq!(not_before(received.parse().unwrap(), "P7Y").unwrap(), day);
        }
    }
}
