//! A real Chromium, told what to do by WebDriver (W3C Recommendation).

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::http::Method;

use crate::http::request;
use crate::wait_for;

/// The Tab key (WebDriver, section 17.4.2).
pub const TAB: &str = "\u{e004}";
/// The Enter key.
pub const ENTER: &str = "\u{e007}";

/// WebDriver's name for an element in JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one window and an empty profile, which closes with the value.
pub struct Browser {
    driver: Child,
    session: String,
    _folder: TempDir,
}

/// An element of the page.
pub struct Element<'a> {
    browser: &'a Browser,
    id: String,
}

impl Browser {
    /// Opens a browser that runs the scripts of pages and keeps their cookies, or one that refuses both.
    ///
    /// # Panics
    /// When Chromium or its driver are missing, or do not work.
    #[must_use]
    pub fn start(scripts: bool) -> Self {
        let folder = TempDir::with_prefix("candor-browser-").expect("a temporary folder can be made");
        let output = folder.path().join("driver.log");
        let log = File::create(&output).expect("a file can be written");
        let driver = Command::new("chromedriver")
            .arg("--port=0")
            // Chromium leaves things behind when it ends; they go with the folder.
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log)
            .spawn()
            .expect("the driver starts: `apt-get install chromium chromium-driver`");
        let mut browser = Self { driver, session: String::new(), _folder: folder };
        let port = wait_for("the driver's port", || {
            let said = fs::read_to_string(&output).expect("the log can be read");
            let ended = browser.driver.try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "the driver ended:\n{said}");
            Some(said.split_once("started successfully on port ")?.1.split_once('.')?.0.to_owned())
        });
        let allowed = if scripts { 1 } else { 2 };
        browser.session = format!("http://127.0.0.1:{port}/session");
        let session = browser.command(
            Method::POST,
            "",
            &json!({"capabilities": {"alwaysMatch": {
                "goog:loggingPrefs": {"performance": "ALL"},
                "goog:chromeOptions": {
                    // Containers have neither Chromium's sandbox nor much shared memory; the pages are our own.
                    // The browser itself is kept from asking its makers for anything.
                    "args": [
                        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                        "--disable-background-networking", "--disable-component-update", "--disable-sync",
                        "--disable-quic",
                    ],
                    "prefs": {
                        "profile.managed_default_content_settings.javascript": allowed,
                        "profile.managed_default_content_settings.cookies": allowed,
                    },
                },
            }}}),
        );
        let id = session["sessionId"].as_str().expect("a session has an id");
        browser.session = format!("{}/{id}", browser.session);
        browser
    }

    fn command(&self, method: Method, path: &str, parameters: &Value) -> Value {
        let url = format!("{}{path}", self.session);
        let body = if method == Method::POST { parameters.to_string() } else { String::new() };
        let headers = [("content-type", "application/json; charset=utf-8")];
        let answer = request(method.as_str(), &url, &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{method} {path} {parameters}: {}", answer.body);
        let mut answer = answer.json();
        answer["value"].take()
    }

    fn ask(&self, path: &str) -> Value {
        self.command(Method::GET, path, &Value::Null)
    }

    fn tell(&self, path: &str, parameters: &Value) -> Value {
        self.command(Method::POST, path, parameters)
    }

    /// Goes to a page and waits until it is there.
    pub fn open(&self, url: &str) {
        self.tell("/url", &json!({"url": url}));
    }

    /// The address of the page.
    #[must_use]
    pub fn url(&self) -> String {
        text(&self.ask("/url"))
    }

    /// The title of the page.
    #[must_use]
    pub fn title(&self) -> String {
        text(&self.ask("/title"))
    }

    /// The page as it is now.
    #[must_use]
    pub fn source(&self) -> String {
        text(&self.ask("/source"))
    }

    /// Presses keys, one after the other, wherever the focus is.
    pub fn press(&self, keys: &str) {
        let strokes: Vec<Value> = keys
            .chars()
            .flat_map(|key| [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})])
            .collect();
        self.tell("/actions", &json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]}));
    }

    /// Selects all that is typed into the element that has the focus.
    pub fn select_all(&self) {
        const CONTROL: char = '\u{e009}';
        let stroke = |kind: &str, key: char| json!({"type": kind, "value": key});
        let strokes = [("keyDown", CONTROL), ("keyDown", 'a'), ("keyUp", 'a'), ("keyUp", CONTROL)];
        let strokes: Vec<Value> = strokes.into_iter().map(|(kind, key)| stroke(kind, key)).collect();
        self.tell("/actions", &json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]}));
    }

    /// The element that has the focus.
    #[must_use]
    pub fn focused(&self) -> Element<'_> {
        self.element(&self.ask("/element/active"))
    }

    /// The first element that a CSS selector finds.
    #[must_use]
    pub fn find(&self, selector: &str) -> Element<'_> {
        self.element(&self.tell("/element", &json!({"using": "css selector", "value": selector})))
    }

    /// Every element that a CSS selector finds.
    #[must_use]
    pub fn find_all(&self, selector: &str) -> Vec<Element<'_>> {
        let found = self.tell("/elements", &json!({"using": "css selector", "value": selector}));
        found.as_array().expect("a list of elements").iter().map(|value| self.element(value)).collect()
    }

    fn element(&self, value: &Value) -> Element<'_> {
        Element { browser: self, id: text(&value[ELEMENT]) }
    }

    /// Asks the page by a script of the test's own.
    #[must_use]
    pub fn evaluate(&self, expression: &str) -> Value {
        self.tell("/execute/sync", &json!({"script": format!("return ({expression})"), "args": []}))
    }

    /// Gives the browser's developer tools a command.
    pub fn devtools(&self, command: &str, parameters: &Value) {
        self.tell("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}));
    }

    /// The cookies that the page's site has set.
    #[must_use]
    pub fn cookies(&self) -> Vec<Value> {
        self.ask("/cookie").as_array().expect("a list of cookies").clone()
    }

    /// The address of every request since this was last asked.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        let entries = self.tell("/se/log", &json!({"type": "performance"}));
        let entries = entries.as_array().expect("a list of entries");
        let messages = entries.iter().map(|entry| {
            let message: Value = serde_json::from_str(&text(&entry["message"])).expect("a message is JSON");
            message["message"].clone()
        });
        messages
            .filter(|message| message["method"] == "Network.requestWillBeSent")
            .map(|message| text(&message["params"]["request"]["url"]))
            .collect()
    }
}

