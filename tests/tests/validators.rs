//! What we publish, read by the programs of others: the validator of the W3C, the host's own parsers, the schema of
//! sitemaps.org, the grammar of RFC 4287.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tests::program::{program, repository};
use tests::site::{Site, parse_archive};
use tests::validators;

/// The shipped site with a page for everything that can be written.
fn everything() -> Site {
    let site = Site::shipped();
    for (path, text) in parse_archive(include_str!("../fixtures/everything.txt")) {
        site.write(&path, text);
    }
    site.built()
}

/// A statement in two versions, with the pages that compare them, in the theme that people see.
fn two_versions() -> Site {
    let site = Site::empty().with("tests/golden/registration/content", "content").with("themes", "themes");
    site.edit("content/site.yaml", "theme: plain", "theme: optimal");
    let _ = site.candor("build", &["--today", "2025-06-01"]).success();
    site
}

/// The pages that were accepted for the golden sites.
fn golden() -> Vec<PathBuf> {
    let folders = fs::read_dir(repository().join("tests/golden")).expect("the golden sites are a folder");
    folders.map(|folder| folder.expect("the folder can be read").path().join("expected/public")).collect()
}

#[test]
fn html_is_valid() {
    let sites = [Site::shipped().built(), everything(), two_versions()];
    let folders: Vec<PathBuf> = sites.iter().map(|site| site.path("public")).chain(golden()).collect();
    let said = validators::html_checker(&folders);
    assert!(said.is_empty(), "{said}");
}

/// A validator that finds nothing might not look.
#[test]
fn html_that_is_not_valid_is_found() {
    let site = Site::empty();
    site.write("public/index.html", "<!doctype html><html lang=en><title>A</title><p><img src=a>");
    let said = validators::html_checker(&[site.path("public")]);
    assert!(said.contains("alt"), "{said}");
}

/// What the host read; all of it without an error.
fn read_by_host(site: &Site) -> Value {
    let read = validators::host(site.root());
    assert_eq!(read["errors"], Value::Array(Vec::new()));
    read
}

fn list<'a>(read: &'a Value, key: &str) -> &'a [Value] {
    read[key].as_array().expect("a list")
}

#[test]
fn the_host_reads_our_headers_and_redirects() {
    let site = everything();
    let read = read_by_host(&site);
    let headers: Value = serde_json::from_str(&site.read("public/headers.json")).expect("JSON");
    let ours = headers["rules"].as_array().expect("rules");
    let theirs = list(&read, "headers");
    assert_eq!(theirs.len(), ours.len());
    for (their, our) in theirs.iter().zip(ours) {
        assert_eq!(their["for"], our["path"]);
        assert_eq!(their["values"], our["headers"], "{}", our["path"]);
    }
    let redirects: Vec<[&str; 2]> = list(&read, "redirects")
        .iter()
        .map(|redirect| ["from", "to"].map(|key| redirect[key].as_str().expect("a path")))
        .collect();
    let to = "/guides/deeper/last/";
    assert_eq!(redirects[..3], [["/old/last/", to], ["/old/%C3%BAltimo.html", to], ["/old/a%20b/", to]]);
    // The rest are the usual addresses of a statement.
    assert!(redirects[3..].iter().all(|[_, to]| *to == "/privacy/"), "{redirects:?}");
    assert!(list(&read, "redirects").iter().all(|redirect| redirect["status"] == 301));
}

