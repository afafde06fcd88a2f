//! The contract: the one file the site and the function share. `candor build` writes it, the
//! function obeys it. It holds no personal data.
//!
//! It knows shapes only. Who fills it in is the generator; who reads it is the function.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::form::{Condition, FieldKind, Notify};

mod frame;

pub use frame::{AnswerFrame, AnswerPart, FramePart, LetterFrame, Letters};

/// The only contract version this software writes and reads.
pub const SCHEMA: &str = "candor-contract/1";

/// Everything the function must know about the site it serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// [`SCHEMA`]; a function refuses to start on any other.
    pub schema: String,
    /// Where the site is published, without a path or final slash: `https://example.org`.
    pub base_url: String,
    /// The site's title, for mail.
    pub site_title: String,
    /// What browsers are told to refuse on the function's pages, as on the site's (Content Security Policy Level 3);
    /// none where no statement promises anything.
    pub content_security_policy: Option<String>,
    /// The statement in force on the day of the build; none on a site without one, which has no forms either.
    pub statement: Option<StatementInForce>,
    /// Every version that is or was in force, the first one first: what was collected under it is kept to it. Not one
    /// whose text was redacted, because its facts went with it.
    pub versions: Vec<VersionPromises>,
    /// Forms by id.
    pub forms: BTreeMap<String, FormContract>,
}

/// What a registration records of the statement, and what a form may ask under it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementInForce {
    /// The document's id, the same for all versions.
    pub document: String,
    /// `2018-09-26`.
    pub version: String,
    /// The digest over text and facts, lower-case hex of SHA-256.
    pub digest: String,
    /// SHA-256 of the canonical text, lower-case hex.
    pub text_sha256: String,
    /// SHA-256 of the canonical facts, lower-case hex.
    pub facts_sha256: String,
    /// The version's permalink, absolute.
    pub url: String,
    /// Keys of the fields the statement declares as given by the visitor.
    pub fields: Vec<String>,
    /// Whom to ask, shown when a submission could not be taken.
    pub contact_email: String,
    /// The same as a link (RFC 6068), with the subject that the statement asks for.
    pub contact_url: String,
    /// The controller's name, if the statement says it.
    pub controller: Option<String>,
    /// The statement's language (BCP 47).
    pub language: String,
    /// How long a registration is kept at least, ISO 8601 (`P7Y`), if the statement says so.
    pub retention_minimum: Option<String>,
    /// What happens when that time is over, in the statement's word.
    pub at_minimum: Option<String>,
    /// For what it may be kept longer, in the statement's words.
    pub hold_grounds: Vec<String>,
    /// To whom it may be given.
    pub recipients: Vec<String>,
    /// Who works for the controller with it.
    pub processors: Vec<String>,
    /// Where it may be collected, stored and processed (ISO 3166-1 alpha-2); empty where the statement does not say.
    pub countries: Vec<String>,
    /// What may be looked at of a request for the security of the network, in the statement's words.
    pub security_data: Vec<String>,
    /// Mailboxes that are stores of what visitors send; none where the statement does not say where data is kept, so that
    /// any will do.
    pub mailboxes: Option<Vec<String>>,
    /// Whose law governs it (ISO 3166-1 alpha-2).
    pub law: Option<String>,
    /// The versions that were in force before it, for those who opened a form then.
    pub earlier: Vec<EarlierStatement>,
}

impl StatementInForce {
    /// Whether somebody may be given what visitors send.
    #[must_use]
    pub fn receives(&self, name: &str) -> bool {
        self.recipients.iter().chain(&self.processors).any(|known| known == name)
    }
}

/// What a version of the statement promises of the registrations that were collected under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionPromises {
    /// The document's id, the same for all versions.
    pub document: String,
    /// `2018-09-26`.
    pub version: String,
    /// The digest over text and facts, by which a registration names its version.
    pub digest: String,
    /// SHA-256 of the canonical text, lower-case hex.
    pub text_sha256: String,
    /// SHA-256 of the canonical facts, lower-case hex.
    pub facts_sha256: String,
    /// Its permalink, absolute.
    pub url: String,
    /// The moment from which it was in force first (RFC 3339, UTC).
    pub from: String,
    /// For what may be used what visitors give, in the statement's words.
    pub uses: Vec<String>,
    /// For what it may not, whatever the uses.
    pub never: Vec<NeverUsed>,
    /// To whom it may be given.
    pub recipients: Vec<String>,
    /// When it may be given to others all the same, in the statement's words.
    pub sharing_exceptions: Vec<String>,
    /// Where it may be collected, stored and processed (ISO 3166-1 alpha-2); empty where the statement does not say.
    pub countries: Vec<String>,
    /// How what it covers arrives, in the statement's words; empty for any way.
    pub channels: Vec<String>,
    /// The fields that visitors give.
    pub fields: Vec<VersionField>,
    /// Who may read it, in the statement's words.
    pub roles: Vec<String>,
    /// What a person may demand, in the statement's words.
    pub rights: Vec<String>,
    /// How long it is kept.
    pub retention: Option<RetentionPromises>,
}

