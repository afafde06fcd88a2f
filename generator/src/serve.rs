//! `candor serve`: the site in memory, its forms working, rebuilt and reloaded when a file changes.
//!
//! The only module that knows the form handler. Visitors of the published site never meet it.

mod live_reload;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use form_handler::{Delivery, Handler, LocalDefaults, ProxySecret};
use jiff::Timestamp;
use notify::{EventKind, RecursiveMode, Watcher};
use percent_encoding::percent_decode_str;
use statement::diagnostic::Diagnostics;
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::live_reload::News;
use crate::address;
use crate::build::{build, build_again};
use crate::headers::Headers;
use crate::output::{Files, Memory};
use crate::rebuild::Last;
use crate::site::Options;
use crate::source_tree::{self, SourceTree};
use crate::{Failure, report};

/// How long the files must be quiet before a rebuild: an editor writes one file in several steps.
const QUIET: Duration = Duration::from_millis(15);
/// How often a rebuild may be put off because the files are not quiet.
const QUIET_ROUNDS_MAX: usize = 20;
/// How long answers under way may take when the server is told to stop.
const FAREWELL: Duration = Duration::from_secs(10);

/// What the program decides.
pub struct Settings {
    /// The site's folder.
    pub root: PathBuf,
    /// How to build. Without a `base_url`, the server's own address is taken.
    pub options: Options,
    /// The address to listen on.
    pub host: IpAddr,
    /// The port to listen on; 0 for any.
    pub port: u16,
    /// The clock.
    pub clock: fn() -> Timestamp,
    /// The environment.
    pub variable: fn(&str) -> Option<String>,
    /// Tells the person at the terminal.
    pub tell: fn(&str),
}

/// Serves until the process is told to stop.
///
/// # Errors
/// When there is no site, the port is taken, or registrations cannot be delivered as configured.
pub fn run(settings: Settings) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Runtime::new().map_err(|error| Failure(format!("cannot start the server: {error}")))?;
    runtime.block_on(serve(settings))
}

async fn serve(mut settings: Settings) -> Result<(), Failure> {
    // Before anything is made in a folder that is none of ours.
    source_tree::find_site(&settings.root)?;
    let local = LocalDefaults { folder: settings.root.join(".candor") };
    let delivery = form_handler::Settings::from_environment(&settings.variable, Some(&local))
        .map_err(|errors| Failure(errors.to_string()))?;
    let wanted = SocketAddr::new(settings.host, settings.port);
    let listener = TcpListener::bind(wanted).await.map_err(|error| {
        let help = "stop the program that listens there, or choose another port with `--port`";
        Failure(format!("cannot listen on {wanted}: {error}\n  = help: {help}"))
    })?;
    let address = listener.local_addr().map_err(|error| Failure(format!("cannot listen on {wanted}: {error}")))?;
    let url = format!("http://{}", reachable(address));
    settings.options.base_url.get_or_insert_with(|| url.clone());

    let proxy_secret = delivery.proxy_secret();
    let (registrations, mail) = (delivery.store_description(), delivery.mail_description());
    let delivery = Delivery::open(&delivery).await.map_err(|error| Failure(error.to_string()))?;
    let delivery = Arc::new(delivery);
    let mut builder = Builder { settings, delivery: Arc::clone(&delivery), proxy_secret, last: None };
    // Before the first build, so that no edit is missed while it runs.
    let (_watcher, changes) = watch_files(&builder.settings.root)?;
    let first = builder.rebuild(&Served::default(), &Touched::Anything)?;
    (builder.settings.tell)(&format!("site           {url}/\nregistrations  {registrations}\nmail           {mail}\n"));

    let clock = builder.settings.clock;
    let (served, now_served) = watch::channel(Arc::new(first));
    std::thread::spawn(move || rebuild_on_change(builder, &served, &changes));
    let (stop, stopped) = watch::channel(false);
    let app =
        axum::Router::new().fallback(answer).with_state(App { served: now_served, stopped: stopped.clone(), clock });
    let mut until_stopped = stopped.clone();
    let server = axum::serve(listener, app)
        .with_graceful_shutdown(async move {
            let _ = until_stopped.wait_for(|stopped| *stopped).await;
        })
        .into_future();
    let mut server = tokio::spawn(server);
    tokio::select! {
        ended = &mut server => {
            ended.map_err(|error| error.to_string()).and_then(|ended| ended.map_err(|error| error.to_string()))
        }
        () = told_to_stop() => {
            stop.send_replace(true);
            let farewell = async {
                let _ = server.await;
                // Visitors may have gone away whose registrations are still on their way.
                delivery.finish().await;
            };
            let _ = tokio::time::timeout(FAREWELL, farewell).await;
            Ok(())
        }
    }
    .map_err(|error| Failure(format!("the server stopped: {error}")))
}

/// An address a browser on this machine can open.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}

