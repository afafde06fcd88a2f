//! A registration: what is kept of a submission, and nothing else.
//!
//! No IP address and no browser string: the statement says those are for security only.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use statement::contract::FormContract;
use statement::form::{FieldKind, Notify};
use uuid::{NoContext, Uuid};

use crate::content::Content;
use crate::index::IndexKey;
use crate::private::Private;
use crate::seal::{self, Identities, Seal, SealError};
use crate::store::{Envelope, Stored};

/// A registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Names it everywhere, and tells when it arrived: a UUID of version 7 (RFC 9562, section 5.7).
    pub id: Uuid,
    /// When it arrived.
    pub received: Timestamp,
    /// The form's id.
    pub form: String,
    /// The form's declaration, as a digest.
    pub form_sha256: String,
    /// The version of the statement its author saw.
    pub statement_version: String,
    /// The digest of the statement its author saw.
    pub statement_digest: String,
    /// Why it is kept apart as suspected spam, in a word; nobody is mailed about it. None for the others.
    pub held: Option<String>,
    /// Where a confirmation goes, if the form has one and an address was given; not stored, because it is among the fields.
    pub address: Option<Private<String>>,
    /// Every field of the form with what was typed, in the order of the form.
    pub fields: Vec<(String, Private<String>)>,
}

impl Registration {
    /// An id for a registration that arrives `now`.
    #[must_use]
    pub fn id(now: Timestamp) -> Uuid {
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
        Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanoseconds))
    }

    /// As a store takes it, with the mail of these kinds to be sent; `receipt` is what its author was shown, as JSON.
    #[must_use]
    pub fn to_stored(&self, form: &FormContract, seal: &Seal, receipt: &str, kinds: &[MailKind]) -> Stored {
        let mail = |kind: &MailKind| {
            let address = (*kind == MailKind::Confirmation).then_some(self.address.as_ref()).flatten();
            let address_key = address.and_then(|address| seal.index.email(address.expose()));
            let answers = (*kind != MailKind::Webhook).then(|| json(&self.answers_for(*kind, form)));
            let letter = answers.and_then(|answers| seal.seal_letter(&answers)).map(Private::new);
            Mail { letter, ..Mail::to_be_sent(*kind, address_key, self.received) }
        };
        let answers = json(&self.answers());
        let (content, data_key) = seal.seal(answers);
        Stored {
            envelope: Envelope {
                id: self.id,
                received: self.received,
                form: self.form.clone(),
                form_sha256: self.form_sha256.clone(),
                statement_version: self.statement_version.clone(),
                statement_digest: self.statement_digest.clone(),
                held: self.held.clone(),
                receipt: receipt.to_owned(),
                revision: 1,
            },
            content: Private::new(content),
            data_key,
            person_keys: self.person_keys(form, &seal.index),
            submission_key: self.submission_key(&seal.index),
            mails: kinds.iter().map(mail).collect(),
        }
    }

    /// Out of a store.
    ///
    /// # Errors
    /// When its content cannot be opened, or is not what [`Registration::to_stored`] writes.
    pub fn from_stored(stored: &Stored, identities: Option<&Identities>) -> Result<Self, SealError> {
        let content = seal::open(stored.content.expose(), stored.data_key.as_ref(), identities)?;
        Self::of(&stored.envelope, &content)
    }

    /// Out of a store, with as much of the answers as a mail needs: what was kept for it, where the content is sealed to
    /// others.
    ///
    /// # Errors
    /// As [`Registration::from_stored`].
    pub(crate) fn for_mail(
        stored: &Stored,
        kind: MailKind,
        seal: &Seal,
        identities: Option<&Identities>,
    ) -> Result<Self, SealError> {
        let letter = stored.mails.iter().find(|mail| mail.kind == kind).and_then(|mail| mail.letter.as_ref());
        match (Self::from_stored(stored, identities), letter) {
            (Err(SealError::NoIdentity | SealError::OtherKeys), Some(letter)) => {
                Self::of(&stored.envelope, &seal.open_letter(letter.expose())?)
            }
            (read, _) => read,
        }
    }

    pub(crate) fn of(envelope: &Envelope, answers: &Private<Vec<u8>>) -> Result<Self, SealError> {
        let fields = Content::parse(answers.expose()).ok_or(SealError::Damaged)?.into_answers();
        let fields = fields.into_iter().map(|(name, value)| (name, Private::new(value))).collect();
        Ok(Self { fields, ..Self::without_answers(envelope) })
    }

    /// What is known of it without its answers.
    #[must_use]
    pub fn without_answers(envelope: &Envelope) -> Self {
        let Envelope { id, received, form, form_sha256, statement_version, statement_digest, held, .. } =
            envelope.clone();
        let fields = Vec::new();
        Self { id, received, form, form_sha256, statement_version, statement_digest, held, address: None, fields }
    }

    /// The same for the same answers to the same form, and for no others.
    pub(crate) fn submission_key(&self, index: &IndexKey) -> String {
        index.submission(&json(&(&self.form, &self.form_sha256, &self.statement_digest, self.answers())))
    }

    fn answers(&self) -> Vec<(&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.expose().as_str())).collect()
    }

    /// Whether it was stored under this key of the index, by what is stored of it; none where that cannot be told any more.
    #[must_use]
    pub fn is_indexed_by(&self, stored: &Stored, index: &IndexKey) -> Option<bool> {
        let is_as_it_arrived = stored.envelope.revision == 1 && !stored.submission_key.is_empty();
        is_as_it_arrived.then(|| stored.submission_key == self.submission_key(index))
    }

    /// The answers without which a mail cannot be written.
    fn answers_for(&self, kind: MailKind, form: &FormContract) -> Vec<(&str, &str)> {
        let is_email = |name: &str| kind_of(form, name) == Some(FieldKind::Email);
        let says_to_whom = |name: &str| form.recipients.as_ref().is_some_and(|recipients| recipients.by == name);
        let is_needed = |name: &str| match kind {
            MailKind::Staff => form.notify == Notify::Full || is_email(name) || says_to_whom(name),
            MailKind::Confirmation => is_email(name),
            MailKind::Webhook => false,
        };
        self.answers().into_iter().filter(|(name, _)| is_needed(name)).collect()
    }

    /// Finds it by the e-mail addresses and telephone numbers that were given.
    pub(crate) fn person_keys(&self, form: &FormContract, index: &IndexKey) -> Vec<String> {
        let keys = self.answers().into_iter().filter_map(|(name, value)| match kind_of(form, name)? {
            FieldKind::Email => index.email(value),
            FieldKind::Tel => index.telephone(value),
            _ => None,
        });
        let mut keys: Vec<String> = keys.collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// When it arrived, to the second, as RFC 3339 writes it in UTC.
    pub(crate) fn received_seconds(&self) -> String {
        to_seconds(self.received)
    }
}

