//! The life of a statement as people lead it: drafting, publishing, comparing, taking back, translating, and every
//! way in which that can go wrong.

use std::process::Command;

use serde_json::Value;
use tests::program::{Finished, program, run};
use tests::site::Site;

const SITE: &str = r#"-- content/site.yaml --
title: Site
base_url: https://example.org
language: en
timezone: America/Chicago
theme: optimal
-- content/_index.md --
---
title: Home
---
Welcome.
-- content/privacy/2018-09-26.md --
---
schema: privacy-statement/1
document: example-privacy
version: "2018-09-26"
title: Privacy
language: en
effective: "2018-09-26"
provenance: {source: imported, verbatim: true}
contact: {email: support@example.org, says: {at: ask, text: Write to support@example.org}}
collects:
  voluntary:
    fields:
      - {key: name, category: name, says: {at: top, text: your name}}
retention: {minimum: P7Y, says: {at: keep, text: seven years}}
changes: {effective: on-posting, notice: none, says: {at: keep, text: Changes count when they are posted}}
unclaimed:
  - {at: top, text: We recieve, why: explanation}
---
We recieve your name.

## Keeping {#keep}

We may keep it for seven years. Changes count when they are posted.

## Questions {#ask}

Write to support@example.org about [keeping](#keep).
"#;

const NOTE: [&str; 8] = ["--summary", "A change", "--why", "It was due", "--who", "Everybody", "--do", "Nothing"];

fn statement(site: &Site, arguments: &[&str]) -> Finished {
    let mut command = program("candor");
    command.arg("statement").args(arguments).arg("--root").arg(site.root());
    run(&mut command)
}

fn publish(site: &Site, now: &str, more: &[&str]) -> Finished {
    let mut arguments = vec!["publish", "--author", "A. Editor", "--now", now];
    arguments.extend(NOTE);
    arguments.extend(more);
    statement(site, &arguments)
}

/// A site whose first version is in the lock.
fn locked() -> Site {
    let site = Site::from_archive(SITE);
    let _ = publish(&site, "2020-01-01T12:00:00Z", &[]).success();
    site
}

/// The same with a draft begun from it, with a piece of the text replaced.
fn drafted(site: Site, from: &str, edit: (&str, &str)) -> Site {
    let _ = statement(&site, &["draft", "--from", from, "--now", "2026-03-02T15:00:00Z"]).success();
    site.edit("content/privacy/next.md", edit.0, edit.1);
    site
}

fn build(site: &Site, day: &str) -> Finished {
    site.candor("build", &["--today", day])
}

const DAY: &str = "2026-03-02T15:00:00Z";
const LOCK: &str = "content/privacy/statement.lock";
const FIRST: &str = "content/privacy/2018-09-26.md";
const SPANISH: &str = "content/privacy/2018-09-26.es.md";
const NEXT: &str = "content/privacy/next.md";
const YEARS: (&str, &str) = ("We may keep", "We will keep");

#[test]
fn a_second_version_is_drafted_published_and_in_force() {
    let site = drafted(locked(), "2018-09-26", ("seven years. Changes", "five years. Changes"));
    site.edit(NEXT, "text: seven years", "text: five years");
    let unmended = publish(&site, DAY, &[]).exit(1);
    assert_eq!(
        unmended.stderr,
        "error[P225]: `retention.minimum` is 7 years, and the words it rests on do not say so\n  \
           --> content/privacy/next.md:20:12\n   \
            |\n\
         20 |   minimum: P7Y\n   \
            |            ^^^\n   \
            |\n   \
            = note: it quotes `five years`\n   \
            = help: either write the length of time that the text says\n   \
            = help: or change the text, and quote it\n\n\
         1 error; nothing was written\n"
    );
    site.edit(NEXT, "P7Y", "P5Y");
    let before = site.read(LOCK);
    let rehearsed = publish(&site, DAY, &["--dry-run"]).success();
    assert_eq!(
        rehearsed.stdout,
        "From 2018-09-26 to 2026-03-02\n\n\
         Facts\n  retention.minimum: P7Y → P5Y\n\n\
         Sections\n  keep: words 1 in, 1 out; moved 0\n\n\
         Words that oblige, changed: seven, five\n\n\
         § keep\n\nWe may keep it for [-seven-]{+five+} years. Changes count when they are posted.\n\n\
         Version 2026-03-02, revision, effective from 2026-03-02T00:00:00-06:00\n  \
           digest DIGEST\n  line 2 of the lock\nnothing was published: this was a rehearsal\n"
            .replace("DIGEST", &digest(&rehearsed.stdout))
    );
    assert_eq!(site.read(LOCK), before);
    let published = publish(&site, DAY, &[]).success();
    assert!(published.stdout.ends_with("next:\n  candor build\n"), "{}", published.stdout);
    assert!(!site.path(NEXT).exists(), "the draft became the version");
    assert!(site.read(LOCK).starts_with(&before), "a line was added and none changed");
    let _ = build(&site, "2026-03-02").success();
    assert!(site.read("public/privacy/index.html").contains("five years"));
    let _ = statement(&site, &["verify", "--now", DAY]).success();
    assert!(build(&site, "2026-03-01").success().stdout.contains("page"), "the day before, the first one is in force");
    assert!(site.read("public/privacy/index.html").contains("seven years"));
}

/// The digest a command told.
fn digest(told: &str) -> String {
    let line = told.lines().find_map(|line| line.strip_prefix("  digest ")).expect("a digest is told");
    assert_eq!(line.len(), 64);
    line.to_owned()
}

#[test]
fn a_misspelt_word_is_corrected_and_may_is_not_will() {
    let site = drafted(locked(), "2018-09-26", ("We recieve your", "We receive your"));
    site.edit(NEXT, "text: We recieve", "text: We receive");
    let published = publish(&site, DAY, &[]).success();
    assert!(published.stdout.contains("Version 2026-03-02, correction, effective"), "{}", published.stdout);
    assert!(site.read("content/privacy/2026-03-02.md").contains("corrects: \"2018-09-26\"\n"));
    assert!(site.read(LOCK).contains("\"corrects\":\"2018-09-26\""));

    let site = drafted(locked(), "2018-09-26", YEARS);
    site.edit(NEXT, "version: draft", "version: draft\nkind: correction\ncorrects: \"2018-09-26\"");
    let refused = publish(&site, DAY, &[]).exit(1);
    let _ = refused.says(&[
        "error[P222]: this is more than a correction: `may` became `will`",
        "kind: correction",
        "= help: either say `kind: revision`",
        "= help: or change nothing but what is misspelt",
    ]);
    assert!(site.path(NEXT).exists());
}

/// Makes the draft promise that the versions after it are announced.
fn promise_notice(site: &Site) {
    site.edit(
        NEXT,
        "effective: on-posting\n  notice: none",
        "effective: scheduled\n  notice: {period: P30D, by: [feed]}",
    );
    site.edit(NEXT, "Changes count when they are posted.", "Changes are announced 30 days before.");
    site.edit(NEXT, "text: Changes count when they are posted", "text: announced 30 days before");
}

#[test]
fn a_future_date_waits_for_a_statement_that_allows_it() {
    let site = drafted(locked(), "2018-09-26", YEARS);
    let refused = publish(&site, DAY, &["--effective", "2026-05-01"]).exit(1);
    let _ = refused.says(&[
        "error[P212]: 2026-05-01 is in the future",
        "= note: statement 2018-09-26 makes changes effective on posting",
        "= help: publish it on the day from which it is effective",
    ]);
    // Who merges it without the program is told so at once, and not when the line is in the lock.
    let by_hand = site.read(NEXT).replace("version: draft", "version: \"2026-05-01\"");
    let by_hand = by_hand.replace("effective: 2026-03-02", "effective: \"2026-05-01\"");
    site.write("content/privacy/2026-05-01.md", by_hand);
    let _ = build(&site, "2026-03-02").exit(1).says(&[
        "error[P212]: 2026-05-01 is in the future\n --> content/privacy/2026-05-01.md:7:12\n",
        "error[P217]: version 2026-05-01 is not in the lock\n --> content/privacy/2026-05-01.md:4:10\n",
    ]);
    std::fs::remove_file(site.path("content/privacy/2026-05-01.md")).expect("a file can be removed");
    // The second version promises notice; it is effective on posting itself.
    promise_notice(&site);
    let _ = publish(&site, DAY, &[]).success();
    // One that is not in the lock promised nothing when the others were posted.
    let twin = site.read("content/privacy/2026-03-02.md");
    site.write(
        "content/privacy/2026-03-02-2.md",
        twin.replacen("version: \"2026-03-02\"", "version: \"2026-03-02-2\"", 1),
    );
    let twins = build(&site, "2026-03-02").exit(1).stderr;
    assert!(
        twins.contains("error[P217]: version 2026-03-02-2 is not in the lock") && !twins.contains("P212"),
        "{twins}"
    );
    std::fs::remove_file(site.path("content/privacy/2026-03-02-2.md")).expect("a file can be removed");
    let site = drafted(site, "2026-03-02", ("We will keep", "We shall keep"));
    let refused = publish(&site, DAY, &["--effective", "2026-03-20"]).exit(1);
    let _ = refused.says(&[
        "error[P212]: 2026-03-20 is too soon",
        "by the notice that statement 2026-03-02 promises, it is effective from 2026-04-01T09:00:00-05:00 on",
    ]);
    let _ = publish(&site, DAY, &["--effective", "2026-05-01"]).success();
    assert!(site.read(LOCK).contains("\"event\":\"scheduled\",\"version\":\"2026-05-01\""));
    let listed = statement(&site, &["list", "--now", DAY]).success();
    assert_eq!(
        listed.stdout,
        "version     state       kind      effective                  until                      note\n\
         2026-05-01  upcoming    revision  2026-05-01T00:00:00-05:00  –                          A change\n\
         2026-03-02  in force    revision  2026-03-02T00:00:00-06:00  2026-05-01T00:00:00-05:00  A change\n\
         2018-09-26  superseded  original  2018-09-26T00:00:00-05:00  2026-03-02T00:00:00-06:00  A change\n\
         next: 2026-05-01, from 2026-05-01T00:00:00-05:00\n"
    );
    let built = build(&site, "2026-04-30").success();
    assert_eq!(
        built.stdout.lines().next_back(),
        Some("version 2026-05-01 of the statement is in force from 2026-05-01T05:00:00Z: build again then")
    );
    assert!(site.read("public/privacy/index.html").contains("We will keep"));
    let _ = build(&site, "2026-05-01").success();
    assert!(site.read("public/privacy/index.html").contains("We shall keep"));
}

#[test]
fn two_versions_on_a_day_have_two_names_and_two_moments() {
    let site = drafted(locked(), "2018-09-26", YEARS);
    let _ = publish(&site, DAY, &[]).success();
    let site = drafted(site, "2026-03-02", ("We will keep", "We shall keep"));
    let _ = publish(&site, "2026-03-02T18:30:00Z", &[]).success();
    let second = site.read("content/privacy/2026-03-02-2.md");
    assert!(second.contains("effective: \"2026-03-02T12:30:00-06:00\"\n"), "{second}");
    let as_of = |moment: &str| statement(&site, &["as-of", moment]).success().stdout;
    assert!(as_of("2026-03-02T12:29:59-06:00").contains("version 2026-03-02 of"));
    assert!(as_of("2026-03-02T18:30:00Z").contains("version 2026-03-02-2 of"));
    assert!(
        as_of("2026-03-02").contains("later that day, from 2026-03-02T12:30:00-06:00: version 2026-03-02-2"),
        "{}",
        as_of("2026-03-02")
    );
}

#[test]
fn a_moment_on_a_day_with_two_one_o_clocks_needs_its_offset() {
    let site = drafted(locked(), "2018-09-26", YEARS);
    // On 1 November 2026, clocks go back from 02:00 to 01:00 in Chicago.
    let _ = publish(&site, "2026-11-01T06:30:00Z", &["--effective", "2026-11-01T01:30:00-05:00"]).success();
    let as_of = |moment: &str| statement(&site, &["as-of", moment]);
    assert!(as_of("2026-11-01T01:29:59-05:00").success().stdout.contains("version 2018-09-26 of"));
    assert!(as_of("2026-11-01T01:29:59-06:00").success().stdout.contains("version 2026-11-01 of"));
    assert_eq!(
        as_of("2026-11-01T01:30:00").exit(2).stderr,
        "error: `2026-11-01T01:30:00` has no offset: write it like `2026-11-01T01:30:00-05:00`, so that it is one \
         moment everywhere\n  = help: a day asks for its first moment; with a time and an offset, for that one\n"
    );
    assert!(as_of("2026-11-02").success().stdout.starts_with("2026-11-02T00:00:00-06:00: version 2026-11-01 of"));
    let none = as_of("2018-09-25").exit(1);
    assert_eq!(none.stdout, "2018-09-25T00:00:00-05:00: no version of example-privacy was in force\n");
}

#[test]
fn what_was_published_cannot_be_changed_unnoticed() {
    let site = locked();
    let published = site.read(LOCK);
    site.edit("content/privacy/2018-09-26.md", "We may keep", "We will keep");
    for finished in [build(&site, "2026-03-02"), statement(&site, &["verify"])] {
        let _ = finished.exit(1).says(&[
            "error[P210]: published version 2018-09-26 was altered (text sha256 ",
            "help: either bring back the file as it was published",
            "help: or publish the change as a version of its own",
        ]);
    }
    // Rewritten together with its text, the lock agrees; only what was published before tells.
    site.write(LOCK, "");
    let _ = publish(&site, "2020-01-01T12:00:00Z", &[]).success();
    let _ = statement(&site, &["verify"]).success();
    site.write("served.lock", &published);
    let served = site.path("served.lock");
    let against = statement(&site, &["verify", "--against", served.to_str().expect("a path")]).exit(1);
    let _ = against
        .says(&["error[P216]: line 1 of the lock is not the one in ", "bring back the lock as it was published"]);

    let site = locked();
    site.edit(LOCK, "A. Editor", "B. Editor");
    let site = drafted(site, "2018-09-26", YEARS);
    let _ = publish(&site, DAY, &[]).success();
    site.edit(LOCK, "B. Editor", "A. Editor");
    let _ = build(&site, "2026-03-02")
        .exit(1)
        .says(&["error[P216]: line 2 of the lock does not follow the line before it"]);
}

#[test]
fn a_lock_may_only_grow_since_a_commit() {
    let site = drafted(locked(), "2018-09-26", YEARS);
    let first = site.read(LOCK);
    let _ = publish(&site, DAY, &[]).success();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"];
        let finished = run(Command::new("git").arg("-C").arg(site.root()).args(identity).args(arguments));
        let _ = finished.success();
    };
    git(&["init", "--quiet"]);
    git(&["add", "content"]);
    git(&["commit", "--quiet", "--message", "Publish"]);
    let _ = statement(&site, &["verify", "--base", "HEAD"]).success();
    site.write(LOCK, &first);
    let cut = statement(&site, &["verify", "--base", "HEAD"]).exit(1);
    let _ = cut.says(&[
        "error[P217]: version 2026-03-02 is not in the lock",
        "error[P216]: line 2 of the lock is missing, and stands in HEAD",
    ]);
    site.write(LOCK, &first[..first.len() / 2]);
    let _ = build(&site, "2026-03-02").exit(1).says(&["the last line is not ended: the lock was cut short"]);
    // Who would publish into an emptied lock is told so, though files and lock would agree again.
    site.write(LOCK, "");
    let _ = publish(&site, DAY, &["2018-09-26"])
        .exit(1)
        .says(&["error[P216]: line 1 of the lock is missing, and stands in the last commit", "nothing was written"]);
    assert_eq!(
        statement(&site, &["verify", "--base", "nowhere"]).exit(2).stderr,
        "error: git knows no commit `nowhere`\n"
    );
}

