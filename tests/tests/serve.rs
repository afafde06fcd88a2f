//! `candor serve`: the site as it will be, and again after every change.

use tests::http::lines;
use tests::program::{program, run};
use tests::server::Server;
use tests::site::{Site, files};
use tests::wait_for;

/// Waits until a page says something.
fn wait_until_says(server: &Server, path: &str, words: &str) {
    wait_for(&format!("`{words}` on {path}"), || server.get(path).body.contains(words).then_some(()));
}

#[test]
fn says_where_everything_is() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let said = server.said();
    for words in [&*server.url, ".candor/registrations.sqlite", ".candor/mail"] {
        assert!(said.contains(words), "`{words}` is not in:\n{said}");
    }
    let registrations = ("CANDOR_STORE", format!("sqlite:{}", site.path("elsewhere.sqlite").display()));
    let other = Site::shipped();
    let server = other.serve(&[(registrations.0, &registrations.1), ("CANDOR_MAIL", "none")]);
    assert!(server.said().contains("elsewhere.sqlite"), "{}", server.said());
    let _ = server.register(&[("email", "ada@example.com")]).expect(303);
    assert!(site.path("elsewhere.sqlite").is_file());
    assert!(!other.path(".candor/registrations.sqlite").exists());
}

/// `assets/site.0123456789abcdef.css` as `assets/site.css`.
fn without_hash(path: &str) -> String {
    let parts: Vec<&str> = path.split('.').collect();
    match parts.as_slice() {
        [name, hash, suffix] if name.starts_with("assets/") && hash.len() == 16 => format!("{name}.{suffix}"),
        _ => path.to_owned(),
    }
}

#[test]
fn serves_what_build_writes() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let base_url = server.url.clone();
    let _ = site.candor("build", &["--base-url", &base_url]).success();
    for (path, bytes) in site.published() {
        // While somebody edits, what the theme publishes keeps its plain name, and so do the rules for it.
        if ["_headers", "headers.json"].contains(&&*path) {
            continue;
        }
        let path = without_hash(&path);
        let address = format!("/{}", path.strip_suffix("index.html").unwrap_or(&path));
        let status = if path == "404.html" { [200, 404] } else { [200, 200] };
        let answer = server.get(&address);
        assert!(status.contains(&answer.status), "{address}: {}", answer.status);
        let is_page = path.ends_with(".html");
        assert!(is_page || answer.body.as_bytes() == bytes, "{address} differs");
        let kind = match path.rsplit_once('.').map_or("", |(_, suffix)| suffix) {
            "html" => "text/html; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            "xml" => "text/xml",
            _ => continue,
        };
        assert!(answer.header("content-type").starts_with(kind), "{address} is {}", answer.header("content-type"));
    }
}

/// Only what the live reload needs is added, so that what the policy blocks is noticed before it is published.
#[test]
fn the_headers_are_those_of_the_published_site() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let base_url = server.url.clone();
    let _ = site.candor("build", &["--base-url", &base_url]).success();
    let published = site.published();
    let rules = String::from_utf8(published["_headers"].clone()).expect("headers are text");
    let of = |path: &str| -> Vec<(String, String)> {
        let lines = rules.lines().skip_while(|line| *line != path).skip(1).take_while(|line| line.starts_with(' '));
        let pair = |line: &str| line.trim().split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        lines.filter_map(pair).collect()
    };
    assert!(of("/*").len() >= 6 && of("/privacy/2018-09-26/").len() == 2, "{rules}");
    for path in ["/", "/assets/site.css", "/privacy/2018-09-26/"] {
        let answer = server.get(path).expect(200);
        for (name, value) in of("/*").into_iter().chain(of(path)) {
            let sent: Vec<&str> =
                answer.headers.get_all(&name).iter().map(|value| value.to_str().expect("headers are text")).collect();
            if name == "Content-Security-Policy" {
                // What reloads the page may run and ask besides; a browser reads no directive twice.
                assert!(value.contains("connect-src 'self';"), "{value}");
                assert_eq!(sent, [value.replace("script-src ", "script-src 'self' ")], "{path}");
            } else {
                assert!(sent.contains(&&*value), "{path}: {name} is {sent:?}");
            }
        }
    }
}

