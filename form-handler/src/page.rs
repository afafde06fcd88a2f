//! The form's page, shown again: put together from the parts the site was built with.
//!
//! It knows parts, not templates, and escapes everything that did not come with the contract.

use std::collections::HashMap;

use statement::contract::{FieldPart, FormContract, ItemPart, PagePart};

use crate::fields;
use crate::private::Private;
use crate::refusal::Refusal;
use crate::request_id::RequestId;

/// What was typed, by field.
pub(crate) type Values = HashMap<String, Private<String>>;

/// Renders the page of the form `id` with what was typed and what is wrong; `changes` is HTML of the theme.
pub(crate) fn render(
    id: &str,
    form: &FormContract,
    values: &Values,
    refusal: &Refusal,
    changes: &str,
    request: &RequestId,
) -> String {
    let mut html = String::new();
    for part in &form.retry.page {
        match part {
            PagePart::Html(part) => html.push_str(part),
            PagePart::SummaryItems => {
                if let Some(message) = refusal.message(&form.messages) {
                    summary_item(form, id, message, &mut html);
                }
                for field in refusal.fields() {
                    summary_item(form, &field.field, &field.message, &mut html);
                }
            }
            PagePart::Changes => html.push_str(changes),
            PagePart::Request => html.push_str(request.as_str()),
            PagePart::Field(name) => field(form, name, values, refusal, &mut html),
        }
    }
    html
}

fn summary_item(form: &FormContract, target: &str, message: &str, html: &mut String) {
    for part in &form.retry.summary_item {
        match part {
            ItemPart::Html(part) => html.push_str(part),
            ItemPart::Target => escape(target, html),
            ItemPart::Message => escape(message, html),
        }
    }
}

fn field(form: &FormContract, name: &str, values: &Values, refusal: &Refusal, html: &mut String) {
    let Some(markup) = form.retry.fields.get(name) else { return };
    let message = refusal.fields().iter().find(|field| field.field == name).map(|field| field.message.as_str());
    let parts = if message.is_some() { &markup.invalid } else { &markup.valid };
    for part in parts {
        match part {
            FieldPart::Html(part) => html.push_str(part),
            // Shown to the person who typed it, and to nobody else.
            FieldPart::Value => escape(values.get(name).map_or("", |value| value.expose()), html),
            FieldPart::Checked(option) => {
                if values.get(name).is_some_and(|value| fields::has_chosen(value.expose(), option)) {
                    html.push_str(" checked");
                }
            }
            FieldPart::Message => escape(message.unwrap_or_default(), html),
        }
    }
}

/// The page for a request that belongs to no form.
pub(crate) fn plain(title: &str, text: &str, request: &RequestId) -> String {
    let mut html = String::from("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>");
    escape(title, &mut html);
    html.push_str("</title>\n<h1>");
    escape(title, &mut html);
    html.push_str("</h1>\n<p>");
    escape(text, &mut html);
    html.push_str("</p>\n<p>If you write to us about this, quote the number of your request: <code>");
    html.push_str(request.as_str());
    html.push_str("</code></p>\n</html>\n");
    html
}

/// Escapes for text and for quoted attributes alike.
pub(crate) fn escape(text: &str, html: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            letter => html.push(letter),
        }
    }
}
