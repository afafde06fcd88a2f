//! A plain server around the handler, for a machine of one's own behind a reverse proxy.
//!
//! It speaks HTTP/1.1, tells how it is under `/healthz` and in numbers under `/metrics`, and sends what is due in the
//! outbox. It knows neither TLS nor the site's pages, which are the proxy's.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use tokio::net::TcpListener;

use crate::Handler;
use crate::metrics::prometheus;

/// How often the outbox is looked through.
const OUTBOX_PERIOD: Duration = Duration::from_secs(60);
/// So many mails at a time, so that the lease of the last outlasts those before it.
const OUTBOX_LOT: u32 = 10;
/// How long a request's head may take to arrive, and how long a connection may be kept open without one.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// How long nobody is let in when the system has no room for another connection.
const FULL_PAUSE: Duration = Duration::from_millis(100);
/// How long those who are being answered when the server is told to stop have for it.
const STOP_TIME_MAX: Duration = Duration::from_secs(30);

#[derive(Clone)]
struct App {
    handler: Arc<Handler>,
    clock: fn() -> Timestamp,
    /// How many answers had which status.
    answers: Arc<Mutex<BTreeMap<u16, u64>>>,
}

/// Serves until `stop` is ready, then ends what is under way.
pub async fn serve(
    listener: TcpListener,
    handler: Arc<Handler>,
    clock: fn() -> Timestamp,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let app = App { handler: Arc::clone(&handler), clock, answers: Arc::default() };
    let router =
        Router::new().route("/healthz", get(health)).route("/metrics", get(metrics)).fallback(answer).with_state(app);
    let outbox = tokio::spawn(send_what_is_due(Arc::clone(&handler), clock));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
    let connections = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        // One connection that cannot be had is not the end of all others.
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(FULL_PAUSE).await;
            continue;
        };
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        // Whoever goes away or is too slow needs no answer.
        tokio::spawn(connections.watch(connection));
    }
    drop(listener);
    // A connection that is kept open and says nothing is not waited for.
    let _ = tokio::time::timeout(STOP_TIME_MAX, connections.shutdown()).await;
    outbox.abort();
    handler.finish().await;
}

async fn answer(State(app): State<App>, request: Request) -> Response {
    let response = app.handler.handle(request, (app.clock)()).await.map(Body::from);
    *app.answers.lock().unwrap_or_else(PoisonError::into_inner).entry(response.status().as_u16()).or_default() += 1;
    response
}

/// Whether a submission would be stored.
async fn health(State(app): State<App>) -> Response {
    match app.handler.reach().await {
        Ok(()) => "ok\n".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

async fn metrics(State(app): State<App>) -> Response {
    let numbers = app.handler.numbers((app.clock)()).await.ok().flatten();
    let text = prometheus(&app.answers.lock().unwrap_or_else(PoisonError::into_inner), numbers.as_ref());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn send_what_is_due(handler: Arc<Handler>, clock: fn() -> Timestamp) {
    let mut period = tokio::time::interval(OUTBOX_PERIOD);
    loop {
        period.tick().await;
        if let Err(error) = handler.redeliver(clock(), OUTBOX_LOT).await {
            tracing::error!(%error, "mail that is due could not be looked for");
        }
    }
}
