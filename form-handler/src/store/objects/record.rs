//! Registrations and data keys as the text of objects, and the marks that tell of them by their names alone.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::private::Private;
use crate::registration::{Mail, MailKind, MailState};
use crate::seal::DataKey;
use crate::store::{Envelope, StoreError, Stored};

/// A registration, and what staff have said of it.
#[derive(Clone)]
pub(super) struct Object {
    /// The registration; with its data key only while that is not in its own place.
    pub(super) stored: Stored,
    pub(super) staff: Staff,
}

/// What staff have said of a registration. It is here whether they can be spoken to or not, so that the function keeps it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Staff {
    /// The request for whose sake only legal may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) restricted: Option<String>,
    /// Why it is kept longer, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extension: Option<String>,
    /// How often a hold or a request about it was written, so that whoever destroys it sees that it is not as they read it.
    pub(super) matters: u64,
    /// Whether nothing is left but what tells which other objects are to go with it.
    pub(super) is_erased: bool,
}

/// A registration as an object.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    #[serde(flatten)]
    envelope: Envelope,
    #[serde(flatten)]
    staff: Staff,
    /// The key of a content that was corrected, until it is in its own place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data_key: Option<DataKeyRecord>,
    /// In base64 (RFC 4648, section 4).
    content: String,
    person_keys: Vec<String>,
    submission_key: String,
    mails: Vec<MailRecord>,
}

/// A mail as a part of that.
#[derive(Serialize, Deserialize)]
struct MailRecord {
    kind: MailKind,
    state: MailState,
    error: Option<String>,
    attempts: u32,
    due: Option<i64>,
    address_key: Option<String>,
    /// In base64.
    letter: Option<String>,
}

/// A data key as an object.
#[derive(Serialize, Deserialize)]
pub(super) struct DataKeyRecord {
    /// In base64.
    sealed: String,
    keys: String,
}

pub(super) fn record(Object { stored, staff }: &Object) -> Record {
    let mail = |mail: &Mail| MailRecord {
        kind: mail.kind,
        state: mail.state,
        error: mail.error.clone(),
        attempts: mail.attempts,
        due: mail.due,
        address_key: mail.address_key.clone(),
        letter: mail.letter.as_ref().map(|letter| BASE64_STANDARD.encode(letter.expose())),
    };
    Record {
        envelope: stored.envelope.clone(),
        staff: staff.clone(),
        data_key: stored.data_key.as_ref().map(data_key_record),
        content: BASE64_STANDARD.encode(stored.content.expose()),
        person_keys: stored.person_keys.clone(),
        submission_key: stored.submission_key.clone(),
        mails: stored.mails.iter().map(mail).collect(),
    }
}

pub(super) fn object(record: Record) -> Result<Object, StoreError> {
    let mail = |mail: MailRecord| {
        let MailRecord { kind, state, error, attempts, due, address_key, letter } = mail;
        let letter = letter.map(|letter| bytes(&letter)).transpose()?.map(Private::new);
        Ok(Mail { kind, state, error, attempts, due, address_key, letter })
    };
    let stored = Stored {
        envelope: record.envelope,
        content: Private::new(bytes(&record.content)?),
        data_key: record.data_key.map(data_key).transpose()?,
        person_keys: record.person_keys,
        submission_key: record.submission_key,
        mails: record.mails.into_iter().map(mail).collect::<Result<_, StoreError>>()?,
    };
    Ok(Object { stored, staff: record.staff })
}

/// A new registration, of which staff have said nothing.
pub(super) fn new(stored: Stored) -> Object {
    Object { stored: Stored { data_key: None, ..stored }, staff: Staff::default() }
}

pub(super) fn data_key_record(data_key: &DataKey) -> DataKeyRecord {
    DataKeyRecord { sealed: BASE64_STANDARD.encode(&data_key.sealed), keys: data_key.keys.clone() }
}

pub(super) fn data_key(record: DataKeyRecord) -> Result<DataKey, StoreError> {
    Ok(DataKey { sealed: bytes(&record.sealed)?, keys: record.keys })
}

fn bytes(base64: &str) -> Result<Vec<u8>, StoreError> {
    BASE64_STANDARD.decode(base64).map_err(|_| StoreError::Damaged)
}

/// The empty objects that tell of a registration.
pub(super) fn marks(Object { stored, staff }: &Object) -> BTreeSet<String> {
    let id = stored.envelope.id;
    let held = stored.envelope.held.as_ref().map(|_| format!("held/{id}"));
    let mails = stored.mails.iter().filter_map(|mail| {
        let (kind, state) = (mail.kind.word(), mail.state.word());
        match mail.due {
            // As long as seconds will be for three thousand years, so that the order of names is that of numbers.
            Some(due) => Some(format!("outbox/{due:011}.{id}.{kind}.{state}")),
            None if mail.state == MailState::Failed => Some(format!("resting/{id}.{kind}")),
            None => None,
        }
    });
    let persons = stored.person_keys.iter().map(|key| format!("person/{key}/{id}"));
    let restricted = staff.restricted.as_ref().map(|_| format!("restricted/{id}"));
    held.into_iter().chain(restricted).chain(mails).chain(persons).collect()
}

/// When which mail is due, by the name of its mark.
pub(super) fn read_mark(name: &str) -> Option<(i64, Uuid, MailKind)> {
    let mut parts = name.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, MailKind::from_word(parts.next()?)?))
}
