//! A form as its author declares it, and the check that it asks for nothing the statement does not declare.
//!
//! Its fields are `field`'s, and where its registrations go is `delivery`'s. It knows neither the page the form stands on nor how a submission is handled.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::sha256_hex;
use crate::promise::{Channel, Never, Origin, Purpose, Use};
use crate::version::{Category, Statement};
use crate::yaml::{Fields, Located, Node, in_backticks};

mod delivery;
mod field;

pub use delivery::{Notify, Recipients, Webhook};
pub use field::{AGREED, Condition, Field, FieldKind};

/// A form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The file's name without `.yaml`.
    pub id: String,
    /// The file.
    pub path: Arc<str>,
    /// The thank-you page's file, relative to the form's: `../register/thank-you.md`.
    pub thanks: Located<String>,
    /// What the mail to staff says.
    pub notify: Located<Notify>,
    /// Whom that mail goes to by what was chosen; none where it always goes to the same.
    pub recipients: Option<Recipients>,
    /// Whose server is told of registrations.
    pub webhook: Option<Webhook>,
    /// What the answers are for; none for [`Purpose::SupportServices`].
    pub purpose: Option<Located<Purpose>>,
    /// Whether browsers prove some work, and whoever does not is held.
    pub proof_of_work: bool,
    /// Whether the address that is asked for gets a confirmation with the receipt.
    pub confirmation: bool,
    /// The button.
    pub submit: String,
    /// What is asked, in order.
    pub fields: Vec<Field>,
    /// SHA-256 of the declaration as canonical JSON, lower-case hex.
    pub sha256: String,
}

impl Form {
    /// Reads a form's declaration; reports everything wrong and returns none if the form cannot be used.
    pub fn parse(id: &str, path: &Arc<str>, node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut form = Fields::new(path, "a form", node, diagnostics)?;
        let thanks = form.string("thanks");
        let thanks = form.required("thanks", thanks);
        let (notify, recipients) = delivery::notify(&mut form);
        let webhook = Webhook::parse(&mut form);
        let purpose = form.one_of("purpose", Purpose::WORDS);
        let confirmation = form.boolean("confirmation").filter(|confirmation| confirmation.value);
        let proof_of_work = form.boolean("proof_of_work").is_some_and(|proof| proof.value);
        let submit = form.words("submit");
        let submit = form.required("submit", submit);
        let nodes = form.sequence("fields");
        let nodes = form.required("fields", nodes);
        if let (Some([]), Some(node)) = (nodes, form.node("fields")) {
            form.diagnostics.push(
                Diagnostic::error(path, node.span.clone(), "the form has no fields")
                    .help("add what it asks for, like `- {name: email, label: Email address, kind: email}`"),
            );
        }
        form.finish();

        let mut fields: Vec<Field> = Vec::new();
        for node in nodes? {
            let Some(field) = Field::parse(path, node, diagnostics) else {
                continue;
            };
            if fields.iter().any(|other| other.name.value == field.name.value) {
                diagnostics.push(
                    Diagnostic::error(
                        path,
                        field.name.span.clone(),
                        format!("two fields are named `{}`", field.name.value),
                    )
                    .help("give one of them another name, or remove it"),
                );
                continue;
            }
            fields.push(field);
        }
        for (at, field) in fields.iter().enumerate() {
            field.check_condition(path, &fields[..at], diagnostics);
        }
        if let Some(recipients) = &recipients {
            recipients.check(path, &fields, diagnostics);
        }
        if let (Some(confirmation), false) = (&confirmation, fields.iter().any(|field| field.kind == FieldKind::Email))
        {
            diagnostics.push(
                Diagnostic::error(
                    path,
                    confirmation.span.clone(),
                    "the form promises a confirmation and asks for no e-mail address",
                )
                .help("either add a field with `kind: email`")
                .help("or remove `confirmation`"),
            );
        }
        Some(Self {
            id: id.to_owned(),
            path: Arc::clone(path),
            thanks: thanks?,
            notify,
            recipients,
            webhook,
            purpose,
            proof_of_work,
            confirmation: confirmation.is_some(),
            submit: submit?.value,
            fields,
            sha256: sha256_hex(crate::digest::canonical_json(&node.to_json()).as_bytes()),
        })
    }

    /// Reports everything about the form that `statement` does not allow.
    pub fn check(&self, statement: &Statement, diagnostics: &mut Diagnostics) {
        self.check_channel(statement, diagnostics);
        self.check_purpose(statement, diagnostics);
        if let Some(webhook) = &self.webhook {
            webhook.check(&self.path, statement, diagnostics);
        }
        for field in &self.fields {
            let name = &field.name.value;
            self.check_datum(field, statement, diagnostics);
            if let Some(declared) = statement.fields.iter().find(|declared| declared.key == *name) {
                self.check_choice(field, declared.category, statement, diagnostics);
                continue;
            }
            let declared: Vec<&str> = statement.fields.iter().map(|field| field.key.as_str()).collect();
            let mut diagnostic = Diagnostic::error(
                &self.path,
                field.name.span.clone(),
                format!("the form asks for `{name}`, which the statement in force does not declare"),
            )
            .code("P101")
            .label(format!("no entry `{name}` under collects.voluntary.fields"))
            .note(format!("statement {} declares {}", statement.version, in_backticks(&declared)));
            if let Some(near) = crate::diagnostic::near_match(name, declared) {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            }
            if statement.declares_field("other") {
                diagnostic =
                    diagnostic.help("either remove the field (people can write it in `other`, which is declared)");
            } else {
                diagnostic = diagnostic.help("either remove the field");
            }
            diagnostics.push(
                diagnostic.help("or declare it under collects.voluntary.fields in a new version of the statement"),
            );
        }
    }