#[test]
fn answers_as_a_host_does() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let missing = server.get("/no-such-page/").expect(404);
    let page = server.get("/404.html");
    assert_eq!(missing.body, page.body);
    let moved = server.get("/register");
    assert!([301, 308].contains(&moved.status) && moved.header("location") == "/register/", "{moved:#?}");
    for path in [
        "/../Cargo.toml",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/.candor/registrations.sqlite",
        "/contract.json",
    ] {
        let _ = server.get(path).expect(404);
    }
}

#[test]
fn the_reload_script_is_served_and_never_published() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    for path in ["/", "/register/", "/privacy/", "/404.html"] {
        assert_eq!(server.get(path).body.matches("/_candor/live_reload.js").count(), 1, "{path}");
    }
    let script = server.get("/_candor/live_reload.js").expect(200);
    assert!(script.header("content-type").starts_with("text/javascript"));
    let site = site.built();
    for (path, bytes) in
        files(site.root()).iter().filter(|(path, _)| path.starts_with("public/") || *path == "contract.json")
    {
        assert!(!String::from_utf8_lossy(bytes).contains("_candor"), "{path}");
    }
}

#[test]
fn an_edit_is_served_and_announced() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let mut events = lines(&format!("{}/_candor/events{}", server.url, generation(&server)));
    site.edit("content/register.md", "Use this form", "Take this form");
    let event: Vec<String> = events.by_ref().take_while(|line| !line.is_empty()).collect();
    // An event without data is none (HTML Standard, section 9.2.6).
    let has_data = event.iter().any(|line| line.strip_prefix("data:").is_some_and(|data| !data.trim().is_empty()));
    assert!(event.contains(&"event: reload".to_owned()) && has_data, "a browser makes nothing of {event:?}");
    assert!(server.get("/register/").body.contains("Take this form"));
    let mut next = || -> Vec<String> {
        events.by_ref().skip_while(String::is_empty).take_while(|line| !line.is_empty()).collect()
    };
    site.edit("themes/optimal/assets/parts/tokens.css", "{", "{ --announced: 1;");
    assert!(next().contains(&"event: styles".to_owned()));
    site.edit("content/register.md", "title:", "titel:");
    let event = next();
    assert!(event.contains(&"event: mistakes".to_owned()), "{event:?}");
    assert!(event.iter().any(|line| line.contains("did you mean `title`?")), "{event:?}");
    site.edit("content/register.md", "titel:", "title:");
    assert!(next().contains(&"event: styles".to_owned()), "what was mended is as it was before");

    site.edit("themes/optimal/templates/shared/header.html", "Skip to main content", "Skip to the content");
    wait_until_says(&server, "/", "Skip to the content");
    site.edit("themes/optimal/assets/parts/tokens.css", "{", "{ --edited: 1;");
    wait_until_says(&server, "/assets/site.css", "--edited:1");
    site.write("content/new.md", "---\ntitle: Brand new\n---\n");
    wait_until_says(&server, "/new/", "Brand new");
    std::fs::rename(site.path("content/new.md"), site.path("content/newer.md")).expect("a file can be moved");
    wait_until_says(&server, "/newer/", "Brand new");
    wait_for("the former address to be empty", || (server.get("/new/").status == 404).then_some(()));
}

/// What a page adds to the address of the events: which state of the site it shows.
fn generation(server: &Server) -> String {
    let page = server.get("/").body;
    let after = page.split_once("/_candor/live_reload.js").expect("the page has the script").1;
    after.split('"').next().expect("an attribute ends").to_owned()
}

