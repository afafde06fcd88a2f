//! Links to other sites: where they stand in `content/`, and whether they still lead somewhere.
//!
//! It asks politely: one request at a time and a pause between two for every host, `HEAD` before `GET`, and waiting as
//! long as a server says. It knows neither disk nor clock; what was found on earlier days is given and handed back.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::civil::Date;
use pulldown_cmark::{Event, LinkType, Parser, Tag};
use serde_json::{Value, json};
use statement::diagnostic::Diagnostic;
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body, Proxy, ResponseExt as _};

use crate::site::Site;
use crate::source_tree::SourceTree;
use crate::statement_commands::live::Answer;
use crate::{Failure, address, markdown, scan, site_config};

/// A link to another site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalLink {
    /// The file it stands in.
    pub path: Arc<str>,
    /// Where in the file.
    pub span: Range<usize>,
    /// Where it leads, without a fragment.
    pub url: String,
}

/// How to ask.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The day, by which what is remembered grows old.
    pub today: Date,
    /// How long a link that led somewhere is not asked for again.
    pub valid_days: i64,
    /// How many hosts are asked at once.
    pub hosts_at_once: usize,
    /// The pause between two requests to one host.
    pub pause: Duration,
    /// How long an answer may take, redirects included.
    pub timeout: Duration,
    /// How often a server that is too busy is asked in all.
    pub attempts: u32,
    /// The first wait for a server that is too busy and does not say how long; then twice as long each time.
    pub backoff: Duration,
    /// The longest wait a server can ask for.
    pub patience: Duration,
    /// What requests go through, where they cannot go by themselves.
    pub proxy: Option<Proxy>,
    /// Whose links these are, told to the servers.
    pub site: String,
}

impl Settings {
    /// The settings for a published site.
    #[must_use]
    pub fn new(today: Date, base_url: &str) -> Self {
        Self {
            today,
            valid_days: 7,
            hosts_at_once: 16,
            pause: Duration::from_millis(300),
            timeout: Duration::from_secs(20),
            attempts: 4,
            backoff: Duration::from_secs(2),
            patience: Duration::from_secs(60),
            proxy: None,
            site: base_url.to_owned(),
        }
    }
}

/// What came out.
#[derive(Debug)]
pub struct Checked {
    /// An error for each place that leads nowhere, a warning where nobody can tell or the page has moved for good.
    pub diagnostics: Vec<Diagnostic>,
    /// What to remember for the next time.
    pub cache: String,
    /// How many links were asked for.
    pub asked: usize,
}

/// What became of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// It leads somewhere; for good to another address, if there is one.
    Alive { moved_to: Option<String> },
    /// It leads nowhere.
    Dead(String),
    /// Nobody can tell.
    Unsure(String),
}

/// Every link to another site, in the order of files and places.
#[must_use]
pub fn find(site: &Site, tree: &SourceTree) -> Vec<ExternalLink> {
    let mut links = Vec::new();
    let mut seen = HashSet::new();
    let own = |url: &str| {
        url.strip_prefix(&site.config.base_url).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '#', '?']))
    };
    let mut add = |path: &Arc<str>, span: Range<usize>, url: &str| {
        let is_web = url.get(..8).is_some_and(|start| {
            let start = start.to_ascii_lowercase();
            start.starts_with("http://") || start == "https://"
        });
        if is_web && !own(url) {
            let url = url.split('#').next().unwrap_or(url).to_owned();
            links.push(ExternalLink { path: Arc::clone(path), span, url });
        }
    };
    let settings: Arc<str> = site_config::PATH.into();
    for entry in &site.config.menu {
        add(&settings, entry.to.span.clone(), &entry.to.value);
    }
    // A version of the statement in force is two pages of one file.
    for page in site.pages.iter().filter(|page| seen.insert(Arc::clone(&page.path))) {
        let Some(text) = tree.text(&page.path).and_then(|file| file.get(page.text.clone())) else { continue };
        let base = page.text.start;
        let place = |range: &Range<usize>, url: &str| {
            let at = text[range.clone()].rfind(url).filter(|_| !url.is_empty());
            let span = at.map_or_else(|| range.clone(), |at| range.start + at..range.start + at + url.len());
            base + span.start..base + span.end
        };
        for (event, range) in Parser::new_ext(text, markdown::OPTIONS).into_offset_iter() {
            match event {
                Event::Start(Tag::Link { link_type, dest_url, .. } | Tag::Image { link_type, dest_url, .. })
                    if link_type != LinkType::Email =>
                {
                    add(&page.path, place(&range, &dest_url), &dest_url);
                }
                Event::Html(html) | Event::InlineHtml(html) => scan::tags(&html, |_, attributes| {
                    for (_, url) in attributes.iter().filter(|(name, _)| *name == "href" || *name == "src") {
                        add(&page.path, place(&range, url), &url.replace("&amp;", "&"));
                    }
                }),
                _ => {}
            }
        }
    }
    links.sort_by(|a, b| (&a.path, a.span.start).cmp(&(&b.path, b.span.start)));
    links
}

