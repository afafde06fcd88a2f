//! A full build, measured against its floor in the same run: a program that reads every file, parses it with the same
//! markdown parser and options, and writes it in a constant shell, with two threads.
//!
//! `cargo bench -p generator --bench build` prints a table; `-- 50000` measures that many pages. Ratios travel between
//! machines, seconds do not.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark makes files, measures time and prints"
)]

mod bench_site;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use generator::markdown::OPTIONS;
use pulldown_cmark::{Parser, html};
use rayon::prelude::*;

/// How many runs there are, more of the short ones.
fn runs(pages: usize) -> usize {
    (10_000 / pages.max(1)).clamp(5, 25)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [mode, from, to] = arguments.as_slice()
        && mode == "floor"
    {
        return floor(Path::new(from), Path::new(to));
    }
    let sizes: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![100, 1_000, 10_000] } else { sizes };
    println!("pages    program  wall ms  ÷ floor  CPU ms  ÷ floor  peak MiB");
    for pages in sizes {
        measure(pages);
    }
}

fn measure(pages: usize) {
    let root = bench_site::write(pages);
    let out = root.join("out");
    let mut floors = Vec::new();
    let mut candors = Vec::new();
    for _ in 0..runs(pages) {
        let myself = std::env::current_exe().expect("a benchmark has a path");
        floors.push(run(Command::new(myself).arg("floor").arg(root.join("content")).arg(&out), &out));
        let candor = env!("CARGO_BIN_EXE_candor");
        candors.push(run(Command::new(candor).args(["build", "--root"]).arg(&root).arg("--out").arg(&out), &out));
        let _ = fs::remove_file(root.join("contract.json"));
    }
    let (floor, candor) = (median(floors), median(candors));
    for (name, cost) in [("floor", &floor), ("candor", &candor)] {
        println!(
            "{pages:<8} {name:<8} {:>7.1}  {:>7.2}  {:>6.0}  {:>7.2}  {:>8.1}",
            cost.wall.as_secs_f64() * 1e3,
            cost.wall.as_secs_f64() / floor.wall.as_secs_f64(),
            cost.cpu.as_secs_f64() * 1e3,
            cost.cpu.as_secs_f64() / floor.cpu.as_secs_f64(),
            cost.peak_kib as f64 / 1024.0,
        );
    }
    let _ = fs::remove_dir_all(&root);
}

/// What a run cost.
#[derive(Debug, Clone, Copy)]
struct Cost {
    wall: Duration,
    cpu: Duration,
    peak_kib: u64,
}

/// The middle of each measure by itself.
fn median(mut costs: Vec<Cost>) -> Cost {
    let middle = costs.len() / 2;
    costs.sort_by_key(|cost| cost.cpu);
    let cpu = costs[middle].cpu;
    costs.sort_by_key(|cost| cost.peak_kib);
    let peak_kib = costs[middle].peak_kib;
    costs.sort_by_key(|cost| cost.wall);
    Cost { wall: costs[middle].wall, cpu, peak_kib }
}

/// Runs a program that writes to `out`, which is removed before, and reads from the system what it cost.
fn run(command: &mut Command, out: &Path) -> Cost {
    let _ = fs::remove_dir_all(out);
    let start = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().expect("the program starts");
    let process = PathBuf::from(format!("/proc/{}", child.id()));
    let mut peak_kib = 0;
    // While it runs its peak only grows; when it has ended its times stand until it is waited for.
    let wall = loop {
        let status = fs::read_to_string(process.join("status")).expect("the process is there until it is waited for");
        if status.lines().any(|line| line.starts_with("State:") && line.contains("zombie")) {
            break start.elapsed();
        }
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak_kib = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(peak_kib);
        std::thread::yield_now();
        std::thread::sleep(Duration::from_micros(200));
    };
    let stat = fs::read_to_string(process.join("stat")).expect("the process is there until it is waited for");
    // Fields 14 and 15, counted from behind the program's name, in hundredths of a second (proc(5)).
    let fields: Vec<&str> = stat.rsplit_once(')').expect("the name is in brackets").1.split_whitespace().collect();
    let ticks: u64 = [11, 12].iter().map(|index| fields[*index].parse::<u64>().expect("a number")).sum();
    assert!(child.wait().expect("the program ends").success(), "the program failed");
    Cost { wall, cpu: Duration::from_millis(ticks * 10), peak_kib }
}

/// What no generator can leave out.
fn floor(from: &Path, to: &Path) {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(from).sort_by_file_name() {
        let entry = entry.expect("the folder can be read");
        let target = to.join(entry.path().strip_prefix(from).expect("a file is below its folder"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(&target).expect("a folder can be made");
        } else if target.extension().is_some_and(|extension| extension == "md") {
            let folder = target.with_extension("");
            fs::create_dir_all(&folder).expect("a folder can be made");
            files.push((entry.into_path(), folder.join("index.html")));
        }
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("threads can be started");
    pool.install(|| {
        files.par_iter().for_each(|(file, target)| {
            let text = fs::read_to_string(file).expect("a file can be read");
            let text = text.splitn(3, "---\n").last().unwrap_or_default();
            let mut page = String::from("<!doctype html><html><head><title>A page</title></head><body>");
            html::push_html(&mut page, Parser::new_ext(text, OPTIONS));
            page.push_str("</body></html>");
            fs::write(target, page).expect("a file can be written");
        });
    });
}
