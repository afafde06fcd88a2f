//! `candor check --live` against a host that serves a site as it was published, and hosts that do not.

use std::net::TcpListener;

use tests::program::Finished;
use tests::site::Site;
use tests::static_host::{Sent, host};

const LOCK: &str = "content/privacy/statement.lock";
const DAY: &str = "2026-03-02";

/// Checks the shipped site against where it is served, on the day it is built for.
fn check(site: &Site, url: &str) -> Finished {
    site.candor("check", &["--today", DAY, "--live", url])
}

fn shipped() -> Site {
    let site = Site::shipped();
    let _ = site.candor("build", &["--today", DAY]).success();
    site
}

/// What is said when answers about a path are changed.
fn changed(site: &Site, wanted: &'static str, change: impl Fn(&mut Sent) + Send + 'static) -> String {
    let url = host(&site.path("public"), move |path, sent| {
        if path == wanted {
            change(sent);
        }
    });
    let finished = check(site, &url).exit(1);
    finished.stderr.replace(&url, "LIVE")
}

fn edit(sent: &mut Sent, from: &str, to: &str) {
    let body = String::from_utf8(sent.body.take().expect("there is a page")).expect("pages are text");
    assert!(body.contains(from), "`{from}` is not in {body}");
    sent.body = Some(body.replacen(from, to, 1).into_bytes());
}

#[test]
fn a_site_that_is_served_as_it_was_published_is_right() {
    let site = shipped();
    // A host may set its pages in another way.
    let url = host(&site.path("public"), |path, sent| {
        if path == "/privacy/" {
            edit(sent, "<p", "<!-- served by a host -->\n\n<p");
        }
    });
    let finished = check(&site, &format!("{url}/")).success();
    assert_eq!(finished.stderr, "");
}

#[test]
fn who_does_not_answer_is_not_taken_for_right() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let url = format!("http://{}", closed.expect("a free port"));
    let _ = check(&shipped(), &url).exit(2).says(&[&format!("error: cannot ask for {url}/privacy/lock.jsonl")]);
}

#[test]
fn a_rewritten_lock_is_known_by_what_is_served() {
    let site = shipped();
    let url = host(&site.path("public"), |_, _| {});
    let text = site.read(LOCK);
    site.write(LOCK, text.replacen("\"author\":\"", "\"author\":\"Not ", 1));
    let told = check(&site, &url).exit(1).stderr.replace(&url, "LIVE");
    assert!(
        told.starts_with(
            "error[P216]: line 1 of the lock is not the one in LIVE/privacy/lock.jsonl\n --> content/privacy/statement.lock:1:1\n"
        ),
        "{told}"
    );
    assert!(
        told.ends_with(
            "\n  = help: bring back the lock as it was published; lines may only be added at its end\n\n\
             1 error; nothing could be published\n"
        ),
        "{told}"
    );
}

#[test]
fn what_is_served_otherwise_is_told() {
    let site = shipped();
    assert_eq!(
        changed(&site, "/privacy/2018-09-26/facts.json", |sent| sent.body = None),
        "error: nothing is served at LIVE/privacy/2018-09-26/facts.json\n\
         --> content/privacy/2018-09-26.md\n \
         = note: the server answers 404\n \
         = help: publish the site, and ask again\n\n\
         1 error; nothing could be published\n"
    );
    assert_eq!(
        changed(&site, "/privacy/2018-09-26/statement.md", |sent| edit(sent, "seven (7)", "five (5)")),
        "error[P210]: another text is served than was published: LIVE/privacy/2018-09-26/statement.md\n\
         --> content/privacy/2018-09-26.md\n \
         = help: publish the site again from the files that the lock names\n\n\
         1 error; nothing could be published\n"
    );
    assert_eq!(
        changed(&site, "/privacy/", |sent| edit(sent, "seven (7)", "five (5)")),
        "error[P210]: LIVE/privacy/ does not have the words of version 2018-09-26\n\
         --> content/privacy/2018-09-26.md\n \
         = note: the same words stand on it until “… retain information for not less than”\n \
         = help: find what changes the page, at the host or in front of it, and publish the site again\n\n\
         1 error; nothing could be published\n"
    );
    assert_eq!(
        changed(&site, "/privacy/", |sent| {
            sent.headers.retain(|(name, _)| name != "Referrer-Policy");
            sent.headers.push(("Set-Cookie".to_owned(), "visitor=1; Path=/".to_owned()));
        }),
        "error: LIVE/privacy/ is served without `Referrer-Policy`\n\
         --> content/privacy/2018-09-26.md\n \
         = note: built was `no-referrer`\n \
         = help: let the host send what the build writes, and nothing in front of it change it\n\n\
         error[P112]: LIVE/privacy/ sets the cookie `visitor`\n\
         --> content/privacy/2018-09-26.md\n \
         = help: find what sets it, at the host or in front of it, and stop it\n\n\
         2 errors; nothing could be published\n"
    );
    let told = changed(&site, "/privacy/", |sent| {
        edit(sent, "</body>", "<img src=\"https://counter.example/visit.gif\" alt=\"\"></body>");
    });
    assert!(told.contains("error[P120]: ") && told.contains("counter.example"), "{told}");
}