impl Element<'_> {
    fn ask(&self, what: &str) -> Value {
        self.browser.ask(&format!("/element/{}/{what}", self.id))
    }

    /// What a reader sees of it.
    #[must_use]
    pub fn text(&self) -> String {
        text(&self.ask("text"))
    }

    /// An attribute's value; empty if it is not there.
    #[must_use]
    pub fn attribute(&self, name: &str) -> String {
        self.ask(&format!("attribute/{name}")).as_str().unwrap_or_default().to_owned()
    }

    /// A property's value as the page's scripts would see it.
    #[must_use]
    pub fn property(&self, name: &str) -> Value {
        self.ask(&format!("property/{name}"))
    }

    /// What is typed into it.
    #[must_use]
    pub fn value(&self) -> String {
        text(&self.property("value"))
    }

    /// The computed value of a CSS property.
    #[must_use]
    pub fn css(&self, name: &str) -> String {
        text(&self.ask(&format!("css/{name}")))
    }

    /// Whether a reader sees it.
    #[must_use]
    pub fn is_displayed(&self) -> bool {
        self.ask("displayed") == Value::Bool(true)
    }

    /// Its name for assistive technology (WebDriver, section 12.4.10).
    #[must_use]
    pub fn accessible_name(&self) -> String {
        text(&self.ask("computedlabel"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver closes the browser and removes its profile only when it is asked to.
        let closed = crate::http::try_request("DELETE", &self.session, &[], b"");
        self.driver.kill().expect("a child can be killed");
        self.driver.wait().expect("a child can be awaited");
        if let Err(error) = closed
            && !std::thread::panicking()
        {
            panic!("the browser does not close: {error}");
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}
