//! The form's endpoint over HTTP: every documented status, what a person is told, what is stored and what never is.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rusqlite::Connection;
use serde_json::{Value, json};
use statement::digest;
use tests::http::{FORM, form, raw, raw_cut_short, request};
use tests::program::on_full_disk;
use tests::server::{Server, hidden_input};
use tests::site::{Site, files};

const ADA: [(&str, &str); 4] = [
    ("name", "Ada Lovelace"),
    ("email", "ada@example.com"),
    ("phone", "+44 (0)20 7946-0958"),
    ("other", "Two children,\r\nyears 3 & 5"),
];

const JSON: (&str, &str) = ("accept", "application/json");

/// The site's pages and the endpoint, and nothing registered yet.
fn serve(site: &Site) -> Server {
    let server = site.serve(&[]);
    assert!(site.registrations().is_empty());
    server
}

#[test]
fn a_registration_is_stored_and_thanked_for() {
    let site = Site::shipped();
    let server = serve(&site);
    let answer = server.register(&ADA);
    let reference = answer.reference();
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.headers.get("set-cookie").is_none());
    let _ = server.get(answer.header("location")).expect(200);

    assert_eq!(site.registrations().len(), 1);
    let registration = site.registration(&reference);
    assert_eq!(registration["form"], "register");
    assert_eq!(registration["statement_version"], "2018-09-26");
    let page = server.get("/register/").body;
    assert_eq!(registration["statement_digest"], hidden_input(&page, "statement_digest"));
    for (field, value) in ADA {
        assert_eq!(site.answer(&reference, field), value.replace("\r\n", "\n"));
    }
}

#[test]
fn only_what_is_required_must_be_given() {
    let site = Site::shipped();
    let server = serve(&site);
    let empty = server.register(&[("name", ""), ("email", " x@example.com "), ("phone", ""), ("other", "")]);
    assert_eq!(site.answer(&empty.reference(), "email"), "x@example.com");
    let missing = server.register(&[("email", "x@example.com")]);
    assert_eq!(site.answer(&missing.reference(), "name"), "");
}

#[test]
fn json_is_answered_to_those_who_ask_for_it() {
    let site = Site::shipped();
    let server = serve(&site);
    let headers = [("content-type", FORM), JSON];
    let good = request("POST", &server.endpoint(), &headers, server.body(&ADA).as_bytes()).expect(201).json();
    assert_eq!(site.registrations()[0]["reference"], good["reference"]);
    let again = request("POST", &server.endpoint(), &headers, server.body(&ADA).as_bytes()).expect(200).json();
    assert_eq!(again["reference"], good["reference"], "sent twice, it is one registration");

    let bad = request("POST", &server.endpoint(), &headers, server.body(&[("email", "ada")]).as_bytes()).expect(422);
    let message = "Enter an email address in the correct format, like name@example.com";
    assert_eq!(bad.json()["fields"], json!([{"field": "email", "message": message}]));
    assert_eq!(site.registrations().len(), 1);
}

#[test]
fn json_is_understood_too() {
    let site = Site::shipped();
    let server = serve(&site);
    let page = server.get("/register/").body;
    let hidden = ["statement_version", "statement_digest"].map(|name| (name, hidden_input(&page, name)));
    let fields = ADA.into_iter().map(|(name, value)| (name, value.to_owned())).chain(hidden);
    let body: Value = fields.map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
    let headers = [("content-type", "application/json"), JSON];
    let send = |body: &Value| request("POST", &server.endpoint(), &headers, body.to_string().as_bytes());
    let good = send(&body).expect(201).json();
    let reference = good["reference"].as_str().expect("a reference");
    assert_eq!(site.answer(reference, "other"), "Two children,\nyears 3 & 5");

    let mut undeclared = body.clone();
    undeclared["birthday"] = json!("1815-12-10");
    let _ = send(&undeclared).expect(422).json();
    let mut nested = body.clone();
    nested["name"] = json!({"first": "Ada"});
    let _ = send(&nested).expect(400).json();
    let twice = body.to_string().replacen('{', "{\"email\": \"eve@example.com\", ", 1);
    let _ = request("POST", &server.endpoint(), &headers, twice.as_bytes()).expect(422).json();
    let cut = body.to_string();
    let _ = request("POST", &server.endpoint(), &headers, &cut.as_bytes()[..cut.len() - 1]).expect(400).json();
    assert_eq!(site.registrations().len(), 1);
}