async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupt = signal(SignalKind::interrupt());
    let terminate = signal(SignalKind::terminate());
    // Without a handler the signal ends the process by itself.
    let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else { return std::future::pending().await };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// What visitors get at the moment.
#[derive(Default)]
struct Served {
    news: News,
    /// By site path.
    files: Arc<Files>,
    /// What the host sends with them.
    headers: Headers,
    /// None until the site was once without mistakes.
    handler: Option<Arc<Handler>>,
    /// What the handler obeys.
    contract: String,
}

struct Builder {
    settings: Settings,
    delivery: Arc<Delivery>,
    proxy_secret: Option<ProxySecret>,
    /// The site as it was read and built, where it had no mistake.
    last: Option<(SourceTree, Last)>,
}

impl Builder {
    /// Builds the site after some of its files were touched; with mistakes in it, `last` is what is served with a
    /// report.
    fn rebuild(&mut self, last: &Served, touched: &Touched) -> Result<Served, Failure> {
        let now = (self.settings.clock)();
        let mut files = Files::new();
        let options = Options { now, is_edited: true, ..self.settings.options.clone() };
        let reread = self.last.take().and_then(|(mut tree, last)| match touched {
            Touched::Anything => None,
            Touched::Files(touched) => Some((tree.reread(&self.settings.root, touched)?, tree, last)),
        });
        let output = Memory::after(&last.files, &mut files);
        let (mut built, tree) = match reread {
            Some((changed, tree, last)) => {
                (build_again(&tree, last, &changed, &options, Diagnostics::new(), output)?, tree)
            }
            None => {
                let mut diagnostics = Diagnostics::new();
                let tree = SourceTree::read(&self.settings.root, &mut diagnostics)?;
                (build(&tree, &options, diagnostics, output)?, tree)
            }
        };
        let report = report::draw(&built.diagnostics, &tree);
        self.last = built.last.take().map(|last| (tree, last));
        (self.settings.tell)(&report);
        let generation = now.as_millisecond().max(last.news.generation + 1);
        let Some(published) = built.published else {
            let after = if last.handler.is_some() {
                "the site is served as it was before"
            } else {
                "mend the site, and it will be served"
            };
            (self.settings.tell)(&format!("{}; {after}\n", report::count(&built.diagnostics)));
            let report = Some(anstream::adapter::strip_str(&report).to_string());
            let news = News { generation, report, ..last.news };
            let (handler, contract) = (last.handler.clone(), last.contract.clone());
            let (files, headers) = (Arc::clone(&last.files), last.headers.clone());
            return Ok(Served { news, files, headers, handler, contract });
        };
        let (contract, headers) = (published.contract.to_json(), published.headers);
        let handler = Handler::new(published.contract, Arc::clone(&self.delivery)).map_err(Failure)?;
        let handler = handler.behind_proxy(self.proxy_secret.clone());
        let is_restyled = differing(&last.files, &files).all(|path| path.ends_with(".css"));
        let reload_before = if is_restyled { last.news.reload_before } else { generation };
        let news = News { generation, reload_before, report: None };
        Ok(Served { news, files: Arc::new(files), headers, handler: Some(Arc::new(handler)), contract })
    }
}

impl Served {
    /// Whether visitors and the person who edits get the same from both.
    fn is_same(&self, other: &Self) -> bool {
        self.headers == other.headers
            && self.contract == other.contract
            && self.news.report == other.news.report
            && differing(&self.files, &other.files).next().is_none()
    }
}

/// The site paths at which two sites have other files, or only one has a file.
fn differing<'a>(last: &'a Files, next: &'a Files) -> impl Iterator<Item = &'a str> {
    // Most files were kept, and are the same in memory.
    let is_same =
        |one: &Bytes, other: &Bytes| one.len() == other.len() && (one.as_ptr() == other.as_ptr() || one == other);
    let changed = move |(path, bytes): &(&String, &Bytes)| !last.get(*path).is_some_and(|last| is_same(last, bytes));
    let gone = last.keys().filter(|path| !next.contains_key(*path));
    next.iter().filter(changed).map(|(path, _)| path).chain(gone).map(String::as_str)
}

/// What an edit touched.
enum Touched {
    /// These files, as far as the system tells.
    Files(BTreeSet<PathBuf>),
    /// The system does not tell.
    Anything,
}

impl Touched {
    fn of(event: notify::Result<notify::Event>) -> Self {
        match event {
            Ok(event) if !event.need_rescan() => Self::Files(event.paths.into_iter().collect()),
            _ => Self::Anything,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Files(mut files), Self::Files(others)) => {
                files.extend(others);
                Self::Files(files)
            }
            _ => Self::Anything,
        }
    }
}

