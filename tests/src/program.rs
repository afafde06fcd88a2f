//! The programs under test, built once, and what a run of one of them left behind.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::look_for;

/// The repository.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is a folder of the repository")
}

/// The folder for all that is made from the repository.
pub(crate) fn target() -> PathBuf {
    // The suite itself stands in target/debug/deps.
    let suite = std::env::current_exe().expect("a suite has a path");
    suite.ancestors().nth(3).expect("a suite is deep in the target folder").to_owned()
}

/// The folder with the programs, which are up to date.
fn programs() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = target();
        let mut build = Command::new("cargo");
        build.args(["build", "--quiet", "--workspace", "--bins", "--target-dir"]).arg(&target);
        // What cargo tells a test about its own crate would look like a change to build scripts that watch it.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text == "CARGO_CRATE_NAME" {
                build.env_remove(&name);
            }
        }
        let status = build.current_dir(repository()).status().expect("cargo starts");
        assert!(status.success(), "the programs do not build");
        target.join("debug")
    })
}

/// A program of ours, without any setting of whoever runs the tests.
///
/// # Panics
/// When the programs do not build.
#[must_use]
pub fn program(name: &str) -> Command {
    let mut command = Command::new(programs().join(name));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CANDOR_") {
            command.env_remove(name);
        }
    }
    // Where the host of the tests would see annotations, only the suite that is about them does.
    command.env_remove("GITHUB_ACTIONS").stdin(Stdio::null());
    command
}

/// The same program on a disk that has no room for a file of more than `kib` KiB.
#[must_use]
pub fn on_full_disk(program: &Command, kib: u32) -> Command {
    let mut limited = Command::new("bash");
    // Without the trap the limit is a signal; with it, writes fail, as they do when a disk is full.
    limited.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\""));
    limited.arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

/// How a program ended.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs a program to its end.
///
/// # Panics
/// When it does not start, or does not end within a minute.
pub fn run(command: &mut Command) -> Finished {
    let (mut stdout, mut stderr) = (tempfile(), tempfile());
    command.stdout(stdout.try_clone().expect("a file can be shared"));
    command.stderr(stderr.try_clone().expect("a file can be shared"));
    let mut process = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let status = look_for(|| process.try_wait().expect("a child can be asked"));
    if status.is_none() {
        process.kill().expect("a child can be killed");
        process.wait().expect("a child can be awaited");
    }
    let (stdout, stderr) = (text(&mut stdout), text(&mut stderr));
    let status = status.unwrap_or_else(|| panic!("{command:?} does not end; it said:\n{stdout}{stderr}"));
    Finished { code: status.code(), stdout, stderr }
}

fn tempfile() -> File {
    tempfile::tempfile().expect("a temporary file can be made")
}

fn text(file: &mut File) -> String {
    let mut text = String::new();
    file.rewind().expect("a file can be read again");
    file.read_to_string(&mut text).expect("programs print UTF-8");
    text
}

impl Finished {
    /// The same, if it ended well.
    ///
    /// # Panics
    /// When it did not.
    #[must_use]
    pub fn success(self) -> Self {
        self.exit(0)
    }

    /// The same, if it ended with this code.
    ///
    /// # Panics
    /// When it did not.
    #[must_use]
    pub fn exit(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code of a program that said:\n{}{}", self.stdout, self.stderr);
        self
    }

    /// The same, if its standard error has each of these fragments.
    ///
    /// # Panics
    /// When one is missing.
    #[must_use]
    pub fn says(self, fragments: &[&str]) -> Self {
        for fragment in fragments {
            assert!(self.stderr.contains(fragment), "`{fragment}` is not in:\n{}", self.stderr);
        }
        self
    }
}
