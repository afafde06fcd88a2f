//! What a mail about a registration says: the theme's frames, filled in; as text and as HTML.
//!
//! It knows neither headers nor servers. Nothing a visitor typed is in a letter to the registrant, whose address anybody may
//! have typed; in a letter to staff it is escaped, and never part of a tag.

use statement::contract::{AnswerPart, Contract, FormContract, FramePart, LetterFrame, StatementInForce};

use crate::page::escape;
use crate::private::Private;
use crate::registration::{self, MailKind, Registration};

/// A letter.
pub(crate) struct Letter {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl Letter {
    /// The letter of this kind about a registration; none where there is no statement to name, and no letter of that kind.
    pub(crate) fn of(
        registration: &Registration,
        kind: MailKind,
        form: &FormContract,
        contract: &Contract,
    ) -> Option<Self> {
        let statement = contract.statement.as_ref()?;
        let LetterFrame { subject, text, html } = match kind {
            MailKind::Staff => &form.letters.staff,
            MailKind::Confirmation => &form.letters.confirmation,
            MailKind::Webhook => return None,
        };
        let answers =
            |is_html: bool| if kind == MailKind::Staff { answers(registration, form, is_html) } else { String::new() };
        Some(Self {
            subject: fill(subject, registration, statement, "", false),
            text: fill(text, registration, statement, &answers(false), false),
            html: fill(html, registration, statement, &answers(true), true),
        })
    }
}

/// A frame with a registration's values in it; `whole` stands for the part that has a mark-up of its own.
pub(crate) fn fill(
    frame: &[FramePart],
    registration: &Registration,
    statement: &StatementInForce,
    whole: &str,
    is_html: bool,
) -> String {
    let mut filled = String::new();
    for part in frame {
        let value = match part {
            FramePart::Words(words) => {
                filled.push_str(words);
                continue;
            }
            FramePart::Answers | FramePart::Receipt => {
                filled.push_str(whole);
                continue;
            }
            FramePart::Reference => registration.id.to_string(),
            FramePart::Received => registration.received_seconds(),
            FramePart::StatementVersion => registration.statement_version.clone(),
            // The version that was shown, which need not be the one in force now.
            FramePart::StatementUrl => statement.url.replace(&statement.version, &registration.statement_version),
        };
        write(&value, is_html, &mut filled);
    }
    filled
}

/// Every answer, those of a form that has changed since too.
fn answers(registration: &Registration, form: &FormContract, is_html: bool) -> String {
    let frame = if is_html { &form.letters.answer.html } else { &form.letters.answer.text };
    let one = |(name, value): &(String, Private<String>)| {
        let label = form.fields.iter().find(|field| field.name == *name).map_or(name, |field| &field.label);
        let mut filled = String::new();
        for part in frame {
            match part {
                AnswerPart::Words(words) => filled.push_str(words),
                AnswerPart::Label => write(label, is_html, &mut filled),
                AnswerPart::Answer => write(&registration::indented(value), is_html, &mut filled),
            }
        }
        filled
    };
    let all: Vec<String> = registration.fields.iter().map(one).collect();
    // An empty line between them, as between paragraphs.
    all.join("\n").trim_end().to_owned()
}

fn write(value: &str, is_html: bool, filled: &mut String) {
    if is_html { escape(value, filled) } else { filled.push_str(value) }
}
