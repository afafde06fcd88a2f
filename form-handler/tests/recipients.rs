//! Who is told of a registration: by what was chosen, and nobody whom the statement does not name.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where something is not as it should be"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use form_handler::{Delivery, Handler, LocalDefaults, Settings};
use statement::contract::{Contract, RecipientsContract, WebhookContract};
use statement::form::{FieldKind, Notify};

mod sample;
use sample::{answer, body, contract, handler_of, post};

fn by_topic(notify: Notify) -> Contract {
    let mut contract = contract(notify);
    contract.statement.as_mut().unwrap().fields.push("topic".into());
    let form = contract.forms.get_mut("register").unwrap();
    let mut topic = form.fields[1].clone();
    topic.name = "topic".into();
    topic.kind = FieldKind::Choice;
    topic.options = vec!["Enrolment".into(), "Fees".into()];
    form.fields.push(topic);
    form.recipients = Some(RecipientsContract {
        by: "topic".into(),
        to: BTreeMap::from([
            ("Enrolment".into(), vec!["enrolment@example.org".into()]),
            ("Fees".into(), vec!["fees@example.org".into(), "office@example.org".into()]),
        ]),
    });
    contract
}

fn recipients(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder.join("mail")).unwrap();
    let mut found: Vec<String> = files
        .map(|file| {
            let mail = std::fs::read_to_string(file.unwrap().path()).unwrap();
            mail.lines().find_map(|line| line.strip_prefix("To: ")).unwrap().to_owned()
        })
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn mail_goes_to_whom_the_answer_concerns() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler_of(by_topic(Notify::Reference), folder.path(), &[]).await;
    for topic in ["Enrolment", "Fees", ""] {
        assert_eq!(answer(&handler, post(body(&format!("name=Ada&topic={topic}")))).await.0, 303);
    }
    assert_eq!(answer(&handler, post(body("name=Ada&topic=eve@example.net"))).await.0, 422);
    let everybody = ["enrolment@example.org", "fees@example.org, office@example.org", "staff@localhost"];
    assert_eq!(recipients(folder.path()), everybody);
}

/// Why a function does not start.
async fn refusal(contract: Contract, variables: &[(&str, &str)]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("a.sqlite").display());
    let common = [
        ("CANDOR_STORE", store.as_str()),
        ("CANDOR_KEYS", "none-and-registrations-are-readable-in-the-store"),
        ("CANDOR_MAIL", "smtp://mail.example.org"),
        ("CANDOR_MAIL_FROM", "site@example.org"),
        ("CANDOR_MAIL_TO", "a@example.org, Fees@example.org"),
    ];
    let lookup = |name: &str| {
        let all = || variables.iter().chain(&common);
        all().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
    };
    let settings = Settings::from_environment(&lookup, None).unwrap();
    Handler::new(contract, Arc::new(Delivery::open(&settings).await.unwrap())).err()
}

#[tokio::test]
async fn answers_are_mailed_to_declared_mailboxes_only() {
    let with = async |notify, mailboxes: Option<&[&str]>| {
        let mut contract = contract(notify);
        contract.statement.as_mut().unwrap().mailboxes =
            mailboxes.map(|mailboxes| mailboxes.iter().map(|mailbox| (*mailbox).to_owned()).collect());
        refusal(contract, &[]).await
    };
    assert_eq!(
        with(Notify::Full, Some(&["fees@example.org"])).await.unwrap(),
        "P152: CANDOR_MAIL_TO: `notify: full` of the form `register` would copy what it asks into `a@example.org`, which \
         is no declared store of statement 2018-09-26; write `notify: reference`, or declare the mailbox in \
         content/site.yaml and build again"
    );
    assert_eq!(with(Notify::Full, Some(&["A@example.org", "fees@example.org"])).await, None);
    assert_eq!(with(Notify::Full, None).await, None, "the statement does not say where data is kept");
    assert_eq!(with(Notify::Reference, Some(&[])).await, None, "no answer is in the mail");
    let mut contract = by_topic(Notify::Reference);
    let recipients = contract.forms.get_mut("register").unwrap().recipients.as_mut().unwrap();
    recipients.to.insert("Fees".into(), vec!["nobody".into()]);
    assert_eq!(
        refusal(contract, &[]).await.unwrap(),
        "the contract's form `register` sends mail to `nobody`, which is no e-mail address"
    );
}

#[tokio::test]
async fn only_declared_recipients_are_told() {
    let secret = ("CANDOR_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let telling = |name: &str| {
        let mut contract = contract(Notify::Reference);
        let webhook = WebhookContract { to: name.into(), url: "https://partner.example/hook".into() };
        contract.forms.get_mut("register").unwrap().webhook = Some(webhook);
        contract
    };
    assert_eq!(refusal(telling("Example Partner"), &[secret]).await, None);
    assert_eq!(
        refusal(telling("Somebody"), &[secret]).await.unwrap(),
        "P140: the contract's form `register` has a webhook for `Somebody`, which its statement does not declare as a \
         recipient; build the site again"
    );
    assert_eq!(
        refusal(telling("Example Partner"), &[]).await.unwrap(),
        "CANDOR_WEBHOOK_SECRET: not set, and the form `register` tells Example Partner; agree on a secret with them"
    );
    // On a machine of one's own nothing has to leave.
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::from_environment(&|_| None, Some(&LocalDefaults { folder: folder.path().to_owned() }));
    let delivery = Delivery::open(&settings.unwrap()).await.unwrap();
    assert!(Handler::new(telling("Example Partner"), Arc::new(delivery)).is_ok());
}