#[test]
fn what_was_typed_is_shown_again_and_only_as_text() {
    let site = Site::shipped();
    let server = serve(&site);
    let nasty = r#""><script>alert('x')</script> & <b>"#;
    let answer = server
        .register(&[("name", nasty), ("email", nasty), ("phone", "none"), ("other", "</textarea><script>\n\nx")])
        .expect(422);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    let page = &answer.body;
    assert!(page.contains("<title>Error: Register"), "{page}");
    assert!(page.contains("There is a problem"));
    for (message, field) in [
        ("Enter an email address in the correct format, like name@example.com", "email"),
        ("Enter a phone number, like 206 555 0100 or +44 808 157 0192", "phone"),
    ] {
        assert!(page.contains(&format!("<a href=\"#{field}\">{message}</a>")), "in the summary: {message}\n{page}");
        assert!(page.contains(&format!("</span> {message}</p>")), "at the field: {message}\n{page}");
    }
    assert!(!page.contains("<script>alert") && !page.contains("</textarea><script>"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(") && page.contains("&lt;/textarea&gt;&lt;script&gt;\n\nx"), "{page}");
    assert!(site.registrations().is_empty());
}

#[test]
fn every_mistake_has_its_message() {
    let site = Site::shipped();
    let server = serve(&site);
    let long = |count: usize| "é".repeat(count);
    let (name, email, other) = (long(201), format!("{}@example.com", "a".repeat(250)), long(2001));
    for (field, value, message) in [
        ("email", "", "Enter your email address"),
        ("email", "   ", "Enter your email address"),
        ("email", "ada@", "Enter an email address in the correct format, like name@example.com"),
        ("email", "ada@example@com", "Enter an email address in the correct format, like name@example.com"),
        ("email", "ada @example.com", "Enter an email address in the correct format, like name@example.com"),
        (
            "email",
            "ada@example.com\r\nBcc: x@example.com",
            "Enter an email address in the correct format, like name@example.com",
        ),
        ("email", &email, "Email address must be 254 characters or less"),
        ("phone", "12345", "Enter a phone number, like 206 555 0100 or +44 808 157 0192"),
        ("phone", "1234567890123456", "Enter a phone number, like 206 555 0100 or +44 808 157 0192"),
        ("phone", "call me", "Enter a phone number, like 206 555 0100 or +44 808 157 0192"),
        ("name", &name, "Full name must be 200 characters or less"),
        ("other", &other, "Other information must be 2000 characters or less"),
    ] {
        let mut fields = ADA;
        fields.iter_mut().find(|(name, _)| *name == field).expect("a field of the form").1 = value;
        let answer = server.register(&fields).expect(422);
        assert!(answer.body.contains(message), "`{field}` = `{value:.40}` is not told `{message}`:\n{}", answer.body);
    }
    assert!(site.registrations().is_empty());
}

#[test]
fn every_script_and_every_usual_number_is_accepted() {
    let site = Site::shipped();
    let server = serve(&site);
    let (name, other) = ("é".repeat(200), "語".repeat(2000));
    for (field, value) in [
        ("name", "X"),
        ("name", "李小龍"),
        ("name", "O’Brien-Ñuñez, Jr. 3rd"),
        ("name", &name),
        ("name", "😀"),
        ("email", "ada+school_news@mail.example.museum"),
        ("phone", "07700 900982"),
        ("phone", "(206) 555-0100"),
        ("phone", "+44 808 157 0192"),
        ("phone", "+1.206.555.0100"),
        ("other", &other),
    ] {
        let mut fields = ADA;
        fields.iter_mut().find(|(name, _)| *name == field).expect("a field of the form").1 = value;
        assert_eq!(site.answer(&server.register(&fields).reference(), field), value);
    }
}

#[test]
fn one_letter_is_stored_in_one_spelling() {
    let site = Site::shipped();
    let server = serve(&site);
    let answer = server.register(&[("name", "Zoe\u{308}\u{0}\u{7}"), ("email", "zoe@example.com")]);
    assert_eq!(site.answer(&answer.reference(), "name"), "Zoë");
}

#[test]
fn a_statement_that_is_not_in_force() {
    let site = Site::shipped();
    let server = serve(&site);
    let pair = |version: &str, digest: &str| {
        let hidden = [("statement_version", version), ("statement_digest", digest)];
        form(&[&ADA[..], &hidden].concat())
    };
    let zero = "0".repeat(64);
    for body in [form(&ADA), pair("2018-09-26", &zero), pair("2018-09-26", ""), pair("", ""), pair("2019-01-01", &zero)]
    {
        let answer = server.post(&body).expect(409);
        assert!(
            answer.body.contains("Our privacy statement has changed since you opened this page"),
            "{}",
            answer.body
        );
        assert!(answer.body.contains("value=\"ada@example.com\""), "what was typed is kept:\n{}", answer.body);
    }
    assert!(site.registrations().is_empty());
}

#[test]
fn an_undeclared_field_is_refused_and_stored_and_logged_nowhere() {
    let site = Site::shipped();
    let server = serve(&site);
    let _ = server.register(&[&ADA[..], &[("birthday", "1815-12-10")]].concat()).expect(422);
    let _ = server.register(&[&ADA[..], &[("", "x")]].concat()).expect(422);
    let _ = server.register(&[&ADA[..], &[("Name", "x")]].concat()).expect(422);
    assert!(site.registrations().is_empty());
    assert_nowhere(site.root(), "1815-12-10");
    let said = server.said();
    assert!(said.contains("undeclared_field"), "{said}");
    for typed in ["1815-12-10", "birthday", "Lovelace", "ada@example.com"] {
        assert!(!said.contains(typed), "{typed} is in the log:\n{said}");
    }
}

#[test]
fn a_field_twice_and_too_many_fields() {
    let site = Site::shipped();
    let server = serve(&site);
    let answer = server.register(&[&ADA[..3], &[("email", "eve@example.com")]].concat()).expect(422);
    assert!(answer.body.contains("value=\"ada@example.com\"") && !answer.body.contains("eve@"), "{}", answer.body);
    let names: Vec<String> = (0..500).map(|number| format!("field{number}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let _ = server.register(&[&ADA[..], &many].concat()).expect(422);
    assert!(site.registrations().is_empty());
}

#[test]
fn a_body_that_is_too_large() {
    let site = Site::shipped();
    let server = serve(&site);
    let large = "x".repeat(64 * 1024 + 1);
    let answer = server.post(&large).expect(413);
    assert!(answer.body.contains("Your answers are too long to be sent"), "{}", answer.body);
    // What is too long is an answer of ours: it is shown again with the message that says so.
    let answer = server.register(&[&ADA[..3], &[("other", &large)]].concat()).expect(422);
    assert!(answer.body.contains("Other information must be 2000 characters or less"), "{}", answer.body);
    assert!(answer.body.contains(&large) && answer.body.contains("value=\"ada@example.com\""), "not all was kept");
    let _ = server.register(&[&ADA[..3], &[("other", &"x".repeat(2_000_000))]].concat()).expect(413);

    // Nobody says how long it will be: the limit holds all the same.
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(0x10_0000));
    let chunked = format!(
        "POST /api/register HTTP/1.1\r\nHost: {}\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\
         Connection: close\r\n\r\n{chunk}{chunk}0\r\n\r\n",
        server.address()
    );
    let answer = raw(server.address(), chunked.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(site.registrations().is_empty());
}

#[test]
fn a_body_of_another_type() {
    let site = Site::shipped();
    let server = serve(&site);
    let body = server.body(&ADA);
    for content_type in ["multipart/form-data; boundary=x", "text/plain", "application/x-www-form", ""] {
        let headers = [("content-type", content_type)];
        let headers = if content_type.is_empty() { &[][..] } else { &headers };
        let _ = request("POST", &server.endpoint(), headers, body.as_bytes()).expect(415);
    }
    assert!(site.registrations().is_empty());
    for content_type in ["application/x-www-form-urlencoded; charset=UTF-8", "Application/X-WWW-Form-Urlencoded"] {
        let _ = request("POST", &server.endpoint(), &[("content-type", content_type)], body.as_bytes()).expect(303);
    }
}

#[test]
fn a_body_that_is_not_utf_8() {
    let site = Site::shipped();
    let server = serve(&site);
    for wrong in ["name=%FF%FE", "name=caf%E9", "%ff=x"] {
        let _ = server.post(&format!("{}&{wrong}", server.body(&ADA[1..]))).expect(400);
    }
    let raw_bytes = [b"name=caf\xe9&", server.body(&ADA[1..]).as_bytes()].concat();
    let _ = request("POST", &server.endpoint(), &[("content-type", FORM)], &raw_bytes).expect(400);
    assert!(site.registrations().is_empty());
}

#[test]
fn a_body_that_ends_too_early() {
    let site = Site::shipped();
    let server = serve(&site);
    let body = server.body(&ADA);
    let head = format!(
        "POST /api/register HTTP/1.1\r\nHost: {}\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        server.address(),
        body.len() + 1
    );
    let answer = raw_cut_short(server.address(), format!("{head}{body}").as_bytes());
    // A client that closed early may not be reachable any more.
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(site.registrations().is_empty());
    let _ = server.post("").expect(409);
}

#[test]
fn other_methods_and_addresses() {
    let site = Site::shipped();
    let server = serve(&site);
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        let body = if ["PUT", "PATCH"].contains(&method) { "name=x" } else { "" };
        let answer = request(method, &server.endpoint(), &[("content-type", FORM)], body.as_bytes()).expect(405);
        assert_eq!(answer.header("allow"), "GET, HEAD, POST", "{method}");
    }
    // Who reloads the address of an answer wants the form.
    assert_eq!(server.get("/api/register").expect(303).header("location"), "/register/");
    for path in ["/api/unregister", "/api/", "/api/register/more"] {
        let url = format!("{}{path}", server.url);
        let _ = request("POST", &url, &[("content-type", FORM)], server.body(&ADA).as_bytes()).expect(404);
    }
    assert!(site.registrations().is_empty());
}

#[test]
fn refusals_in_json_are_json() {
    let site = Site::shipped();
    let server = serve(&site);
    let send = |content_type: &str, body: &str| {
        request("POST", &server.endpoint(), &[("content-type", content_type), JSON], body.as_bytes())
    };
    let _ = send(FORM, "x=%FF").expect(400).json();
    let _ = send(FORM, &form(&ADA)).expect(409).json();
    let _ = send(FORM, &"x".repeat(70_000)).expect(413).json();
    let _ = send("text/plain", "x").expect(415).json();
    let _ = send(FORM, &server.body(&[])).expect(422).json();
}

#[test]
fn a_locked_database_is_a_503_and_nothing_is_lost_or_doubled() {
    let site = Site::shipped();
    let server = serve(&site);
    let store = Connection::open(site.path(".candor/registrations.sqlite")).expect("the store can be opened");
    store.execute_batch("BEGIN EXCLUSIVE").expect("the store can be locked");
    let answer = server.register(&ADA).expect(503);
    assert!(
        answer.body.contains("Your answers could not be saved because of a problem on our side"),
        "{}",
        answer.body
    );
    assert!(answer.body.contains("value=\"ada@example.com\""), "what was typed is kept:\n{}", answer.body);
    store.execute_batch("ROLLBACK").expect("the store can be unlocked");
    assert!(site.registrations().is_empty());
    let _ = server.register(&ADA).expect(303);
    assert_eq!(site.registrations().len(), 1);
}

#[test]
fn nobody_waits_for_the_others_in_front_of_a_locked_database() {
    let site = Site::shipped();
    let server = serve(&site);
    let store = Connection::open(site.path(".candor/registrations.sqlite")).expect("the store can be opened");
    store.execute_batch("BEGIN EXCLUSIVE").expect("the store can be locked");
    let body = server.body(&ADA);
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| server.post(&body).expect(503));
        }
    });
    // One after the other they would take half a minute, longer than a host waits.
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    store.execute_batch("ROLLBACK").expect("the store can be unlocked");
    assert!(site.registrations().is_empty());
}