#[test]
fn a_header_with_another_value_is_told() {
    let site = shipped();
    let set = |sent: &mut Sent, wanted: &str, edit: fn(&str) -> String| {
        let header = sent.headers.iter_mut().find(|(name, _)| name == wanted).expect("the header is sent");
        header.1 = edit(&header.1);
    };
    let told = changed(&site, "/privacy/", move |sent| {
        set(sent, "Content-Security-Policy", |policy| policy.replace("img-src 'self' data:", "img-src *"));
        set(sent, "Referrer-Policy", |_| "unsafe-url".to_owned());
    });
    assert_eq!(
        told,
        "error: LIVE/privacy/ is served with another `Content-Security-Policy` than was built\n\
         --> content/privacy/2018-09-26.md\n \
         = note: built was `img-src 'self' data:`\n \
         = note: served is `img-src *`\n \
         = help: let the host send what the build writes, and nothing in front of it change it\n\n\
         error: LIVE/privacy/ is served with another `Referrer-Policy` than was built\n\
         --> content/privacy/2018-09-26.md\n \
         = note: built was `no-referrer`\n \
         = note: served is `unsafe-url`\n \
         = help: let the host send what the build writes, and nothing in front of it change it\n\n\
         2 errors; nothing could be published\n"
    );
    // Another policy beside ours forbids more, and allows nothing.
    let url = host(&site.path("public"), |_, sent| {
        sent.headers.push(("Content-Security-Policy".to_owned(), "upgrade-insecure-requests".to_owned()));
        sent.headers.push(("Link".to_owned(), "</a.css>; rel=\"preload\"".to_owned()));
    });
    let _ = check(&site, &url).success();
}

#[test]
fn a_page_says_the_policy_where_the_host_sends_no_headers() {
    let site = Site::shipped();
    site.write("content/site.yaml", site.read("content/site.yaml") + "hosting: no-headers\n");
    let _ = site.candor("build", &["--today", DAY]).success();
    let url = host(&site.path("public"), |_, sent| sent.headers.clear());
    let _ = check(&site, &url).success();
    let told = changed(&site, "/privacy/", |sent| {
        sent.headers.clear();
        edit(sent, "img-src &#39;self&#39; data:", "img-src *");
    });
    assert!(
        told.contains(
            "error: LIVE/privacy/ says another policy than was built\n\
             --> content/privacy/2018-09-26.md\n \
             = note: built was `img-src 'self' data:`\n \
             = note: served is `img-src *`\n \
             = help: let the host send what the build writes, and nothing in front of it change it\n"
        ),
        "{told}"
    );
}

#[test]
fn an_address_that_stands_in_the_statement_is_no_other_contact() {
    let site = shipped();
    let url = host(&site.path("public"), |path, sent| {
        // A link of the statement's own page may have any address; what else is on it may not ask anybody.
        if path == "/privacy/" {
            edit(sent, "</main>", "<p><a href=\"mailto:other@example.org\">other@example.org</a></p></main>");
        }
    });
    let finished = check(&site, &url).success();
    assert_eq!(finished.stderr, "");
}

#[test]
fn a_page_that_was_not_built_again_is_behind_its_lock() {
    let site = Site::shipped();
    site.finish_the_draft();
    let publish = ["publish", "--author", "A", "--summary", "s", "--why", "w", "--who", "x", "--do", "y"];
    let now = format!("{DAY}T15:00:00Z");
    let _ = tests::program::run(
        tests::program::program("candor")
            .arg("statement")
            .args(publish)
            .args(["--now", &now, "--root"])
            .arg(site.root()),
    )
    .success();
    // The day before, the first version is in force.
    let _ = site.candor("build", &["--today", "2026-03-01"]).success();
    let url = host(&site.path("public"), |_, _| {});
    let told = check(&site, &url).exit(1).stderr.replace(&url, "LIVE");
    assert!(
        told.contains(
            "error[P211]: LIVE/privacy/ does not have the date of version 2026-03-02\n\
             --> content/privacy/2026-03-02.md\n \
             = note: 2026-03-02 stands nowhere on it: the live site is behind its lock, or ahead of it\n \
             = help: build and publish the site\n"
        ),
        "{told}"
    );
    let _ = site.candor("build", &["--today", DAY]).success();
    let url = host(&site.path("public"), |_, _| {});
    let _ = check(&site, &url).success();
}