#[test]
fn somebody_without_the_program_gets_the_line_to_paste() {
    let site = locked();
    let second =
        site.read("content/privacy/2018-09-26.md").replace("2018-09-26", "2026-03-02").replace(YEARS.0, YEARS.1);
    site.write("content/privacy/2026-03-02.md", second);
    let refused = build(&site, "2026-03-02").exit(1);
    let line =
        refused.stderr.split("each `…` filled in: ").nth(1).and_then(|rest| rest.lines().next()).expect("a line");
    let lock = site.read(LOCK);
    site.write(LOCK, format!("{lock}{line}\n"));
    let unfilled = build(&site, "2026-03-02").success();
    let _ = unfilled.says(&["warning[P213]: the note of a change is empty: say what changed and for whom"]);
    site.write(LOCK, format!("{lock}{}\n", line.replace('…', "Said")));
    let _ = build(&site, "2026-03-02").success();
}

#[test]
fn a_version_named_by_another_day_than_it_is_posted_on() {
    let site = locked();
    let text = site.read("content/privacy/2018-09-26.md");
    site.write("content/privacy/2026-02-27.md", text.replace("2018-09-26", "2026-02-27").replace(YEARS.0, YEARS.1));
    let _ = publish(&site, DAY, &["2026-02-27"]).exit(1).says(&[
        "error[P223]: dated 2026-02-27, today is 2026-03-02",
        "= note: statement 2018-09-26 makes changes effective on posting",
        "re-date the version: name it 2026-03-02",
    ]);
    // A draft is dated when it is published.
    let site = drafted(locked(), "2018-09-26", YEARS);
    let published = publish(&site, "2026-03-05T15:00:00Z", &[]).success();
    assert!(published.stdout.contains("the draft was dated 2026-03-02"), "{}", published.stdout);
    assert!(site.path("content/privacy/2026-03-05.md").exists());
}

