//! Sites in folders of their own: the shipped one, or one written as a text.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Finished, program, repository, run};

/// A site that may be changed and goes away by itself.
pub struct Site {
    folder: TempDir,
}

impl Site {
    /// A copy of the site in this repository.
    #[must_use]
    pub fn shipped() -> Self {
        Self::empty().with("content", "content").with("themes", "themes")
    }

    /// Takes the words out of the shipped draft that say that it is an illustration: with them it cannot be published.
    pub fn finish_the_draft(&self) {
        let draft = self.read("content/privacy/next.md");
        let is_said = |line: &&str| {
            let of_illustration = ["This draft is an illustration", "It is not legal advice"];
            of_illustration.iter().any(|words| line.contains(words)) && !line.starts_with('#')
        };
        let rest: Vec<&str> = draft.lines().filter(|line| !is_said(line)).collect();
        self.write("content/privacy/next.md", format!("{}\n", rest.join("\n")));
    }

    /// The same with a copy of a folder of this repository, as the folder `place`.
    #[must_use]
    pub fn with(self, folder: &str, place: &str) -> Self {
        for (path, bytes) in files(&repository().join(folder)) {
            self.write(&format!("{place}/{path}"), bytes);
        }
        self
    }

    /// The same with a theme that has as little as a theme can have, named `plain`.
    #[must_use]
    pub fn with_plain_theme(self) -> Self {
        self.with("tests/fixtures/themes", "themes")
    }

    /// A site written as one text, in which `-- content/a.md --` begins a file.
    #[must_use]
    pub fn from_archive(archive: &str) -> Self {
        let site = Self::empty();
        for (path, text) in parse_archive(archive) {
            site.write(&path, text);
        }
        site
    }

    /// A site without any file.
    #[must_use]
    pub fn empty() -> Self {
        Self { folder: TempDir::with_prefix("candor-site-").expect("a temporary folder can be made") }
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the folder.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    /// Writes a file and the folders above it.
    pub fn write(&self, path: &str, contents: impl AsRef<[u8]>) {
        let file = self.path(path);
        fs::create_dir_all(file.parent().expect("a file has a folder")).expect("folders can be made");
        fs::write(file, contents).expect("a file can be written");
    }

    /// The text of a file.
    #[must_use]
    pub fn read(&self, path: &str) -> String {
        let file = self.path(path);
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{} cannot be read: {error}", file.display()))
    }

    /// Replaces a piece of a file.
    ///
    /// # Panics
    /// When the piece does not stand in the file.
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "`{from}` is not in {path}:\n{text}");
        self.write(path, text.replacen(from, to, 1));
    }

    /// Runs `candor` on the site.
    #[must_use]
    pub fn candor(&self, command: &str, arguments: &[&str]) -> Finished {
        run(program("candor").arg(command).arg("--root").arg(self.root()).args(arguments))
    }

    /// Builds the site, which must succeed.
    #[must_use]
    pub fn built(self) -> Self {
        let finished = self.candor("build", &[]).success();
        assert!(!finished.stderr.contains("error"), "{}", finished.stderr);
        self
    }

    /// Every published file by its path under `public/`.
    #[must_use]
    pub fn published(&self) -> BTreeMap<String, Vec<u8>> {
        files(&self.path("public"))
    }

    /// The registrations in the site's own store, without their answers, as the staff tool lists them.
    #[must_use]
    pub fn registrations(&self) -> Vec<Value> {
        let finished = run(program("registrations").args(["list", "--json", "--root"]).arg(self.root())).success();
        match serde_json::from_str(&finished.stdout).expect("the list is JSON") {
            Value::Array(registrations) => registrations,
            other => panic!("the list is not a list: {other}"),
        }
    }

    /// The registration of a reference, as the staff tool shows it.
    #[must_use]
    pub fn registration(&self, reference: &str) -> Value {
        let show = ["show", reference, "--json", "--root"];
        let finished = run(program("registrations").args(show).arg(self.root())).success();
        let registration: Value = serde_json::from_str(&finished.stdout).expect("a registration is JSON");
        assert_eq!(registration["reference"], reference);
        registration
    }

    /// What was answered to a field in the registration of a reference.
    #[must_use]
    pub fn answer(&self, reference: &str, field: &str) -> String {
        let registration = self.registration(reference);
        let answers = registration["answers"].as_array().expect("a registration has answers");
        let answer = answers.iter().find(|answer| answer["field"] == field);
        answer
            .and_then(|answer| answer["value"].as_str())
            .unwrap_or_else(|| panic!("no `{field}`: {registration}"))
            .to_owned()
    }
}

/// Every file below a folder by its path, with `/`; none if there is no such folder. A link is the place it leads to.
#[must_use]
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for entry in entries {
            let path = entry.expect("a folder can be listed").path();
            let kind = fs::symlink_metadata(&path).expect("a file can be looked at").file_type();
            if kind.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).expect("below the folder").to_str().expect("names are UTF-8");
            let bytes = if kind.is_symlink() {
                fs::read_link(&path).expect("a link can be read").into_os_string().into_encoded_bytes()
            } else {
                fs::read(&path).expect("a file can be read")
            };
            found.insert(name.to_owned(), bytes);
        }
    }
    found
}

/// The files of an archive, in its order.
#[must_use]
pub fn parse_archive(archive: &str) -> Vec<(String, String)> {
    let mut parsed: Vec<(String, String)> = Vec::new();
    for line in archive.split_inclusive('\n') {
        if let Some(path) = line.trim_end().strip_prefix("-- ").and_then(|line| line.strip_suffix(" --")) {
            parsed.push((path.to_owned(), String::new()));
        } else {
            parsed.last_mut().expect("an archive begins with a file's name").1.push_str(line);
        }
    }
    parsed
}