/// Asks for every link that is not remembered; `remembered` is an earlier [`Checked::cache`], `asked` is called after
/// each request that is concluded.
#[must_use]
pub fn check(
    links: &[ExternalLink],
    remembered: Option<&str>,
    settings: &Settings,
    asked: &(dyn Fn() + Sync),
) -> Checked {
    let mut alive = read_cache(remembered, settings);
    alive.retain(|url, _| links.iter().any(|link| link.url == *url));
    let mut hosts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut wanted = HashSet::new();
    for link in links.iter().filter(|link| !alive.contains_key(&link.url)) {
        if wanted.insert(link.url.as_str()) {
            hosts.entry(host(&link.url)).or_default().push(&link.url);
        }
    }
    let mut queues: Vec<Vec<&str>> = hosts.into_values().collect();
    // What takes longest begins first.
    queues.sort_by_key(|urls| std::cmp::Reverse(urls.len()));
    let outcomes = ask_all(&queues, settings, asked);
    for (url, outcome) in &outcomes {
        if let Outcome::Alive { moved_to } = outcome {
            alive.insert((*url).to_owned(), (settings.today, moved_to.clone()));
        }
    }
    let outcome = |url: &str| match (alive.get(url), outcomes.get(url)) {
        (Some((_, moved_to)), _) => Some(Outcome::Alive { moved_to: moved_to.clone() }),
        (None, outcome) => outcome.cloned(),
    };
    let diagnostics = links.iter().filter_map(|link| diagnostic(link, outcome(&link.url)?)).collect();
    Checked { diagnostics, cache: write_cache(&alive), asked: wanted.len() }
}

fn diagnostic(link: &ExternalLink, outcome: Outcome) -> Option<Diagnostic> {
    let error = |message| Diagnostic::error(&link.path, link.span.clone(), message);
    let warning = |message| Diagnostic::warning(&link.path, link.span.clone(), message);
    match outcome {
        Outcome::Alive { moved_to: None } => None,
        Outcome::Alive { moved_to: Some(to) } => Some(
            warning("the page has moved for good")
                .label("answers with another address")
                .help(format!("link to `{to}`")),
        ),
        Outcome::Dead(why) => Some(
            error("link to another site leads nowhere").label(why).help("link to another page, or remove the link"),
        ),
        Outcome::Unsure(why) => Some(
            warning("cannot tell whether a link to another site leads anywhere")
                .label(why)
                .help("open it in a browser"),
        ),
    }
}

fn agent(settings: &Settings) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(settings.timeout))
        .proxy(settings.proxy.clone())
        .user_agent(format!("candor-link-check/{} (+{})", env!("CARGO_PKG_VERSION"), settings.site))
        .accept("text/html,*/*;q=0.8")
        .build()
        .into()
}

