//! Same input, same bytes: not the order in which files were made, nor threads, time zone or place, change what is published.

use std::collections::BTreeMap;
use std::time::SystemTime;

use tests::program::{program, run};
use tests::site::{Site, files};

type Files = BTreeMap<String, Vec<u8>>;

/// Writes a copy of the shipped site in an order, builds it in an environment, and returns all that was published.
fn build(order: impl Fn(&mut Vec<(String, Vec<u8>)>), environment: &[(&str, &str)]) -> Files {
    let mut source: Vec<_> = files(Site::shipped().root()).into_iter().collect();
    order(&mut source);
    let site = Site::empty();
    for (path, bytes) in source {
        site.write(&path, bytes);
    }
    let mut candor = program("candor");
    let _ = run(candor.arg("build").current_dir(site.root()).envs(environment.iter().copied())).success();
    published(&site)
}

fn published(site: &Site) -> Files {
    let mut published = site.published();
    published.insert("../contract.json".to_owned(), site.read("contract.json").into_bytes());
    assert!(published.contains_key("index.html"), "{:?}", published.keys());
    published
}

fn assert_same(one: &Files, other: &Files) {
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (path, bytes) in one {
        assert!(*bytes == other[path], "{path} differs");
    }
}

#[test]
fn the_order_of_files_does_not_matter() {
    let forwards = build(|_| (), &[("RAYON_NUM_THREADS", "1"), ("TZ", "Pacific/Kiritimati")]);
    let backwards =
        build(|source| source.reverse(), &[("RAYON_NUM_THREADS", "8"), ("TZ", "Etc/GMT+12"), ("LC_ALL", "tr_TR")]);
    assert_same(&forwards, &backwards);
}

#[test]
fn building_again_changes_nothing() {
    let site = Site::shipped().built();
    let first = published(&site);
    let site = site.built();
    assert_same(&first, &published(&site));
}

/// When each published file was last written.
fn times(site: &Site) -> BTreeMap<String, SystemTime> {
    let time = |path: &str| site.path(&format!("public/{path}")).metadata().and_then(|found| found.modified());
    published(site).into_keys().map(|path| (path.clone(), time(&path).expect("a file has a time"))).collect()
}

#[test]
fn what_does_not_change_is_not_written_again() {
    let site = Site::shipped().built();
    let before = times(&site);
    let site = site.built();
    assert_eq!(times(&site), before);

    site.edit("content/404.md", "There is no page", "There is nothing");
    let site = site.built();
    let mut after = times(&site);
    assert_ne!(after.remove("404.html"), before.get("404.html").copied());
    assert!(after.iter().all(|(path, time)| before[path] == *time));
    assert!(site.read("public/404.html").contains("There is nothing"));
}

#[test]
fn nothing_of_an_earlier_build_remains() {
    let site = Site::shipped();
    site.write("content/passing.md", "---\ntitle: Passing\n---\n");
    let site = site.built();
    assert!(site.published().contains_key("passing/index.html"));
    std::fs::remove_file(site.path("content/passing.md")).expect("a file can be removed");
    let site = site.built();
    assert!(!site.published().contains_key("passing/index.html"));
}
