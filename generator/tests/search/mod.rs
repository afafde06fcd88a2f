//! The search in a real Chromium, under the policy that the host sends.

#![expect(clippy::unwrap_used, reason = "a test that cannot make its site has failed")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use generator::build::build;
use generator::output::{Files, Memory};
use statement::diagnostic::Diagnostics;

use crate::site_archive;

const SITE: &str = "\
-- content/site.yaml --
{title: Site, base_url: \"https://example.org\", language: en, timezone: UTC, theme: plain, search: true}
-- themes/plain/theme.yaml --
extends: optimal
-- themes/plain/templates/section.html: none --
-- content/guides/_index.md --
---
title: Guides
---
-- content/guides/a.md --
---
title: Registering in 東京
description: How it is done
---
Été, Ärger & <b>more</b>.
-- content/guides/b.md --
---
title: Else
---
A registration elsewhere; 京 alone.
";

/// Publishes files on a port of this machine, with the policy, and returns its address.
fn serve(files: Arc<Files>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let headers = String::from_utf8(files["/_headers"].to_vec()).unwrap();
    let policy = headers.lines().find(|line| line.contains("Content-Security-Policy")).unwrap().trim().to_owned();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let line = lines.next().unwrap_or_default();
            lines.find(String::is_empty);
            let path = line.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
            let kind = match path.rsplit_once('.').map(|(_, suffix)| suffix) {
                Some("js") => "text/javascript",
                Some("json") => "application/json",
                Some("css") => "text/css",
                Some("svg") => "image/svg+xml",
                _ => "text/html; charset=utf-8",
            };
            let (status, body) = files.get(path).map_or(("404 Not Found", &[][..]), |bytes| ("200 OK", bytes));
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{policy}\r\nConnection: close\r\n\r\n"
            );
            // A browser may have gone.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        }
    });
    url
}

/// What the page of all pages says once somebody came with these words: the status, and the addresses found.
fn found(url: &str, query: &str) -> (String, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.path().display()))
        .arg(format!("{url}/search/?q={query}"))
        .output()
        .expect("Chromium is installed, as tests/run does");
    let page = String::from_utf8(output.stdout).unwrap();
    let (_, search) = page.split_once("<search").unwrap_or_else(|| panic!("{page}"));
    let (search, _) = search.split_once("<template>").unwrap();
    assert!(!search.split_once('>').unwrap().0.contains("hidden"), "{search}");
    let (_, status) = search.split_once("role=\"status\">").unwrap();
    let (status, list) = status.split_once("</p>").unwrap();
    let links = list.split("href=\"").skip(1).map(|link| link.split('"').next().unwrap_or_default().to_owned());
    (status.to_owned(), links.collect())
}

#[test]
fn a_search_finds_pages_and_asks_nobody_else() {
    let tree = site_archive::tree(SITE);
    let mut published = Files::new();
    let built = build(&tree, &site_archive::options(), Diagnostics::new(), Memory::new(&mut published)).unwrap();
    assert!(built.diagnostics.is_empty(), "{:?}", built.diagnostics);
    let url = serve(Arc::new(published));
    let (a, b) = ("/guides/a/".to_owned(), "/guides/b/".to_owned());
    // Words by their stems, in the title first; letters of a script without spaces one by one, in any order.
    assert_eq!(found(&url, "registered").1[..2], ["/register/".to_owned(), a.clone()]);
    assert_eq!(found(&url, "%C3%A9t%C3%A9+%C3%A4rg"), ("1 page".to_owned(), vec![a.clone()]));
    assert_eq!(found(&url, "%E4%BA%AC"), ("2 pages".to_owned(), vec![a, b]));
    assert_eq!(found(&url, "nobody"), ("No page has these words.".to_owned(), vec![]));
}