#[test]
fn the_form_follows_an_edit() {
    const STATEMENT: &str = "content/privacy/2018-09-26.md";
    let site = Site::shipped();
    // A version that is not published yet: no lock holds it.
    let text = site.read(STATEMENT);
    let (before, rest) = text.split_once("provenance:\n").expect("the statement says where it comes from");
    let (_, after) = rest.split_once("\ncontroller:").expect("and then who is responsible");
    site.write(STATEMENT, format!("{before}controller:{after}"));
    for file in ["content/privacy/statement.lock", "content/privacy/next.md"] {
        std::fs::remove_file(site.path(file)).expect("the file is there");
    }
    let server = site.serve(&[]);
    let before = server.body(&[("email", "ada@example.com")]);
    let _ = server.post(&before).expect(303);
    // The fact, the words it quotes, and the text, which must agree.
    site.edit(STATEMENT, "minimum: P7Y", "minimum: P8Y");
    site.edit(STATEMENT, "not less than seven (7) years", "not less than eight (8) years");
    site.edit(STATEMENT, "not less than seven (7) years", "not less than eight (8) years");
    wait_until_says(&server, "/register/", "8 years");
    let _ = server.post(&before).expect(409);
    let _ = server.register(&[("email", "ada@example.com")]).expect(303);
    assert_eq!(site.registrations().len(), 2);
}

/// No page shows how long an answer may be.
#[test]
fn the_form_follows_an_edit_that_no_page_shows() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let body = server.body(&[("name", "Ada Lovelace"), ("email", "ada@example.com")]);
    let _ = server.post(&body).expect(303);
    site.edit("content/forms/register.yaml", "label: Full name", "label: Full name\n    characters_max: 3");
    wait_for("the new limit", || (server.post(&body).status == 422).then_some(()));
}

#[test]
fn an_edit_is_seen_while_another_program_never_stops_writing() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    site.edit("content/register.md", "Use this form", "Take this form");
    let mut count = 0;
    wait_for("the edit", || {
        count += 1;
        site.write("content/noise.txt", format!("{count}"));
        server.get("/register/").body.contains("Take this form").then_some(())
    });
}

#[test]
fn a_broken_edit_leaves_the_last_good_site_and_is_recovered_from() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let good = site.read("content/register.md");
    site.write("content/register.md", good.replace("title: Register", "titel: Register"));
    wait_for("the mistake to be reported", || {
        let said = server.said();
        (said.contains("content/register.md:2:1") && said.contains("did you mean `title`?")).then_some(())
    });
    assert!(server.get("/register/").body.contains("Use this form"));
    let _ = server.register(&[("email", "ada@example.com")]).expect(303);

    site.write("content/register.md", good.replace("Use this form", "Mended form"));
    wait_until_says(&server, "/register/", "Mended form");
}

#[test]
fn a_site_that_is_broken_from_the_start_is_reported_and_recovered_from() {
    let site = Site::shipped();
    site.write("content/broken.md", "---\ntitel: <Broken>\n---\n");
    let server = site.serve(&[]);
    let answer = server.get("/");
    assert!(answer.status >= 500, "{answer:#?}");
    assert!(answer.body.contains("content/broken.md:2:1") && !answer.body.contains("<Broken>"), "{}", answer.body);
    site.write("content/broken.md", "---\ntitle: Mended\n---\n");
    wait_until_says(&server, "/broken/", "Mended");
    let _ = server.get("/").expect(200);
}

#[test]
fn settings_with_a_mistake_are_all_named_at_once() {
    let site = Site::shipped();
    let mut command = program("candor");
    command.args(["serve", "--port", "0", "--root"]).arg(site.root());
    command
        .env("CANDOR_STORE", "oracle:x")
        .env("CANDOR_MAIL", "carrier-pigeon:x")
        .env("CANDOR_MAIL_TIMEOUT_SECONDS", "soon");
    let _ = run(&mut command).exit(2).says(&["CANDOR_STORE", "CANDOR_MAIL", "CANDOR_MAIL_TIMEOUT_SECONDS"]);
}
