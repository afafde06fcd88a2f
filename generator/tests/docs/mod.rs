//! Keeps what is written about Candor true: `docs/` is a site without mistakes, its reference has every key and every
//! command there is and no other, the code map in `ARCHITECTURE.md` has every module once, and links between the
//! repository's documents lead somewhere. What the pages say beside that, it does not know.
//!
//! Which keys there are is asked of the code: where a key is unknown, the message says which are known.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use generator::build::build;
use generator::output::{Files, Memory};
use generator::report;
use generator::source_tree::SourceTree;
use serde_json::{Value, json};
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::{front_matter, yaml};

use crate::site_archive;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the repository").to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_documentation_is_a_site_without_mistakes() {
    let mut diagnostics = Diagnostics::new();
    let tree = SourceTree::read(&repository().join("docs"), &mut diagnostics).expect("docs/ is a site");
    let mut files = Files::new();
    let built =
        build(&tree, &site_archive::options(), diagnostics, Memory::new(&mut files)).expect("no disk is involved");
    let report = anstream::adapter::strip_str(&report::draw(&built.diagnostics, &tree)).to_string();
    assert_eq!(report, "");
    assert!(files.contains_key("/reference/commands/"), "{:?}", files.keys());
}

/// What is said about a key that nobody knows, in every mapping of `files` over the smallest site: the mapping's name,
/// and the keys that are known there.
fn known_keys(files: &[(&str, Value, &str)]) -> BTreeMap<String, BTreeSet<String>> {
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // One file at a time, because what is wrong in one may keep the others from being read.
    for (path, value, text) in files {
        let mut value = value.clone();
        spoil(&mut value);
        let text = if path.ends_with(".md") { format!("---\n{value}\n---\n{text}") } else { value.to_string() };
        let tree = site_archive::tree(&format!("-- {path} --\n{text}\n"));
        let mut published = Files::new();
        let built = build(&tree, &site_archive::options(), Diagnostics::new(), Memory::new(&mut published));
        let unknown = built.expect("no disk is involved").diagnostics.into_iter();
        for (name, keys) in unknown.filter_map(|diagnostic| known_in(&diagnostic)) {
            known.entry(name).or_default().extend(keys);
        }
    }
    known
}

/// A key that is like no other.
const UNKNOWN: &str = "zzzzzzzzzzzz";

/// Puts the unknown key into every mapping.
fn spoil(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            entries.values_mut().for_each(spoil);
            entries.insert(UNKNOWN.to_owned(), json!(1));
        }
        Value::Array(items) => items.iter_mut().for_each(spoil),
        _ => {}
    }
}

fn known_in(diagnostic: &Diagnostic) -> Option<(String, BTreeSet<String>)> {
    let what = diagnostic.message.strip_suffix(&format!(" has no key `{UNKNOWN}`"))?;
    let keys = diagnostic.help.iter().find_map(|help| help.strip_prefix("known keys are "))?;
    Some((what.replace('`', ""), in_backticks(keys).collect()))
}

/// The words of a text that stand in backticks.
fn in_backticks(text: &str) -> impl Iterator<Item = String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// The keys in the tables of a page of the reference, by the heading above them.
fn listed_keys(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = read(&format!("docs/content/reference/{page}"));
    let mut listed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut heading = String::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            heading = title.to_owned();
        } else if let Some(key) = line.strip_prefix("| `").and_then(|line| line.split('`').next()) {
            assert!(listed.entry(heading.clone()).or_default().insert(key.to_owned()), "{page}: `{key}` twice");
        }
    }
    listed
}

/// Compares a page of the reference with the code; `names` are headings whose mapping has another name in messages.
fn compare(page: &str, names: &[(&str, &str)], files: &[(&str, Value, &str)]) {
    let name = |heading: String| {
        let named = names.iter().find(|(title, _)| *title == heading).map(|(_, name)| (*name).to_owned());
        named.unwrap_or_else(|| {
            let plain = heading.replace("Under ", "").replace("`: `", ".").replace('`', "");
            plain.replacen("A ", "a ", 1).replacen("An ", "an ", 1)
        })
    };
    let listed: BTreeMap<_, _> = listed_keys(page).into_iter().map(|(title, keys)| (name(title), keys)).collect();
    assert_eq!(known_keys(files), listed, "on the left what the code knows, on the right what {page} lists");
}

#[test]
fn the_reference_of_settings_has_every_key() {
    let settings = json!({
        "title": "Site", "base_url": "https://example.org", "language": "en", "timezone": "UTC", "theme": "plain",
        "menu": [{"label": "Home", "to": "_index.md"}],
        "taxonomies": [{"name": "topics"}],
        "feed": {}, "images": {}, "markdown": {},
        "admin": {"host": "github", "repository": "optimal/site"},
        "providers": [{"name": "Pictures Inc"}],
        "mailboxes": [{"address": "a@example.org", "retention": "P7Y"}],
    });
    let names = [("The file", "the settings file"), ("An entry of `menu`", "a menu entry")];
    compare("site-yaml.md", &names, &[("content/site.yaml", settings, "")]);
}

#[test]
fn the_reference_of_front_matter_has_every_key() {
    compare("front-matter.md", &[("A page", "front matter")], &[("content/a/_index.md", json!({"title": "A"}), "")]);
}

