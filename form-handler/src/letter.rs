//! What a mail about a registration says, as text and as HTML.
//!
//! It knows neither headers nor servers. Nothing a visitor typed is in a letter to the registrant, whose address anybody may
//! have typed.

use statement::contract::{Contract, FormContract};
use statement::form::Notify;

use crate::page::escape;
use crate::registration::{self, Registration};

/// A letter, from top to bottom.
pub(crate) struct Letter {
    pub(crate) subject: String,
    paragraphs: Vec<Paragraph>,
}

enum Paragraph {
    Words(String),
    /// Names and values, aligned in text.
    Table(Vec<(&'static str, String)>),
    /// A command or an address, alone in its line.
    Verbatim(String),
    /// A label, and below it what was typed, off the left edge where it cannot pass for ours.
    Answer(String, String),
}

impl Letter {
    /// Tells staff of a registration.
    pub(crate) fn to_staff(registration: &Registration, form: &FormContract, contract: &Contract) -> Self {
        let Registration { id, form: form_id, statement_version, .. } = registration;
        let mut paragraphs = vec![
            Paragraph::Words(format!("A registration has arrived at {}.", contract.base_url)),
            Paragraph::Table(vec![
                ("Form", form_id.clone()),
                ("Received", registration.received_seconds()),
                ("Reference", id.to_string()),
                ("Statement", statement_version.clone()),
            ]),
        ];
        match form.notify {
            Notify::Reference => {
                let words = "The answers are in the store and not in this mail. To read them:";
                paragraphs.push(Paragraph::Words(words.to_owned()));
                paragraphs.push(Paragraph::Verbatim(format!("registrations show {id}")));
            }
            Notify::Full => paragraphs.extend(registration.fields.iter().map(|(name, value)| {
                let label = form.fields.iter().find(|field| field.name == *name).map_or(name, |field| &field.label);
                Paragraph::Answer(label.clone(), registration::indented(value))
            })),
        }
        Self { subject: format!("{}: new registration ({form_id})", contract.site_title), paragraphs }
    }

    /// Tells a registrant that we have what they sent; none where there is no statement to name.
    pub(crate) fn to_registrant(registration: &Registration, form: &FormContract, contract: &Contract) -> Option<Self> {
        let statement = contract.statement.as_ref()?;
        let paragraphs = vec![
            Paragraph::Words("We have what you sent from this page:".to_owned()),
            Paragraph::Verbatim(format!("{}{}", contract.base_url, form.page)),
            Paragraph::Table(vec![
                ("Received", registration.received_seconds()),
                ("Reference", registration.id.to_string()),
            ]),
            Paragraph::Words(
                "The attached receipt says which privacy statement you were shown, and what it promises about what you \
                 sent. Your answers are neither in it nor in this mail. The statement is here:"
                    .to_owned(),
            ),
            // The version that was shown, which need not be the one in force when this is sent.
            Paragraph::Verbatim(statement.url.replace(&statement.version, &registration.statement_version)),
            Paragraph::Words(format!(
                "If you sent nothing, somebody has typed your address. Write to {}, and we will look after it.",
                statement.contact_email
            )),
        ];
        Some(Self { subject: format!("{}: we have what you sent", contract.site_title), paragraphs })
    }

    pub(crate) fn to_text(&self) -> String {
        let paragraphs: Vec<String> = self
            .paragraphs
            .iter()
            .map(|paragraph| match paragraph {
                Paragraph::Words(words) => format!("{words}\n"),
                Paragraph::Table(rows) => rows.iter().map(|(name, value)| format!("{name:9}  {value}\n")).collect(),
                Paragraph::Verbatim(line) => format!("    {line}\n"),
                Paragraph::Answer(label, answer) => format!("{label}:\n{answer}\n"),
            })
            .collect();
        paragraphs.join("\n")
    }

    pub(crate) fn to_html(&self, title: &str) -> String {
        let mut html = String::from("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>");
        escape(title, &mut html);
        html.push_str("</title>\n");
        for paragraph in &self.paragraphs {
            match paragraph {
                Paragraph::Words(words) => element("p", words, &mut html),
                Paragraph::Verbatim(line) => element("pre", line, &mut html),
                Paragraph::Table(rows) => {
                    html.push_str("<dl>\n");
                    for (name, value) in rows {
                        element("dt", name, &mut html);
                        element("dd", value, &mut html);
                    }
                    html.push_str("</dl>\n");
                }
                Paragraph::Answer(label, answer) => {
                    element("h2", label, &mut html);
                    element("pre", answer, &mut html);
                }
            }
        }
        html.push_str("</html>\n");
        html
    }
}

fn element(name: &str, text: &str, html: &mut String) {
    html.push_str(&format!("<{name}>"));
    escape(text, html);
    html.push_str(&format!("</{name}>\n"));
}
