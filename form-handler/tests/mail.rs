//! The mail about a registration: what it says, what cannot get into it, and what happens when it cannot be sent.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where something is not as it should be"
)]

use std::path::Path;

use form_handler::registration::{MailKind, MailState};
use statement::form::Notify;

mod sample;
use sample::{answer, body, handler, post, stored};

/// The one mail in the folder.
fn mail(folder: &Path) -> String {
    let mut files: Vec<_> =
        std::fs::read_dir(folder.join("mail")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    std::fs::read_to_string(files.remove(0)).unwrap().replace("\r\n", "\n")
}

#[tokio::test]
async fn a_reference_names_the_registration_and_repeats_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path(), Notify::Reference, &[]).await;
    assert_eq!(answer(&handler, post(body("name=Ada&email=ada@example.org&other=confided"))).await.0, 303);
    let id = stored(folder.path()).await[0].registration.id;
    assert_eq!(
        mail(folder.path()),
        format!(
            "From: candor@localhost\nSubject: Example: new registration (register)\nMessage-ID: <{id}@localhost>\n\
             Date: Wed, 01 May 2024 12:00:00 +0000\nAuto-Submitted: auto-generated\nTo: staff@localhost\n\
             Reply-To: ada@example.org\nMIME-Version: 1.0\n\
             Content-Type: multipart/alternative;\n boundary=\"{id}.text\"\n\n--{id}.text\n\
             Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit\n\n\
             It has arrived.\n\nReference  {id}\nStatement  2018-09-26\n\n\
             The answers are not in this mail.\n\n\
             --{id}.text\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 7bit\n\n\
             <!doctype html>\n<p>It has arrived.</p>\n<dl><dd>{id}</dd><dd>2018-09-26</dd></dl>\n\
             The answers are not in this mail.\n\n--{id}.text--\n"
        )
    );
}

#[tokio::test]
async fn a_full_mail_has_every_answer_and_the_configured_headers() {
    let folder = tempfile::tempdir().unwrap();
    let path = format!("file:{}", folder.path().join("mail").display());
    let variables = [
        ("CANDOR_STORE", "none"),
        ("CANDOR_MAIL", path.as_str()),
        ("CANDOR_MAIL_FROM", "Example <site@example.org>"),
        ("CANDOR_MAIL_TO", "a@example.org, B <b@example.org>"),
        ("CANDOR_MAIL_SUBJECT", "Neue Anmeldung – ja"),
    ];
    let handler = handler(folder.path(), Notify::Full, &variables).await;
    assert_eq!(answer(&handler, post(body("name=Ada&other=one%0Atwo"))).await.0, 303);
    let mail = mail(folder.path());
    let (headers, text) = mail.split_once("\n\n").unwrap();
    assert!(headers.contains("From: Example <site@example.org>\n"), "{headers}");
    assert!(headers.contains("To: a@example.org, B <b@example.org>\n"), "{headers}");
    assert!(headers.contains("Subject: Neue Anmeldung =?utf-8?"), "{headers}");
    assert!(headers.contains("@example.org>\n"), "{headers}");
    assert!(!headers.contains("Reply-To"), "no address was given: {headers}");
    let text = quoted_printable(text);
    assert!(text.contains("Your name:\n  Ada\n\nYour email:\n  –\n"), "{text}");
    assert!(text.contains("Your other:\n  one\n  two\n"), "{text}");
}

/// What a person reads of a mail's text (RFC 2045, section 6.7); only what is not ASCII is encoded in ours.
fn quoted_printable(text: &str) -> String {
    let joined = text.replace("=\n", "").replace('=', "%");
    percent_encoding::percent_decode_str(&joined).decode_utf8().unwrap().into_owned()
}

#[tokio::test]
async fn an_answer_cannot_pass_for_another_field_or_for_ours() {
    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path(), Notify::Full, &[]).await;
    let forged =
        "name=Ada&phone=206+555+0100&other=x%0D%0A%0D%0AYour+phone:%0D%0A206+555+0199%0D%0A%0D%0AReference++forged";
    assert_eq!(answer(&handler, post(body(forged))).await.0, 303);
    let mail = quoted_printable(&mail(folder.path()));
    let text = mail.split("<!doctype").next().unwrap();
    let ours = |beginning: &str| text.lines().filter(|line| line.starts_with(beginning)).count();
    assert_eq!((ours("Your phone:"), ours("Reference")), (1, 1), "{mail}");
    assert!(mail.contains("\n  206 555 0199\n"), "{mail}");
}

#[tokio::test]
async fn mail_files_are_their_owners_alone() {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let folder = tempfile::tempdir().unwrap();
    std::fs::DirBuilder::new().mode(0o755).create(folder.path().join("mail")).unwrap();
    let handler = handler(folder.path(), Notify::Reference, &[]).await;
    assert_eq!(answer(&handler, post(body("name=Ada"))).await.0, 303);
    let file = std::fs::read_dir(folder.path().join("mail")).unwrap().next().unwrap().unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn nothing_typed_becomes_a_header() {
    for typed in [
        "name=Ada%0D%0ABcc:+eve@example.org&email=ada@example.org",
        "name=Ada&email=ada@example.org%0D%0ABcc:+eve@example.org",
        "name=Ada&email=%22a%0D%0AX-Evil:+1%22@example.org",
        "name=Ada&other=%0D%0A.%0D%0ABcc:+eve@example.org",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let handler = handler(folder.path(), Notify::Full, &[]).await;
        if answer(&handler, post(body(typed))).await.0 != 303 {
            assert!(stored(folder.path()).await.is_empty());
            continue;
        }
        let mail = mail(folder.path());
        let (headers, _) = mail.split_once("\n\n").unwrap();
        assert!(!headers.contains("Bcc") && !headers.contains("X-Evil"), "{headers}");
    }
}

/// A server that takes connections and says nothing, and an address where nobody listens.
#[tokio::test]
async fn a_mail_that_cannot_be_sent_costs_no_registration() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_server = format!("smtp://{}", silent.local_addr().unwrap());
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone_server = format!("smtps://{}", gone.local_addr().unwrap());
    drop(gone);
    for (server, error) in [(silent_server, "timeout"), (gone_server, "unreachable")] {
        let variables = |store: &'static str| {
            vec![
                ("CANDOR_STORE", store),
                ("CANDOR_MAIL", server.as_str()),
                ("CANDOR_MAIL_FROM", "site@example.org"),
                ("CANDOR_MAIL_TO", "staff@example.org"),
                ("CANDOR_MAIL_TIMEOUT_SECONDS", "1"),
            ]
        };
        let folder = tempfile::tempdir().unwrap();
        let with_store = handler(folder.path(), Notify::Reference, &variables("")).await;
        assert_eq!(answer(&with_store, post(body("name=Ada"))).await.0, 303);
        let all = stored(folder.path()).await;
        assert_eq!(all[0].mails, [(MailKind::Staff, MailState::Failed, Some(error.to_owned()))]);

        let mail_only = handler(folder.path(), Notify::Full, &variables("none")).await;
        let (status, _, page) = answer(&mail_only, post(body("name=Ada&other=kept"))).await;
        assert_eq!(status, 503);
        assert!(page.contains("value=\"kept\""), "{page}");
    }
}
