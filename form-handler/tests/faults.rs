//! Whatever happens, as many registrations are acknowledged as are stored and as are mailed: processes that are killed at any
//! moment while two share a store, more submissions at a time than anybody sends, a clock that jumps.
//!
//! A visitor who is not answered sends again, as people do, so the three numbers must be equal and not only in order.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where something is not as it should be, and starts programs that have a clock"
)]

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use form_handler::store::{Order, Scan};
use form_handler::{Delivery, Handler, LocalDefaults, Redelivered, Settings};
use jiff::{SignedDuration, Timestamp};
use statement::form::Notify;
use tokio::task::JoinSet;
use uuid::Uuid;

mod sample;
use sample::{answer, body, contract, handler, now, post};

/// In memory where there is such a place: what a process has handed to the system outlasts the process on any of its disks.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

async fn stored(folder: &Path) -> BTreeSet<Uuid> {
    let store = sample::database(folder).open().await.unwrap();
    let (mut scan, mut ids) = (Scan::new(&*store, Order::Oldest), BTreeSet::new());
    while let Some(envelope) = scan.next().await.unwrap() {
        assert!(ids.insert(envelope.id));
    }
    ids
}

/// The registrations there is a mail to staff about.
fn mailed(folder: &Path) -> BTreeSet<Uuid> {
    let names = std::fs::read_dir(folder.join("mail")).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter_map(|name| Some(name.strip_suffix(".eml")?.parse().unwrap())).collect()
}

async fn delivery(folder: &Path, mail: Option<&str>) -> Arc<Delivery> {
    let lookup = |name: &str| match name {
        "CANDOR_MAIL" => mail.map(str::to_owned),
        "CANDOR_MAIL_FROM" | "CANDOR_MAIL_TO" => Some("staff@example.org".to_owned()),
        _ => None,
    };
    let settings = Settings::from_environment(&lookup, Some(&LocalDefaults { folder: folder.to_owned() })).unwrap();
    Arc::new(Delivery::open(&settings).await.unwrap())
}

/// Sends all that was not mailed yet, some days later; how many.
async fn send_the_rest(folder: &Path, from: Timestamp) -> usize {
    let (delivery, mut sent) = (delivery(folder, None).await, 0);
    for day in 1.. {
        let later = from + SignedDuration::from_hours(24 * day);
        let done = delivery.redeliver(&contract(Notify::Reference), later, 500).await.unwrap();
        if done == Redelivered::default() {
            break;
        }
        assert_eq!(done.failed, 0);
        sent += done.sent;
    }
    sent
}

fn reference(location: &str) -> Uuid {
    location.split_once("reference=").unwrap().1.parse().unwrap()
}

/// So many processes are killed in all.
const KILLS: usize = 1000;
/// So many stores are written to at a time, each by two processes at most.
const STORES: usize = 8;
/// So many visitors send to each of them.
const VISITORS: usize = 3;

/// A store, and two addresses at which processes write to it.
struct Place {
    folder: tempfile::TempDir,
    contract: PathBuf,
    addresses: [std::net::SocketAddr; 2],
    acknowledged: Mutex<BTreeSet<Uuid>>,
    submissions: AtomicUsize,
    is_over: AtomicBool,
}

impl Place {
    fn new() -> Self {
        let folder = folder();
        let file = folder.path().join("contract.json");
        std::fs::write(&file, serde_json::to_vec(&contract(Notify::Reference)).unwrap()).unwrap();
        let free = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        Self {
            contract: file,
            addresses: free.map(|listener| listener.local_addr().unwrap()),
            folder,
            acknowledged: Mutex::default(),
            submissions: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        }
    }