#[test]
fn the_host_reads_the_shipped_configuration() {
    let site = Site::shipped().built();
    fs::copy(repository().join("netlify.toml"), site.path("netlify.toml")).expect("a file can be copied");
    let read = read_by_host(&site);
    assert_eq!(read["build"]["publish"], site.path("public").to_str().expect("UTF-8"));
    let [form] = list(&read, "proxied") else { panic!("one redirect: {read}") };
    assert_eq!(form["path"], "/api/*");
    assert_eq!((&form["proxy"], &form["force"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!(form["signed"], "CANDOR_PROXY_SECRET");
}

fn assert_valid_sitemap(path: &Path) {
    let schema = validators::sitemap_schema();
    let finished = validators::xmllint(&["--schema"], Some(&schema), path);
    let _ = finished.success();
}

#[test]
fn sitemaps_keep_to_their_schema() {
    for site in [Site::shipped().built(), everything()] {
        assert_valid_sitemap(&site.path("public/sitemap.xml"));
    }
}

#[test]
fn a_sitemap_of_more_than_fifty_thousand_pages_is_several() {
    let site = Site::empty().with_plain_theme();
    site.write(
        "content/site.yaml",
        "{title: A, base_url: \"https://a.example\", language: en, timezone: UTC, theme: plain}",
    );
    site.write("content/_index.md", "---\ntitle: A\n---\n");
    for page in 0..50_000 {
        site.write(&format!("content/page-{page}.md"), "---\ntitle: A\n---\n");
    }
    // On a busy machine this takes longer than `run` waits.
    let mut build = program("candor");
    let status = build.args(["build", "--root"]).arg(site.root()).stdout(Stdio::null()).status();
    assert!(status.expect("candor starts").success());
    let index = site.read("public/sitemap.xml");
    let parts: Vec<&str> = locations(&index);
    assert!(
        parts == ["https://a.example/sitemap-1.xml", "https://a.example/sitemap-2.xml"],
        "{} sitemaps",
        parts.len()
    );
    let _ = validators::xmllint(&[], None, &site.path("public/sitemap.xml")).success();
    let mut listed = BTreeSet::new();
    for part in ["public/sitemap-1.xml", "public/sitemap-2.xml"] {
        assert_valid_sitemap(&site.path(part));
        let text = site.read(part);
        let pages = locations(&text);
        assert!(pages.len() <= 50_000, "{}", pages.len());
        listed.extend(pages.into_iter().map(str::to_owned));
    }
    assert_eq!(listed.len(), 50_001);
}

fn locations(sitemap: &str) -> Vec<&str> {
    sitemap.split("<loc>").skip(1).filter_map(|rest| rest.split_once("</loc>")).map(|(address, _)| address).collect()
}

#[test]
fn feeds_keep_to_their_grammar() {
    let grammar = validators::file("atom.rng");
    let site = everything();
    let feeds: Vec<String> = site.published().into_keys().filter(|path| path.ends_with("atom.xml")).collect();
    assert!(feeds.len() > 5, "{feeds:?}");
    let mut said = String::new();
    for feed in &feeds {
        let finished = validators::xmllint(&["--relaxng"], Some(&grammar), &site.path(&format!("public/{feed}")));
        if finished.code != Some(0) {
            writeln!(said, "{feed}: {}", finished.stderr).expect("a string can be written to");
        }
    }
    assert!(said.is_empty(), "{said}");
    // The grammar asks for something.
    site.edit("public/atom.xml", "<updated>", "<update>");
    site.edit("public/atom.xml", "</updated>", "</update>");
    let finished = validators::xmllint(&["--relaxng"], Some(&grammar), &site.path("public/atom.xml"));
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
}

/// RFC 9309, section 2.2: groups of a user agent and rules, lines of a name, a colon and a value.
#[test]
fn robots_txt_is_for_everybody() {
    let site = everything();
    assert_eq!(
        site.read("public/robots.txt"),
        "User-agent: *\nAllow: /\n\nSitemap: https://everything.example.org/sitemap.xml\n"
    );
}

#[test]
fn the_template_for_aws_is_valid() {
    let said = validators::cloudformation(&repository().join("form-handler/aws/template.yaml"));
    assert!(said.is_empty(), "{said}");
}

#[test]
fn a_template_that_is_not_valid_is_found() {
    let site = Site::empty();
    let template = std::fs::read_to_string(repository().join("form-handler/aws/template.yaml")).expect("the template");
    site.write("template.yaml", template.replace("MemorySize: 256", "MemorySize: 25"));
    let said = validators::cloudformation(&site.path("template.yaml"));
    assert!(said.contains("E3034 25 is less than the minimum of 128"), "{said}");
}
