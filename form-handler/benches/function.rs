//! What the function costs beside what nobody can do without, in one run:
//!
//! - the program on AWS Lambda beside a bare `lambda_http` function that returns a constant: start and memory;
//! - the plain server beside bare durable writes to a file of SQLite on the same disk: latency and throughput.
//!
//! `cargo bench -p form-handler --bench function`; the programs and the bare function are compiled alike.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock and the disk")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use statement::form::Notify;

#[path = "../tests/sample/mod.rs"]
mod sample;

/// Set in the environment of this program when it is to be the bare function.
const BARE: &str = "CANDOR_BENCH_BARE";
const STARTS: usize = 20;
const EVENTS: usize = 500;
const WRITES: usize = 500;
const VISITORS: usize = 32;
const REGISTRATIONS: usize = 6400;

fn main() {
    if std::env::var_os(BARE).is_some() {
        return bare_function();
    }
    let folder = tempfile::tempdir().unwrap();
    let contract = folder.path().join("contract.json");
    std::fs::write(&contract, serde_json::to_vec(&sample::contract(Notify::Full)).unwrap()).unwrap();
    lambda(folder.path(), &contract);
    server(folder.path(), &contract);
}

/// What stands beside the function on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn bare_function() {
    let answer = |_: lambda_http::Request| async { Ok::<_, lambda_http::Error>("Thank you.") };
    lambda_http::run(lambda_http::service_fn(answer)).await.unwrap();
}

fn lambda(folder: &Path, contract: &Path) {
    let bare = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(BARE, "1");
        command
    };
    let ours = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_form-handler"));
        command.env("CANDOR_CONTRACT", contract).env("CANDOR_COUNTRY", "US").env("CANDOR_STORE", "none");
        command.env("CANDOR_MAIL", format!("file:{}", folder.join("mail").display()));
        command.env("CANDOR_MAIL_FROM", "website@example.org").env("CANDOR_MAIL_TO", "staff@example.org");
        command
    };
    // In turn, so that whatever else the machine does meets both.
    let (mut bare_runs, mut our_runs) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        bare_runs.push(run_function(bare()));
        our_runs.push(run_function(ours()));
    }
    let median = |runs: &[Run], of: fn(&Run) -> f64| percentile(runs.iter().map(of).collect(), 50);
    for (name, unit, of) in [
        ("start until the first event is asked for", "ms", (|run| run.start_ms) as fn(&Run) -> f64),
        ("an event, with mail to a file", "ms", |run| run.event_ms),
        ("peak memory", "MiB", |run| run.peak_mib),
    ] {
        let (bare, ours) = (median(&bare_runs, of), median(&our_runs, of));
        println!("lambda: {name}: bare {bare:.2} {unit}, ours {ours:.2} {unit} = {:.2} ×", ours / bare);
    }
    let size = std::fs::metadata(env!("CARGO_BIN_EXE_form-handler")).unwrap().len();
    println!("lambda: size of the program: {:.1} MB", size as f64 / 1e6);
}

/// What was measured of one run of a function.
struct Run {
    start_ms: f64,
    event_ms: f64,
    peak_mib: f64,
}