    fn spawn(&self, which: usize) -> Child {
        let folder = self.folder.path();
        let mut server = Command::new(env!("CARGO_BIN_EXE_form-handler"));
        server.arg("serve").env("CANDOR_LISTEN", self.addresses[which].to_string());
        server.env("CANDOR_CONTRACT", &self.contract).env("CANDOR_COUNTRY", "US");
        server.env("CANDOR_STORE", format!("sqlite:{}", folder.join("registrations.sqlite").display()));
        server.env("CANDOR_KEYS", "none-and-registrations-are-readable-in-the-store");
        server.env("CANDOR_MAIL", format!("file:{}", folder.join("mail").display()));
        server.env("CANDOR_MAIL_FROM", "website@example.org").env("CANDOR_MAIL_TO", "staff@example.org");
        server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The reference that a body gets; none where nobody answers it.
    fn send(&self, which: usize, body: &str) -> Option<Uuid> {
        let mut stream = TcpStream::connect(self.addresses[which]).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let length = body.len();
        let head = "POST /api/register HTTP/1.1\r\nhost: example.org\r\nconnection: close\r\n\
                    content-type: application/x-www-form-urlencoded\r\n";
        stream.write_all(format!("{head}content-length: {length}\r\n\r\n{body}").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let location = answer.lines().find_map(|line| line.strip_prefix("location: "))?;
        assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
        Some(reference(location))
    }

    /// Registers one after another, each until it is acknowledged.
    fn visit(&self) {
        while !self.is_over.load(Ordering::SeqCst) {
            let body = body(&format!("name=Visitor+{}", self.submissions.fetch_add(1, Ordering::SeqCst)));
            let reference = (0..).find_map(|attempt| {
                std::thread::sleep(Duration::from_millis(2));
                self.send(attempt % 2, &body)
            });
            let is_new = self.acknowledged.lock().unwrap().insert(reference.unwrap());
            assert!(is_new, "two registrations have one reference");
        }
    }

    fn count(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// Kills one of two processes after the other, at moments that `number` tells.
    fn kill(&self, kills: usize, mut number: u64) {
        let mut processes = [Some(self.spawn(0)), Some(self.spawn(1))];
        for _ in 0..kills {
            // xorshift64.
            number ^= number << 13;
            number ^= number >> 7;
            number ^= number << 17;
            // Mostly after somebody has been thanked, sometimes while a process has hardly begun.
            let (before, until) = (self.count(), Instant::now() + Duration::from_secs(20));
            while !number.is_multiple_of(4) && self.count() == before {
                assert!(Instant::now() < until, "nobody is answered");
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_micros(number >> 8 & 0x3fff));
            let which = usize::from(number >> 40 & 1 == 1);
            let mut process = processes[which].take().unwrap();
            process.kill().unwrap();
            process.wait().unwrap();
            processes[which] = Some(self.spawn(which));
        }
        self.is_over.store(true, Ordering::SeqCst);
        let until = Instant::now() + Duration::from_secs(30);
        while self.submissions.load(Ordering::SeqCst) > self.count() {
            assert!(Instant::now() < until, "somebody is not answered");
            std::thread::sleep(Duration::from_millis(5));
        }
        for process in processes.iter_mut().flatten() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_a_thousand_times_with_two_at_a_store_nothing_is_lost_or_doubled() {
    let places: Vec<Place> = (0..STORES).map(|_| Place::new()).collect();
    std::thread::scope(|scope| {
        for (place, number) in places.iter().zip(1_u64..) {
            for _ in 0..VISITORS {
                scope.spawn(|| place.visit());
            }
            scope.spawn(move || place.kill(KILLS / STORES, number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        }
    });
    let mut all = 0;
    for place in places {
        let acknowledged = place.acknowledged.into_inner().unwrap();
        assert_eq!(acknowledged.len(), place.submissions.into_inner(), "everybody was thanked once");
        send_the_rest(place.folder.path(), Timestamp::now()).await;
        assert_eq!(stored(place.folder.path()).await, acknowledged, "stored");
        assert_eq!(mailed(place.folder.path()), acknowledged, "mailed");
        all += acknowledged.len();
    }
    println!("{KILLS} kills: {all} acknowledged = stored = mailed");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_at_once_are_all_acknowledged_stored_and_mailed() {
    const ALL: usize = 10_000;
    let folder = folder();
    let handler = Arc::new(handler(folder.path(), Notify::Reference, &[]).await);
    let mut visitors = JoinSet::new();
    for number in 0..ALL {
        let handler = Arc::clone(&handler);
        visitors.spawn(async move {
            loop {
                let (status, location, page) = answer(&handler, post(body(&format!("name=Visitor+{number}")))).await;
                match status {
                    303 => return reference(&location),
                    // The store has more to do than five seconds allow on a machine that is busy with other things.
                    503 => tokio::time::sleep(Duration::from_millis(100)).await,
                    _ => panic!("{status}: {page}"),
                }
            }
        });
    }
    let acknowledged: BTreeSet<Uuid> = visitors.join_all().await.into_iter().collect();
    assert_eq!(acknowledged.len(), ALL);
    send_the_rest(folder.path(), now()).await;
    assert_eq!(stored(folder.path()).await, acknowledged);
    assert_eq!(mailed(folder.path()), acknowledged);
}

#[tokio::test]
async fn a_clock_that_jumps_loses_nothing_and_mails_nothing_twice() {
    let folder = folder();
    let gone = delivery(folder.path(), Some("smtps://127.0.0.1:1")).await;
    let handler = Handler::new(contract(Notify::Reference), gone).unwrap();
    let jumps = [0, -30 * 86_400, 30 * 86_400, 3600, -3600, -1, 400 * 86_400, 61];
    let moment = |number: usize| now() + SignedDuration::from_secs(jumps[number % jumps.len()]);
    let mut acknowledged = BTreeSet::new();
    for number in 0..40 {
        let register = async |moment: Timestamp| {
            let response = handler.handle(post(body(&format!("name=Visitor+{number}"))), moment).await;
            assert_eq!(response.status(), 303);
            reference(response.headers()["location"].to_str().unwrap())
        };
        let first = register(moment(number)).await;
        assert!(acknowledged.insert(first));
        let hour = SignedDuration::from_hours(1);
        assert_eq!(register(moment(number) - hour).await, first, "the clock was set back");
        assert_eq!(register(moment(number) + hour).await, first, "and forth");
    }
    assert_eq!(stored(folder.path()).await, acknowledged);
    // Whatever the clock says, what has been sent is not due.
    let (mended, contract, mut sent) = (delivery(folder.path(), None).await, contract(Notify::Reference), 0);
    for number in 0..40 {
        sent += mended.redeliver(&contract, moment(3 * number), 3).await.unwrap().sent;
    }
    assert!(sent > 0);
    sent += send_the_rest(folder.path(), now() + SignedDuration::from_hours(500 * 24)).await;
    assert_eq!(sent, acknowledged.len());
    assert_eq!(mailed(folder.path()), acknowledged);
}
