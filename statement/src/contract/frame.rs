//! A form's mails and its receipt's page as the theme drew them, cut where only the function knows what stands.
//!
//! It knows which values there are, and neither mail nor HTTP.

use serde::{Deserialize, Serialize};

/// The mails of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Letters {
    /// Tells staff of a registration.
    pub staff: LetterFrame,
    /// One answer within it, where the form says `notify: full`.
    pub answer: AnswerFrame,
    /// Tells a registrant that we have what they sent.
    pub confirmation: LetterFrame,
}

/// A mail. Nothing a visitor typed is in its subject, and in a confirmation there is nothing of that at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LetterFrame {
    /// One line.
    pub subject: Vec<FramePart>,
    /// As plain text.
    pub text: Vec<FramePart>,
    /// The same as HTML.
    pub html: Vec<FramePart>,
}

/// An answer in a mail to staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerFrame {
    /// As plain text.
    pub text: Vec<AnswerPart>,
    /// The same as HTML; what was typed stands between tags, never within one.
    pub html: Vec<AnswerPart>,
}

/// A piece of a mail or of a receipt's page. In HTML every value is escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FramePart {
    /// Written as it is.
    Words(String),
    /// The registration's id.
    Reference,
    /// When it arrived, in UTC (RFC 3339).
    Received,
    /// The version of the statement that was shown.
    StatementVersion,
    /// That version's permalink.
    StatementUrl,
    /// In a mail to staff with `notify: full`, an [`AnswerFrame`] for each answer.
    Answers,
    /// On the receipt's page, the receipt as JSON.
    Receipt,
}

/// A piece of an answer in a mail to staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AnswerPart {
    /// Written as it is.
    Words(String),
    /// What was asked.
    Label,
    /// What was typed, off the left edge where it cannot pass for ours.
    Answer,
}
