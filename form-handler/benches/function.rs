//! What the function costs beside what nobody can do without, in one run:
//!
//! - the program on AWS Lambda beside a bare `lambda_http` function that returns a constant: start and memory;
//! - the plain server beside durable writes to a file of SQLite on the same disk, by its own store and bare: latency and throughput.
//!
//! `cargo bench -p form-handler --bench function`; the programs and the bare function are compiled alike.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock and the disk")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use form_handler::Private;
use form_handler::registration::Registration;
use form_handler::seal::Seal;
use form_handler::store::{Location, Stored};
use rusqlite::{Connection, params};
use statement::form::Notify;

#[path = "../tests/lambda_host/mod.rs"]
mod lambda_host;
#[path = "../tests/sample/mod.rs"]
mod sample;

use lambda_host::{Function, read_message};

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
    command.env("AWS_REGION", "us-east-2").stderr(Stdio::inherit());
    let mut function = Function::start(command);
    let start_ms = function.wait().as_secs_f64() * 1000.0;
    let mut times = Vec::new();
    for number in 0..EVENTS {
        let event = event(number);
        function.wait();
        let given = Instant::now();
        let _ = function.invoke(&event);
        times.push(given.elapsed().as_secs_f64() * 1000.0);
    }
    Run { start_ms, event_ms: percentile(times, 50), peak_mib: function.peak_mib() }
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

const INDEX_KEY: &str = "0123456789abcdef0123456789abcdef";

/// What a visitor sends, as the function gives it to its store.
fn stored(number: usize, seal: &Seal) -> Stored {
    let text = |value: String| Private::new(value);
    let registration = Registration {
        id: Registration::id(sample::now()),
        received: sample::now(),
        form: "register".to_owned(),
        form_sha256: sample::DIGEST.to_owned(),
        statement_version: "2018-09-26".to_owned(),
        statement_digest: sample::DIGEST.to_owned(),
        held: None,
        address: None,
        fields: vec![
            ("name".to_owned(), text(format!("Visitor {number}"))),
            ("email".to_owned(), text(format!("visitor{number}@example.org"))),
            ("phone".to_owned(), text(String::new())),
            ("other".to_owned(), text("I would like to take part in the conference.".to_owned())),
        ],
    };
    registration.to_stored(&sample::contract(Notify::Full).forms["register"], seal, &"r".repeat(1200), &[])
}

/// How much of the processors' time a process has had.
fn processor_ms(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    // In hundredths of a second: proc(5), the fields 14 and 15.
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap() * 10.0).sum()
}

fn server(folder: &Path, contract: &Path) {
    let store = folder.join("registrations.sqlite");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_form-handler"));
    command.arg("serve").env("CANDOR_CONTRACT", contract).env("CANDOR_COUNTRY", "US").env("CANDOR_MAIL", "none");
    command.env("CANDOR_STORE", format!("sqlite:{}", store.display())).env("CANDOR_LISTEN", port.to_string());
    // As in production: to two people, and found by a key.
    command.env("CANDOR_KEYS", KEYS).env("CANDOR_INDEX_KEY", INDEX_KEY);
    let server = Stopped(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let mut visitor = Visitor::new(port);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let own = runtime.block_on(Location::Sqlite(folder.join("own.sqlite")).open()).unwrap();
    let seal = sample::sealing(&[("CANDOR_KEYS", KEYS), ("CANDOR_INDEX_KEY", INDEX_KEY)]);
    let mut bare = Bare::new(&folder.join("bare.sqlite"));
    let (mut bare_times, mut own_times, mut our_times) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..WRITES {
        let began = Instant::now();
        bare.write(number..number + 1);
        bare_times.push(began.elapsed().as_secs_f64() * 1000.0);
        let new = stored(number, &seal);
        let began = Instant::now();
        runtime.block_on(own.insert(&new)).unwrap();
        own_times.push(began.elapsed().as_secs_f64() * 1000.0);
        let began = Instant::now();
        visitor.register(number);
        our_times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    for percent in [50, 99] {
        let [bare, own, ours] = [&bare_times, &own_times, &our_times].map(|times| percentile(times.clone(), percent));
        println!(
            "server: one visitor, p{percent}: one row {bare:.2} ms, the store's write {own:.2} ms, ours {ours:.2} ms = {:.2} × the store's",
            ours / own
        );
    }

    let all = WRITES..WRITES + REGISTRATIONS;
    let began = Instant::now();
    for group in all.clone().step_by(VISITORS) {
        bare.write(group..group + VISITORS);
    }
    let bare_rate = REGISTRATIONS as f64 / began.elapsed().as_secs_f64();
    // The same group commit without what stands before it: registrations that are sealed already, from as many at a time.
    let new: Vec<Stored> = all.clone().map(|number| stored(number, &seal)).collect();
    let began = Instant::now();
    runtime.block_on(async {
        let mut loops = tokio::task::JoinSet::new();
        for part in new.chunks(REGISTRATIONS / VISITORS) {
            let (own, part) = (Arc::clone(&own), part.to_vec());
            loops.spawn(async move {
                for new in part {
                    own.insert(&new).await.unwrap();
                }
            });
        }
        loops.join_all().await;
    });
    let own_rate = REGISTRATIONS as f64 / began.elapsed().as_secs_f64();
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
        "server: {VISITORS} visitors: {VISITORS} rows a commit {bare_rate:.0}/s, a bare loop with the store's group commit \
         {own_rate:.0}/s, ours {our_rate:.0}/s = {:.0} % of the loop's",
        100.0 * our_rate / own_rate
    );
    println!(
        "server: processor time for a registration: {:.2} ms",
        processor_ms(server.0.id()) / (WRITES + REGISTRATIONS) as f64
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
        let (head, body) = read_message(&mut self.0).unwrap();
        assert!(head.starts_with("HTTP/1.1 303"), "not thanked: {head}{}", String::from_utf8_lossy(&body));
    }
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
