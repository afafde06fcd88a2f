//! The function's program on AWS Lambda: the real binary in a real Runtime API loop, with the events of every host.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD as BASE64, BASE64_URL_SAFE_NO_PAD as BASE64_URL};
use serde_json::{Value, json};
use tests::http::{FORM, form};
use tests::mail_server::MailServer;
use tests::program::{Finished, program, run};
use tests::runtime_api::{Function, RuntimeApi};
use tests::site::Site;
use tests::wait_for;

/// A function with its site and a mailbox; the host's disk is thrown away, so what it is sent goes to staff.
struct Host {
    site: Site,
    mail: MailServer,
    api: RuntimeApi,
    _function: Function,
}

/// The shipped site, built, with all that was typed in the mail to staff.
fn site() -> Site {
    let site = Site::shipped();
    site.edit("content/forms/register.yaml", "notify: reference", "notify: full");
    let mailbox = "theme: optimal\nmailboxes: [{address: staff@optimalptc.com, retention: P7Y}]\n";
    site.edit("content/site.yaml", "theme: optimal\n", mailbox);
    site.built()
}

impl Host {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(settings: &[(&str, &str)]) -> Self {
        let site = site();
        let (mail, api) = (MailServer::start(), RuntimeApi::start());
        let mut command = function(&site);
        command.envs(mail.settings()).env("CANDOR_STORE", "none").envs(settings.iter().copied()).stdin(Stdio::null());
        api.attach(&mut command);
        let function = Function(command.spawn().expect("the function starts"));
        Self { site, mail, api, _function: function }
    }

    /// The body a browser sends from the published page.
    fn body(&self, fields: &[(&str, &str)]) -> String {
        let page = self.site.read("public/register/index.html");
        let hidden =
            ["statement_version", "statement_digest"].map(|name| (name, tests::server::hidden_input(&page, name)));
        let hidden: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (*name, value.as_str())).collect();
        form(&[fields, &hidden].concat())
    }
}

fn function(site: &Site) -> Command {
    let mut command = program("form-handler");
    command.env("CANDOR_CONTRACT", site.path("contract.json"));
    command
}

/// How a host tells a request: method, path, headers, body, and whether the body is in base64.
type Event = fn(&str, &str, &Value, &str, bool) -> Value;

const HOSTS: [(&str, Event); 8] = [
    ("API Gateway, REST", rest_api),
    ("API Gateway, REST, the body in base64", rest_api),
    ("API Gateway, HTTP", http_api),
    ("API Gateway, HTTP, with a stage", http_api_with_stage),
    ("load balancer", load_balancer),
    ("load balancer, many values", load_balancer_with_many_values),
    ("function URL", function_url),
    ("Netlify", netlify),
];

fn many(headers: &Value) -> Value {
    let headers = headers.as_object().expect("headers");
    headers.iter().map(|(name, value)| (name.clone(), json!([value]))).collect()
}

fn rest_api(method: &str, path: &str, headers: &Value, body: &str, is_base64: bool) -> Value {
    let mut headers = headers.clone();
    headers["Host"] = json!("abcdef1234.execute-api.us-east-2.amazonaws.com");
    json!({
        "resource": "/{proxy+}", "path": path, "httpMethod": method,
        "headers": headers, "multiValueHeaders": many(&headers),
        "queryStringParameters": null, "multiValueQueryStringParameters": null,
        "pathParameters": {"proxy": path.trim_start_matches('/')}, "stageVariables": null,
        "requestContext": {
            "accountId": "123456789012", "apiId": "abcdef1234", "domainName": "abcdef1234.execute-api.us-east-2.amazonaws.com",
            "domainPrefix": "abcdef1234", "extendedRequestId": "JKJaXmPLvHcESHA=", "httpMethod": method,
            "identity": {"accessKey": null, "accountId": null, "caller": null, "cognitoAuthenticationProvider": null,
                "cognitoAuthenticationType": null, "cognitoIdentityId": null, "cognitoIdentityPoolId": null,
                "principalOrgId": null, "sourceIp": "203.0.113.77", "user": null, "userAgent": "Mozilla/5.0", "userArn": null},
            "path": format!("/prod{path}"), "protocol": "HTTP/1.1", "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "requestTime": "24/Nov/2026:12:00:00 +0000", "requestTimeEpoch": 1_795_521_600_000_u64,
            "resourceId": "123456", "resourcePath": "/{proxy+}", "stage": "prod"
        },
        "body": body, "isBase64Encoded": is_base64
    })
}

