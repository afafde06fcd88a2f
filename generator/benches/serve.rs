//! How long after a file is saved `candor serve` serves it, measured against a full build in the same run.
//!
//! `cargo bench -p generator --bench serve` prints a table for 10,000 pages; `-- 1000` measures that many. Beside it, on
//! the same site, whatever other generators are installed can be measured by hand: the site is left where the last line
//! says if `--keep` is given.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark makes files, measures time and prints"
)]

mod bench_site;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const RUNS: usize = 7;
const PAGE: &str = "content/section-7/page-7.md";
const TEMPLATE: &str = "themes/optimal/templates/page.html";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let pages = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(10_000);
    let root = bench_site::write(pages);
    let full = median((0..RUNS).map(|_| build(&root)).collect());
    let server = Server::start(&root);
    println!("{pages} pages; a full build takes {:.0} ms", milliseconds(full));
    println!("edited      ms to serve  % of a full build");
    for (name, file, from) in
        [("body", PAGE, "- one"), ("title", PAGE, "title: Page 7"), ("template", TEMPLATE, "<h1>")]
    {
        let took = median((0..RUNS).map(|run| server.edit(&root.join(file), from, run)).collect());
        println!("{name:<12}{:>11.1}  {:>17.1}", milliseconds(took), 100.0 * took.as_secs_f64() / full.as_secs_f64());
    }
    drop(server);
    if arguments.iter().any(|argument| argument == "--keep") {
        println!("{}", root.display());
    } else {
        let _ = fs::remove_dir_all(root);
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    durations[durations.len() / 2]
}

fn build(root: &Path) -> Duration {
    let out = root.join("out");
    let _ = fs::remove_dir_all(&out);
    let start = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_candor"));
    let status = command.args(["build", "--root"]).arg(root).arg("--out").arg(&out).stdout(Stdio::null()).status();
    assert!(status.expect("the program starts").success(), "the build failed");
    start.elapsed()
}

/// `candor serve`, until it is dropped.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(root: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_candor"));
        let command = command.args(["serve", "--port", "0", "--root"]).arg(root).stderr(Stdio::piped());
        let mut child = command.stdout(Stdio::null()).spawn().expect("the program starts");
        let said = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut lines = said.lines().map(|line| line.expect("the program speaks in lines"));
        let address = lines.find_map(|line| Some(line.split_once("http://")?.1.trim_end_matches('/').to_owned()));
        // It must not be kept waiting for somebody to read what it says.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.expect("the server says where it is") }
    }

    /// Saves a file with a mark in it, and waits until the page has the mark.
    fn edit(&self, file: &Path, from: &str, run: usize) -> Duration {
        let text = fs::read_to_string(file).expect("the file is there");
        let mark = format!("marked{run}");
        let marked = text.replacen(from, &format!("{from} {mark}"), 1);
        assert_ne!(text, marked, "`{from}` is not in the file");
        let start = Instant::now();
        fs::write(file, marked).expect("the file can be written");
        self.wait_for(|page| page.contains(&mark));
        let took = start.elapsed();
        fs::write(file, text).expect("the file can be written");
        self.wait_for(|page| !page.contains(&mark));
        took
    }

    fn wait_for(&self, is_served: impl Fn(&str) -> bool) {
        let start = Instant::now();
        while !is_served(&self.get("/section-7/page-7/")) {
            assert!(start.elapsed() < Duration::from_secs(60), "the edit is not served");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("the server listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address)
            .expect("the server reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the server answers");
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