/// A purpose that is ruled out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeverUsed {
    /// The purpose, in the statement's word.
    pub purpose: String,
    /// For these fields; empty for all.
    pub of: Vec<String>,
}

/// A field that a version declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionField {
    /// The name a form uses for it.
    pub key: String,
    /// What it holds, in the statement's word.
    pub category: String,
}

/// How long a version lets registrations be kept, and how long it has them kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionPromises {
    /// At least, ISO 8601 (`P7Y`).
    pub minimum: Option<String>,
    /// At most, likewise.
    pub maximum: Option<String>,
    /// When the period begins, in the statement's word.
    pub starts: Option<String>,
    /// What happens when the minimum is over, in the statement's word.
    pub at_minimum: Option<String>,
    /// Why it is kept, in the statement's words.
    pub because: Vec<String>,
    /// Who may order that it is kept longer, in the statement's word.
    pub hold_by: Option<String>,
    /// On what grounds, in the statement's words.
    pub hold_grounds: Vec<String>,
    /// Whether its periods are for registrations under earlier versions too, in the statement's word; only for new ones
    /// where it does not say.
    pub applies_to: Option<String>,
}

/// A version of the statement that is not in force any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlierStatement {
    /// Its digest, as a form that was shown under it has it.
    pub digest: String,
    /// What changed from it to the one in force: HTML of the theme.
    pub changes: String,
}

/// One form: what it asks, where it posts to, and the pages it answers with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormContract {
    /// The path the form posts to: `/api/register`.
    pub endpoint: String,
    /// Site path of the page the form stands on: `/register/`.
    pub page: String,
    /// Site path a successful visitor is sent to (303): `/register/thank-you/`.
    pub thanks: String,
    /// What the mail to staff says.
    pub notify: Notify,
    /// Whom that mail goes to by what was chosen; none where it always goes to the same.
    pub recipients: Option<RecipientsContract>,
    /// Whose server is told of registrations.
    pub webhook: Option<WebhookContract>,
    /// What the answers are for, in the statement's word.
    pub purpose: String,
    /// What the answers are never used for, in the statement's words.
    pub never: Vec<String>,
    /// The field whose address gets a confirmation with the receipt, if the form promises one.
    pub confirmation: Option<String>,
    /// Whether browsers prove some work, and whoever does not is held.
    pub proof_of_work: bool,
    /// What visitors see of the form, for the receipt.
    pub shown: Vec<Shown>,
    /// SHA-256 of the form's declaration, lower-case hex.
    pub sha256: String,
    /// Fields in the order they are asked.
    pub fields: Vec<FieldContract>,
    /// What visitors are told; all of it is text, never HTML.
    pub messages: Messages,
    /// The form's page as it is shown again when something must be changed.
    pub retry: RetryPage,
    /// The mails about its registrations.
    pub letters: Letters,
    /// The thank-you page with a registration's receipt.
    pub receipt: Vec<FramePart>,
}

/// Whom mail goes to, by what was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipientsContract {
    /// The field in which one of several options is chosen.
    pub by: String,
    /// The addresses for each option.
    pub to: BTreeMap<String, Vec<String>>,
}

/// A server that is told of registrations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookContract {
    /// Whose it is: one of [`StatementInForce::recipients`] or of those who work for the controller.
    pub to: String,
    /// Where it is asked.
    pub url: String,
}

