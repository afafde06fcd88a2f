//! Keeps open pages as new as their files: a script in every page that is served, and the events it listens to.
//!
//! It knows neither files nor builds. Visitors of the published site never meet it.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::watch;

/// Where the script stands.
pub(super) const SCRIPT: &str = "/_candor/live_reload.js";
/// Where its events come from.
pub(super) const EVENTS: &str = "/_candor/events";

/// What open pages are told about a state of the site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct News {
    /// A later state has a larger number, also after the server was started again.
    pub(super) generation: i64,
    /// The state since which nothing but styles has changed.
    pub(super) reload_before: i64,
    /// What is wrong with the files as they are now, for a person.
    pub(super) report: Option<String>,
}

impl News {
    /// What a page that shows the state `seen` must hear; none where it is up to date.
    fn since(&self, seen: i64) -> Option<Event> {
        let event = Event::default().id(self.generation.to_string());
        match &self.report {
            // A line ends with LF in an event.
            Some(report) => Some(event.event("mistakes").data(report.replace('\r', ""))),
            None if seen == self.generation => None,
            // An event without data is none (HTML Standard, section 9.2.6).
            None if seen < self.reload_before => Some(event.event("reload").data(self.generation.to_string())),
            None => Some(event.event("styles").data(self.generation.to_string())),
        }
    }
}

/// The script.
pub(super) fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("live_reload.js")).into_response()
}

/// Puts the script at the end of a page that shows the state `generation`.
pub(super) fn with_script(page: &[u8], generation: i64) -> Bytes {
    let at = memchr::memmem::rfind(page, b"</body>").unwrap_or(page.len());
    let script = format!("<script src=\"{SCRIPT}?generation={generation}\"></script>");
    Bytes::from([&page[..at], script.as_bytes(), &page[at..]].concat())
}

/// A header's value with what the script needs: to run, and to listen to its own server.
pub(super) fn allowed_by<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    if !name.eq_ignore_ascii_case("content-security-policy") {
        return value.into();
    }
    ["script-src", "connect-src"].iter().fold(value.into(), |policy: Cow<'a, str>, directive| {
        match policy.find(&format!("{directive} ")) {
            Some(_) if policy.contains(&format!("{directive} 'self'")) => policy,
            Some(at) => {
                let (before, after) = policy.split_at(at + directive.len());
                format!("{before} 'self'{after}").into()
            }
            None => format!("{policy}; {directive} 'self'").into(),
        }
    })
}

/// Tells a page of every change from the state it shows on, until the server stops.
pub(super) fn events<S: Send + Sync + 'static>(
    query: Option<&str>,
    headers: &HeaderMap,
    state: watch::Receiver<Arc<S>>,
    news_of: fn(&S) -> &News,
    stopped: watch::Receiver<bool>,
) -> Response {
    // After a lost connection the browser says what it heard last (HTML Standard, section 9.2.4).
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let seen = last.or_else(|| query?.strip_prefix("generation=")).and_then(|seen| seen.parse().ok()).unwrap_or(0);
    let heard: Option<News> = None;
    let events =
        stream::unfold((state, stopped, seen, heard), move |(mut state, mut stopped, seen, heard)| async move {
            let is_news =
                |state: &Arc<S>| heard.as_ref() != Some(news_of(state)) && news_of(state).since(seen).is_some();
            let news = tokio::select! {
                changed = state.wait_for(is_news) => news_of(&*changed.ok()?).clone(),
                _ = stopped.wait_for(|stopped| *stopped) => return None,
            };
            let event = news.since(seen)?;
            // A page that is told of mistakes still shows what it showed before.
            let seen = if news.report.is_some() { seen } else { news.generation };
            Some((Ok::<_, Infallible>(event), (state, stopped, seen, Some(news))))
        });
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}
