//! Mail over SMTP to a real server that demands STARTTLS and AUTH, and what happens when there is no such server.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tests::http::FORM;
use tests::mail_server::{Mail, MailServer, PASSWORD, USER, free_port};
use tests::program::{program, run};
use tests::server::Server;
use tests::site::Site;
use tests::validators::is_signed_by_domain;

const ADA: [(&str, &str); 4] =
    [("name", "Ada Lovelace"), ("email", "ada@example.com"), ("phone", "+44 20 7946 0958"), ("other", "Two children")];

/// The shipped site, with all that was typed in the mail to staff.
fn site_with_full_mail() -> Site {
    let site = Site::shipped();
    site.edit("content/forms/register.yaml", "notify: reference", "notify: full");
    let mailbox = "theme: optimal\nmailboxes: [{address: staff@optimalptc.com, retention: P7Y}, {address: one@optimalptc.com, retention: P7Y}, \
                   {address: two@optimalptc.com, retention: P7Y}]\n";
    site.edit("content/site.yaml", "theme: optimal\n", mailbox);
    site
}

/// Serves the site with mail settings, some of them replaced.
fn serve(site: &Site, mail: &MailServer, replaced: &[(&'static str, &str)]) -> Server {
    Server::start(site.serve_command().envs(mail.settings_with(replaced)), site.root())
}

fn the_registration(site: &Site) -> Value {
    let registrations = site.registrations();
    assert_eq!(registrations.len(), 1, "{registrations:?}");
    registrations[0].clone()
}

#[test]
fn arrives_encrypted_and_authenticated() {
    let (site, mail) = (site_with_full_mail(), MailServer::start());
    let server = serve(&site, &mail, &[]);
    let reference = server.register(&ADA).reference();

    let arrived = mail.mail();
    assert_eq!(arrived.header("envelope-to"), "staff@optimalptc.com");
    assert_eq!(arrived.header("return-path"), "<website@optimalptc.com>");
    assert!(
        arrived.header("from").contains("Optimal PTC") && arrived.header("from").contains("<website@optimalptc.com>")
    );
    assert_eq!(arrived.header("to"), "staff@optimalptc.com");
    assert!(arrived.header("reply-to").contains("ada@example.com"), "{}", arrived.text);
    assert!(arrived.header("message-id").contains(&reference), "{}", arrived.text);
    assert!(!arrived.header("subject").is_empty() && !arrived.header("subject").contains("Ada"));
    assert!(!arrived.header("date").is_empty());
    let text = arrived.content();
    for part in ["Ada Lovelace", "ada@example.com", "+44 20 7946 0958", "Two children", &reference, "2018-09-26"] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
    // The mail names the site, whose address it is here.
    let others = arrived.text.replace(&server.url, "");
    assert!(!others.contains("127.0.0.1:"), "the visitor's address is in:\n{}", arrived.text);

    let log = mail.log();
    assert!(log.contains("P=esmtpsa") && log.contains("X=TLS1.") && log.contains(&format!("A=plain:{USER}")), "{log}");
    assert_eq!(the_registration(&site)["reference"], reference.as_str());
}

/// By a program of others, with keys as openssl makes them. An uncaught exception of Python ends with 1 too, so what is
/// altered is checked beside what is not.
#[test]
fn is_signed_for_the_domain_of_its_sender() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let openssl = |arguments: &[&str]| {
        let _ = run(Command::new("openssl").args(arguments).current_dir(folder.path())).success();
    };
    openssl(&["genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "rsa.pem"]);
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", "ed25519.pem"]);
    let form = [&ADA[..3], &[("other", " a  line \n\n.\n\t\u{e9}\n\n")]].concat();
    for kind in ["rsa", "ed25519"] {
        let key = folder.path().join(format!("{kind}.pem"));
        openssl(&["pkey", "-in", &format!("{kind}.pem"), "-pubout", "-outform", "DER", "-out", "public.der"]);
        let public = std::fs::read(folder.path().join("public.der")).expect("openssl wrote it");
        // RFC 8463, section 4.2: the 32 bytes of the key alone.
        let public = BASE64_STANDARD.encode(if kind == "rsa" { &public[..] } else { &public[public.len() - 32..] });
        let (site, mail) = (site_with_full_mail(), MailServer::start());
        let settings = [
            ("CANDOR_DKIM_KEY_FILE", key.to_str().expect("temporary paths are UTF-8")),
            ("CANDOR_DKIM_SELECTOR", "mail2026"),
        ];
        let server = serve(&site, &mail, &settings);
        let _ = server.register(&form).expect(303);
        let arrived = mail.mail().text;
        let name = "mail2026._domainkey.optimalptc.com";
        let is_signed = |mail: &str| is_signed_by_domain(mail, name, &format!("v=DKIM1; k={kind}; p={public}"));
        assert!(is_signed(&arrived), "{arrived}");
        assert!(!is_signed(&arrived.replacen("\nSubject: ", "\nSubject: Re: ", 1)));
        assert!(!is_signed(&arrived.replacen("\nSubject: ", "\nReply-To: eve@example.net\nSubject: ", 1)));
        assert!(!is_signed(&arrived.replacen("Ada", "Eve", 1)));
    }
}

#[test]
fn says_no_more_than_the_form_allows() {
    let (site, mail) = (Site::shipped(), MailServer::start());
    let server = serve(&site, &mail, &[]);
    let reference = server.register(&ADA).reference();
    let arrived = mail.mail();
    assert!(arrived.content().contains(&reference), "{}", arrived.text);
    assert_eq!(arrived.header("reply-to"), "ada@example.com");
    assert!(!arrived.content().contains("ada@example.com"), "{}", arrived.text);
    for private in ["Lovelace", "7946", "Two children"] {
        assert!(!arrived.text.contains(private), "`{private}` left the store:\n{}", arrived.text);
    }
}

#[test]
fn subject_and_recipients_come_from_the_settings() {
    let (site, mail) = (site_with_full_mail(), MailServer::start());
    let settings = [
        ("CANDOR_MAIL_TO", "Registrar <one@optimalptc.com>, two@optimalptc.com"),
        ("CANDOR_MAIL_SUBJECT", "Ein Kind für die Schule"),
    ];
    let server = serve(&site, &mail, &settings);
    let _ = server.register(&ADA).expect(303);
    let arrived = mail.mail();
    let recipients = ["one@optimalptc.com", "two@optimalptc.com"];
    tests::wait_for("a mail for each recipient", || {
        let reached: Vec<String> = mail.mails().iter().flat_map(|mail| mail.headers("envelope-to")).collect();
        recipients.iter().all(|wanted| reached.iter().any(|header| header.contains(wanted))).then_some(())
    });
    // RFC 2047: what is not ASCII is encoded.
    let subject = arrived.header("subject");
    assert!(subject.contains("=?utf-8?") && subject.is_ascii(), "{subject}");
}

#[test]
fn addresses_in_other_scripts_can_register_and_be_answered() {
    for (address, reply_to) in [("ada@münchen.example", "ada@xn--mnchen-3ya.example"), ("jürgen@example.org", "")] {
        let (site, mail) = (site_with_full_mail(), MailServer::start());
        let server = serve(&site, &mail, &[("CANDOR_STORE", "none")]);
        let _ = server.register(&[("name", "Ada"), ("email", address)]).expect(303);
        let arrived = mail.mail();
        assert_eq!(arrived.header("reply-to"), reply_to, "{}", arrived.text);
        assert!(arrived.content().contains(address), "{}", arrived.text);
        let head = arrived.text.split("\n\n").next().expect("a mail has a head");
        assert!(head.is_ascii(), "{head}");
    }
}

#[test]
fn headers_cannot_be_injected_into() {
    let (site, mail) = (site_with_full_mail(), MailServer::start());
    let server = serve(&site, &mail, &[]);
    let names = [
        "Eve\r\nBcc: victim@example.net\r\nX-Injected: yes",
        "Eve\nSubject: won",
        "Eve\rTo: victim@example.net",
        "\"Eve\" <victim@example.net>",
        "Eve, victim@example.net",
        "Eve\u{2028}Bcc: victim@example.net\u{85}X-Injected: yes",
        "=?utf-8?q?Eve=0ABcc:_victim@example.net?=",
        "Eve (victim@example.net) \\",
    ];
    let references: Vec<String> = names
        .iter()
        .map(|name| {
            let body =
                [("name", *name), ("email", "eve@example.com"), ("other", ".\r\n.\r\nMAIL FROM:<x>\r\n\r\nBcc: y")];
            server.register(&body).reference()
        })
        .collect();
    let long = "x".repeat(200);
    let _ = server.register(&[("name", &long), ("email", "eve@example.com")]).expect(303);
    for address in
        ["eve@example.com\r\nBcc: victim@example.net", "eve@example.com, victim@example.net", "<eve@example.com>"]
    {
        let _ = server.register(&[("name", "Eve"), ("email", address)]).expect(422);
    }

    let arrived = tests::wait_for("all mails", || {
        let mails = mail.mails();
        (mails.len() > names.len()).then_some(mails)
    });
    assert_eq!(arrived.len(), names.len() + 1);
    for mail in &arrived {
        assert_eq!(mail.header("to"), "staff@optimalptc.com", "{}", mail.text);
        assert_eq!(mail.header("envelope-to"), "staff@optimalptc.com", "{}", mail.text);
        assert!(mail.headers("bcc").is_empty() && mail.headers("cc").is_empty(), "{}", mail.text);
        assert!(mail.headers("x-injected").is_empty(), "{}", mail.text);
        assert_ne!(mail.header("subject"), "won");
        let reply_to = mail.header("reply-to");
        assert!(reply_to == "eve@example.com" || reply_to.ends_with("<eve@example.com>"), "{reply_to}");
        // RFC 5322, section 2.1.1.
        assert!(mail.text.lines().all(|line| line.len() <= 998), "a line is too long:\n{}", mail.text);
    }
    let texts: Vec<String> = arrived.iter().map(Mail::content).collect();
    for reference in references {
        assert!(texts.iter().any(|text| text.contains(&reference)), "{reference} did not arrive");
    }
    assert!(texts.iter().any(|text| text.contains("MAIL FROM:<x>")), "the text is cut short");
}

/// Under settings with which no mail can be sent, people are thanked all the same, because they are in the store.
fn stored_without_mail(replaced: &[(&'static str, &str)]) -> Server {
    let (site, mail) = (Site::shipped(), MailServer::start());
    let server = serve(&site, &mail, replaced);
    let reference = server.register(&ADA).reference();
    let registration = the_registration(&site);
    assert_eq!(registration["reference"], reference.as_str());
    assert_eq!(registration["mail"], "failed", "{registration}");
    assert!(mail.mails().is_empty());
    let said = server.said();
    assert!(said.contains(&reference), "staff are not told:\n{said}");
    assert!(!said.contains(PASSWORD) && !said.contains("Lovelace") && !said.contains("ada@example.com"), "{said}");
    server
}

#[test]
fn a_mail_that_was_sent_is_noted_as_sent() {
    let (site, mail) = (Site::shipped(), MailServer::start());
    let server = serve(&site, &mail, &[]);
    let _ = server.register(&ADA).expect(303);
    let _ = mail.mail();
    assert_eq!(the_registration(&site)["mail"], "sent");
}

#[test]
fn a_wrong_password() {
    let _ = stored_without_mail(&[("CANDOR_MAIL_PASSWORD", "guessed")]);
}

#[test]
fn a_server_that_is_down() {
    let _ = stored_without_mail(&[("CANDOR_MAIL", &format!("smtp://localhost:{}", free_port()))]);
}

#[test]
fn a_server_that_says_nothing() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = silent.local_addr().expect("a listener has an address").port();
    let url = format!("smtp://localhost:{port}");
    let _ = stored_without_mail(&[("CANDOR_MAIL", &url), ("CANDOR_MAIL_TIMEOUT_SECONDS", "1")]);
}

/// Sends a registration, and goes away when its mail is on the way to a server that will never answer.
fn leave_while_the_mail_is_sent(site: &Site, mail: &MailServer) -> (Server, TcpStream) {
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let url = format!("smtp://localhost:{}", silent.local_addr().expect("a listener has an address").port());
    let server = serve(site, mail, &[("CANDOR_MAIL", &url), ("CANDOR_MAIL_TIMEOUT_SECONDS", "4")]);
    let body = server.body(&ADA);
    let mut visitor = TcpStream::connect(server.address()).expect("the server listens");
    let head = format!(
        "POST /api/register HTTP/1.1\r\nHost: {}\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\n\r\n",
        server.address(),
        body.len()
    );
    visitor.write_all(format!("{head}{body}").as_bytes()).expect("the server reads");
    let (connection, _) = silent.accept().expect("the function turns to the mail server");
    drop(visitor);
    (server, connection)
}

#[test]
fn a_visitor_who_leaves_does_not_cut_the_mail_short() {
    let (site, mail) = (Site::shipped(), MailServer::start());
    let (server, _silent) = leave_while_the_mail_is_sent(&site, &mail);
    assert_eq!(the_registration(&site)["mail"], "pending");
    tests::wait_for("the mail's failure", || (the_registration(&site)["mail"] == "failed").then_some(()));
    assert!(server.said().contains("its mail was not sent"), "{}", server.said());
}

#[test]
fn a_server_that_is_stopped_ends_what_it_has_begun() {
    let (site, mail) = (Site::shipped(), MailServer::start());
    let (mut server, _silent) = leave_while_the_mail_is_sent(&site, &mail);
    server.stop();
    assert_eq!(the_registration(&site)["mail"], "failed");
}

#[test]
fn a_server_that_hangs_up() {
    let rude = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = rude.local_addr().expect("a listener has an address").port();
    thread::spawn(move || rude.incoming().for_each(drop));
    let _ = stored_without_mail(&[("CANDOR_MAIL", &format!("smtp://localhost:{port}"))]);
}

#[test]
fn a_server_nobody_vouches_for() {
    let other = MailServer::start();
    let _ = stored_without_mail(&[("CANDOR_MAIL_CA_FILE", &other.ca_file())]);
}

#[test]
fn a_server_under_another_name() {
    let (site, mail) = (Site::shipped(), MailServer::start());
    // The certificate is for `localhost`.
    let server = serve(&site, &mail, &[("CANDOR_MAIL", &mail.url().replace("localhost", "127.0.0.1"))]);
    let _ = server.register(&ADA).expect(303);
    assert!(mail.mails().is_empty());
    assert_eq!(the_registration(&site)["mail"], "failed");
}

#[test]
fn without_a_store_a_mail_that_is_not_sent_is_a_503() {
    let (site, mail) = (site_with_full_mail(), MailServer::start());
    let server = serve(&site, &mail, &[("CANDOR_STORE", "none"), ("CANDOR_MAIL_PASSWORD", "guessed")]);
    let answer = server.register(&ADA).expect(503);
    assert!(
        answer.body.contains("could not be saved") && answer.body.contains("value=\"ada@example.com\""),
        "{}",
        answer.body
    );
    assert!(mail.mails().is_empty());

    let server = serve(&site, &mail, &[("CANDOR_STORE", "none")]);
    let _ = server.register(&ADA).expect(303);
    assert!(mail.mail().content().contains("Ada Lovelace"));
    assert!(!site.path(".candor/registrations.sqlite").exists());
}

#[test]
fn the_password_can_stand_in_a_file() {
    let (site, mail) = (Site::shipped(), MailServer::start());
    site.write("password", format!("{PASSWORD}\n"));
    let file = site.path("password");
    let mut settings: Vec<(&str, String)> = mail.settings();
    settings.retain(|(name, _)| *name != "CANDOR_MAIL_PASSWORD");
    settings.push(("CANDOR_MAIL_PASSWORD_FILE", file.to_str().expect("temporary paths are UTF-8").to_owned()));
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = site.serve(&settings);
    let _ = server.register(&ADA).expect(303);
    let _ = mail.mail();
}

#[test]
fn without_settings_mail_is_a_file() {
    let site = site_with_full_mail();
    let server = site.serve(&[]);
    let reference = server.register(&ADA).reference();
    let mails = tests::site::files(&site.path(".candor/mail"));
    assert_eq!(mails.len(), 1);
    let (name, bytes) = mails.into_iter().next().expect("a mail");
    assert!(name.ends_with(".eml"), "{name}");
    let mail = Mail { text: String::from_utf8(bytes).expect("mail is text").replace("\r\n", "\n") };
    assert!(mail.header("reply-to").contains("ada@example.com"), "{}", mail.text);
    assert!(mail.content().contains(&reference), "{}", mail.text);
}

#[test]
fn settings_for_mail_are_checked_at_start() {
    let site = Site::shipped();
    let mail = MailServer::start();
    for (name, value) in [
        ("CANDOR_MAIL", "smtp://"),
        ("CANDOR_MAIL", "http://localhost"),
        ("CANDOR_MAIL_FROM", "not an address"),
        ("CANDOR_MAIL_TO", ""),
        ("CANDOR_MAIL_TO", "staff@optimalptc.com\r\nBcc: x@example.com"),
        ("CANDOR_MAIL_CA_FILE", "/nonexistent.pem"),
        ("CANDOR_MAIL_CA_FILE", "/etc/passwd"),
        ("CANDOR_MAIL_TIMEOUT_SECONDS", "-1"),
    ] {
        let mut command = program("candor");
        command.args(["serve", "--port", "0", "--root"]).arg(site.root()).envs(mail.settings()).env(name, value);
        let _ = run(&mut command).exit(2).says(&[name]);
    }
}

#[test]
fn what_could_not_be_mailed_is_mailed_when_staff_ask_and_told_until_then() {
    let (site, mail) = (Site::shipped().built(), MailServer::start());
    let gone = format!("smtps://127.0.0.1:{}", free_port());
    let server = serve(&site, &mail, &[("CANDOR_MAIL", &gone)]);
    let reference = server.register(&ADA).reference();
    let registrations = |arguments: &[&str], replaced: &[(&str, &str)]| {
        let mut command = program("registrations");
        command.args(arguments).arg("--root").arg(site.root()).envs(mail.settings()).envs(replaced.iter().copied());
        run(&mut command)
    };
    let told = registrations(&["doctor"], &[("CANDOR_MAIL", &gone)]).exit(1).stdout;
    for words in [
        "well   contract    https://optimalptc.com, statement 2018-09-26, forms: register\n",
        "1 stored, 1 of them in the last 24 hours, 0 held\n",
        "wrong  outbox      0 to be sent, 1 failing, 0 given up\n       = help: they are tried again by themselves; \
         `registrations redeliver` tries now\n",
        ": unreachable\n       = help: see to CANDOR_MAIL, its user, password and certificates\n",
    ] {
        assert!(told.contains(words), "`{words}` is not in:\n{told}");
    }
    assert!(!told.contains(PASSWORD), "{told}");
    let failed = registrations(&["redeliver"], &[("CANDOR_MAIL", &gone)]).exit(1).stdout;
    assert_eq!(failed, "0 sent, 1 failed\n");
    let _ = registrations(&["redeliver", "018f3f7e-0000-7000-8000-000000000000"], &[]).exit(1);
    assert!(mail.mails().is_empty());
    assert_eq!(registrations(&["redeliver", &reference], &[]).success().stdout, "1 sent, 0 failed\n");
    assert!(mail.mail().header("message-id").contains(&reference));
    assert_eq!(registrations(&["redeliver"], &[]).success().stdout, "0 sent, 0 failed\n");
    assert_eq!(mail.mails().len(), 1);
    let told = registrations(&["doctor"], &[]).success().stdout;
    assert!(told.lines().all(|line| line.starts_with("well ")), "{told}");
    assert_eq!(the_registration(&site)["mail"], "sent");
}