/// Something visitors see before they send a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// `form`, the empty form as HTML, or the `label` or `hint` of a field.
    pub what: String,
    /// The field.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub field: Option<String>,
    /// SHA-256 of it, lower-case hex.
    pub sha256: String,
}

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldContract {
    /// The name in the form body, and the key the statement declares.
    pub name: String,
    /// What may be typed.
    pub kind: FieldKind,
    /// The label, for mail and lists.
    pub label: String,
    /// Whether the form cannot be sent without it.
    pub required: bool,
    /// When it cannot be sent without it, although it is not required otherwise.
    pub required_when: Option<Condition>,
    /// What can be chosen, in order; empty for what is typed.
    pub options: Vec<String>,
    /// The smallest number.
    pub min: Option<i64>,
    /// The largest number.
    pub max: Option<i64>,
    /// Most characters (Unicode scalar values) after normalisation.
    pub characters_max: usize,
    /// Said when a required field is empty: “Enter your full name”.
    pub message_empty: String,
    /// Said when the value is too long.
    pub message_too_long: String,
    /// Said when the value is not of its kind.
    pub message_malformed: String,
}

/// Messages about the submission as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Messages {
    /// 409: the statement is not the one the form was shown with.
    pub statement_changed: String,
    /// 503: neither stored nor mailed.
    pub unavailable: String,
    /// 429.
    pub too_often: String,
    /// 413.
    pub too_large: String,
    /// 400, 415 and 422 for anything a browser that shows our form never sends.
    pub not_our_form: String,
}

/// The hidden field that carries the statement's version.
pub const STATEMENT_VERSION_FIELD: &str = "statement_version";
/// The hidden field that carries the statement's digest.
pub const STATEMENT_DIGEST_FIELD: &str = "statement_digest";
/// The hidden field in which a browser proves its work.
pub const PROOF_FIELD: &str = "proof_of_work";
/// A field that nobody sees; who fills it in is taken for a program.
pub const UNSEEN_FIELD: &str = "web_address";

/// A page of the site cut at the places only the function can fill.
///
/// The theme rendered every part, so the function needs no template engine: it concatenates, and
/// escapes what was typed. The same field, with and without a message, stands in [`RetryPage::fields`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryPage {
    /// The page from first to last byte.
    pub page: Vec<PagePart>,
    /// By field name.
    pub fields: BTreeMap<String, FieldMarkup>,
    /// One line of the error summary.
    pub summary_item: Vec<ItemPart>,
}

/// A piece of the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PagePart {
    /// Written as it is.
    Html(String),
    /// All lines of the error summary, one [`RetryPage::summary_item`] each.
    SummaryItems,
    /// On 409, the [`EarlierStatement::changes`] of the version that was shown; else nothing.
    Changes,
    /// The id of the request, which a visitor can quote.
    Request,
    /// The field of this name, as [`FieldMarkup::valid`] or [`FieldMarkup::invalid`].
    Field(String),
}

/// A field, rendered twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldMarkup {
    /// Nothing to say about it.
    pub valid: Vec<FieldPart>,
    /// With its message.
    pub invalid: Vec<FieldPart>,
}

/// A piece of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FieldPart {
    /// Written as it is.
    Html(String),
    /// What was typed, HTML-escaped.
    Value,
    /// ` checked` where this option was chosen, else nothing.
    Checked(String),
    /// What is wrong, HTML-escaped.
    Message,
}

/// A piece of a line of the error summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ItemPart {
    /// Written as it is.
    Html(String),
    /// The id of the element that the line leads to: the field's name, or the form's id when the message
    /// is about the whole submission. HTML-escaped.
    Target,
    /// What is wrong, HTML-escaped.
    Message,
}

/// What every version of a contract has.
#[derive(Deserialize)]
struct Head {
    schema: String,
}

impl Contract {
    /// Reads a contract, refusing one that another version of this software wrote.
    ///
    /// # Errors
    /// Says in plain words what is wrong with the file.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let head: Head = serde_json::from_slice(json).map_err(|error| format!("it is not a contract: {error}"))?;
        if head.schema != SCHEMA {
            return Err(format!(
                "it is written in `{}`, and this function understands `{SCHEMA}`; build the site and \
                 the function from the same version",
                head.schema
            ));
        }
        serde_json::from_slice(json).map_err(|error| format!("it is damaged: {error}"))
    }

    /// What was promised of a registration that names its version by this digest; none where the site has no such version.
    #[must_use]
    pub fn version_of(&self, digest: &str) -> Option<&VersionPromises> {
        self.versions.iter().find(|version| version.digest == digest)
    }

    /// Whether it is a contract, of whatever version.
    #[must_use]
    pub fn is_contract(json: &[u8]) -> bool {
        serde_json::from_slice(json).is_ok_and(|head: Head| head.schema.starts_with("candor-contract/"))
    }

    /// The contract as a file: JSON, two spaces deep, with a final newline. The same contract gives the same bytes.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("invariant: a contract is plain data");
        json.push('\n');
        json
    }
}
