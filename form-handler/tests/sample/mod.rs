//! A contract with one form, and a handler that obeys it with real parts in a folder of its own.

#![allow(dead_code, reason = "each test program uses what it needs")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use form_handler::registration::{MailKind, MailState, Registration};
use form_handler::seal::Seal;
use form_handler::store::{Location, Order, Scan, Store};
use form_handler::{Delivery, Handler, LocalDefaults, Settings};
use http::{Request, Response};
use http_body_util::Full;
use statement::contract::{
    AnswerFrame, AnswerPart, Contract, EarlierStatement, FieldContract, FieldMarkup, FieldPart, FormContract,
    FramePart, ItemPart, LetterFrame, Letters, Messages, NeverUsed, PagePart, RetentionPromises, RetryPage, SCHEMA,
    Shown, StatementInForce, VersionField, VersionPromises,
};
use statement::form::{FieldKind, Notify};

pub(crate) const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// 2024-05-01 12:00:00.5 UTC.
pub(crate) fn now() -> jiff::Timestamp {
    "2024-05-01T12:00:00.5Z".parse().unwrap()
}

pub(crate) fn contract(notify: Notify) -> Contract {
    let field = |name: &str, kind, required, characters_max| FieldContract {
        name: name.into(),
        kind,
        label: format!("Your {name}"),
        required,
        required_when: None,
        options: Vec::new(),
        min: None,
        max: None,
        characters_max,
        message_empty: format!("Enter your {name}"),
        message_too_long: format!("Your {name} must be {characters_max} characters or less"),
        message_malformed: format!("Enter {name} in the correct format"),
    };
    let fields = vec![
        field("name", FieldKind::Text, true, 20),
        field("email", FieldKind::Email, false, 254),
        field("phone", FieldKind::Tel, false, 40),
        field("other", FieldKind::Multiline, false, 2000),
    ];
    let html = |text: &str| FieldPart::Html(text.to_owned());
    let markup = |name: &str| FieldMarkup {
        valid: vec![html(&format!("<input name=\"{name}\" value=\"")), FieldPart::Value, html("\">")],
        invalid: vec![
            html("<p>"),
            FieldPart::Message,
            html(&format!("</p><input name=\"{name}\" value=\"")),
            FieldPart::Value,
            html("\">"),
        ],
    };
    let mut page = vec![
        PagePart::Html("<ul>".into()),
        PagePart::SummaryItems,
        PagePart::Html("</ul><code>".into()),
        PagePart::Request,
        PagePart::Html("</code>".into()),
        PagePart::Changes,
    ];
    page.push(PagePart::Html("<form>".into()));
    page.extend(fields.iter().map(|field| PagePart::Field(field.name.clone())));
    page.push(PagePart::Html("</form>\n".into()));
    let retry = RetryPage {
        page,
        fields: fields.iter().map(|field| (field.name.clone(), markup(&field.name))).collect(),
        summary_item: vec![
            ItemPart::Html("<li><a href=\"#".into()),
            ItemPart::Target,
            ItemPart::Html("\">".into()),
            ItemPart::Message,
            ItemPart::Html("</a></li>".into()),
        ],
    };
    Contract {
        schema: SCHEMA.into(),
        base_url: "https://example.org".into(),
        site_title: "Example".into(),
        content_security_policy: Some("default-src 'none'; img-src https://pictures.example".into()),
        statement: Some(StatementInForce {
            document: "example-privacy".into(),
            version: "2018-09-26".into(),
            digest: DIGEST.into(),
            text_sha256: DIGEST.into(),
            facts_sha256: DIGEST.into(),
            url: "https://example.org/privacy/2018-09-26/".into(),
            fields: fields.iter().map(|field| field.name.clone()).collect(),
            contact_email: "support@example.org".into(),
            contact_url: "mailto:support@example.org?subject=WEBSITE".into(),
            controller: Some("Example Ltd".into()),
            language: "en".into(),
            retention_minimum: Some("P7Y".into()),
            at_minimum: Some("delete".into()),
            hold_grounds: vec!["litigation-hold".into()],
            recipients: vec!["Example Partner".into()],
            processors: Vec::new(),
            countries: vec!["US".into()],
            security_data: vec!["ip-address".into()],
            mailboxes: None,
            law: Some("US".into()),
            earlier: vec![EarlierStatement { digest: "e".repeat(64), changes: "<ins>new</ins>".into() }],
        }),
        versions: vec![VersionPromises {
            document: "example-privacy".into(),
            version: "2018-09-26".into(),
            digest: DIGEST.into(),
            text_sha256: DIGEST.into(),
            facts_sha256: DIGEST.into(),
            url: "https://example.org/privacy/2018-09-26/".into(),
            from: "2018-09-26T00:00:00Z".into(),
            uses: vec!["support-services".into(), "administer".into()],
            never: vec![NeverUsed { purpose: "marketing".into(), of: vec!["email".into(), "phone".into()] }],
            recipients: Vec::new(),
            sharing_exceptions: vec!["required-by-law".into()],
            countries: vec!["US".into()],
            channels: vec!["web".into()],
            fields: [("name", "name"), ("email", "email"), ("phone", "telephone"), ("other", "free-text")]
                .map(|(key, category)| VersionField { key: key.into(), category: category.into() })
                .to_vec(),
            roles: vec!["employee".into()],
            rights: Vec::new(),
            retention: Some(RetentionPromises {
                minimum: Some("P7Y".into()),
                maximum: None,
                starts: Some("submitted".into()),
                at_minimum: Some("delete".into()),
                because: vec!["tax-reporting".into()],
                hold_by: Some("legal-department".into()),
                hold_grounds: vec!["litigation-hold".into()],
                applies_to: None,
            }),
        }],
        forms: BTreeMap::from([(
            "register".to_owned(),
            FormContract {
                endpoint: "/api/register".into(),
                page: "/register/".into(),
                thanks: "/thank-you/".into(),
                notify,
                recipients: None,
                webhook: None,
                purpose: "support-services".into(),
                never: vec!["marketing".into()],
                confirmation: None,
                proof_of_work: false,
                shown: vec![Shown { what: "form".into(), field: None, sha256: DIGEST.into() }],
                sha256: DIGEST.into(),
                fields,
                messages: Messages {
                    statement_changed: "The statement has changed".into(),
                    unavailable: "Your answers could not be saved".into(),
                    too_often: "Too many were sent".into(),
                    too_large: "Your answers are too long".into(),
                    not_our_form: "This was not sent by our form".into(),
                },
                retry,
                letters: letters(notify),
                receipt: vec![
                    FramePart::Words("<h1>Thanks</h1><pre>".into()),
                    FramePart::Receipt,
                    FramePart::Words("</pre><a href=\"/api/register/receipt.json?reference=".into()),
                    FramePart::Reference,
                    FramePart::Words("\">".into()),
                    FramePart::StatementUrl,
                    FramePart::Words("</a>\n".into()),
                ],
            },
        )]),
    }
}

