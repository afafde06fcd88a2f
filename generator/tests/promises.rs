//! Keeps `docs/PROMISES.md` true: every code of the sources is in it and has a test that meets its message.

#![expect(clippy::disallowed_methods, reason = "what is compared are the repository's own files")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the repository").to_owned()
}

/// The text of every Rust file under a folder.
fn sources(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            texts.extend(sources(&path));
        } else if path.extension().is_some_and(|suffix| suffix == "rs") {
            texts.push(fs::read_to_string(&path).expect("sources are text"));
        }
    }
    texts
}

/// The codes in a text, each between these marks.
fn codes(text: &str, before: &str, after: &str) -> BTreeSet<String> {
    let is_code = |code: &&str| code.starts_with('P') && code[1..].bytes().all(|digit| digit.is_ascii_digit());
    let between = text.match_indices(before).filter_map(|(at, _)| {
        let start = at + before.len();
        text.get(start..start + 4).filter(|_| text[start + 4..].starts_with(after))
    });
    between.filter(is_code).map(str::to_owned).collect()
}

#[test]
fn every_promise_has_its_row_and_its_test() {
    let table = fs::read_to_string(repository().join("docs/PROMISES.md")).expect("the table is there");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| P"))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let listed: BTreeSet<String> = rows.iter().map(|row| row[1].to_owned()).collect();
    assert_eq!(listed.len(), rows.len(), "a code has one row");

    let of_crates = |folder: &str| -> Vec<String> {
        ["statement", "generator", "form-handler"]
            .iter()
            .map(|name| repository().join(name).join(folder))
            .flat_map(|path| sources(&path))
            .collect()
    };
    let known: BTreeSet<String> = of_crates("src").iter().flat_map(|text| codes(text, "\"", "\"")).collect();
    let missing: Vec<&String> = known.difference(&listed).collect();
    let gone: Vec<&String> = listed.difference(&known).collect();
    assert!(missing.is_empty() && gone.is_empty(), "without a row: {missing:?}; without a source: {gone:?}");

    let tests = [of_crates("tests"), of_crates("src"), sources(&repository().join("tests/tests"))].concat();
    for row in &rows {
        let names: Vec<&str> = row[5].split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "{} has no test", row[1]);
        for name in names {
            let meets = if name.ends_with(".txt") {
                let case = repository().join("generator/tests/cases").join(name);
                fs::read_to_string(&case).is_ok_and(|text| codes(&text, "[", "]").contains(row[1]))
            } else {
                tests.iter().any(|text| text.contains(&format!("fn {name}(")) && text.contains(row[1]))
            };
            assert!(meets, "`{name}` does not meet {}", row[1]);
        }
    }
}

/// The cells of the rows of a table whose first cell is a number, after a heading.
fn numbered<'a>(page: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let (_, part) = page.split_once(heading).expect("the heading is there");
    let rows = part.split("\n## ").next().unwrap_or_default().lines();
    let rows = rows.map(|line| line.split('|').map(str::trim).collect::<Vec<&str>>());
    rows.filter(|cells| cells.get(1).is_some_and(|cell| cell.parse::<u32>().is_ok())).collect()
}

#[test]
fn every_sentence_of_the_first_version_has_its_row() {
    let page = fs::read_to_string(repository().join("docs/PROMISES.md")).expect("the table is there");
    let listed: BTreeSet<&str> =
        page.lines().filter(|line| line.starts_with("| P")).filter_map(|line| line.get(2..6)).collect();
    let rows = numbered(&page, "## Row by row");
    let numbers: Vec<String> = rows.iter().map(|cells| cells[1].to_owned()).collect();
    assert_eq!(numbers, (1..=37).map(|number| number.to_string()).collect::<Vec<_>>());
    for cells in rows {
        let codes: Vec<&str> = cells[4].split([',', ';']).map(str::trim).filter(|code| code.starts_with('P')).collect();
        let unknown: Vec<&&str> = codes.iter().filter(|code| !listed.contains(**code)).collect();
        assert!(unknown.is_empty(), "row {}: {unknown:?}", cells[1]);
        let is_of_now = cells[3].split(' ').any(|moment| matches!(moment, "E" | "B"));
        assert!(!is_of_now || !codes.is_empty(), "row {}", cells[1]);
    }
}

#[test]
fn what_is_checked_at_the_function_has_tests_that_meet_it() {
    let page = fs::read_to_string(repository().join("docs/PROMISES.md")).expect("the table is there");
    let folders = ["form-handler/src", "form-handler/tests", "tests/tests"];
    let tests: Vec<String> = folders.iter().flat_map(|folder| sources(&repository().join(folder))).collect();
    let rows = numbered(&page, "## At the function");
    assert!(!rows.is_empty());
    for cells in rows {
        let codes = cells[4].split(", ").filter(|said| said.starts_with('P'));
        let names: Vec<&str> = cells[5].split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "row {} has no test", cells[1]);
        for name in names {
            let meets =
                |text: &&String| text.contains(&format!("fn {name}(")) && codes.clone().all(|code| text.contains(code));
            assert!(tests.iter().any(|text| meets(&text)), "`{name}` does not meet {}", cells[2]);
        }
    }
}

#[test]
fn every_acceptance_test_exists() {
    let page = fs::read_to_string(repository().join("docs/PROMISES.md")).expect("the table is there");
    let folders = [
        "statement/src",
        "statement/tests",
        "generator/src",
        "generator/tests",
        "form-handler/src",
        "form-handler/tests",
        "tests/tests",
    ];
    let tests: Vec<String> = folders.iter().flat_map(|folder| sources(&repository().join(folder))).collect();
    let rows = numbered(&page, "## Acceptance tests");
    assert!(!rows.is_empty());
    for cells in rows {
        for name in cells[3].split('`').skip(1).step_by(2) {
            let exists = match name.strip_suffix(".txt") {
                Some(_) => repository().join("generator/tests/cases").join(name).exists(),
                None => tests.iter().any(|text| text.contains(&format!("fn {name}("))),
            };
            assert!(exists, "there is no test `{name}`, which shows {}", cells[1]);
        }
    }
}
