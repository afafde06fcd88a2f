//! `candor serve`, running.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use statement::contract::{STATEMENT_DIGEST_FIELD, STATEMENT_VERSION_FIELD};

use crate::http::{self, Answer, FORM};
use crate::program::program;
use crate::site::Site;
use crate::wait_for;

/// A server that stops with the value.
pub struct Server {
    process: Child,
    output: PathBuf,
    /// `http://127.0.0.1:49152`.
    pub url: String,
}

impl Site {
    /// Serves the site on a free port, with settings from the environment.
    #[must_use]
    pub fn serve(&self, environment: &[(&str, &str)]) -> Server {
        Server::start(self.serve_command().envs(environment.iter().copied()), self.root())
    }

    /// The command that serves the site on a free port.
    #[must_use]
    pub fn serve_command(&self) -> Command {
        let mut command = program("candor");
        command.arg("serve").arg("--root").arg(self.root()).args(["--port", "0"]);
        command
    }
}

impl Server {
    /// Starts a command that serves a site and prints its address; what it prints is kept in `folder`.
    ///
    /// # Panics
    /// When it ends without an address.
    #[must_use]
    pub fn start(command: &mut Command, folder: &Path) -> Self {
        let output = folder.join("serve.log");
        let log = File::create(&output).expect("a file can be written");
        command.stdout(log.try_clone().expect("a file can be shared")).stderr(log);
        let process = command.spawn().expect("the server starts");
        let mut server = Self { process, output, url: String::new() };
        server.url = wait_for("the server's address", || {
            let said = server.said();
            let ended = server.process.try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "the server ended before it gave its address:\n{said}");
            address_in(&said)
        });
        server
    }

    /// What it printed so far.
    #[must_use]
    pub fn said(&self) -> String {
        fs::read_to_string(&self.output).expect("the output can be read")
    }

    /// `127.0.0.1:49152`.
    #[must_use]
    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").expect("the address is http")
    }

    /// Gets a page of the site.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        http::get(&format!("{}{path}", self.url))
    }

    /// Sends the registration form with the statement it was shown with.
    #[must_use]
    pub fn register(&self, fields: &[(&str, &str)]) -> Answer {
        self.post(&self.body(fields))
    }

    /// Sends a body to the registration form's endpoint.
    #[must_use]
    pub fn post(&self, body: &str) -> Answer {
        http::request("POST", &self.endpoint(), &[("content-type", FORM)], body.as_bytes())
    }

    /// Where the registration form posts to.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("{}/api/register", self.url)
    }

    /// The body a browser sends when `fields` were typed into the form as it is shown now.
    #[must_use]
    pub fn body(&self, fields: &[(&str, &str)]) -> String {
        let page = self.get("/register/").expect(200).body;
        let hidden = [STATEMENT_VERSION_FIELD, STATEMENT_DIGEST_FIELD].map(|name| (name, hidden_input(&page, name)));
        let hidden: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (*name, value.as_str())).collect();
        http::form(&[fields, &hidden].concat())
    }

    /// Tells it to end, and waits until it has.
    pub fn stop(&mut self) {
        let told = Command::new("kill").arg(self.process.id().to_string()).status().expect("`kill` starts");
        assert!(told.success(), "the server cannot be told to end");
        wait_for("the server's end", || self.process.try_wait().expect("a child can be asked"));
    }

    /// Ends it at once, with no chance to do anything first.
    pub fn kill(&mut self) {
        self.process.kill().expect("a child can be killed");
        self.process.wait().expect("a child can be awaited");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("the server said:\n{}", self.said());
        }
    }
}

fn address_in(said: &str) -> Option<String> {
    let start = said.find("http://127.0.0.1:")?;
    let rest = &said[start..];
    // The line must be whole, or the port may not be.
    let line = &rest[..rest.find('\n')?];
    let host = line["http://".len()..].find(|letter: char| !(letter.is_ascii_digit() || ".:".contains(letter)));
    Some(line[..host.map_or(line.len(), |end| "http://".len() + end)].to_owned())
}

/// The value of a hidden input.
///
/// # Panics
/// When the page has no such input.
#[must_use]
pub fn hidden_input(page: &str, name: &str) -> String {
    let tag = page
        .split('<')
        .find(|tag| tag.starts_with("input") && tag.contains(&format!("name=\"{name}\"")))
        .unwrap_or_else(|| panic!("no input `{name}` in {page}"));
    assert!(tag.contains("type=\"hidden\""), "`{name}` is not hidden: {tag}");
    let value = tag.split_once("value=\"").expect("a hidden input has a value").1;
    value.split('"').next().expect("a value ends").to_owned()
}