/// Runs a function for [`EVENTS`] events.
fn run_function(mut command: Command) -> Run {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    command.env("AWS_LAMBDA_RUNTIME_API", listener.local_addr().unwrap().to_string());
    for (name, value) in [("NAME", "register"), ("VERSION", "1"), ("MEMORY_SIZE", "256")] {
        command.env(format!("AWS_LAMBDA_FUNCTION_{name}"), value);
    }
    command.env("AWS_REGION", "us-east-2").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    let began = Instant::now();
    let process = Stopped(command.spawn().unwrap());
    let (mut start, mut given) = (None, None::<Instant>);
    let mut times = Vec::new();
    while times.len() < EVENTS {
        let (connection, _) = listener.accept().unwrap();
        let mut connection = BufReader::new(connection);
        while let Some((head, _)) = read_request(&mut connection) {
            if head.starts_with("GET /2018-06-01/runtime/invocation/next") {
                start.get_or_insert_with(|| began.elapsed());
                if times.len() == EVENTS {
                    break;
                }
                given = Some(Instant::now());
                let event = event(times.len());
                let head = "lambda-runtime-aws-request-id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\nlambda-runtime-deadline-ms: \
                            4102444800000\r\nlambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-2:123456789012:function:register\r\n";
                let length = event.len();
                write!(connection.get_mut(), "HTTP/1.1 200 OK\r\n{head}content-length: {length}\r\n\r\n{event}")
                    .unwrap();
            } else {
                assert!(head.contains("/response"), "the function failed: {head}");
                times.push(given.take().unwrap().elapsed().as_secs_f64() * 1000.0);
                write!(connection.get_mut(), "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").unwrap();
            }
        }
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.0.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: f64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    Run { start_ms: start.unwrap().as_secs_f64() * 1000.0, event_ms: percentile(times, 50), peak_mib: peak / 1024.0 }
}

fn event(number: usize) -> String {
    let body = serde_json::to_string(&registration(number)).unwrap();
    format!(
        r#"{{"version":"2.0","routeKey":"$default","rawPath":"/api/register","rawQueryString":"","headers":{{"content-type":"application/x-www-form-urlencoded"}},"requestContext":{{"accountId":"1","apiId":"a","domainName":"a.lambda-url.us-east-2.on.aws","domainPrefix":"a","http":{{"method":"POST","path":"/api/register","protocol":"HTTP/1.1","sourceIp":"203.0.113.77","userAgent":"b"}},"requestId":"r","routeKey":"$default","stage":"$default","time":"24/Nov/2026:12:00:00 +0000","timeEpoch":1795521600000}},"body":{body},"isBase64Encoded":false}}"#
    )
}

/// A submission that no other is like.
fn registration(number: usize) -> String {
    let digest = sample::DIGEST;
    format!(
        "name=Visitor+{number}&email=visitor{number}%40example.org&phone=&other=I+would+like+to+take+part+in+the+conference.&statement_version=2018-09-26&statement_digest={digest}"
    )
}

/// The public keys that age's own documentation has for examples.
const KEYS: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj, \
                    age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z";

fn server(folder: &Path, contract: &Path) {
    let store = folder.join("registrations.sqlite");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_form-handler"));
    command.arg("serve").env("CANDOR_CONTRACT", contract).env("CANDOR_COUNTRY", "US").env("CANDOR_MAIL", "none");
    command.env("CANDOR_STORE", format!("sqlite:{}", store.display())).env("CANDOR_LISTEN", port.to_string());
    // As in production: to two people, and found by a key.
    command.env("CANDOR_KEYS", KEYS).env("CANDOR_INDEX_KEY", "0123456789abcdef0123456789abcdef");
    let _server = Stopped(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let mut visitor = Visitor::new(port);

    let mut bare = Bare::new(&folder.join("bare.sqlite"));
    let (mut bare_times, mut our_times) = (Vec::new(), Vec::new());
    for number in 0..WRITES {
        let began = Instant::now();
        bare.write(number..number + 1);
        bare_times.push(began.elapsed().as_secs_f64() * 1000.0);
        let began = Instant::now();
        visitor.register(number);
        our_times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    for percent in [50, 99] {
        let (bare, ours) = (percentile(bare_times.clone(), percent), percentile(our_times.clone(), percent));
        println!("server: one visitor, p{percent}: bare write {bare:.2} ms, ours {ours:.2} ms = {:.2} ×", ours / bare);
    }

    let began = Instant::now();
    for group in (WRITES..WRITES + REGISTRATIONS).step_by(VISITORS) {
        bare.write(group..group + VISITORS);
    }
    let bare_rate = REGISTRATIONS as f64 / began.elapsed().as_secs_f64();
    let next = AtomicUsize::new(WRITES);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..VISITORS {
            scope.spawn(|| {
                let mut visitor = Visitor::new(port);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= WRITES + REGISTRATIONS {
                        break;
                    }
                    visitor.register(number);
                }
            });
        }
    });
    let our_rate = REGISTRATIONS as f64 / began.elapsed().as_secs_f64();
    println!(
        "server: {VISITORS} visitors: bare loop of {VISITORS} a commit {bare_rate:.0}/s, ours {our_rate:.0}/s = {:.0} %",
        100.0 * our_rate / bare_rate
    );
    let stored: i64 =
        Connection::open(&store).unwrap().query_row("select count(*) from registration", [], |row| row.get(0)).unwrap();
    assert_eq!(stored, (WRITES + REGISTRATIONS) as i64, "what was acknowledged is stored");
}

/// Durable writes of as many bytes as a registration has, and nothing else.
struct Bare(Connection);

impl Bare {
    fn new(path: &Path) -> Self {
        let connection = Connection::open(path).unwrap();
        connection.pragma_update(None, "journal_mode", "wal").unwrap();
        connection.pragma_update(None, "synchronous", "full").unwrap();
        let table = "create table registration (id text primary key, submission text, content blob, receipt text) strict, \
                     without rowid; create index by_submission on registration (submission)";
        connection.execute_batch(table).unwrap();
        Self(connection)
    }

    fn write(&mut self, numbers: std::ops::Range<usize>) {
        let transaction = self.0.transaction().unwrap();
        let mut insert = transaction.prepare("insert into registration values (?1, ?2, ?3, ?4)").unwrap();
        for number in numbers {
            let id = format!("01906c4f-0000-7000-8000-{number:012}");
            let submission = format!("{number:064}");
            insert.execute(params![id, submission, [7_u8; 250], "r".repeat(1200)]).unwrap();
        }
        drop(insert);
        transaction.commit().unwrap();
    }
}

/// A browser that keeps its connection.
struct Visitor(BufReader<TcpStream>);

impl Visitor {
    fn new(address: SocketAddr) -> Self {
        let patience = Instant::now() + Duration::from_secs(20);
        loop {
            match TcpStream::connect(address) {
                Ok(connection) => {
                    connection.set_nodelay(true).unwrap();
                    return Self(BufReader::new(connection));
                }
                Err(error) => assert!(Instant::now() < patience, "the server does not listen: {error}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn register(&mut self, number: usize) {
        let body = registration(number);
        let length = body.len();
        let request = format!(
            "POST /api/register HTTP/1.1\r\nhost: example.org\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let (head, body) = read_request(&mut self.0).unwrap();
        assert!(head.starts_with("HTTP/1.1 303"), "not thanked: {head}{}", String::from_utf8_lossy(&body));
    }
}

/// A message of HTTP/1.1 with a length, or in chunks: its head and its body. None at the end of the connection.
fn read_request(connection: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if connection.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let lower = head.to_lowercase();
    let value = |name: &str| lower.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let mut body = Vec::new();
    if value("transfer-encoding:").is_some_and(|coding| coding == "chunked") {
        loop {
            let mut size = String::new();
            connection.read_line(&mut size).unwrap();
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            let mut chunk = vec![0; size + 2];
            connection.read_exact(&mut chunk).unwrap();
            if size == 0 {
                break;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    } else if let Some(length) = value("content-length:") {
        body.resize(length.parse().unwrap(), 0);
        connection.read_exact(&mut body).unwrap();
    }
    Some((head, body))
}

/// A program that ends with the value.
struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// The value that so many per cent of all do not pass.
fn percentile(mut values: Vec<f64>, percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() * percent / 100).min(values.len() - 1)]
}