#[test]
fn a_full_database_is_a_503_and_what_was_acknowledged_stays() {
    let site = Site::shipped();
    let server = Server::start(&mut on_full_disk(&site.serve_command(), 300), site.root());
    let long = "x".repeat(2000);
    let body = server.body(&[&ADA[1..3], &[("other", &long)]].concat());
    let mut acknowledged = Vec::new();
    let refused = loop {
        let answer = server.post(&format!("{body}&name=Visitor+{}", acknowledged.len()));
        if answer.status != 303 {
            break answer;
        }
        acknowledged.push(answer.reference());
        assert!(acknowledged.len() < 1000, "the store never fills");
    };
    let _ = refused.expect(503);
    assert!(!acknowledged.is_empty());
    drop(server);
    let stored = site.registrations();
    for reference in &acknowledged {
        assert!(
            stored.iter().any(|registration| registration["reference"] == reference.as_str()),
            "{reference} is lost"
        );
    }
    assert_eq!(stored.len(), acknowledged.len(), "what was refused is not stored");
}

#[test]
fn no_address_of_a_machine_is_kept() {
    let site = Site::shipped();
    let server = serve(&site);
    let headers = [
        ("content-type", FORM),
        ("x-forwarded-for", "203.0.113.77"),
        ("forwarded", "for=203.0.113.77"),
        ("x-real-ip", "203.0.113.77"),
        ("x-nf-client-connection-ip", "203.0.113.77"),
        ("cf-connecting-ip", "203.0.113.77"),
        ("user-agent", "Telltale/9.75"),
        ("referer", "https://example.com/telltale-page"),
        ("cookie", "telltale=cookie-crumb"),
    ];
    let _ = request("POST", &server.endpoint(), &headers, server.body(&ADA).as_bytes()).expect(303);
    let url = server.url.clone();
    drop(server);
    for trace in ["203.0.113.77", "Telltale/9.75", "telltale-page", "cookie-crumb"] {
        assert_nowhere(&site.path(".candor"), trace);
    }
    // Mail and receipts name the site, whose own address it is here.
    for (path, bytes) in files(&site.path(".candor")) {
        let others = String::from_utf8_lossy(&bytes).replace(&url, "");
        assert!(!others.contains("127.0.0.1"), "an address is in {path}");
    }
    assert!(!fs::read_to_string(site.path("serve.log")).expect("a log").contains("203.0.113.77"));
}

