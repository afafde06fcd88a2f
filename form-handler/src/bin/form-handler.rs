//! The program `form-handler`: the handler behind AWS Lambda's events, for API Gateway, load balancers and function
//! URLs, and for Netlify's events, which look like those of API Gateway with parts missing. `form-handler serve` is the
//! handler as a plain server.

#![expect(clippy::print_stderr, reason = "what is wrong at the start is told to whoever deploys it")]
#![expect(clippy::disallowed_methods, reason = "the program reads the environment, the clock and its contract")]

use std::io::Write as _;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::task;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use form_handler::{Delivery, Handler, Redelivered, Settings, check_place, metrics};
use jiff::Timestamp;
use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Body, Request, Service};
use serde_json::{Value, json};
use statement::contract::Contract;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// A schedule's run begins no mail after this time, so that the last one ends before the function is stopped.
const OUTBOX_TIME_MAX: Duration = Duration::from_secs(10);
/// What every Lambda runtime is given.
const HOST_VARIABLES: [&str; 4] = [
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_RUNTIME_API",
];

fn main() -> ExitCode {
    tracing_subscriber::fmt().json().with_target(false).with_span_list(false).init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_server = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["serve"] => true,
        _ => {
            eprintln!(
                "write `form-handler serve`, or nothing on AWS Lambda; the rest is said by environment variables"
            );
            return ExitCode::from(2);
        }
    };
    // A host gives a function one event at a time, and a share of one processor; a server has all there are, for sealing.
    let mut runtime = if is_server { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    match runtime.enable_all().build() {
        Ok(runtime) => runtime.block_on(run(is_server)),
        Err(error) => {
            eprintln!("the program cannot begin: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(is_server: bool) -> ExitCode {
    let handler = match prepare(is_server).await {
        Ok(handler) => Arc::new(handler),
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::from(2);
        }
    };
    if is_server {
        return match serve(handler).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::from(2)
            }
        };
    }
    let service = lambda_runtime::service_fn(move |event: LambdaEvent<Value>| answer(Arc::clone(&handler), event));
    match lambda_runtime::run(service).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the Lambda runtime stopped: {error}");
            ExitCode::from(2)
        }
    }
}

/// Serves until the system or a person at the terminal says that it is enough.
async fn serve(handler: Arc<Handler>) -> Result<(), String> {
    let address = std::env::var("CANDOR_LISTEN").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let cannot = |error: std::io::Error| format!("CANDOR_LISTEN: cannot listen on {address}: {error}");
    let listener = tokio::net::TcpListener::bind(&address).await.map_err(cannot)?;
    let mut terminated = signal(SignalKind::terminate()).map_err(cannot)?;
    let mut interrupted = signal(SignalKind::interrupt()).map_err(cannot)?;
    let local = listener.local_addr().map_err(cannot)?;
    eprintln!("listening on http://{local}; how it is: /healthz and /metrics");
    let stop = async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    };
    form_handler::serve(listener, handler, Timestamp::now, stop).await;
    Ok(())
}

/// Reads the settings and the contract; everything wrong at once.
async fn prepare(is_server: bool) -> Result<Handler, String> {
    let variable = |name: &str| std::env::var(name).ok();
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut errors = Vec::new();
    // The runtime's library panics without these.
    if let Some(missing) = HOST_VARIABLES.into_iter().find(|name| !is_server && variable(name).is_none()) {
        let help = "AWS Lambda sets it; on a machine of your own, use `form-handler serve`";
        errors.push(format!("{missing}: not set; {help}"));
    }
    errors.extend(Settings::check_names(names).err().map(|errors| errors.to_string()));
    let settings = Settings::from_environment(&variable, None).map_err(|found| errors.push(found.to_string()));
    let contract = read_contract(variable("CANDOR_CONTRACT")).map_err(|found| errors.push(found));
    if let Ok(contract) = &contract {
        let store = settings.as_ref().ok().and_then(Settings::store);
        errors.extend(check_place(&variable, contract.statement.as_ref(), store).err());
    }
    let (Ok(settings), Ok(contract), true) = (settings, contract, errors.is_empty()) else {
        return Err(errors.join("\n"));
    };
    let delivery = Delivery::open(&settings).await.map_err(|error| error.to_string())?;
    Ok(Handler::new(contract, Arc::new(delivery))?
        .behind_proxy(settings.proxy_secret())
        .counting(settings.client_address_header())
        .calling_requests_by(settings.request_id_header()))
}