#[test]
fn whatever_readers_need_is_asked_for() {
    let site = drafted(locked(), "2018-09-26", YEARS);
    let silent = statement(&site, &["publish", "--author", "A", "--now", DAY]).exit(1);
    let _ = silent.says(&[
        "error[P213]: change note is empty: `summary`",
        "error[P213]: change note is empty: `do`",
        "= help: say it with `--why \"…\"`: readers see it beside the change",
        "4 errors; nothing was written",
    ]);
    let _ = statement(&site, &["publish", "--now", DAY]).exit(2).says(&["nobody is named as the author"]);
    site.write(NEXT, site.read(NEXT).replace(YEARS.1, YEARS.0));
    let _ = publish(&site, DAY, &[]).exit(1).says(&["error: nothing changed since version 2018-09-26"]);
    std::fs::remove_file(site.path(NEXT)).expect("the draft goes");
    let _ = publish(&site, DAY, &[]).exit(2).says(&["there is no draft", "candor statement draft --from VERSION"]);
    let _ = statement(&site, &["explain", "2019-01-01"])
        .exit(2)
        .says(&["there is no version `2019-01-01`", "there is 2018-09-26"]);
}

#[test]
fn sections_that_only_moved_or_went_are_told() {
    let long = " We say so at length here, so that nobody who reads this can miss what it is that we say.";
    let site = drafted(locked(), "2018-09-26", ("[keeping](#keep).", "[keeping](#keep)."));
    site.edit(NEXT, "We may keep it for seven years.", &format!("We may keep it for seven years.{long}"));
    let _ = publish(&site, DAY, &[]).success();
    let _ = statement(&site, &["draft", "--from", "2026-03-02", "--now", DAY]).success();
    let draft = site.read(NEXT);
    let (start, keep) = draft.split_once("\n## Keeping").expect("a section");
    let (keep, ask) = keep.split_once("\n## Questions").expect("a section");
    site.write(NEXT, format!("{start}\n## Questions{ask}\n## Keeping{keep}"));
    let later = "2026-03-04T15:00:00Z";
    let moved = publish(&site, later, &["--dry-run"]).success();
    assert_eq!(
        moved.stderr,
        "warning[P224]: moved only: readers' comparisons will show moves\n\
         --> content/privacy/next.md\n \
         = help: ask whether this is needed: the text is the same in another order\n\n"
    );
    site.write(NEXT, draft.replace("{#ask}", "{#question}").replace("at: ask", "at: question"));
    let _ = publish(&site, later, &[]).exit(1).says(&[
        "error[P218]: the section `ask` is gone, and nothing says where to",
        "help: either say which section holds its matter now: `moved_to: {ask: <section>}`",
        "help: or say that there is nothing of it: `retired: [ask]`",
    ]);
    site.edit(NEXT, "version: draft", "version: draft\nmoved_to: {ask: question}");
    let _ = publish(&site, later, &[]).success();
}

