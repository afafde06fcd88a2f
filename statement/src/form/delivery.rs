//! Where a form's registrations go besides the store: what the mail to staff says and to whom it goes, and which
//! recipient's server is told.
//!
//! It knows neither mail nor HTTP, and of the statement only who may receive anything.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Field, FieldKind};
use crate::diagnostic::{Diagnostic, Diagnostics, near_match};
use crate::version::{Statement, parse_email};
use crate::yaml::{Fields, Located, Value, in_backticks};

/// What the mail to staff says about a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Notify {
    /// Form, time and record id; the values stay in the store.
    Reference,
    /// The values too: the mailbox then is a store of personal data.
    Full,
}

impl Notify {
    const WORDS: [(&'static str, Self); 2] = [("reference", Self::Reference), ("full", Self::Full)];
}

/// Whom the mail to staff goes to, by what was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipients {
    /// The field of kind `choice`.
    pub by: Located<String>,
    /// For each option, where the mail goes.
    pub to: Vec<(Located<String>, Vec<Located<String>>)>,
}

/// A server that is told of registrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Whose it is, as the statement names them.
    pub to: Located<String>,
    /// Where it is asked, by `https`.
    pub url: Located<String>,
}

/// Reads `notify`: a word, or a mapping with that word under `answers`.
pub(super) fn notify(form: &mut Fields<'_, '_>) -> (Located<Notify>, Option<Recipients>) {
    let default = Located { value: Notify::Reference, span: form.span() };
    if !matches!(form.node("notify").map(|node| &node.value), Some(Value::Mapping(_))) {
        return (form.one_of("notify", &Notify::WORDS).unwrap_or(default), None);
    }
    let Some(mut notify) = form.mapping("notify", "`notify`") else { return (default, None) };
    let path = notify.path().clone();
    let answers = notify.one_of("answers", &Notify::WORDS);
    let by = notify.string("by");
    let by = notify.required("by", by);
    let node = notify.node("to");
    let node = notify.required("to", node);
    let mut to = Vec::new();
    match node.map(|node| (&node.value, node.span.clone())) {
        Some((Value::Mapping(entries), _)) => {
            for entry in entries {
                let addresses = notify.strings_in(&entry.key, &entry.node);
                for address in &addresses {
                    if let Err(fact) = parse_email(&address.value) {
                        notify.diagnostics.push(Diagnostic::error(&path, address.span.clone(), fact));
                    }
                }
                to.push((Located { value: entry.key.clone(), span: entry.key_span.clone() }, addresses));
            }
        }
        Some((_, span)) => notify.diagnostics.push(
            Diagnostic::error(&path, span, "`to` must be a mapping from options to addresses")
                .help("write a line for each option, like `Fees: fees@example.org`"),
        ),
        None => {}
    }
    notify.finish();
    (answers.unwrap_or(default), by.map(|by| Recipients { by, to }))
}

impl Recipients {
    /// Reports every option that leads nowhere, and every address of what nobody can choose.
    pub(super) fn check(&self, path: &Arc<str>, fields: &[Field], diagnostics: &mut Diagnostics) {
        let by = &self.by.value;
        let Some(field) = fields.iter().find(|field| field.name.value == *by && field.kind == FieldKind::Choice) else {
            let choices: Vec<&str> = fields
                .iter()
                .filter(|field| field.kind == FieldKind::Choice)
                .map(|field| field.name.value.as_str())
                .collect();
            let mut diagnostic = Diagnostic::error(
                path,
                self.by.span.clone(),
                format!("the form has no field `{by}` of kind `choice` to send mail by"),
            );
            if let Some(near) = near_match(by, choices.iter().copied()) {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            }
            diagnostics.push(diagnostic.help("name a field in which one of several options is chosen"));
            return;
        };
        let mapped: Vec<&str> = self.to.iter().map(|(option, _)| option.value.as_str()).collect();
        let missing: Vec<&str> =
            field.options.iter().map(String::as_str).filter(|option| !mapped.contains(option)).collect();
        if !missing.is_empty() {
            diagnostics.push(
                Diagnostic::error(
                    path,
                    self.by.span.clone(),
                    format!("nobody is told when `{by}` is answered with {}", in_backticks(&missing)),
                )
                .help("add a line for each option, like `Fees: fees@example.org`"),
            );
        }
        for (option, addresses) in &self.to {
            if !field.options.contains(&option.value) {
                let options: Vec<&str> = field.options.iter().map(String::as_str).collect();
                diagnostics.push(
                    Diagnostic::error(
                        path,
                        option.span.clone(),
                        format!("nobody can answer `{by}` with `{}`", option.value),
                    )
                    .help(format!("it can be answered with {}", in_backticks(&options))),
                );
            } else if addresses.is_empty() {
                diagnostics.push(
                    Diagnostic::error(path, option.span.clone(), format!("`{}` has no address", option.value))
                        .help("write one after it, or several in brackets"),
                );
            }
        }
    }
}

impl Webhook {
    pub(super) fn parse(form: &mut Fields<'_, '_>) -> Option<Self> {
        form.node("webhook")?;
        let mut webhook = form.mapping("webhook", "`webhook`")?;
        let to = webhook.words("to");
        let to = webhook.required("to", to);
        let url = webhook.parsed("url", parse_url);
        let url = webhook.required("url", url);
        webhook.finish();
        Some(Self { to: to?, url: url? })
    }

    /// Whoever is told is named in the statement (P140).
    pub(super) fn check(&self, path: &Arc<str>, statement: &Statement, diagnostics: &mut Diagnostics) {
        let named = statement.named_recipients();
        if named.contains(&self.to.value.as_str()) {
            return;
        }
        let known = if named.is_empty() { "nobody".to_owned() } else { in_backticks(&named) };
        diagnostics.push(
            Diagnostic::error(
                path,
                self.to.span.clone(),
                format!("the webhook's `{}` is no recipient the statement in force declares", self.to.value),
            )
            .code("P140")
            .label("no entry under shares.recipients or processors")
            .note(format!("statement {} declares {known}", statement.version))
            .help("either remove the webhook")
            .help("or name it under `shares.recipients` or `processors` in a new version of the statement"),
        );
    }
}

/// A reference in the clear tells whoever listens who has written when.
fn parse_url(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("https://").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    match host {
        Some(host) if !host.is_empty() && !host.contains('@') && is_plain && !text.contains('#') => Ok(text.to_owned()),
        _ => Err(format!("`{text}` is not an address of a server: write `https://HOST/PATH`")),
    }
}