    /// What the answers are for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.purpose.as_ref().map_or(Purpose::SupportServices, |purpose| purpose.value)
    }

    /// The name of the field whose address gets a confirmation, if the form promises one.
    #[must_use]
    pub fn confirmed_field(&self) -> Option<String> {
        let field = self.fields.iter().find(|field| field.kind == FieldKind::Email)?;
        self.confirmation.then(|| field.name.value.clone())
    }

    /// What `statement` says the answers are never used for, each once.
    #[must_use]
    pub fn never(&self, statement: &Statement) -> Vec<Purpose> {
        let is_asked = |key: &String| self.fields.iter().any(|field| field.name.value == *key);
        let ruled_out = |never: &&Never| never.of.is_empty() || never.of.iter().any(is_asked);
        let ruled_out: BTreeSet<Purpose> =
            statement.promises.never.iter().filter(ruled_out).map(|never| never.purpose).collect();
        ruled_out.into_iter().collect()
    }

    /// What comes through a form comes over the web, which the statement covers (P301).
    fn check_channel(&self, statement: &Statement, diagnostics: &mut Diagnostics) {
        let channels = &statement.promises.channels;
        if channels.is_empty() || channels.contains(&Channel::Web) {
            return;
        }
        let covered: Vec<&str> = channels.iter().map(|channel| channel.word()).collect();
        let fact = format!("what comes over the web is outside statement {}", statement.version);
        diagnostics.push(
            Diagnostic::error(&self.path, 0..0, fact)
                .code("P301")
                .note(format!("it applies to {}", in_backticks(&covered)))
                .help("either have no form under this statement")
                .help("or add `web` under `scope.channels` in a new version of the statement"),
        );
    }

    /// What the answers are for is a purpose of the statement (P104) that it does not rule out (P105).
    fn check_purpose(&self, statement: &Statement, diagnostics: &mut Diagnostics) {
        let uses = &statement.promises.uses;
        let purpose = self.purpose();
        let span = self.purpose.as_ref().map_or(0..0, |purpose| purpose.span.clone());
        let known: Vec<&str> = uses.iter().map(|used| used.purpose.word()).collect();
        if !uses.is_empty() && !uses.iter().any(|used| used.purpose == purpose && covers_given(used)) {
            diagnostics.push(
                Diagnostic::error(
                    &self.path,
                    span.clone(),
                    match &self.purpose {
                        Some(_) => {
                            format!(
                                "the form's purpose `{}` is not among the uses of what visitors give",
                                purpose.word()
                            )
                        }
                        None => format!("the form names no purpose, and `{}` is not among the uses", purpose.word()),
                    },
                )
                .code("P104")
                .note(format!("statement {} declares {}", statement.version, in_backticks(&known)))
                .help("either name one of them: `purpose: …`")
                .help("or declare it under `uses` in a new version of the statement"),
            );
        }
        let is_asked = |key: &String| self.fields.iter().any(|field| field.name.value == *key);
        let ruled_out =
            |never: &&Never| never.purpose == purpose && (never.of.is_empty() || never.of.iter().any(is_asked));
        if let Some(never) = statement.promises.never.iter().find(ruled_out) {
            let of: Vec<&str> = never.of.iter().map(String::as_str).collect();
            let of = if of.is_empty() { "anything".to_owned() } else { in_backticks(&of) };
            diagnostics.push(
                Diagnostic::error(
                    &self.path,
                    span,
                    format!("statement {} rules out `{}` with {of}", statement.version, purpose.word()),
                )
                .code("P105")
                .note("what is ruled out under `never` is so whatever stands under `uses`")
                .help("either name another purpose, or ask for nothing that it is ruled out for")
                .help("or take it back under `never` in a new version of the statement"),
            );
        }
    }

    /// What is collected by itself never stands beside what a visitor typed (P131).
    fn check_datum(&self, field: &Field, statement: &Statement, diagnostics: &mut Diagnostics) {
        let name = field.name.value.replace('_', "-");
        let Some(automated) = &statement.promises.automated else { return };
        if automated.join_with_voluntary != Some(false) || !automated.data.iter().any(|datum| datum.word() == name) {
            return;
        }
        diagnostics.push(
            Diagnostic::error(
                &self.path,
                field.name.span.clone(),
                format!("the form asks for `{}`, which is collected by itself", field.name.value),
            )
            .code("P131")
            .label("automated data never stands on a registration")
            .note(format!("statement {} says `join_with_voluntary: false`", statement.version))
            .help("either remove the field")
            .help("or allow it under `collects.automated` in a new version of the statement"),
        );
    }

    /// Nobody is made to write something of their own (P103).
    fn check_choice(&self, field: &Field, category: Category, statement: &Statement, diagnostics: &mut Diagnostics) {
        if (field.required || field.required_when.is_some())
            && category == Category::FreeText
            && statement.promises.optional == Some(true)
        {
            let name = &field.name.value;
            diagnostics.push(
                Diagnostic::error(
                    &self.path,
                    field.name.span.clone(),
                    format!("`{name}` is required; the statement says giving it is a choice"),
                )
                .code("P103")
                .note("no service is impossible without words of the visitor's own")
                .help("either drop `required`")
                .help("or say `optional: false` under `collects.voluntary` in a new version of the statement"),
            );
        }
    }
}

/// A use that does not say of what is of everything.
fn covers_given(used: &Use) -> bool {
    used.of.is_empty() || used.of.contains(&Origin::Voluntary)
}