fn kind_of(form: &FormContract, name: &str) -> Option<FieldKind> {
    form.fields.iter().find(|field| field.name == name).map(|field| field.kind)
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("invariant: texts can be written as JSON")
}

/// A moment to the second, as RFC 3339 writes it in UTC.
#[must_use]
pub fn to_seconds(moment: Timestamp) -> String {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment).to_string()
}

/// An answer for staff to read, after two spaces: off the left edge, where what was typed cannot pass for ours.
#[must_use]
pub fn indented(answer: &Private<String>) -> String {
    let answer = answer.expose();
    if answer.is_empty() { "  –".to_owned() } else { format!("  {}", answer.replace('\n', "\n  ")) }
}

/// A mail about a registration, or another way somebody is told of it, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub kind: MailKind,
    /// What became of it.
    pub state: MailState,
    /// Why it failed the last time, in one word.
    pub error: Option<String>,
    /// How often it was tried since it was last made due by staff.
    pub attempts: u32,
    /// When it is to be tried, in seconds since 1970; none where nothing is to be done.
    pub due: Option<i64>,
    /// The same for the same address, of a mail to an address that somebody has typed.
    pub address_key: Option<String>,
    /// What the mail needs of a content that is sealed to others than who sends it, until it is sent.
    pub letter: Option<Private<Vec<u8>>>,
}

/// Who is told of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// Those whose work it is.
    Staff,
    /// To the address the registrant gave, with the receipt.
    Confirmation,
    /// The recipient whose server the form names; no mail.
    Webhook,
}

impl MailKind {
    /// The word in the store.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Confirmation => "confirmation",
            Self::Webhook => "webhook",
        }
    }

    /// The kind of a word in the store.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Staff, Self::Confirmation, Self::Webhook].into_iter().find(|kind| kind.word() == word)
    }
}

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailState {
    /// None is to be sent.
    None,
    /// Not sent yet, as far as is known.
    Pending,
    /// Handed to the mail server.
    Sent,
    /// The mail server did not take it.
    Failed,
}

impl MailState {
    const WORDS: [(&'static str, Self); 4] =
        [("none", Self::None), ("pending", Self::Pending), ("sent", Self::Sent), ("failed", Self::Failed)];

    /// The word in the store.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, state)| *state == self)
            .map(|(word, _)| *word)
            .expect("invariant: every state has a word")
    }

    /// The state of a word in the store.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(other, _)| *other == word).map(|(_, state)| *state)
    }
}