fn version_2(method: &str, path: &str, headers: &Value, body: &str, is_base64: bool, stage: &str, host: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": headers,
        "requestContext": {
            "accountId": "123456789012", "apiId": "abcdef1234", "domainName": host, "domainPrefix": "abcdef1234",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.77", "userAgent": "Mozilla/5.0"},
            "requestId": "JKJaXmPLvHcESHA=", "routeKey": "$default", "stage": stage,
            "time": "24/Nov/2026:12:00:00 +0000", "timeEpoch": 1_795_521_600_000_u64
        },
        "body": body, "isBase64Encoded": is_base64
    })
}

fn http_api(method: &str, path: &str, headers: &Value, body: &str, is_base64: bool) -> Value {
    let host = "abcdef1234.execute-api.us-east-2.amazonaws.com";
    version_2(method, path, headers, body, is_base64, "$default", host)
}

fn http_api_with_stage(method: &str, path: &str, headers: &Value, body: &str, is_base64: bool) -> Value {
    let host = "abcdef1234.execute-api.us-east-2.amazonaws.com";
    version_2(method, &format!("/prod{path}"), headers, body, is_base64, "prod", host)
}

fn function_url(method: &str, path: &str, headers: &Value, body: &str, is_base64: bool) -> Value {
    version_2(method, path, headers, body, is_base64, "$default", "abcdef1234.lambda-url.us-east-2.on.aws")
}

fn load_balancer(method: &str, path: &str, headers: &Value, body: &str, is_base64: bool) -> Value {
    let group = "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/register/49e9d65c45c6791a";
    json!({
        "requestContext": {"elb": {"targetGroupArn": group}}, "httpMethod": method, "path": path,
        "queryStringParameters": {}, "headers": headers, "body": body, "isBase64Encoded": is_base64
    })
}

fn load_balancer_with_many_values(method: &str, path: &str, headers: &Value, body: &str, is_base64: bool) -> Value {
    let mut event = load_balancer(method, path, headers, body, is_base64);
    event["multiValueHeaders"] = many(headers);
    event["multiValueQueryStringParameters"] = json!({});
    let event = event.as_object_mut().expect("an event");
    event.remove("headers");
    event.remove("queryStringParameters");
    Value::Object(event.clone())
}

fn netlify(method: &str, path: &str, headers: &Value, body: &str, is_base64: bool) -> Value {
    json!({
        "path": path, "httpMethod": method, "headers": headers, "queryStringParameters": {},
        "body": body, "isBase64Encoded": is_base64
    })
}

fn headers() -> Value {
    json!({
        "content-type": FORM, "accept": "text/html,application/xhtml+xml", "user-agent": "Mozilla/5.0",
        "x-forwarded-for": "203.0.113.77", "x-forwarded-proto": "https", "x-forwarded-port": "443"
    })
}

/// A header of an answer, in either of the forms hosts take.
fn header(answer: &Value, name: &str) -> String {
    let values = answer["headers"].as_object().into_iter().flatten();
    let lists = answer["multiValueHeaders"].as_object().into_iter().flatten().map(|(name, list)| (name, &list[0]));
    let found = values.chain(lists).find(|(other, _)| other.eq_ignore_ascii_case(name));
    found.and_then(|(_, value)| value.as_str()).unwrap_or_default().to_owned()
}