#[test]
fn the_reference_of_forms_has_every_key() {
    // Some keys are for fields of a kind.
    let field = |kind: &str| json!({"name": "name", "label": "Name", "kind": kind, "messages": {}});
    let fields: Vec<Value> = ["text", "choice", "number"].into_iter().map(field).collect();
    let form = json!({
        "thanks": "../thank-you.md", "submit": "Send", "fields": fields,
        "notify": {"by": "name", "to": {}}, "webhook": {"to": "Partner", "url": "https://partner.example/"},
    });
    compare("forms.md", &[], &[("content/forms/register.yaml", form, "")]);
}

#[test]
fn the_reference_of_the_statement_has_every_key() {
    let path = "content/privacy/2018-09-26.md";
    let file = read(path);
    let mut diagnostics = Diagnostics::new();
    let parts = front_matter::split(&path.into(), &file, &mut diagnostics).expect("the statement has front matter");
    let mut facts = yaml::parse(&path.into(), &file, parts.yaml, &mut diagnostics).expect("it is YAML").to_json();
    // What the first version has none of.
    let says = json!({"at": "top", "text": "words"});
    facts["shares"]["recipients"] = json!([{"name": "Pictures Inc", "says": says}]);
    facts["processors"] = json!([{"name": "Pictures Inc", "role": "service-provider", "says": says}]);
    facts["rights"] = json!([{"key": "access", "says": says}]);
    facts["changes"]["notice"] = json!({"period": "P30D"});
    let translation = json!({"of": format!("sha256:{}", "0".repeat(64)), "title": "Privacidad"});
    let names = [
        ("A version", "the statement's front matter"),
        ("A translation", "a translation's front matter"),
        ("A fact's words", "says"),
    ];
    let files = [(path, facts, &file[parts.text]), ("content/privacy/2018-09-26.es.md", translation, "Texto.")];
    compare("statement.md", &names, &files);
}

/// The commands that the program tells of itself, below `arguments`.
fn commands(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_candor")).args(arguments).arg("--help").output();
    let help = String::from_utf8(output.expect("the program starts").stdout).expect("help is text");
    let (_, rest) = help.split_once("\nCommands:\n").expect("the program has commands");
    let named = rest.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
    named.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn the_reference_of_commands_has_every_command() {
    let text = read("docs/content/reference/commands.md");
    let listed = |before: &str| -> BTreeSet<String> {
        let named = text.lines().filter_map(|line| line.strip_prefix("| `candor ")?.strip_prefix(before));
        named.filter_map(|line| line.split([' ', '`']).next().map(str::to_owned)).collect()
    };
    let statement = commands(&["statement"]);
    assert_eq!(commands(&[]), listed(""));
    assert_eq!(statement, listed("statement "));
}

/// The paths a cell of the code map names: `a.rs`, `folder/`, `statement/src/{a,b}.rs`.
fn paths_in(cell: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for name in in_backticks(cell) {
        let path = if name.contains("/src/") { name } else { format!("generator/src/{name}") };
        match path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
            Some((before, (names, after))) => {
                paths.extend(names.split(',').map(|name| format!("{before}{name}{after}")));
            }
            None => paths.push(path),
        }
    }
    paths
}

#[test]
fn the_code_map_has_every_module_once() {
    let text = read("ARCHITECTURE.md");
    let (_, map) = text.split_once("\n## Code map").expect("there is a code map");
    let (map, _) = map.split_once("\n## ").expect("the code map has an end");
    let cells = map.lines().filter_map(|line| line.strip_prefix('|')?.split('|').nth(1));
    let paths: Vec<String> = cells.flat_map(paths_in).collect();
    let named: BTreeSet<&str> = paths.iter().map(|path| path.trim_end_matches('/')).collect();
    assert_eq!(named.len(), paths.len(), "a file of the code map is named twice");
    for path in &named {
        assert!(repository().join(path).exists(), "the code map names `{path}`, which does not exist");
    }
    for folder in ["generator/src", "statement/src"] {
        for entry in fs::read_dir(repository().join(folder)).expect("the crate is there") {
            let name = entry.expect("the folder can be read").file_name();
            let name = name.to_str().expect("modules have plain names");
            // The parts of a module stand with it; programs are named by their folders.
            let is_part = repository().join(folder).join(format!("{name}.rs")).exists();
            if name != "lib.rs" && name != "bin" && !is_part {
                let path = format!("{folder}/{name}");
                assert!(named.contains(path.as_str()), "the code map does not name `{path}`");
            }
        }
    }
}

#[test]
fn links_between_the_documents_of_the_repository_lead_somewhere() {
    let beside = ["form-handler/README.md", "themes/optimal/README.md", "docs/PROMISES.md"];
    let root = fs::read_dir(repository()).expect("the repository is there");
    let names = root.map(|entry| entry.expect("it can be read").file_name().into_string().expect("names are text"));
    let documents = names.filter(|name| name.ends_with(".md")).chain(beside.map(str::to_owned));
    for document in documents {
        let text = read(&document);
        // A link within backticks is an example.
        let text: String = text.split('`').step_by(2).collect();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        for target in targets.filter(|target| !target.is_empty() && !target.contains("://")) {
            let path = repository().join(&document).with_file_name(target);
            assert!(path.exists(), "{document} links to `{target}`, which does not exist");
        }
    }
}