#[test]
fn what_an_editor_cannot_see_is_refused_and_line_ends_do_not_count() {
    let site = drafted(locked(), "2018-09-26", YEARS);
    let right = digest(&publish(&site, DAY, &["--dry-run"]).success().stdout);
    let draft = site.read(NEXT);
    site.write(NEXT, format!("\u{feff}{}", draft.replace('\n', "\r\n")));
    assert_eq!(digest(&publish(&site, DAY, &["--dry-run"]).success().stdout), right);
    let published = Site::from_archive(SITE);
    for file in [FIRST, LOCK, NEXT] {
        published.write(file, std::fs::read(site.path(file)).expect("a file can be read"));
    }
    let _ = publish(&published, DAY, &[]).success();
    let text = published.read("content/privacy/2026-03-02.md");
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "an editor's line ends stay");
    site.write(NEXT, draft.replace("title: Privacy", "title: Privacite\u{301}"));
    let _ = publish(&site, DAY, &[]).exit(1).says(&["error: `Privacite\u{301}` has letters and marks apart"]);
    site.write(NEXT, draft.replace("seven years. Changes", "seven years.  \nChanges of a cafe\u{301} count.\nChanges"));
    let refused = publish(&site, DAY, &[]).exit(1);
    let _ = refused.says(&[
        "error: spaces at the end of a line break it",
        "^^ two or more spaces",
        "help: remove them, or end the line with `\\` where it is to be broken",
        "error: `cafe\u{301}` has letters and marks apart",
        "help: write `caf\u{e9}`, which looks the same and is one letter each",
    ]);
}

