//! The site is edited in the browser, by the program that editors use.
//!
//! Editors have a folder on their disk, or a repository somewhere else. Here the folder is one that the browser keeps
//! for the page (File System Standard, section 4), as no test can answer the system's own dialogue.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use tests::browser::Browser;
use tests::site::{Site, files};
use tests::{validators, wait_for};

const PACKAGES: [&str; 4] = [
    "@sveltia/cms/dist/sveltia-cms.js",
    "@sveltia/cms/LICENSE.txt",
    "@fontsource-variable/material-symbols-outlined/files/material-symbols-outlined-latin-wght-normal.woff2",
    "@fontsource-variable/material-symbols-outlined/LICENSE",
];

/// The shipped site, edited in the browser.
fn edited() -> Site {
    let site = Site::shipped();
    let settings = site.read("content/site.yaml");
    site.write("content/site.yaml", settings + "admin: {host: github, repository: optimal/site, review: true}\n");
    for package in PACKAGES {
        let bytes = fs::read(validators::package(package)).expect("npm installed it");
        site.write(&format!("node_modules/{package}"), bytes);
    }
    site
}

#[test]
fn what_can_be_edited_is_what_the_program_can_read_and_no_published_version() {
    let site = edited();
    let _ = site.candor("build", &[]).success();
    let config = site.path("public/admin/config.json");
    assert_eq!(
        validators::json_schema(&validators::package("@sveltia/cms/schema/sveltia-cms.json"), &config).trim(),
        "[]"
    );
    let text = site.read("public/admin/config.json");
    let config: Value = serde_json::from_str(&text).expect("JSON");
    let files: Vec<&str> = config["collections"]
        .as_array()
        .expect("collections")
        .iter()
        .flat_map(|collection| collection["files"].as_array().into_iter().flatten())
        .map(|file| file["file"].as_str().expect("a path"))
        .collect();
    assert_eq!(files, ["content/privacy/next.md", "content/forms/register.yaml", "content/site.yaml"]);
    let folders: Vec<&str> = config["collections"]
        .as_array()
        .expect("collections")
        .iter()
        .filter_map(|collection| collection["folder"].as_str())
        .collect();
    assert_eq!(folders, ["content"]);
}

#[test]
fn visitors_meet_nothing_of_it() {
    let site = edited();
    let _ = site.candor("build", &[]).success();
    for (path, bytes) in files(&site.path("public")) {
        if !path.starts_with("admin/") && !matches!(path.as_str(), "_headers" | "headers.json") {
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("/admin") && !text.contains("sveltia"), "{path} speaks of what is for editors");
        }
    }
    // Every page says itself what a browser may do there, so that the policy of editors can be another.
    assert!(site.read("public/404.html").contains("http-equiv=\"Content-Security-Policy\""));
}

#[test]
fn an_editor_changes_a_page_and_a_draft_in_the_browser() {
    let site = edited();
    let server = site.serve(&[]);
    let browser = Browser::start(true);
    browser.open(&format!("http://{}/admin/", server.address()));
    give_folder(&browser, &site);
    wait_for("the button for a folder", || click(&browser, "Work with Local Repository"));
    wait_for("the list of pages", || shows(&browser, "Page not found").then_some(()));

    let page = "content/register.md";
    let before = site.read(page);
    change(&browser, "#/collections/pages/entries/register", "Title", "Come in");
    let after = saved(&browser, page, &before);
    let title = before.lines().find(|line| line.starts_with("title:")).expect("a page has a title");
    // The program writes down that a page is no draft.
    let without = after.replacen("draft: false\n", "", 1);
    assert_eq!(without, before.replacen(title, "title: Come in", 1));
    site.write(page, after);

    let draft = "content/privacy/next.md";
    let before = site.read(draft);
    let longer = format!("{before}\nOne more line.\n");
    change(&browser, "#/collections/drafts/entries/privacy-next-md", "The whole file", &longer);
    assert_eq!(saved(&browser, draft, &before).trim_end(), longer.trim_end());

    let _ = site.candor("build", &[]).success();
    assert!(site.read("public/register/index.html").contains("Come in"));
    // It would ask for its fonts elsewhere: the browser is told to refuse, and finds the one of the signs here.
    let policy = server.get("/admin/").header("content-security-policy").to_owned();
    let own = format!("http://{}/", server.address());
    let asked = browser.requests();
    let is_allowed = |url: &&String| {
        let host = url.split('/').nth(2).unwrap_or_default();
        url.starts_with("http") && !url.starts_with(&own) && policy.contains(host)
    };
    let allowed: BTreeSet<&String> = asked.iter().filter(is_allowed).collect();
    assert!(allowed.iter().all(|url| url.starts_with("https://www.githubstatus.com/")), "{allowed:?}");
    assert_eq!(browser.evaluate("document.fonts.check('16px \"Material Symbols Outlined\"')"), true);
}

