//! What was acknowledged is in the store, whatever happens to the process in the next moment.

use std::collections::BTreeSet;
use std::fs::File;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tests::http::{FORM, try_request};
use tests::program::{program, run};
use tests::site::Site;
use tests::wait_for;

fn stored(site: &Site) -> BTreeSet<String> {
    site.registrations()
        .iter()
        .map(|registration| registration["reference"].as_str().expect("a reference").to_owned())
        .collect()
}

#[test]
fn killed_right_after_the_answer() {
    let site = Site::shipped();
    let mut acknowledged = BTreeSet::new();
    for round in 0..8 {
        let mut server = site.serve(&[]);
        let name = format!("Visitor {round}");
        let reference = server.register(&[("name", &name), ("email", "visitor@example.com")]).reference();
        server.kill();
        assert_eq!(site.answer(&reference, "name"), name);
        acknowledged.insert(reference);
        assert_eq!(stored(&site), acknowledged);
    }
}

#[test]
fn killed_while_many_register() {
    let site = Site::shipped();
    for _ in 0..3 {
        let mut server = site.serve(&[]);
        let page = server.body(&[("email", "many@example.com")]);
        let visitors = AtomicUsize::new(0);
        let endpoint = server.endpoint();
        let acknowledged = Mutex::new(BTreeSet::new());
        let killed = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    loop {
                        // The same answers twice would be one registration.
                        let body = format!("{page}&name=Visitor+{}", visitors.fetch_add(1, Ordering::SeqCst));
                        match try_request("POST", &endpoint, &[("content-type", FORM)], body.as_bytes()) {
                            Ok(answer) => {
                                let is_new = acknowledged.lock().expect("no panics").insert(answer.reference());
                                assert!(is_new, "two registrations have one reference");
                            }
                            Err(error) => {
                                assert!(killed.load(Ordering::SeqCst), "no answer from a server that runs: {error}");
                                break;
                            }
                        }
                    }
                });
            }
            wait_for("forty registrations", || (acknowledged.lock().expect("no panics").len() >= 40).then_some(()));
            killed.store(true, Ordering::SeqCst);
            server.kill();
        });
        let acknowledged = acknowledged.into_inner().expect("no panics");
        let stored = stored(&site);
        let lost: Vec<_> = acknowledged.difference(&stored).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
    }
}

#[test]
fn a_reference_nobody_has() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let _ = server.register(&[("email", "visitor@example.com")]).expect(303);
    for (unknown, code, words) in
        [("018f3f7e-0000-7000-8000-000000000000", 1, "there is no such registration"), ("nonsense", 2, "nonsense")]
    {
        let _ =
            run(program("registrations").args(["show", unknown, "--root"]).arg(site.root())).exit(code).says(&[words]);
    }
}

#[test]
fn staff_can_read_the_list_without_json() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let reference = server.register(&[("name", "Ada Lovelace"), ("email", "ada@example.com")]).reference();
    let list = run(program("registrations").args(["list", "--root"]).arg(site.root())).success().stdout;
    assert!(list.contains(&reference) && !list.contains("Lovelace"), "{list}");
    let show = run(program("registrations").args(["show", &reference, "--root"]).arg(site.root())).success().stdout;
    for part in [&*reference, "Ada Lovelace", "ada@example.com", "2018-09-26"] {
        assert!(show.contains(part), "`{part}` is not in:\n{show}");
    }
}

#[test]
fn a_list_that_cannot_be_written_is_an_error_and_one_that_is_not_read_is_none() {
    let site = Site::shipped();
    let server = site.serve(&[]);
    let _ = server.register(&[("email", "visitor@example.com")]).expect(303);
    let list = || {
        let mut list = program("registrations");
        list.args(["list", "--root"]).arg(site.root()).stderr(Stdio::piped());
        list
    };
    let full = File::options().write(true).open("/dev/full").expect("Linux");
    let (reader, unread) = std::io::pipe().expect("a pipe can be made");
    drop(reader);
    for (output, code, words) in
        [(Stdio::from(full), 2, "error: cannot write to the standard output: "), (Stdio::from(unread), 0, "")]
    {
        let finished = list().stdout(output).output().expect("the program starts");
        let said = String::from_utf8(finished.stderr).expect("programs print UTF-8");
        assert_eq!(finished.status.code(), Some(code), "{said}");
        assert!(said.starts_with(words) && said.is_empty() == words.is_empty(), "{said}");
    }
}

/// A site whose every page says which version of it this is.
fn write_version(site: &Site, version: usize) {
    for page in 0..200 {
        site.write(&format!("content/page-{page}.md"), format!("---\ntitle: Page {page}\n---\n\nVersion {version}.\n"));
    }
}

#[test]
fn a_build_that_is_killed_leaves_a_whole_site() {
    let site = Site::empty().with("tests/golden/handbook/content", "content").with_plain_theme();
    write_version(&site, 0);
    let site = site.built();
    let files = site.published().into_keys().collect::<Vec<_>>();
    let mut taken = Duration::ZERO;
    let mut seen = BTreeSet::new();
    for version in 1..=KILLS {
        write_version(&site, version);
        let mut build = program("candor");
        build.arg("build").arg("--root").arg(site.root()).stdout(Stdio::null());
        let began = Instant::now();
        let mut build = build.spawn().expect("candor starts");
        // The first says how long it takes; the others are killed at moments spread from before the first page is written to
        // after all is done, in the order of the golden ratio, which never comes near one of them twice.
        if version == 1 {
            build.wait().expect("a child can be awaited");
            taken = began.elapsed();
        } else {
            thread::sleep(taken.mul_f64((version as f64 * 0.618_034).fract() * 1.1));
            build.kill().expect("a child can be killed");
            build.wait().expect("a child can be awaited");
        }

        let published = site.published();
        assert_eq!(published.keys().cloned().collect::<Vec<_>>(), files, "version {version}");
        let versions: BTreeSet<String> = published
            .iter()
            .filter(|(path, _)| path.starts_with("page-"))
            .map(|(_, page)| String::from_utf8_lossy(page).split_once("Version ").expect("a version").1.to_owned())
            .collect();
        assert_eq!(versions.len(), 1, "half a site: {versions:?}");
        seen.extend(versions);
    }
    assert!(seen.len() > 1, "no build got to its end: {seen:?}");
    assert!(seen.len() < KILLS, "every build got to its end");
    let site = site.built();
    assert!(site.read("public/page-0/index.html").contains(&format!("Version {KILLS}.")));
    let left: Vec<_> = tests::site::files(site.root()).into_keys().filter(|path| path.contains("staging")).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

/// How often a build is killed.
const KILLS: usize = 50;