#[test]
fn a_version_is_withdrawn_and_the_one_before_is_in_force_again() {
    let site = drafted(locked(), "2018-09-26", YEARS);
    let only = statement(&site, &["withdraw", "2018-09-26", "--reason", "r", "--author", "A", "--now", DAY]).exit(2);
    assert_eq!(
        only.stderr,
        "error: without version 2018-09-26 no statement is in force\n  = help: publish another version first\n"
    );
    let _ = publish(&site, DAY, &[]).success();
    let withdraw =
        ["withdraw", "2026-03-02", "--reason", "A slip", "--author", "A", "--now", "2026-03-03T00:00:00-06:00"];
    let withdrawn = statement(&site, &withdraw).success();
    assert_eq!(withdrawn.stdout, "Version 2026-03-02 is withdrawn; in force: 2018-09-26\n");
    assert_eq!(
        statement(&site, &withdraw).exit(2).stderr,
        "error: version 2026-03-02 was withdrawn already\n  \
         = help: `candor statement list` says which version is in force\n"
    );
    let _ = build(&site, "2026-03-03").success();
    assert!(site.read("public/privacy/index.html").contains("We may keep"));
    assert!(site.read("public/privacy/2026-03-02/index.html").contains("We will keep"), "its page stays");
    let listed = statement(&site, &["list", "--json", "--now", "2026-03-04T00:00:00Z"]).success();
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    assert_eq!(listed["in_force"], "2018-09-26");
    assert_eq!(listed["versions"][1]["state"], "withdrawn");
    assert_eq!(listed["versions"][1]["withdrawn"]["reason"], "A slip");
}

#[test]
fn a_version_is_withdrawn_for_the_build_in_the_same_second() {
    let site = drafted(locked(), "2018-09-26", YEARS);
    let published = [["publish", "--author", "A"].as_slice(), &NOTE].concat();
    let _ = statement(&site, &published).success();
    let listed = statement(&site, &["list", "--json"]).success();
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let version = listed["in_force"].as_str().expect("a version is in force");
    assert_ne!(version, "2018-09-26");
    let _ = statement(&site, &["withdraw", version, "--reason", "A slip", "--author", "A"]).success();
    let built = site.candor("build", &[]).success();
    assert!(!built.stderr.contains("build again"), "{}", built.stderr);
    assert!(site.read("public/privacy/index.html").contains("We may keep"));
}