/// Puts the site's texts into the folder that the page is given when it asks for one.
fn give_folder(browser: &Browser, site: &Site) {
    let files = files(&site.path("content")).into_iter();
    let mut texts: Vec<Value> = files
        .filter_map(|(path, bytes)| Some(json!([format!("content/{path}"), String::from_utf8(bytes).ok()?])))
        .collect();
    texts.push(json!([".git/HEAD", "ref: refs/heads/main\n"]));
    let given = browser.evaluate(&format!(
        "(async () => {{
            const root = await navigator.storage.getDirectory();
            for (const [path, text] of {}) {{
                const parts = path.split('/'), name = parts.pop();
                let folder = root;
                for (const part of parts) folder = await folder.getDirectoryHandle(part, {{ create: true }});
                const file = await (await folder.getFileHandle(name, {{ create: true }})).createWritable();
                await file.write(text);
                await file.close();
            }}
            root.requestPermission = root.queryPermission = async () => 'granted';
            window.showDirectoryPicker = async () => root;
            return 'given';
        }})()",
        Value::Array(texts)
    ));
    assert_eq!(given, "given");
}

/// What is in a file of the folder.
fn in_folder(browser: &Browser, path: &str) -> String {
    let text = browser.evaluate(&format!(
        "(async () => {{
            const parts = {}.split('/'), name = parts.pop();
            let folder = await navigator.storage.getDirectory();
            for (const part of parts) folder = await folder.getDirectoryHandle(part);
            return (await (await folder.getFileHandle(name)).getFile()).text();
        }})()",
        json!(path)
    ));
    text.as_str().expect("the file is in the folder").to_owned()
}

/// Opens an entry, gives one of its fields another value, and saves it.
fn change(browser: &Browser, place: &str, label: &str, value: &str) {
    let _ = browser.evaluate(&format!("location.hash = {}", json!(place)));
    wait_for("the field and the button that saves", || {
        let is_set = browser.evaluate(&format!(
            "(() => {{
                const field = [...document.querySelectorAll('[data-field-type]')].find((field) => field.innerText.trim().startsWith({}));
                const input = field?.querySelector('input, textarea');
                if (!input) return false;
                Object.getOwnPropertyDescriptor(Object.getPrototypeOf(input), 'value').set.call(input, {});
                input.dispatchEvent(new Event('input', {{ bubbles: true }}));
                return true;
            }})()",
            json!(label),
            json!(value)
        ));
        // What is written before the entry has been read is lost.
        (is_set == true).then(|| click(browser, "Save")).flatten()
    });
}

/// The file of an entry once it is another.
fn saved(browser: &Browser, path: &str, before: &str) -> String {
    wait_for("the saved file", || Some(in_folder(browser, path)).filter(|text| text != before && !text.is_empty()))
}

fn click(browser: &Browser, words: &str) -> Option<()> {
    let is_clicked = browser.evaluate(&format!(
        "(() => {{
            const button = [...document.querySelectorAll('button:enabled')].find((button) => button.innerText.includes({}));
            button?.click();
            return Boolean(button);
        }})()",
        json!(words)
    ));
    (is_clicked == true).then_some(())
}

fn shows(browser: &Browser, words: &str) -> bool {
    browser.evaluate(&format!("document.body.innerText.includes({})", json!(words))) == true
}
