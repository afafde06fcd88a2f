//! Forms that ask for more than text: what is taken, what is kept when the form is shown again, what the receipt says.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::path::Path;
use std::sync::Arc;

use form_handler::{Delivery, Handler, LocalDefaults, Settings};
use statement::contract::{FieldContract, FieldMarkup, FieldPart, PagePart};
use statement::form::{AGREED, Condition, FieldKind, Notify};

mod sample;
use sample::{answer, body, contract, post, stored};

async fn handler(folder: &Path) -> Handler {
    let mut contract = contract(Notify::Reference);
    let form = contract.forms.get_mut("register").unwrap();
    let mut add = |name: &str, kind, options: &[&str]| {
        form.fields.push(FieldContract {
            name: name.into(),
            kind,
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            required: kind == FieldKind::Agreement,
            characters_max: 1000,
            label: format!("Your {name}"),
            ..form.fields[1].clone()
        });
        let mut parts = vec![FieldPart::Html(format!("<{name}>")), FieldPart::Message];
        for option in options {
            parts.push(FieldPart::Html(format!("[{option}")));
            parts.push(FieldPart::Checked((*option).to_owned()));
            parts.push(FieldPart::Html("]".into()));
        }
        form.retry.fields.insert(name.into(), FieldMarkup { valid: parts.clone(), invalid: parts });
        form.retry.page.push(PagePart::Field(name.into()));
        contract.statement.as_mut().unwrap().fields.push(name.into());
    };
    add("by", FieldKind::Choice, &["letter", "telephone"]);
    add("days", FieldKind::Choices, &["Monday", "Tuesday"]);
    add("agree", FieldKind::Agreement, &[AGREED]);
    form.fields[2].required_when = Some(Condition { field: "by".into(), is: "telephone".into() });
    let lookup = |name: &str| (name == "CANDOR_MAIL").then(|| "none".to_owned());
    let local = LocalDefaults { folder: folder.to_owned() };
    let settings = Settings::from_environment(&lookup, Some(&local)).unwrap();
    Handler::new(contract, Arc::new(Delivery::open(&settings).await.unwrap())).unwrap()
}

#[tokio::test]
async fn boxes_and_choices_are_taken_and_agreeing_is_in_the_receipt() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path()).await;
    let sent = body("name=Ada&by=letter&days=Monday&days=Tuesday&agree=yes");
    assert_eq!(answer(&handler, post(sent)).await.0, 303);
    let found = stored(folder.path()).await.remove(0);
    let value =
        |name: &str| found.registration.fields.iter().find(|(other, _)| other == name).unwrap().1.expose().as_str();
    assert_eq!((value("by"), value("days"), value("agree")), ("letter", "Monday\nTuesday", "yes"));
    let receipt: serde_json::Value = serde_json::from_str(&found.receipt).unwrap();
    let digest = statement::digest::sha256_hex(b"Your agree");
    assert_eq!(receipt["kind"], "consent");
    assert_eq!(receipt["acknowledged"], serde_json::json!([{"field": "agree", "label_sha256": digest}]));
}

#[tokio::test]
async fn what_was_chosen_is_still_chosen_when_the_form_is_shown_again() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path()).await;
    let (status, _, page) = answer(&handler, post(body("name=Ada&by=telephone&days=Tuesday"))).await;
    assert_eq!(status, 422);
    for words in [
        "<by>[letter][telephone checked]",
        "<days>[Monday][Tuesday checked]",
        "<agree>Enter your email[yes]",
        "<p>Enter your phone</p>",
    ] {
        assert!(page.contains(words), "`{words}` is not in {page}");
    }
    for wrong in ["by=pigeon", "by=letter&by=telephone", "days=Sunday", "days=Monday&days=Monday", "agree=no"] {
        let agree = if wrong.starts_with("agree") { "" } else { "&agree=yes" };
        assert_eq!(answer(&handler, post(body(&format!("name=Ada{agree}&{wrong}")))).await.0, 422, "{wrong}");
    }
    assert!(stored(folder.path()).await.is_empty());
}