#[test]
fn a_form_with_boxes_and_choices_keeps_what_was_chosen() {
    let site = Site::shipped();
    let other = "  - name: other\n    kind: multiline\n    label: Other information\n";
    let asked = "  - name: other\n    kind: choices\n    label: Days\n    options: [Monday, Tuesday & Wednesday]\n";
    site.edit("content/forms/register.yaml", other, asked);
    let phone = "  - name: phone\n    kind: tel\n    label: Phone number\n";
    let agreed = "  - name: phone\n    kind: agreement\n    label: You may call me\n";
    site.edit("content/forms/register.yaml", phone, agreed);
    site.edit(
        "content/forms/register.yaml",
        "    autocomplete: \"off\"\n    characters_max: 2000",
        "    autocomplete: \"off\"",
    );
    let server = serve(&site);
    let page = server.get("/register/").expect(200).body;
    let box_of = |value: &str, id: &str, checked: &str| {
        format!("<input type=\"checkbox\" name=\"other\" value=\"{value}\" id=\"{id}\"{checked}>")
    };
    assert!(page.contains("<legend class=\"field-label\">Days <span class=\"field-optional\">"), "{page}");
    assert!(page.contains(&box_of("Monday", "other", "")), "{page}");
    let chosen = [("email", "ada@example"), ("other", "Tuesday & Wednesday"), ("phone", "yes")];
    let again = server.register(&chosen).expect(422).body;
    assert!(again.contains(&box_of("Monday", "other", "")), "{again}");
    assert!(again.contains(&box_of("Tuesday &amp; Wednesday", "other-2", " checked")), "{again}");
    assert!(again.contains("name=\"phone\" value=\"yes\" id=\"phone\" checked> You may call me"), "{again}");
    let both = [("email", "ada@example.com"), ("other", "Monday"), ("other", "Tuesday & Wednesday")];
    let reference = server.register(&both).reference();
    assert_eq!(site.answer(&reference, "other"), "Monday\nTuesday & Wednesday");
}