#[test]
fn a_redacted_version_leaves_the_site_and_not_the_lock() {
    let site = drafted(locked(), "2018-09-26", ("We recieve your", "We receive your"));
    site.edit(NEXT, "text: We recieve", "text: We receive");
    let _ = statement(&site, &["translate", "2018-09-26", "es"]).success();
    let spanish = site.read(SPANISH);
    site.write(SPANISH, spanish.replace("We recieve your name", "Recibimos su nombre"));
    let _ = statement(&site, &["translate", "2018-09-26", "es", "--publish", "--author", "A", "--now", DAY]).success();
    let kept = Site::empty();
    let redact = |reason: &str, keep_in: &std::path::Path| {
        let keep_in = keep_in.to_str().expect("a path");
        let arguments = ["--keep-in", keep_in, "--author", "A", "--now", DAY];
        statement(&site, &[&["redact", "2018-09-26", "--reason", reason], arguments.as_slice()].concat())
    };
    assert_eq!(
        redact("A court order", kept.root()).exit(2).stderr,
        "error: version 2018-09-26 is in force\n  = help: publish another version first, or withdraw this one\n"
    );
    // What corrects a version was held against it when it was published; nobody can do so again.
    assert!(publish(&site, DAY, &[]).success().stdout.contains("Version 2026-03-02, correction"));
    let inside = redact("A court order", &site.path("content/old")).exit(2);
    let _ = inside.says(&["is in the site's folder\n  = help: keep the text where it is not published and not shared"]);
    let _ = redact(" ", kept.root()).exit(2).says(&["error: no reason is given", "--reason"]);
    let texts = [site.read(FIRST), site.read(SPANISH)];
    let redacted = redact("A court order", kept.root()).success();
    assert!(redacted.stdout.contains("2 files with its text kept below"), "{}", redacted.stdout);
    assert!(!site.path(FIRST).exists() && !site.path(SPANISH).exists());
    assert_eq!([kept.read(FIRST), kept.read(SPANISH)], texts);
    let built = build(&site, "2026-03-02").success();
    assert_eq!(built.stderr, "");
    assert!(statement(&site, &["list", "--now", DAY]).success().stdout.contains("2018-09-26  redacted"));
    let withdraw =
        ["withdraw", "2026-03-02", "--reason", "A slip", "--author", "A", "--now", "2026-03-03T00:00:00-06:00"];
    assert_eq!(
        statement(&site, &withdraw).exit(2).stderr,
        "error: without version 2026-03-02 the one in force is 2018-09-26, whose text was redacted\n  \
         = help: publish another version first\n"
    );
    let page = site.read("public/privacy/2018-09-26/index.html");
    assert!(page.contains("took effect on") && page.contains("and was in force until"), "{page}");
    assert!(page.contains("Its text was removed on") && page.contains("A court order"), "{page}");
    assert!(site.read("public/_redirects").contains("/privacy/2018-09-26/ /privacy/2018-09-26/index.html 410!\n"));
    let server = site.serve(&[]);
    let _ = server.get("/privacy/2018-09-26/").expect(410);
    let _ = server.get("/privacy/2018-09-26/es/statement.md").expect(404);

    // A file that comes back does not bring its text back.
    site.write(FIRST, &texts[0]);
    site.write(SPANISH, &texts[1]);
    let _ = build(&site, "2026-03-02").success();
    let published = site.published();
    let of_version = published.keys().filter(|path| path.starts_with("privacy/2018-09-26/"));
    assert_eq!(of_version.collect::<Vec<_>>(), ["privacy/2018-09-26/index.html"]);
}

#[test]
fn what_was_taken_back_leaves_room_for_what_was_meant() {
    // Posted, taken back and mended within a day: each has its time in force, and none is changed afterwards.
    let site = drafted(locked(), "2018-09-26", YEARS);
    let _ = publish(&site, DAY, &[]).success();
    let withdraw = |version: &str, now: &str| {
        statement(&site, &["withdraw", version, "--reason", "A slip", "--author", "A", "--now", now]).success()
    };
    let _ = withdraw("2026-03-02", "2026-03-02T16:00:00Z");
    let _ = statement(&site, &["draft", "--from", "2026-03-02", "--now", DAY]).success();
    site.edit(NEXT, "We will keep", "We shall keep");
    let _ = publish(&site, "2026-03-02T17:00:00Z", &[]).success();
    let as_of = |moment: &str| statement(&site, &["as-of", moment]).success().stdout;
    assert!(as_of("2026-03-02T15:30:00Z").contains("version 2026-03-02 of"));
    assert!(as_of("2026-03-02T16:30:00Z").contains("version 2018-09-26 of"));
    assert!(as_of("2026-03-02T17:00:00Z").contains("version 2026-03-02-2 of"));

    // Announced for one day and meant for an earlier one, or for the same: withdrawn, and announced again.
    let site = drafted(locked(), "2018-09-26", YEARS);
    promise_notice(&site);
    let _ = publish(&site, DAY, &[]).success();
    let announce = |effective: &str| {
        let _ = statement(&site, &["draft", "--from", "2026-03-02", "--now", DAY]).success();
        site.edit(NEXT, "We will keep", "We shall keep");
        let _ = publish(&site, DAY, &["--effective", effective]).success();
    };
    announce("2026-07-01");
    let _ = statement(&site, &["withdraw", "2026-07-01", "--reason", "r", "--author", "A", "--now", DAY]).success();
    announce("2026-06-01");
    let _ = statement(&site, &["withdraw", "2026-06-01", "--reason", "r", "--author", "A", "--now", DAY]).success();
    announce("2026-06-01");
    let listed = statement(&site, &["list", "--now", DAY]).success().stdout;
    assert!(listed.ends_with("next: 2026-06-01-2, from 2026-06-01T00:00:00-05:00\n"), "{listed}");
    let _ = build(&site, "2026-06-01").success();
    assert!(site.read("public/privacy/index.html").contains("We shall keep"));
}