/// The longest answer that is read whole.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Fetches a page as it is served, without following it elsewhere.
///
/// # Errors
/// When there is no answer.
pub fn fetch(url: &str, settings: &Settings) -> Result<Answer, Failure> {
    let cannot = |error: &dyn std::fmt::Display| Failure(format!("cannot ask for {url}: {error}"));
    let agent = agent(settings);
    let request = agent.get(address::ascii(url)).config().max_redirects(0).build();
    let mut answer = request.call().map_err(|error| cannot(&error))?;
    let headers = answer.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let headers = headers.collect();
    let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(|error| cannot(&error))?;
    Ok(Answer { status: answer.status().as_u16(), headers, body })
}

/// Each queue is a host's; as many hosts as the settings say are asked at once.
fn ask_all<'a>(queues: &[Vec<&'a str>], settings: &Settings, asked: &(dyn Fn() + Sync)) -> HashMap<&'a str, Outcome> {
    let agent = agent(settings);
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(HashMap::new());
    std::thread::scope(|scope| {
        for _ in 0..settings.hosts_at_once.min(queues.len()) {
            scope.spawn(|| {
                while let Some(urls) = queues.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for (index, url) in urls.iter().enumerate() {
                        if index > 0 {
                            wait(settings.pause);
                        }
                        let outcome = ask(&agent, url, settings);
                        outcomes
                            .lock()
                            .expect("invariant: nothing panics while it holds the map")
                            .insert(*url, outcome);
                        asked();
                    }
                }
            });
        }
    });
    outcomes.into_inner().expect("invariant: nothing panics while it holds the map")
}

#[expect(clippy::disallowed_methods, reason = "a polite pause is time that passes, and nothing else")]
fn wait(time: Duration) {
    std::thread::sleep(time);
}

/// Asks until there is an answer that will not change by asking again.
fn ask(agent: &Agent, url: &str, settings: &Settings) -> Outcome {
    let url = address::ascii(url);
    let mut backoff = settings.backoff;
    for attempt in 1.. {
        let (outcome, busy) = ask_once(agent, &url, settings);
        let Some(busy) = busy else { return outcome };
        let pause = busy.retry_after.unwrap_or(backoff);
        if attempt >= settings.attempts || pause > settings.patience {
            return outcome;
        }
        wait(pause);
        backoff *= 2;
    }
    unreachable!("invariant: attempts are counted")
}

/// A server that says it is asked too much.
struct Busy {
    /// How long it wants to be left alone.
    retry_after: Option<Duration>,
}

fn ask_once(agent: &Agent, url: &str, settings: &Settings) -> (Outcome, Option<Busy>) {
    let request = |method: &str, follow: bool| {
        let redirects = if follow { 10 } else { 0 };
        let request = if method == "HEAD" { agent.head(url) } else { agent.get(url) };
        request.config().max_redirects(redirects).build().call()
    };
    let mut answer = request("HEAD", false);
    let mut moved_for_good = false;
    if let Ok(redirect) = &answer
        && redirect.status().is_redirection()
    {
        let status = redirect.status();
        moved_for_good = matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT);
        wait(settings.pause);
        answer = request("HEAD", true);
    }
    // Servers that do not know `HEAD` answer anything: only what `GET` says counts against a link.
    let is_good = |answer: &Result<Response<Body>, ureq::Error>| {
        answer.as_ref().is_ok_and(|answer| answer.status().is_success() || is_busy(answer.status()))
    };
    let is_final = |error: &ureq::Error| {
        matches!(
            error,
            ureq::Error::HostNotFound | ureq::Error::Timeout(_) | ureq::Error::BadUri(_) | ureq::Error::Http(_)
        ) || lookup_failed(error).is_some()
    };
    if !is_good(&answer) && !answer.as_ref().is_err_and(is_final) {
        wait(settings.pause);
        answer = request("GET", true);
    }
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return (failure(&error, settings), None),
    };
    let status = answer.status();
    let words = status
        .canonical_reason()
        .map_or_else(|| status.as_u16().to_string(), |reason| format!("{} {reason}", status.as_u16()));
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => (Outcome::Dead(format!("answered {words}")), None),
        status if is_busy(status) => {
            let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            let busy = Busy { retry_after: retry_after.map(Duration::from_secs) };
            (Outcome::Unsure(format!("answered {words}")), Some(busy))
        }
        status if status.is_success() => {
            let last = answer.get_uri().to_string();
            let moved_to = Some(last).filter(|last| moved_for_good && last != url);
            (Outcome::Alive { moved_to }, None)
        }
        _ => (Outcome::Unsure(format!("answered {words}")), None),
    }
}

