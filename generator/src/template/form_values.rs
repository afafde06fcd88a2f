//! The values of forms, of their fields with what is shown in them, and of what a page gives a shortcode.

use std::collections::BTreeMap;

use statement::version::Statement;
use tera::Value;

use super::map;
use crate::address;
use crate::shortcode::Argument;
use crate::statement_values;

/// What the statement in force says of what visitors give.
pub(super) struct Given {
    /// For each field it declares, what it is never used for.
    pub(super) never: BTreeMap<String, Vec<String>>,
    /// How long it is kept at least.
    pub(super) minimum: Option<String>,
}

impl Given {
    pub(super) fn new(statement: Option<&Statement>) -> Self {
        let never = |key: &str| {
            let ruled_out = statement.iter().flat_map(|statement| &statement.promises.never);
            let ruled_out = ruled_out.filter(|never| never.of.is_empty() || never.of.iter().any(|of| of == key));
            ruled_out.map(|never| statement_values::spoken(never.purpose.word())).collect()
        };
        let fields = statement.iter().flat_map(|statement| &statement.fields);
        Self {
            never: fields.map(|field| (field.key.clone(), never(&field.key))).collect(),
            minimum: statement
                .and_then(|statement| statement.retention_minimum)
                .map(statement::period::Period::to_words),
        }
    }
}

pub(super) fn form_value(form: &statement::form::Form, fields: impl IntoIterator<Item = String>) -> Value {
    let fields: Vec<Value> = fields.into_iter().map(|html| map! { html: Value::safe_string(&html) }).collect();
    map! {
        id: form.id.as_str(),
        action: address::href(&address::of_form(&form.id)),
        submit: form.submit.as_str(),
        purpose: statement_values::spoken(form.purpose().word()),
        fields: fields,
        challenge: form.proof_of_work.then(|| address::href(&address::of_challenge(&form.id))),
    }
}

/// What is shown in a field besides what its author declared.
#[derive(Debug, Default)]
pub struct Shown {
    /// What was typed.
    pub value: String,
    /// What is wrong with it.
    pub message: String,
    /// An attribute for each option, which is HTML, or nothing; a missing one is nothing.
    pub checked: Vec<String>,
}

pub(super) fn field_value(
    form: &statement::form::Form,
    field: &statement::form::Field,
    shown: &Shown,
    given: &Given,
) -> Value {
    let checked = |option: usize| shown.checked.get(option).map_or("", String::as_str);
    let option =
        |(at, value): (usize, &String)| map! { value: value.as_str(), checked: Value::safe_string(checked(at)) };
    let options: Vec<Value> = field.options.iter().enumerate().map(option).collect();
    map! {
        name: field.name.value.as_str(),
        label: field.label.as_str(),
        hint: field.hint.as_str(),
        kind: field.kind.word(),
        autocomplete: field.autocomplete.as_str(),
        required: field.required,
        characters_max: field.characters_max,
        conditional: field.required_when.is_some(),
        purpose: statement_values::spoken(form.purpose().word()),
        never: given.never.get(&field.name.value).cloned().unwrap_or_default(),
        minimum: given.minimum.as_deref(),
        message_empty: field.message_empty.as_str(),
        message_malformed: field.message_malformed.as_str(),
        options: options,
        value: shown.value.as_str(),
        message: shown.message.as_str(),
    }
}

pub(super) fn argument_value(argument: &Argument) -> Value {
    match argument {
        Argument::Text(text) => text.as_str().into(),
        Argument::Integer(number) => (*number).into(),
        Argument::Float(number) => (*number).into(),
        Argument::Boolean(value) => (*value).into(),
        Argument::List(items) => items.iter().map(argument_value).collect::<Vec<Value>>().into(),
    }
}