#[test]
fn a_version_is_in_force_from_the_day_its_file_says() {
    let site = locked();
    let text = site.read(FIRST);
    site.write("content/privacy/2026-03-02.md", text.replace("2018-09-26", "2026-03-02").replace(YEARS.0, YEARS.1));
    let refused = publish(&site, DAY, &["2026-03-02", "--effective", "2026-02-27"]).exit(1);
    let _ = refused.says(&["error: version 2026-03-02 is effective from 2026-03-02, as its file says"]);
    let site = Site::from_archive(SITE);
    let refused = publish(&site, "2020-01-01T12:00:00Z", &["--effective", "2017-01-01"]).exit(1);
    let _ = refused.says(&[
        "error: version 2018-09-26 is effective from 2018-09-26, as its file says",
        "help: leave out `--effective`, or name the file by the other day and write it there",
    ]);
    let site = locked();
    site.edit(LOCK, "\"effective\":\"2018-09-26", "\"effective\":\"2017-09-26");
    let _ = build(&site, "2026-03-02").exit(1).says(&[
        "error[P216]: version 2018-09-26 is effective from another day than its file says\n \
         --> content/privacy/statement.lock:1:1\n",
        "= note: the file says 2018-09-26\n",
        "= help: bring back the lock as it was published; lines may only be added at its end\n\n1 error; nothing",
    ]);
}

#[test]
fn a_text_that_says_it_is_a_draft_is_not_published() {
    let site = drafted(locked(), "2018-09-26", ("We may keep", "This draft says: we will keep"));
    site.edit(NEXT, "years. Changes count", "years. [TO REPLACE: how] Changes count");
    assert_eq!(
        publish(&site, DAY, &[]).exit(1).stderr,
        "error: `This draft` stands in a version that is to be published\n  \
           --> content/privacy/next.md:37:1\n   \
            |\n\
         37 | This draft says: we will keep it for seven years. [TO REPLACE: how] Changes count when they are posted.\n   \
            | ^^^^^^^^^^\n   \
            |\n   \
            = help: take it out, or write what is meant to be in force\n\n\
         error: `[TO REPLACE` stands in a version that is to be published\n  \
           --> content/privacy/next.md:37:51\n   \
            |\n\
         37 | This draft says: we will keep it for seven years. [TO REPLACE: how] Changes count when they are posted.\n   \
            |                                                   ^^^^^^^^^^^\n   \
            |\n   \
            = help: take it out, or write what is meant to be in force\n\n\
         2 errors; nothing was written\n"
    );
}

#[test]
fn an_older_version_that_is_found_is_never_in_force() {
    let site = locked();
    let text = site.read("content/privacy/2018-09-26.md");
    site.write("content/privacy/2015-05-05.md", text.replace("2018-09-26", "2015-05-05").replace(YEARS.0, YEARS.1));
    let _ = publish(&site, DAY, &["2015-05-05", "--backfilled-from", "an archive"]).success();
    let _ = build(&site, "2026-03-02").success();
    assert!(site.read("public/privacy/index.html").contains("We may keep"));
    let as_of = statement(&site, &["as-of", "2016-01-01"]).exit(1);
    assert!(as_of.stdout.contains("no version"), "{}", as_of.stdout);
    assert!(statement(&site, &["list", "--now", DAY]).success().stdout.contains("2015-05-05  backfilled"));
}

#[test]
fn a_translation_has_what_the_original_has_and_is_marked_when_it_is_old() {
    let site = locked();
    let spanish = SPANISH;
    for (language, said) in [
        ("../x", "error: `../x` is not a language\n  = help: write its tag, like `es` or `pt-BR`\n"),
        (
            "EN",
            "error: version 2018-09-26 is in the language `EN` already\n  = help: name the language to translate it into\n",
        ),
    ] {
        assert_eq!(statement(&site, &["translate", "2018-09-26", language]).exit(2).stderr, said);
    }
    let _ = statement(&site, &["translate", "2018-09-26", "es"]).success();
    let untranslated = site.read(spanish);
    assert!(untranslated.contains("title: \"Privacy\"\n") && untranslated.contains("We may keep it"), "{untranslated}");
    let (front, _) = untranslated.rsplit_once("---\n").expect("front matter");
    let text = "Recibimos su nombre.\n\n## Guardar {#keep}\n\nPodemos guardarlo siete años.\n\n## Preguntas {#asks}\n\nEscriba 2 veces a support@example.org.\n";
    site.write(spanish, format!("{front}---\n{text}"));
    let publish_it = ["translate", "2018-09-26", "es", "--publish", "--author", "A", "--now", DAY];
    let refused = statement(&site, &publish_it).exit(1);
    assert_eq!(
        refused.stderr,
        "error[P232]: the translation has other links than version 2018-09-26\n\
         \x20--> content/privacy/2018-09-26.es.md:5:1\n  |\n\
         5 | Recibimos su nombre.\n  | ^^^^^^^^^^^^^^^^^^^^\n  |\n  \
         = note: missing: `#keep`\n  \
         = help: give the translation the same links, in figures where there are figures\n\n\
         error[P232]: the translation has other sections than version 2018-09-26\n\
         \x20 --> content/privacy/2018-09-26.es.md:11:4\n   |\n\
         11 | ## Preguntas {#asks}\n   |    ^^^^^^^^^\n   |\n   \
         = note: missing: `ask`\n   = note: only in the translation: `asks`\n   \
         = help: give the translation the same sections, in figures where there are figures\n\n\
         error[P232]: the translation has other numbers than version 2018-09-26\n\
         \x20 --> content/privacy/2018-09-26.es.md:13:9\n   |\n\
         13 | Escriba 2 veces a support@example.org.\n   |         ^\n   |\n   \
         = note: only in the translation: `2`\n   \
         = help: give the translation the same numbers, in figures where there are figures\n\n\
         3 errors; nothing was written\n"
    );
    let text = text.replace("#asks", "#ask").replace("2 veces a", "sobre [eso](#keep) a");
    site.write(spanish, format!("{front}---\n{text}"));
    let _ = statement(&site, &publish_it).success();
    assert_eq!(
        statement(&site, &publish_it).exit(2).stderr,
        format!(
            "error: the translation `{SPANISH}` is published as it is\n  \
             = help: change its text first, if it is to be mended\n"
        )
    );
    assert_eq!(build(&site, "2026-03-02").success().stderr, "");
    site.edit(spanish, "siete", "cinco");
    let _ = build(&site, "2026-03-02").success().says(&[
        "warning[P230]: the translation is not the one that was published of version 2018-09-26",
        "readers are told that it may be out of date",
    ]);
    let _ = statement(&site, &publish_it).success();
    assert_eq!(build(&site, "2026-03-02").success().stderr, "");
    site.write(spanish, site.read(spanish).replacen("of: ", "of: 0000", 1).replacen("0000", &"0".repeat(64), 1));
    let text = site.read(spanish);
    let (of, rest) =
        text.split_once('\n').and_then(|(dashes, rest)| Some((dashes, rest.split_once('\n')?.1))).expect("lines");
    site.write(spanish, format!("{of}\nof: {}\n{rest}", "0".repeat(64)));
    let _ = statement(&site, &publish_it)
        .exit(1)
        .says(&["error[P231]: the translation is of another text than the version has"]);
}