fn read_contract(path: Option<String>) -> Result<Contract, String> {
    let path = path.unwrap_or_else(|| "contract.json".to_owned());
    let json = std::fs::read(&path).map_err(|error| format!("CANDOR_CONTRACT: cannot read `{path}`: {error}"))?;
    Contract::parse(&json).map_err(|fact| format!("CANDOR_CONTRACT: `{path}`: {fact}"))
}

async fn answer(handler: Arc<Handler>, event: LambdaEvent<Value>) -> Result<Value, lambda_http::Error> {
    let LambdaEvent { payload, context } = event;
    if is_scheduled(&payload) {
        return look_after_outbox(&handler).await;
    }
    let mut payload = with_context(payload);
    let is_cut = take_damaged_body(&mut payload);
    // The event holds what was typed, so an error must not repeat it.
    let request: LambdaRequest = serde_json::from_value(payload)
        .map_err(|_| lambda_http::Error::from("the event is of no kind this function knows"))?;
    let service = lambda_http::service_fn(move |request: Request| {
        let handler = Arc::clone(&handler);
        async move {
            let now = Timestamp::now();
            let response = if is_cut {
                handler.handle(request.map(|_| CutBody), now).await
            } else {
                handler.handle(request, now).await
            };
            tell(&metrics::embedded_answer(&function_name(), response.status().as_u16(), now));
            Ok::<_, lambda_http::Error>(response.map(|bytes| {
                // Every answer of ours is text, which the events carry as it is.
                String::from_utf8(bytes.to_vec()).map_or(Body::Empty, Body::Text)
            }))
        }
    });
    let response = Adapter::from(service).call(LambdaEvent { payload: request, context }).await?;
    Ok(serde_json::to_value(response)?)
}

/// Whether an event is the schedule's, of EventBridge's rules or of its scheduler, and not a request.
fn is_scheduled(event: &Value) -> bool {
    event["detail-type"] == "Scheduled Event" || event["source"] == "aws.scheduler"
}

/// Sends what is due, for as long as a request may take, and tells the numbers.
async fn look_after_outbox(handler: &Handler) -> Result<Value, lambda_http::Error> {
    let (now, began) = (Timestamp::now(), Instant::now());
    let mut all = Redelivered::default();
    while began.elapsed() < OUTBOX_TIME_MAX {
        let done = handler.redeliver(now, 1).await?;
        if done == Redelivered::default() {
            break;
        }
        all = Redelivered { sent: all.sent + done.sent, failed: all.failed + done.failed };
    }
    if let Some(numbers) = handler.numbers(now).await? {
        tell(&metrics::embedded_numbers(&function_name(), &numbers, now));
    }
    Ok(json!({"sent": all.sent, "failed": all.failed}))
}

/// Writes a line of metrics where CloudWatch reads them.
fn tell(line: &Value) {
    // Who cannot write a line of metrics has not failed the visitor.
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn function_name() -> String {
    std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default()
}

/// A body of which not all arrived.
struct CutBody;

impl http_body::Body for CutBody {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut task::Context<'_>,
    ) -> task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        task::Poll::Ready(Some(Err("the body is not whole")))
    }
}

/// Takes a body out that is said to be in base64 and is not: lambda_http would panic over it. Whether it did.
fn take_damaged_body(event: &mut Value) -> bool {
    let is_damaged = event["isBase64Encoded"] == true
        && event["body"].as_str().is_some_and(|body| BASE64_STANDARD.decode(body).is_err());
    if is_damaged {
        event["isBase64Encoded"] = false.into();
        event["body"] = Value::Null;
    }
    is_damaged
}

/// Gives Netlify's events the parts that API Gateway's have.
fn with_context(mut event: Value) -> Value {
    if let Some(event) = event.as_object_mut()
        && !event.contains_key("requestContext")
        && let Some(method) = event.get("httpMethod").cloned()
    {
        event.insert("requestContext".to_owned(), json!({"httpMethod": method, "requestTimeEpoch": 0}));
        event.entry("resource").or_insert_with(|| json!(""));
    }
    event
}