#[test]
fn what_people_write_is_not_logged() {
    let site = Site::shipped();
    let server = serve(&site);
    let _ = server.register(&ADA).expect(303);
    let _ = server.register(&[("name", "Ada Lovelace"), ("email", "ada@example")]).expect(422);
    let _ = server.post(&form(&ADA)).expect(409);
    let said = server.said();
    for private in ["Lovelace", "ada@example", "7946", "years 3"] {
        assert!(!said.contains(private), "`{private}` is in:\n{said}");
    }
}

/// No file below the folder has these words in it.
fn assert_nowhere(folder: &Path, words: &str) {
    for (path, bytes) in files(folder) {
        let found = bytes.windows(words.len()).any(|window| window == words.as_bytes());
        assert!(!found, "`{words}` is in {path}");
    }
}

#[test]
fn the_page_is_a_form_without_cookies_that_runs_the_themes_script_alone() {
    let site = Site::shipped();
    let server = serve(&site);
    let answer = server.get("/register/").expect(200);
    assert!(answer.headers.get("set-cookie").is_none());
    assert!(answer.body.contains("method=\"post\"") && answer.body.contains("action=\"/api/register\""));
    let site = site.built();
    let page = site.read("public/register/index.html");
    let script = site.read("themes/optimal/scripts/form.js");
    assert_eq!(page.matches("<script").count(), 1, "{page}");
    assert!(page.contains(&format!("<script>{script}</script>")), "{page}");
    let headers = site.read("public/_headers");
    let hash = format!("script-src 'sha256-{}'", BASE64_STANDARD.encode(digest::sha256(script.as_bytes())));
    assert!(headers.contains(&hash), "`{hash}` is not in {headers}");
    let _ = server.get("/thank-you/").expect(200);
}

#[test]
fn a_form_that_is_shown_again_leaves_the_one_beside_it() {
    let site = Site::shipped();
    let register = site.read("content/forms/register.yaml");
    let (fields, other) = register.split_once("  - name: other\n").expect("it asks for other information last");
    let (head, _) = fields.split_once("  - name: name\n").expect("it asks for the name first");
    site.write("content/forms/register.yaml", fields);
    site.write("content/forms/ask.yaml", format!("{head}  - name: other\n{other}"));
    site.write("content/register.md", site.read("content/register.md") + "\n{{ form(id=\"ask\") }}\n");
    let server = serve(&site);
    let shown = server.get("/register/").expect(200).body;
    let again = server.register(&[("email", "")]).expect(422).body;
    for page in [shown, again] {
        assert!(page.contains("action=\"/api/register\"") && page.contains("action=\"/api/ask\""), "{page}");
    }
}
