//! Whole sites against the output that was accepted for them, both ways: nothing is missing and nothing is new.
//!
//! `CANDOR_ACCEPT=1 cargo test -p tests --test golden` accepts what is built now; read the difference before you commit it.

use std::collections::BTreeMap;
use std::fs;

use tests::program::repository;
use tests::site::{Site, files};

#[test]
fn handbook() {
    compare("handbook", &["--today", "2026-06-01"]);
}

#[test]
fn handbook_with_drafts_elsewhere() {
    compare("handbook-with-drafts", &["--today", "2026-05-06", "--drafts", "--base-url", "http://localhost:1234/"]);
}

#[test]
fn registration() {
    compare("registration", &["--today", "2025-06-01"]);
}

#[test]
fn registration_under_the_former_statement() {
    let site = Site::empty().with("tests/golden/registration/content", "content").with_plain_theme();
    let finished = site.candor("build", &["--today", "2024-12-31"]).exit(1);
    let _ = finished.says(&["P101", "`email`", "statement 2024-01-01 declares `name`", "nothing was published"]);
}

/// Builds the site of a golden folder and compares what comes out with what is accepted.
fn compare(name: &str, arguments: &[&str]) {
    let source = name.strip_suffix("-with-drafts").unwrap_or(name);
    let site = Site::empty().with(&format!("tests/golden/{source}/content"), "content").with_plain_theme();
    let _ = site.candor("build", arguments).success();
    let mut built: BTreeMap<String, Vec<u8>> =
        site.published().into_iter().map(|(path, bytes)| (format!("public/{path}"), bytes)).collect();
    built.insert("contract.json".to_owned(), fs::read(site.path("contract.json")).expect("a contract is written"));

    let folder = repository().join("tests/golden").join(name).join("expected");
    if std::env::var_os("CANDOR_ACCEPT").is_some() {
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("the former output can be removed");
        }
        for (path, bytes) in &built {
            let file = folder.join(path);
            fs::create_dir_all(file.parent().expect("a file has a folder")).expect("folders can be made");
            fs::write(file, bytes).expect("a file can be written");
        }
        return;
    }
    let expected = files(&folder);
    let paths = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(&built), paths(&expected), "the files of {name}");
    for (path, bytes) in &built {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            *bytes == expected[path],
            "{path} of {name} is now:\n{}\nand was:\n{}",
            text(bytes),
            text(&expected[path])
        );
    }
}