fn is_busy(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}

/// Whether a host has no address at all (`true`), or nobody could say (`false`); none for other failures.
fn lookup_failed(error: &ureq::Error) -> Option<bool> {
    let ureq::Error::Io(error) = error else { return None };
    // The standard library tells a failed lookup only by its words.
    let words = error.to_string();
    let words = words.strip_prefix("failed to lookup address information")?;
    let no_address =
        ["Name or service not known", "nodename nor servname", "No address associated", "Name does not resolve"];
    Some(no_address.iter().any(|known| words.contains(known)))
}

fn failure(error: &ureq::Error, settings: &Settings) -> Outcome {
    match error {
        ureq::Error::HostNotFound => Outcome::Dead("no such host".to_owned()),
        error if lookup_failed(error) == Some(true) => Outcome::Dead("no such host".to_owned()),
        error if lookup_failed(error) == Some(false) => Outcome::Unsure("the host could not be looked up".to_owned()),
        ureq::Error::Timeout(_) => Outcome::Unsure(format!("no answer within {} s", settings.timeout.as_secs_f32())),
        ureq::Error::TooManyRedirects => Outcome::Unsure("redirects in a circle".to_owned()),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
            Outcome::Unsure("not an address that can be asked for".to_owned())
        }
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            Outcome::Unsure("the host refuses the connection".to_owned())
        }
        error => Outcome::Unsure(error.to_string()),
    }
}

/// The host and port of an address.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    authority.rsplit('@').next().unwrap_or(authority)
}

/// What led somewhere, when, and where it has moved to.
type Alive = BTreeMap<String, (Date, Option<String>)>;

/// What is remembered and not too old. A file that cannot be read is as good as none.
fn read_cache(text: Option<&str>, settings: &Settings) -> Alive {
    let cache: Value = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let entries = cache["alive"].as_object().into_iter().flatten();
    let entries = entries.filter_map(|(url, entry)| {
        let day: Date = entry["day"].as_str()?.parse().ok()?;
        let age = settings.today.since((jiff::Unit::Day, day)).ok()?.get_days();
        // A day to come was written by a clock that was wrong.
        let is_valid = (0..settings.valid_days).contains(&i64::from(age));
        is_valid.then(|| (url.clone(), (day, entry["moved_to"].as_str().map(str::to_owned))))
    });
    entries.collect()
}