#[test]
fn every_host_is_answered() {
    let host = Host::start();
    for (round, (name, event)) in HOSTS.into_iter().enumerate() {
        let is_base64 = name != "API Gateway, REST";
        let wrap = |body: &str| if is_base64 { BASE64.encode(body) } else { body.to_owned() };
        let visitor = format!("Visitor number {round}");

        let body = host.body(&[("name", &visitor), ("email", "visitor@example.com")]);
        let answer = host.api.invoke(&event("POST", "/api/register", &headers(), &wrap(&body), is_base64));
        assert_eq!(answer["statusCode"], 303, "{name}: {answer:#}");
        let location = header(&answer, "location");
        let reference = location
            .split_once("?reference=")
            .map(|(_, reference)| reference)
            .unwrap_or_else(|| panic!("{name}: {answer:#}"));
        let mail =
            wait_for("the mail", || host.mail.mails().into_iter().find(|mail| mail.content().contains(&visitor)));
        assert!(mail.content().contains(reference) && !mail.text.contains("203.0.113.77"), "{name}: {}", mail.text);

        let body = host.body(&[("name", "Wrong"), ("email", "wrong")]);
        let answer = host.api.invoke(&event("POST", "/api/register", &headers(), &wrap(&body), is_base64));
        assert_eq!(answer["statusCode"], 422, "{name}: {answer:#}");
        assert_eq!(header(&answer, "content-type"), "text/html; charset=utf-8", "{name}");
        assert_eq!(answer["isBase64Encoded"], false, "{name}");
        let page = answer["body"].as_str().expect("a body is text");
        assert!(page.contains("Enter an email address in the correct format"), "{name}: {page}");

        let answer = host.api.invoke(&event("PUT", "/api/register", &headers(), &wrap(&body), is_base64));
        assert_eq!(answer["statusCode"], 405, "{name}: {answer:#}");
        let answer = host.api.invoke(&event("POST", "/elsewhere", &headers(), &wrap(&body), is_base64));
        assert_eq!(answer["statusCode"], 404, "{name}: {answer:#}");
    }
    assert_eq!(host.mail.mails().len(), HOSTS.len());
}

#[test]
fn a_body_cut_short_is_refused() {
    let host = Host::start();
    let body = host.body(&[("email", "visitor@example.com")]);
    let mut cut = BASE64.encode(&body);
    cut.truncate(cut.len() / 2 / 4 * 4 + 1);
    for (name, event) in [("API Gateway, HTTP", http_api as Event), ("Netlify", netlify)] {
        let answer = host.api.invoke(&event("POST", "/api/register", &headers(), &cut, true));
        assert_eq!(answer["statusCode"], 400, "{name}: {answer:#}");
    }
    // The function goes on.
    let answer = host.api.invoke(&http_api("POST", "/api/register", &headers(), &body, false));
    assert_eq!(answer["statusCode"], 303, "{answer:#}");
    let _ = host.mail.mail();
}

#[test]
fn when_the_mail_server_goes_away_nobody_is_thanked() {
    let Host { site, mail, api, _function } = Host::start();
    let host = Host { site, mail: MailServer::start(), api, _function };
    drop(mail);
    let body = host.body(&[("email", "visitor@example.com")]);
    let answer = host.api.invoke(&http_api("POST", "/api/register", &headers(), &body, false));
    assert_eq!(answer["statusCode"], 503, "{answer:#}");
}

/// Signs a request as the site's host does: JWT (RFC 7519), with OpenSSL, which knows nothing of our code.
fn signature(site_url: &str, secret: &str) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let claims = json!({
        "deploy_context": "production", "netlify_id": "0d3a9d2f-ef94-4380-93df-27ee400e2048", "site_url": site_url,
        "iat": now, "exp": now + 300, "iss": "netlify"
    });
    let head = json!({"alg": "HS256", "typ": "JWT"});
    let signed = [head, claims].map(|part| BASE64_URL.encode(part.to_string())).join(".");
    let mut openssl = Command::new("openssl");
    openssl.args(["dgst", "-sha256", "-binary", "-hmac", secret]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut openssl = openssl.spawn().expect("OpenSSL starts: `apt-get install openssl`");
    openssl.stdin.take().expect("a pipe").write_all(signed.as_bytes()).expect("OpenSSL reads");
    let finished = openssl.wait_with_output().expect("OpenSSL ends");
    format!("{signed}.{}", BASE64_URL.encode(finished.stdout))
}

