//! Every mistake of an author and every failure of the machine: what is said, where, with which exit code, and that
//! nothing is published.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;

use tests::program::{on_full_disk, program, run};
use tests::site::{Site, files};

/// A small site without a mistake.
fn site() -> Site {
    Site::from_archive(
        r#"-- content/site.yaml --
title: Small
base_url: https://small.example.org
language: en
timezone: Europe/Paris
theme: plain
-- content/_index.md --
---
title: Home
---

See [the guide](guides/plan.md#price).
-- content/guides/plan.md --
---
title: Plan
---

## Price
-- content/register.md --
---
title: Register
---

{{ form(id="register") }}
-- content/thanks.md --
---
title: Thank you
---
-- content/forms/register.yaml --
thanks: ../thanks.md
submit: Register
fields:
  - name: name
    label: Full name
-- content/privacy/2020-01-01.md --
---
schema: privacy-statement/1
document: small
version: "2020-01-01"
title: Privacy
language: en
effective: "2020-01-01"
contact: {email: office@example.org}
collects: {voluntary: {fields: [{key: name, category: name}, {key: other, category: free-text}]}}
---

We keep your name.
"#,
    )
    .with_plain_theme()
}

/// Publishes the small site, spoils it, and expects these words and exit code 1 from `build` and `check`, with what was
/// published before still there, byte for byte.
fn refused(spoil: impl Fn(&Site), fragments: &[&str]) {
    let site = site().built();
    let before = files(site.root());
    spoil(&site);
    let spoiled = files(site.root());

    let _ = site.candor("build", &[]).exit(1).says(fragments).says(&["; nothing was published\n"]);
    let _ = site.candor("check", &[]).exit(1).says(&["; nothing could be published\n"]);

    let after = files(site.root());
    assert_eq!(
        after.keys().collect::<Vec<_>>(),
        spoiled.keys().collect::<Vec<_>>(),
        "files that a failed build leaves"
    );
    for (path, bytes) in before.iter().filter(|(path, _)| path.starts_with("public/") || *path == "contract.json") {
        assert!(after[path] == *bytes, "{path} changed, though nothing was published");
    }
}

fn page(text: &'static str) -> impl Fn(&Site) {
    move |site| site.write("content/broken.md", text)
}

fn edit(path: &'static str, from: &'static str, to: &'static str) -> impl Fn(&Site) {
    move |site| site.edit(path, from, to)
}

#[test]
fn the_small_site_has_no_mistake() {
    let site = site();
    let finished = site.candor("check", &[]).success();
    assert_eq!(finished.stderr, "");
    assert!(!site.path("public").exists() && !site.path("contract.json").exists(), "`check` publishes nothing");
}

#[test]
fn front_matter_that_is_not_yaml() {
    refused(page("---\ntitle: [one\n---\n"), &["content/broken.md:", "not valid YAML"]);
    refused(page("---\ntitle: one: two\n---\n"), &["content/broken.md:2:", "not valid YAML", "double quotes"]);
    refused(page("---\ntitle: one\ntitle: two\n---\n"), &["content/broken.md:3:1"]);
}

#[test]
fn front_matter_without_its_lines() {
    refused(
        page("title: one\n"),
        &["content/broken.md:1:1", "the file does not begin with front matter", "expected `---`"],
    );
    refused(page("---\ntitle: one\n\ntext\n"), &["content/broken.md:1:1", "the front matter is not closed"]);
    refused(page(""), &["content/broken.md", "the file does not begin with front matter"]);
}

#[test]
fn front_matter_with_an_unknown_key() {
    refused(
        page("---\ntitel: one\n---\n"),
        &[
            "content/broken.md:2:1",
            "front matter has no key `titel`",
            "did you mean `title`?",
            "front matter has no `title`",
            "2 errors; nothing was published",
        ],
    );
}

#[test]
fn front_matter_with_a_wrong_value() {
    refused(
        page("---\ntitle: one\ndate: \"2026-02-30\"\n---\n"),
        &["content/broken.md:3:7", "`2026-02-30` is not a date"],
    );
    refused(page("---\ntitle: one\ndate: yesterday\n---\n"), &["content/broken.md:3:7", "`yesterday` is not a date"]);
    refused(page("---\ntitle: 2024\n---\n"), &["content/broken.md:2:8", "`title` must be text"]);
    refused(
        page("---\ntitle: one\ndraft: maybe\n---\n"),
        &["content/broken.md:3:8", "`draft` must be `true` or `false`"],
    );
    refused(
        page("---\ntitle: one\nslug: a/b\n---\n"),
        &["content/broken.md:3:7", "`a/b` cannot be part of an address"],
    );
    refused(
        page("---\ntitle: one\naliases: [old]\n---\n"),
        &["content/broken.md:3:11", "`old` is not an address of this site"],
    );
}

#[test]
fn broken_links() {
    refused(
        page("---\ntitle: one\n---\n\nSee [it](guides/plam.md).\n"),
        &[
            "content/broken.md:5:10",
            "link target does not exist",
            "no page at this path",
            "did you mean `guides/plan.md`?",
            "1 error; nothing was published",
        ],
    );
    refused(
        page("---\ntitle: one\n---\n\nÀ voir [là](guides/plan.md#prise).\n"),
        &["content/broken.md:5:13", "no anchor `prise` on `content/guides/plan.md`", "did you mean `#price`?"],
    );
    refused(page("---\ntitle: one\n---\n\n[here](#nowhere)\n"), &["content/broken.md:5:8", "no anchor `nowhere`"]);
    refused(
        page("---\ntitle: one\n---\n\n[up](../../secret.md)\n"),
        &["content/broken.md:5:6", "leads out of `content/`"],
    );
    refused(
        page("---\ntitle: one\n---\n\n[site](/guides/plam/)\n"),
        &["content/broken.md:5:8", "did you mean `/guides/plan/`?"],
    );
    refused(page("---\ntitle: one\n---\n\n![a plan](plan.png)\n"), &["content/broken.md:5:11", "no file at this path"]);
    refused(
        edit("content/site.yaml", "theme: plain", "theme: plain\nmenu: [{label: Lost, to: lost.md}]"),
        &["content/site.yaml:6:26", "link target does not exist"],
    );
}

#[test]
fn everything_wrong_is_said_at_once_and_in_order() {
    let site = site();
    site.write("content/b.md", "---\ntitle: b\n---\n\n[one](x.md)\n\n[two](y.md)\n");
    site.write("content/a.md", "---\ntitle: a\nwieght: 1\n---\n");
    site.write("content/c.md", "no front matter\n");
    let finished = site.candor("build", &[]).exit(1);
    let places: Vec<&str> = finished.stderr.lines().filter_map(|line| line.trim_start().strip_prefix("--> ")).collect();
    assert_eq!(
        places,
        ["content/a.md:3:1", "content/b.md:5:7", "content/b.md:7:7", "content/c.md:1:1"],
        "{}",
        finished.stderr
    );
    assert!(finished.stderr.ends_with("4 errors; nothing was published\n"), "{}", finished.stderr);
    assert!(!site.path("public").exists() && !site.path("contract.json").exists());
}

#[test]
fn broken_templates() {
    const PAGE: &str = "themes/plain/templates/page.html";
    refused(
        |site| site.write(PAGE, "{% extends \"base.html\" %}\n{% block main %}{{ page.title }\n"),
        &["themes/plain/templates/page.html:2:"],
    );
    refused(|site| site.write(PAGE, "<p>\n{{ page.titel }}\n"), &["themes/plain/templates/page.html:2:", "titel"]);
    refused(
        |site| site.write(PAGE, "{% extends \"bass.html\" %}\n"),
        &["themes/plain/templates/page.html", "bass.html"],
    );
    refused(|site| site.write(PAGE, "{{ page.title | shout }}\n"), &["themes/plain/templates/page.html:1:", "shout"]);
    refused(
        |site| fs::remove_file(site.path(PAGE)).expect("a file can be removed"),
        &["themes/plain/templates/page.html", "the theme has no template `page.html`"],
    );
    refused(
        edit("content/site.yaml", "theme: plain", "theme: plane"),
        &["content/site.yaml:5:8", "there is no theme `plane`", "known are `optimal` and `plain`"],
    );
    refused(
        edit("content/register.md", "title: Register", "title: Register\ntemplate: pag.html"),
        &["content/register.md:3:11", "the theme has no template `pag.html`", "did you mean `page.html`?"],
    );
}

#[test]
fn two_things_at_one_address() {
    refused(
        page("---\ntitle: one\nslug: register\n---\n"),
        &["two things have the address `/register/`", "`content/broken.md` has it too"],
    );
    refused(
        page("---\ntitle: one\naliases: [/guides/plan/]\n---\n"),
        &["content/broken.md:3:11", "`content/guides/plan.md` has it too"],
    );
    refused(
        page("---\ntitle: one\naliases: [/api/register]\n---\n"),
        &["content/broken.md:3:11", "a form posts to it"],
    );
    refused(
        |site| site.write("content/sitemap.xml", "<urlset/>"),
        &["content/sitemap.xml", "two things have the address `/sitemap.xml`"],
    );
}

#[test]
fn a_file_and_a_folder_at_one_address() {
    refused(|site| site.write("content/register", "text"), &["content/register"]);
    refused(
        |site| {
            site.write("content/notes", "text");
            site.write("content/notes.md", "---\ntitle: Notes\n---\n");
        },
        &["content/notes"],
    );
}

#[test]
fn a_file_that_is_not_utf_8() {
    refused(
        |site| site.write("content/broken.md", b"---\ntitle: one\n---\n\nna\xefve\n"),
        &["content/broken.md:5:3", "the file is not UTF-8"],
    );
    refused(
        |site| site.write("themes/plain/templates/page.html", b"\xff\xfe<"),
        &["page.html:1:1", "the file is not UTF-8"],
    );
}

#[test]
fn two_spellings_of_one_name() {
    refused(
        |site| {
            site.write("content/caf\u{e9}.md", "---\ntitle: One\n---\n");
            site.write("content/cafe\u{301}.md", "---\ntitle: Two\n---\n");
        },
        &["content/caf\u{e9}.md", "two files have names that look the same", "NFC and NFD"],
    );
}

#[test]
fn a_name_as_macos_spells_it() {
    let site = site();
    site.write("content/cafe\u{301}.md", "---\ntitle: One\n---\n![the plan](pla\u{301}n.svg)\n");
    site.write("content/pla\u{301}n.svg", "<svg/>");
    let published = site.built().published();
    assert!(published.contains_key("caf\u{e9}/index.html"), "{:?}", published.keys());
    assert_eq!(published["pl\u{e1}n.svg"], b"<svg/>");
}

#[test]
fn a_path_that_leaves_the_site() {
    let link = |target: &'static str, name: &'static str| {
        move |site: &Site| symlink(target, site.path(name)).expect("links can be made")
    };
    for (target, name) in [
        ("/etc/passwd", "content/passwd.txt"),
        ("/etc", "content/etc"),
        ("../../../../../../etc/passwd", "content/guides/passwd.md"),
        ("nowhere.md", "content/dangling.md"),
        ("..", "content/circle"),
        ("../.candor", "content/registrations"),
        (".hidden", "content/shown.txt"),
        ("/etc/hostname", "themes/plain/assets/host"),
    ] {
        refused(link(target, name), &[name, "the link leads out of the site, or nowhere"]);
    }
}

#[test]
fn a_link_that_stays_in_the_site_is_followed() {
    let site = site();
    symlink("plan.md", site.path("content/guides/copy.md")).expect("links can be made");
    assert!(site.built().published().contains_key("guides/copy/index.html"));
}

#[test]
fn a_field_the_statement_does_not_declare() {
    refused(
        edit("content/forms/register.yaml", "name: name", "name: birthday"),
        &[
            "error[P101]",
            "content/forms/register.yaml:4:11",
            "the form asks for `birthday`, which the statement in force does not declare",
            "no entry `birthday` under collects.voluntary.fields",
            "statement 2020-01-01 declares `name` and `other`",
            "either remove the field (people can write it in `other`, which is declared)",
            "or declare it under collects.voluntary.fields in a new version of the statement",
            "1 error; nothing was published",
        ],
    );
    refused(
        edit("content/forms/register.yaml", "label: Full name", "label: Full name\n    required: true"),
        &[
            "error[P103]",
            "content/forms/register.yaml:6:15",
            "`name` is required; the statement says giving it is a choice",
        ],
    );
    refused(
        page("---\ntitle: one\n---\n\n<form><input name=birthday></form>\n"),
        &["error[P102]", "content/broken.md:5:1"],
    );
}

#[test]
fn a_form_without_a_statement() {
    let none = |site: &Site| fs::remove_dir_all(site.path("content/privacy")).expect("a folder can be removed");
    refused(none, &["content/forms/register.yaml", "no privacy statement is in force"]);
    let _ = site()
        .candor("build", &["--today", "2019-12-31"])
        .exit(1)
        .says(&["no privacy statement is in force on 2019-12-31", "the first version is effective on 2020-01-01"]);
}

#[test]
fn a_statement_with_a_mistake() {
    const STATEMENT: &str = "content/privacy/2020-01-01.md";
    refused(
        edit(STATEMENT, "effective: \"2020-01-01\"", "effective: \"Septempber 26, 2018\""),
        &["content/privacy/2020-01-01.md:7:12", "`Septempber 26, 2018` is not a date"],
    );
    refused(
        edit(STATEMENT, "version: \"2020-01-01\"", "version: \"2020-01-02\""),
        &["content/privacy/2020-01-01.md:4:10", "2020-01-02.md"],
    );
    refused(
        edit(STATEMENT, "category: name", "category: nmae"),
        &["content/privacy/2020-01-01.md:9:55", "did you mean `name`?"],
    );
}

#[test]
fn a_shortcode_with_a_mistake() {
    const PAGE: &str = "content/register.md";
    refused(
        edit(PAGE, "id=\"register\"", "id=\"registre\""),
        &["content/register.md:5:13", "there is no form `registre`", "did you mean `register`?"],
    );
    refused(
        edit(PAGE, "{{ form(", "{{ from("),
        &["content/register.md:5:4", "there is no shortcode `from`", "did you mean `form`?"],
    );
    refused(edit(PAGE, "{{ form(", "Here: {{ form("), &["content/register.md:5:", "a form stands inside other text"]);
    refused(
        edit("content/forms/register.yaml", "../thanks.md", "../thank.md"),
        &["content/forms/register.yaml:1:9", "the thank-you page does not exist", "did you mean `../thanks.md`?"],
    );
}

#[test]
fn settings_with_a_mistake() {
    refused(
        |site| fs::remove_file(site.path("content/site.yaml")).expect("a file can be removed"),
        &["content/site.yaml", "the site has no settings"],
    );
    refused(
        edit("content/site.yaml", "Europe/Paris", "Europe/Pari"),
        &["content/site.yaml:4:11", "`Europe/Pari` is not a time zone"],
    );
    refused(
        edit("content/site.yaml", "https://small.example.org", "small.example.org"),
        &["content/site.yaml:2:11", "is not the address of a site"],
    );
    refused(edit("content/site.yaml", "base_url", "baseurl"), &["content/site.yaml:2:1", "did you mean `base_url`?"]);
    refused(
        |site| fs::remove_file(site.path("content/_index.md")).expect("a file can be removed"),
        &["the site has no home page"],
    );
}

/// The programs that are tested have the features that are on by default.
#[test]
fn what_the_program_was_built_without() {
    let site = Site::shipped();
    let finished = site.candor("build", &["--precompress"]).exit(2);
    let _ = finished.says(&["this candor was built without compression", "--features precompress"]);
    assert!(!site.path("public").exists());
}

#[test]
fn no_site() {
    for arguments in [["build", "--root"], ["check", "--root"], ["serve", "--root"]] {
        let empty = Site::empty();
        let root = empty.root().to_str().expect("temporary paths are UTF-8");
        let finished = run(program("candor").args(arguments).arg(root)).exit(2);
        let _ = finished.says(&["there is no folder `content`", root, "--root"]);
        assert!(files(empty.root()).is_empty());
    }
    let missing = run(program("candor").args(["build", "--root", "/nonexistent"])).exit(2);
    let _ = missing.says(&["/nonexistent", "No such file or directory"]);
}

#[test]
fn an_output_that_cannot_be_written() {
    let site = site();
    site.write("taken", "a file");
    for out in ["taken", "taken/public"] {
        let out = site.path(out);
        let out = out.to_str().expect("temporary paths are UTF-8");
        let _ = site.candor("build", &["--out", out]).exit(2).says(&[out.trim_end_matches("/public")]);
    }
    assert_eq!(site.read("taken"), "a file");
    // Not even root may write here.
    let _ = site.candor("build", &["--out", "/proc/candor/public"]).exit(2).says(&["/proc/candor"]);
}

#[test]
fn an_output_with_other_peoples_files() {
    let site = site();
    site.write("precious/notes.txt", "irreplaceable");
    let out = site.path("precious");
    let out = out.to_str().expect("temporary paths are UTF-8");
    let _ =
        site.candor("build", &["--out", out]).exit(2).says(&[out, "holds files that Candor did not write", "--out"]);
    assert_eq!(files(Path::new(out)).into_keys().collect::<Vec<_>>(), ["notes.txt"]);

    // Another generator's site has a sitemap too.
    let site = site.built();
    site.write("precious/sitemap.xml", "<urlset/>");
    let _ = site.candor("build", &["--out", out]).exit(2).says(&[out, "holds files that Candor did not write"]);
    assert_eq!(site.read("precious/notes.txt"), "irreplaceable");

    site.write("elsewhere/contract.json", "{\"my\": \"own\"}");
    let out = site.path("elsewhere/public");
    let out = out.to_str().expect("temporary paths are UTF-8");
    let _ = site.candor("build", &["--out", out]).exit(2).says(&["elsewhere/contract.json", "move the file"]);
    assert_eq!(site.read("elsewhere/contract.json"), "{\"my\": \"own\"}");
}

#[test]
fn an_output_among_the_sources() {
    let site = site();
    for out in ["", "content", "content/public", "themes/plain/assets/public"] {
        let out = site.path(out);
        let out = out.to_str().expect("temporary paths are UTF-8");
        let _ = site.candor("build", &["--out", out]).exit(2).says(&["where the site's sources are"]);
    }
    assert_eq!(site.read("content/thanks.md"), "---\ntitle: Thank you\n---\n");
}

#[test]
fn an_output_behind_a_link() {
    let site = site();
    std::fs::create_dir(site.path("real")).expect("a folder can be made");
    symlink("real", site.path("public")).expect("links can be made");
    let site = site.built().built();
    assert!(site.path("public").is_symlink() && site.path("real/index.html").is_file());
    assert!(site.path("contract.json").is_file());
}

#[test]
fn a_full_disk() {
    let site = site().built();
    let before = site.published();
    site.write("content/new.md", "---\ntitle: new\n---\n");
    site.write("content/large.bin", vec![0; 300_000]);
    let mut candor = program("candor");
    let mut candor = on_full_disk(candor.args(["build", "--root"]).arg(site.root()), 100);
    let _ = run(&mut candor).exit(2).says(&["large.bin", "cannot write"]);
    assert_eq!(site.published(), before);
    let others: Vec<_> = files(site.root()).into_keys().filter(|path| path.contains("staging")).collect();
    assert!(others.is_empty(), "left behind: {others:?}");
}

#[test]
fn a_port_in_use() {
    let site = site();
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = taken.local_addr().expect("a listener has an address").port().to_string();
    let _ = site.candor("serve", &["--port", &port]).exit(2).says(&[&port, "in use", "--port"]);
}

#[test]
fn a_command_line_with_a_mistake() {
    let site = site();
    for (command, arguments, word) in [
        ("built", vec![], "build"),
        ("build", vec!["--today", "2026-02-30"], "--today"),
        ("build", vec!["--colour"], "--colour"),
        ("serve", vec!["--port", "99999"], "--port"),
    ] {
        let _ = site.candor(command, &arguments).exit(2).says(&[word]);
    }
    let _ =
        site.candor("build", &["--base-url", "ftp://example.org"]).exit(1).says(&["--base-url", "ftp://example.org"]);
    assert!(!site.path("public").exists());
}

#[test]
fn help_is_a_manual() {
    let help = |arguments: &[&str]| run(program("candor").args(arguments)).success().stdout;
    for word in ["build", "serve", "check"] {
        assert!(help(&["--help"]).contains(word), "{word}");
    }
    for option in ["--root", "--out", "--base-url", "--drafts", "--today", "public"] {
        assert!(help(&["build", "--help"]).contains(option), "{option}");
    }
    for option in ["--root", "--host", "--port", "127.0.0.1", "8080", "CANDOR_STORE"] {
        assert!(help(&["serve", "--help"]).contains(option), "{option}");
    }
}
