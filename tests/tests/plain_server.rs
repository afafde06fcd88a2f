//! The function's program as a plain server: it starts where the statement allows it, and ends when it is told to.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use tests::http::{FORM, form, request};
use tests::program::{program, run};
use tests::server::hidden_input;
use tests::site::Site;

fn server(site: &Site) -> Command {
    let mut command = program("form-handler");
    command
        .arg("serve")
        .env("CANDOR_CONTRACT", site.path("contract.json"))
        .env("CANDOR_STORE", format!("sqlite:{}", site.path(".candor/registrations.sqlite").display()))
        .env("CANDOR_KEYS", "none-and-registrations-are-readable-in-the-store")
        .env("CANDOR_MAIL", "none")
        .env("CANDOR_LISTEN", "127.0.0.1:0")
        .env("CANDOR_COUNTRY", "US")
        .env_remove("AWS_REGION");
    command
}

#[test]
fn it_takes_registrations_and_ends_when_told_to() {
    let site = Site::shipped().built();
    let mut child = server(&site).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the server starts");
    let mut said = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut line = String::new();
    said.read_line(&mut line).expect("the server says where it is");
    let url = line.strip_prefix("listening on ").and_then(|rest| rest.split(';').next()).expect("an address");

    let page = site.read("public/register/index.html");
    let hidden = ["statement_version", "statement_digest"].map(|name| (name, hidden_input(&page, name)));
    let mut fields = vec![("email", "ada@example.com"), ("web_address", "")];
    fields.extend(hidden.iter().map(|(name, value)| (*name, value.as_str())));
    let headers = [("content-type", FORM), ("origin", "https://optimalptc.com")];
    let answer = request("POST", &format!("{url}/api/register"), &headers, form(&fields).as_bytes());
    let reference = answer.reference();
    assert_eq!(site.answer(&reference, "email"), "ada@example.com");
    assert_eq!(request("GET", &format!("{url}/healthz"), &[], b"").expect(200).body, "ok\n");
    let metrics = request("GET", &format!("{url}/metrics"), &[], b"").expect(200).body;
    assert!(metrics.contains("\ncandor_registrations 1\n"), "{metrics}");

    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill starts");
    assert!(killed.success());
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("the server ends");
    assert_eq!((child.wait().expect("it can be awaited").code(), rest.as_str()), (Some(0), ""));
}

#[test]
fn it_does_not_start_where_the_statement_does_not_allow_it() {
    let site = Site::shipped().built();
    let abroad = run(server(&site).env("CANDOR_COUNTRY", "DE")).exit(2);
    assert_eq!(
        abroad.stderr,
        "P150: CANDOR_COUNTRY: the function runs in DE, and statement 2018-09-26 keeps data in US; deploy it there\n"
    );
    let readable = run(server(&site).env_remove("CANDOR_KEYS")).exit(2);
    assert_eq!(
        readable.stderr,
        "CANDOR_KEYS: not set; write the public keys of those who may read registrations, or \
         `none-and-registrations-are-readable-in-the-store`\n"
    );
    let nowhere = run(server(&site).env_remove("CANDOR_COUNTRY")).exit(2);
    assert_eq!(
        nowhere.stderr,
        "P151: CANDOR_COUNTRY: nothing says where the function runs, and statement 2018-09-26 keeps data in US; pin it \
         to one place there, and set the variable to its country\n"
    );
    assert!(!site.path(".candor/registrations.sqlite").exists(), "nothing was begun");
    let _ = run(server(&site).arg("more")).exit(2).says(&["write `form-handler serve`"]);
}