/// The mails of a theme.
fn letters(notify: Notify) -> Letters {
    let words = |text: &str| FramePart::Words(text.to_owned());
    let staff = |before: &str, between: &str, after: &str| {
        let mut parts =
            vec![words(before), FramePart::Reference, words(between), FramePart::StatementVersion, words(after)];
        parts.push(match notify {
            Notify::Full => FramePart::Answers,
            Notify::Reference => words("The answers are not in this mail."),
        });
        parts.push(words("\n"));
        parts
    };
    let confirmation = |before: &str, after: &str| {
        vec![words(before), FramePart::Received, words("\n"), FramePart::StatementUrl, words(after)]
    };
    Letters {
        staff: LetterFrame {
            subject: vec![words("Example: new registration (register)")],
            text: staff("It has arrived.\n\nReference  ", "\nStatement  ", "\n\n"),
            html: staff("<!doctype html>\n<p>It has arrived.</p>\n<dl><dd>", "</dd><dd>", "</dd></dl>\n"),
        },
        answer: AnswerFrame {
            text: vec![
                AnswerPart::Label,
                AnswerPart::Words(":\n".into()),
                AnswerPart::Answer,
                AnswerPart::Words("\n".into()),
            ],
            html: vec![
                AnswerPart::Words("<h2>".into()),
                AnswerPart::Label,
                AnswerPart::Words("</h2>\n<pre>".into()),
                AnswerPart::Answer,
                AnswerPart::Words("</pre>\n".into()),
            ],
        },
        confirmation: LetterFrame {
            subject: vec![words("Example: we have what you sent")],
            text: confirmation("We have it.\n", "\n"),
            html: confirmation("<p>We have it. ", "</p>\n"),
        },
    }
}