#[test]
fn with_a_secret_only_what_the_sites_host_hands_on_is_taken() {
    let host = Host::start_with(&[("CANDOR_PROXY_SECRET", "shared with the host")]);
    let contract: Value = serde_json::from_str(&host.site.read("contract.json")).expect("the contract is JSON");
    let site_url = contract["base_url"].as_str().expect("the contract has an address");
    let body = host.body(&[("email", "visitor@example.com")]);
    let send = |token: Option<String>| {
        let mut headers = headers();
        if let Some(token) = token {
            headers["x-nf-sign"] = json!(token);
        }
        host.api.invoke(&function_url("POST", "/api/register", &headers, &body, false))["statusCode"].clone()
    };
    assert_eq!(send(None), 403);
    assert_eq!(send(Some(signature(site_url, "guessed"))), 403);
    assert_eq!(send(Some(signature("https://elsewhere.example", "shared with the host"))), 403);
    assert!(host.mail.mails().is_empty());
    assert_eq!(send(Some(signature(site_url, "shared with the host"))), 303);
    let _ = host.mail.mail();
}

/// Starts the function with settings, which it must refuse.
fn refused(site: &Site, settings: &[(&str, &str)], fragments: &[&str]) {
    let api = RuntimeApi::start();
    let mail = MailServer::start();
    let mut command = function(site);
    command.envs(mail.settings()).env("CANDOR_STORE", "none").envs(settings.iter().copied());
    api.attach(&mut command);
    let Finished { code, stdout, stderr } = run(&mut command);
    assert!(code.is_some_and(|code| code != 0), "{code:?}: {stdout}{stderr}");
    for fragment in fragments {
        assert!(format!("{stdout}{stderr}").contains(fragment), "`{fragment}` is not in:\n{stdout}{stderr}");
    }
}

#[test]
fn it_does_not_start_without_its_settings() {
    let site = site();
    refused(
        &site,
        &[("CANDOR_CONTRACT", "/nonexistent/contract.json")],
        &["CANDOR_CONTRACT", "/nonexistent/contract.json"],
    );
    refused(&site, &[("CANDOR_MAIL", "none")], &["CANDOR_STORE", "CANDOR_MAIL"]);
    refused(&site, &[("CANDOR_MAIL_TO", "nobody"), ("CANDOR_STORE", "paper:")], &["CANDOR_MAIL_TO", "CANDOR_STORE"]);
    refused(&site, &[("CANDOR_MAIL_TIMEOUT_SECONDS", "x")], &["CANDOR_MAIL_TIMEOUT_SECONDS"]);
    refused(&site, &[("CANDOR_MAIL_SUBJET", "x")], &["CANDOR_MAIL_SUBJET", "did you mean `CANDOR_MAIL_SUBJECT`?"]);
    // Its disk is thrown away with the machine, so a registration there would be lost.
    let on_lambda = [("CANDOR_STORE", "sqlite:/tmp/registrations.sqlite"), ("LAMBDA_TASK_ROOT", "/var/task")];
    refused(&site, &on_lambda, &["CANDOR_STORE", "thrown away"]);
}

#[test]
fn it_says_where_it_can_run() {
    let site = site();
    let mail = MailServer::start();
    let mut command = function(&site);
    command.envs(mail.settings()).env("CANDOR_STORE", "none");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_LAMBDA_") {
            command.env_remove(name);
        }
    }
    let _ = run(&mut command)
        .exit(2)
        .says(&["AWS_LAMBDA_FUNCTION_NAME: not set; AWS Lambda sets it", "form-handler serve"]);
}

#[test]
fn it_does_not_start_where_answers_would_be_lost() {
    let site = site();
    site.edit("content/forms/register.yaml", "notify: full", "notify: reference");
    refused(&site.built(), &[], &["CANDOR_STORE", "content/forms/register.yaml"]);
}

#[test]
fn it_does_not_start_on_a_contract_it_does_not_understand() {
    let site = site();
    site.edit("contract.json", "candor-contract/1", "candor-contract/2");
    let path = site.path("contract.json");
    let path = path.to_str().expect("temporary paths are UTF-8");
    refused(&site, &[], &["CANDOR_CONTRACT", path, "candor-contract/2", "candor-contract/1"]);
    site.write("contract.json", "{}");
    refused(&site, &[], &["CANDOR_CONTRACT", path]);
}