fn write_cache(alive: &Alive) -> String {
    let entries: BTreeMap<&String, Value> = alive
        .iter()
        .map(|(url, (day, moved_to))| (url, json!({ "day": day.to_string(), "moved_to": moved_to })))
        .collect();
    format!("{:#}\n", json!({ "alive": entries }))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    use statement::diagnostic::{Diagnostics, Severity};

    use super::*;
    use crate::site::Options;

    /// A server that answers each path as `answer` says, given how often it was asked before, and notes every request.
    fn serve(answer: fn(&str, &str, usize) -> String) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let noted = Arc::clone(&noted);
                std::thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                    let first = lines.next().unwrap().unwrap();
                    let mut agent = String::new();
                    while let Some(Ok(line)) =
                        lines.next().filter(|line| line.as_ref().is_ok_and(|line| !line.is_empty()))
                    {
                        if line.to_ascii_lowercase().starts_with("user-agent: ") {
                            agent = line[12..].to_owned();
                        }
                    }
                    assert!(
                        agent.starts_with("candor-link-check/") && agent.contains("https://example.org"),
                        "{agent}"
                    );
                    let mut words = first.split(' ');
                    let (method, path) = (words.next().unwrap(), words.next().unwrap());
                    let request = format!("{method} {path}");
                    let before = {
                        let mut noted = noted.lock().unwrap();
                        let before = noted.iter().filter(|known| **known == request).count();
                        noted.push(request);
                        before
                    };
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                        answer(method, path, before)
                    );
                });
            }
        });
        (url, requests)
    }

    fn settings() -> Settings {
        Settings {
            pause: Duration::from_millis(1),
            timeout: Duration::from_millis(400),
            backoff: Duration::from_millis(5),
            patience: Duration::from_secs(2),
            ..Settings::new(jiff::civil::date(2026, 3, 1), "https://example.org")
        }
    }

    fn link(url: String) -> ExternalLink {
        ExternalLink { path: "content/a.md".into(), span: 0..1, url }
    }

    fn answer(method: &str, path: &str, before: usize) -> String {
        match (method, path) {
            (_, "/fine" | "/target") => "200 OK".to_owned(),
            (_, "/gone") => "410 Gone".to_owned(),
            (_, "/forbidden") => "403 Forbidden".to_owned(),
            (_, "/broken") => "500 Internal Server Error".to_owned(),
            (_, "/moved") => "301 Moved Permanently\r\nlocation: /target".to_owned(),
            (_, "/elsewhere") => "302 Found\r\nlocation: /target".to_owned(),
            (_, "/to-nowhere") => "302 Found\r\nlocation: /missing".to_owned(),
            (_, "/circle") => "302 Found\r\nlocation: /circle".to_owned(),
            ("HEAD", "/no-head") => "405 Method Not Allowed".to_owned(),
            ("HEAD", "/head-lies") => "404 Not Found".to_owned(),
            ("GET", "/no-head" | "/head-lies") => "200 OK".to_owned(),
            (_, "/busy") if before == 0 => "429 Too Many Requests\r\nretry-after: 1".to_owned(),
            (_, "/tired") if before < 2 => "503 Service Unavailable".to_owned(),
            (_, "/busy" | "/tired") => "200 OK".to_owned(),
            (_, "/always-busy") => "429 Too Many Requests\r\nretry-after: 3600".to_owned(),
            (_, "/slow") => {
                wait(Duration::from_secs(1));
                "200 OK".to_owned()
            }
            _ => "404 Not Found".to_owned(),
        }
    }

    #[test]
    fn tells_dead_from_unsure() {
        let (url, requests) = serve(answer);
        let paths = [
            "fine",
            "missing",
            "gone",
            "forbidden",
            "broken",
            "moved",
            "elsewhere",
            "to-nowhere",
            "circle",
            "no-head",
            "head-lies",
            "busy",
            "tired",
            "always-busy",
            "slow",
            "caf\u{e9}",
        ];
        let links: Vec<_> = paths.iter().map(|path| link(format!("{url}/{path}"))).collect();
        let checked = check(&links, None, &settings(), &|| {});
        let said: Vec<String> = checked
            .diagnostics
            .iter()
            .map(|found| {
                let mark = if found.severity == Severity::Error { "error" } else { "warning" };
                format!("{mark}: {} ({})", found.label, found.help[0].replace(&url, ""))
            })
            .collect();
        let (dead, unsure) = ("link to another page, or remove the link", "open it in a browser");
        assert_eq!(
            said,
            [
                format!("error: answered 404 Not Found ({dead})"),
                format!("error: answered 410 Gone ({dead})"),
                format!("warning: answered 403 Forbidden ({unsure})"),
                format!("warning: answered 500 Internal Server Error ({unsure})"),
                "warning: answers with another address (link to `/target`)".to_owned(),
                format!("error: answered 404 Not Found ({dead})"),
                format!("warning: redirects in a circle ({unsure})"),
                format!("warning: answered 429 Too Many Requests ({unsure})"),
                format!("warning: no answer within 0.4 s ({unsure})"),
                format!("error: answered 404 Not Found ({dead})"),
            ]
        );
        let requests = requests.lock().unwrap();
        let count = |request: &str| requests.iter().filter(|known| *known == request).count();
        // A healthy page is asked for once, and never for its body.
        assert_eq!((count("HEAD /fine"), count("GET /fine")), (1, 0));
        assert_eq!((count("HEAD /busy"), count("HEAD /tired"), count("HEAD /always-busy")), (2, 3, 1));
        assert_eq!(count("HEAD /caf%C3%A9"), 1);
    }

    #[test]
    fn remembers_for_a_week_what_led_somewhere() {
        let (url, requests) = serve(answer);
        let links = [
            link(format!("{url}/moved")),
            link(format!("{url}/fine")),
            link(format!("{url}/fine")),
            link(format!("{url}/gone")),
        ];
        let first = check(&links, None, &settings(), &|| {});
        assert_eq!((first.asked, first.diagnostics.len()), (3, 2));
        let later = |days: i64, cache: &str, links: &[ExternalLink]| {
            let today = settings().today.checked_add(jiff::Span::new().days(days)).unwrap();
            check(links, Some(cache), &Settings { today, ..settings() }, &|| {})
        };
        requests.lock().unwrap().clear();
        let second = later(6, &first.cache, &links);
        assert_eq!(
            (second.asked, second.diagnostics.clone(), second.cache.clone()),
            (1, first.diagnostics, first.cache.clone())
        );
        assert!(requests.lock().unwrap().iter().all(|request| request.ends_with("/gone")));
        for (days, cache) in [(7, &*first.cache), (-1, &first.cache), (0, "not JSON"), (0, "[]")] {
            assert_eq!(later(days, cache, &links).asked, 3, "{days} {cache}");
        }
        // What is no longer linked to is forgotten.
        assert!(!later(0, &first.cache, &links[..1]).cache.contains("/fine"));
    }

    #[test]
    fn hosts_that_do_not_exist_or_answer() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let links = [link(format!("http://{closed}/")), link("http://exa mple/".to_owned())];
        let checked = check(&links, None, &settings(), &|| {});
        let labels: Vec<&str> = checked.diagnostics.iter().map(|found| &*found.label).collect();
        assert_eq!(labels, ["the host refuses the connection", "not an address that can be asked for"]);
        assert!(checked.diagnostics.iter().all(|found| found.severity == Severity::Warning));
        let lookup = |words: &str| {
            let error = std::io::Error::other(format!("failed to lookup address information: {words}"));
            failure(&ureq::Error::Io(error), &settings())
        };
        assert_eq!(lookup("Name or service not known"), Outcome::Dead("no such host".to_owned()));
        assert_eq!(
            lookup("Temporary failure in name resolution"),
            Outcome::Unsure("the host could not be looked up".to_owned())
        );
    }

    #[test]
    fn finds_links_with_their_places() {
        let text = "-- content/site.yaml --\ntitle: T\nbase_url: https://example.org\nlanguage: en\ntimezone: UTC\ntheme: plain\n\
                    menu: [{label: Out, to: \"https://a.example/menu\"}]\n\
                    -- content/_index.md --\n---\ntitle: T\n---\n[b](https://b.example/x#part) <https://c.example> ![d](http://d.example/p.png)\n\
                    [own](https://example.org/y) [other][r] `https://no.example` <a href=\"https://e.example/?a=1&amp;b\">e</a>\n\n\
                    [r]: HTTPS://f.example\n\
                    -- content/draft.md --\n---\ntitle: D\ndraft: true\n---\n<https://draft.example>\n";
        let tree = SourceTree::from_archive(text);
        let site = Site::assemble(&tree, &Options::default(), &mut Diagnostics::new()).unwrap();
        let links = find(&site, &tree);
        let found: Vec<(&str, &str)> =
            links.iter().map(|link| (&tree.text(&link.path).unwrap()[link.span.clone()], &*link.url)).collect();
        assert_eq!(
            found,
            [
                ("https://b.example/x#part", "https://b.example/x"),
                ("https://c.example", "https://c.example"),
                ("http://d.example/p.png", "http://d.example/p.png"),
                ("[other][r]", "HTTPS://f.example"),
                ("https://e.example/?a=1&amp;b", "https://e.example/?a=1&b"),
                ("\"https://a.example/menu\"", "https://a.example/menu"),
            ]
        );
    }
}