/// A handler with its store and mail under `folder`, except where `variables` say otherwise.
pub(crate) async fn handler(folder: &Path, notify: Notify, variables: &[(&str, &str)]) -> Handler {
    handler_of(contract(notify), folder, variables).await
}

/// The same, of another contract.
pub(crate) async fn handler_of(contract: Contract, folder: &Path, variables: &[(&str, &str)]) -> Handler {
    let lookup = |name: &str| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
    let settings = Settings::from_environment(&lookup, Some(&LocalDefaults { folder: folder.to_owned() })).unwrap();
    let handler = Handler::new(contract, Arc::new(Delivery::open(&settings).await.unwrap())).unwrap();
    handler.calling_requests_by(Some(http::HeaderName::from_static("x-request-id")))
}

/// How registrations are kept with these settings.
pub(crate) fn sealing(variables: &[(&str, &str)]) -> Seal {
    let lookup = |name: &str| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
    let local = LocalDefaults { folder: "nowhere".into() };
    Settings::from_environment(&lookup, Some(&local)).unwrap().seal().clone()
}

/// A registration in a store, with the answers.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) registration: Registration,
    pub(crate) receipt: String,
    /// Kind, state and error of each mail.
    pub(crate) mails: Vec<(MailKind, MailState, Option<String>)>,
}

/// The database under `folder`.
pub(crate) fn database(folder: &Path) -> Location {
    Location::Sqlite(LocalDefaults { folder: folder.to_owned() }.database())
}

/// All that is in the store under `folder` and not held, the newest first.
pub(crate) async fn stored(folder: &Path) -> Vec<Found> {
    all(&*database(folder).open_for_reading().await.unwrap(), false).await
}

/// All that is in a store, held or not, the newest first.
pub(crate) async fn all(store: &dyn Store, is_held: bool) -> Vec<Found> {
    let (mut scan, mut all) = (Scan::new(store, Order::Newest), Vec::new());
    while let Some(envelope) = scan.next().await.unwrap() {
        if envelope.held.is_some() == is_held {
            let stored = store.get(envelope.id).await.unwrap().unwrap();
            assert_eq!(stored.envelope, envelope);
            let registration = Registration::from_stored(&stored, None).unwrap();
            let mails = stored.mails.into_iter().map(|mail| (mail.kind, mail.state, mail.error)).collect();
            all.push(Found { registration, receipt: stored.envelope.receipt, mails });
        }
    }
    all
}

/// A form body with the statement's version and digest after `fields`.
pub(crate) fn body(fields: &str) -> String {
    format!("{fields}&statement_version=2018-09-26&statement_digest={DIGEST}")
}

/// A POST of a form body, as a browser makes it and a host hands it on.
pub(crate) fn post(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post("/api/register")
        .header("x-request-id", "request-1")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::new(body.into()))
        .unwrap()
}

/// Status, `Location` and body of an answer.
pub(crate) async fn answer(handler: &Handler, request: Request<Full<Bytes>>) -> (u16, String, String) {
    let response: Response<Bytes> = handler.handle(request, now()).await;
    let location = response.headers().get("location").map_or("", |value| value.to_str().unwrap()).to_owned();
    (response.status().as_u16(), location, String::from_utf8(response.into_body().to_vec()).unwrap())
}
