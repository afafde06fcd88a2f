//! The content of a registration as it is stored, before it is sealed: the answers, and those that were corrected.
//!
//! It knows neither stores nor seals.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A name and what was typed.
pub(crate) type Answer = (String, String);

/// What is stored, as JSON: the answers alone until one is corrected.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Content {
    /// As they were sent.
    Sent(Vec<Answer>),
    /// As they are now, and what stood in their places.
    Corrected {
        /// The answers.
        answers: Vec<Answer>,
        /// Field, former answer, and until when it stood there; the first to be corrected first.
        former: Vec<(String, String, Timestamp)>,
    },
}

impl Content {
    pub(crate) fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    pub(crate) fn into_answers(self) -> Vec<Answer> {
        match self {
            Self::Sent(answers) | Self::Corrected { answers, .. } => answers,
        }
    }
}