#[test]
fn huge_and_hostile_versions_end_in_a_message() {
    let site = drafted(locked(), "2018-09-26", YEARS);
    let draft = site.read(NEXT);
    let bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned()
        + &('b'..='i')
            .zip('a'..='h')
            .map(|(new, old)| format!("{new}: &{new} [{}]\n", vec![format!("*{old}"); 9].join(", ")))
            .collect::<String>();
    site.write(NEXT, draft.replacen("---\n", &format!("---\n{bomb}"), 1));
    let _ = publish(&site, DAY, &[]).exit(1).says(&["error: not valid YAML", "nothing was written"]);
    site.write(NEXT, draft.replacen("---\n", &format!("---\ndeep: {}\n", "[".repeat(100_000)), 1));
    let _ = publish(&site, DAY, &[]).exit(1).says(&["error: not valid YAML"]);
    let paragraphs: String = (0..200_000)
        .map(|number| {
            format!(
                "Paragraph {number} says a little about nothing in particular, and is long enough to count as one.\n\n"
            )
        })
        .collect();
    site.write(NEXT, format!("{draft}\n{paragraphs}"));
    let _ = publish(&site, DAY, &[]).exit(1).says(&[
        " bytes, and a statement may have 1048576",
        "help: keep what readers agree to short, and link to the rest",
    ]);
    let long = site.read(NEXT);
    site.write(NEXT, &long[..long.len().min(draft.len() + 1_000_000)]);
    let _ = publish(&site, DAY, &["--dry-run"]).success();
}

#[test]
fn a_second_draft_and_an_untranslated_translation_are_refused() {
    let site = drafted(locked(), "2018-09-26", YEARS);
    let draft = site.read(NEXT);
    let again = statement(&site, &["draft", "--from", "2018-09-26"]).exit(2);
    let _ = again.says(&["error: there is a draft already: `", "= help: publish it, or remove it and begin again"]);
    assert_eq!(site.read(NEXT), draft);
    let _ = statement(&site, &["translate", "2018-09-26", "es"]).success();
    let published = site.read(LOCK);
    let publish_it = ["translate", "2018-09-26", "es", "--publish", "--author", "A", "--now", DAY];
    let _ = statement(&site, &publish_it).exit(2).says(&[
        "error: `content/privacy/2018-09-26.es.md` is not translated yet: it is the text of version 2018-09-26",
        "= help: translate what stands below its second `---` line, and publish it then",
    ]);
    assert_eq!(site.read(LOCK), published);
}

#[test]
fn whoever_fills_in_a_form_while_the_statement_changes_is_shown_the_redline() {
    let site = Site::shipped();
    site.finish_the_draft();
    let server = site.serve(&[]);
    let before = server.body(&[("name", "Ada"), ("email", "ada@example.com")]);
    let _ = publish(&site, DAY, &[]).success();
    let answer = tests::wait_for("the new statement", || {
        let answer = server.post(&before);
        (answer.status == 409).then_some(answer)
    });
    for words in ["<ins>", "<del>", "A change", "value=\"ada@example.com\"", "What changed in the privacy statement"] {
        assert!(answer.body.contains(words), "`{words}` is not in:\n{}", answer.body);
    }
    let again = answer.body.split("<form").nth(1).expect("the form is there");
    assert_eq!(again.matches("type=\"submit\"").count(), 1, "{again}");
}