/// Tells of every change to the site's files, until the watcher is dropped.
fn watch_files(root: &Path) -> Result<(notify::RecommendedWatcher, mpsc::Receiver<Touched>), Failure> {
    let cannot = |error: notify::Error| Failure(format!("cannot watch the site's files: {error}"));
    let (changed, changes) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading a file is an event too, and our own build reads them all.
        if !event.as_ref().is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
            let _ = changed.send(Touched::of(event));
        }
    })
    .map_err(cannot)?;
    for folder in source_tree::FOLDERS.iter().map(|folder| root.join(folder)).filter(|folder| folder.exists()) {
        watcher.watch(&folder, RecursiveMode::Recursive).map_err(cannot)?;
    }
    Ok((watcher, changes))
}

/// Rebuilds for every change, until there is nobody to tell of one.
fn rebuild_on_change(mut builder: Builder, served: &watch::Sender<Arc<Served>>, changes: &mpsc::Receiver<Touched>) {
    while let Ok(mut touched) = changes.recv() {
        // A program that never stops writing is not waited for.
        for _ in 0..QUIET_ROUNDS_MAX {
            match changes.recv_timeout(QUIET) {
                Ok(more) => touched = changes.try_iter().fold(touched.and(more), Touched::and),
                Err(_) => break,
            }
        }
        let last = Arc::clone(&served.borrow());
        let tell = builder.settings.tell;
        match builder.rebuild(&last, &touched) {
            Ok(next) if next.is_same(&last) => {}
            Ok(next) => {
                if next.news.report.is_none() {
                    tell("the site was rebuilt\n");
                }
                served.send_replace(Arc::new(next));
            }
            Err(failure) => tell(&format!("{failure}\n")),
        }
    }
}

#[derive(Clone)]
struct App {
    served: watch::Receiver<Arc<Served>>,
    stopped: watch::Receiver<bool>,
    clock: fn() -> Timestamp,
}

async fn answer(State(app): State<App>, request: Request) -> Response {
    let served = Arc::clone(&app.served.borrow());
    let path = request.uri().path();
    if path == live_reload::SCRIPT {
        return live_reload::script();
    }
    if path == live_reload::EVENTS {
        let App { served, stopped, .. } = app;
        return live_reload::events(request.uri().query(), request.headers(), served, |served| &served.news, stopped);
    }
    match &served.handler {
        Some(handler) if path.starts_with("/api/") => handler.handle(request, (app.clock)()).await.map(Body::from),
        Some(_) => file(&served, &request),
        None => {
            let page = report_page(served.news.report.as_deref().unwrap_or_default(), served.news.generation);
            (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page)
                .into_response()
        }
    }
}

/// Answers as a static host does: the file, the same address with a final slash, or the page for what is not there.
fn file(served: &Served, request: &Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response();
    }
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy();
    let path = path.strip_suffix("index.html").filter(|folder| folder.ends_with('/')).unwrap_or(&path);
    if let Some(bytes) = served.files.get(path) {
        let is_gone = served.headers.gone.contains(&address::href(path));
        return content(if is_gone { StatusCode::GONE } else { StatusCode::OK }, path, bytes, served);
    }
    if served.files.contains_key(&format!("{path}/")) {
        let query = request.uri().query().map_or_else(String::new, |query| format!("?{query}"));
        let location = format!("{}/{query}", request.uri().path());
        return (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, location)]).into_response();
    }
    match served.files.get("/404.html") {
        Some(bytes) => content(StatusCode::NOT_FOUND, "/404.html", bytes, served),
        None => (StatusCode::NOT_FOUND, "There is no such page.\n").into_response(),
    }
}

fn content(status: StatusCode, path: &str, bytes: &[u8], served: &Served) -> Response {
    let mime = if path.ends_with('/') {
        mime_guess::mime::TEXT_HTML
    } else {
        mime_guess::from_path(Path::new(path)).first_or_octet_stream()
    };
    let is_page = mime == mime_guess::mime::TEXT_HTML;
    let charset = if mime.type_() == mime_guess::mime::TEXT { "; charset=utf-8" } else { "" };
    let bytes =
        if is_page { live_reload::with_script(bytes, served.news.generation) } else { Bytes::copy_from_slice(bytes) };
    let mut response = (status, bytes).into_response();
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&format!("{mime}{charset}")) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    let sent = address::href(path);
    for (name, value) in served.headers.matching(&sent) {
        let value = live_reload::allowed_by(name, value);
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(&value)) {
            headers.append(name, value);
        }
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn report_page(report: &str, generation: i64) -> Bytes {
    let mut escaped = String::new();
    pulldown_cmark_escape::escape_html(&mut escaped, report).expect("invariant: a string can be written to");
    let page = format!(
        "<!doctype html><html lang=\"en\" data-report><meta charset=\"utf-8\"><title>The site has mistakes</title>\
         <body><h1>The site has mistakes</h1><pre>{escaped}</pre></body></html>"
    );
    live_reload::with_script(page.as_bytes(), generation)
}
