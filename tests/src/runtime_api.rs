//! The Lambda Runtime API: what the host's side of a function's loop looks like to the function.
//!
//! Events go in by [`RuntimeApi::invoke`]; what the function posts back comes out.

use std::net::SocketAddr;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, mpsc};

use crate::{PATIENCE, wait_for};

/// The API, on a free port of the loopback.
pub struct RuntimeApi {
    address: SocketAddr,
    events: mpsc::UnboundedSender<String>,
    posted: Receiver<(String, Value)>,
    _runtime: Runtime,
}

struct Loop {
    events: Mutex<mpsc::UnboundedReceiver<String>>,
    posted: Sender<(String, Value)>,
}

impl RuntimeApi {
    /// Starts to listen.
    ///
    /// # Panics
    /// When the loopback has no free port.
    #[must_use]
    pub fn start() -> Self {
        let runtime = Runtime::new().expect("threads can be started");
        let (events, waiting) = mpsc::unbounded_channel();
        let (post_side, posted) = channel();
        let state = Arc::new(Loop { events: Mutex::new(waiting), posted: post_side });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{outcome}", post(outcome))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(state);
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("a listener has an address");
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, events, posted, _runtime: runtime }
    }

    /// Prepares a function's program the way the host does.
    pub fn attach(&self, function: &mut Command) {
        function
            .env("AWS_LAMBDA_RUNTIME_API", self.address.to_string())
            .env("AWS_REGION", "us-east-2")
            .env("AWS_LAMBDA_FUNCTION_NAME", "register")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/register")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/24/[$LATEST]0");
    }

    /// Gives the function an event and waits for its answer.
    ///
    /// # Panics
    /// When the function reports an error, or nothing.
    #[must_use]
    pub fn invoke(&self, event: &Value) -> Value {
        self.events.send(event.to_string()).expect("the API runs");
        let (outcome, value) = self.posted.recv_timeout(PATIENCE).expect("the function answers");
        assert_eq!(outcome, "response", "the function failed: {value}");
        value
    }
}

async fn next(State(state): State<Arc<Loop>>) -> impl IntoResponse {
    let event = state.events.lock().await.recv().await.expect("the API outlives its function");
    let deadline = SystemTime::now() + Duration::from_secs(30);
    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis();
    let headers = [
        ("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("Lambda-Runtime-Deadline-Ms", deadline.to_string()),
        ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-2:123456789012:function:register".to_owned()),
        ("Lambda-Runtime-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793".to_owned()),
        ("Content-Type", "application/json".to_owned()),
    ];
    (headers, event)
}

async fn outcome(
    State(state): State<Arc<Loop>>,
    Path((_, outcome)): Path<(String, String)>,
    body: String,
) -> StatusCode {
    let value = serde_json::from_str(&body).unwrap_or(Value::String(body));
    state.posted.send((outcome, value)).expect("the suite listens");
    StatusCode::ACCEPTED
}

async fn init_error(State(state): State<Arc<Loop>>, body: String) -> StatusCode {
    state.posted.send(("init error".to_owned(), Value::String(body))).expect("the suite listens");
    StatusCode::ACCEPTED
}

/// A function that waits for events and stops with the value.
pub struct Function(pub Child);

impl Drop for Function {
    fn drop(&mut self) {
        self.0.kill().expect("a child can be killed");
        wait_for("the function's end", || self.0.try_wait().expect("a child can be asked"));
    }
}
