//! Watches a build: shows a person how far it is, and takes the time of its stages.

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use generator::observe::{Observer, Stage};
use generator::stats::Record;

/// Work that is done sooner shows nothing.
const PATIENCE: Duration = Duration::from_millis(400);
/// How often the line is drawn.
const REDRAW: Duration = Duration::from_millis(50);
/// Back to the start of the line, and the line away (ECMA-48, sections 8.3.15 and 8.3.41).
const CLEAR: &str = "\r\u{1b}[K";

/// Watches one build.
pub(crate) struct Watching {
    /// Whether a person sees how far it is.
    shows: bool,
    /// Whether files are remembered.
    remembers: bool,
    start: Instant,
    done: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    stages: Vec<(Stage, Instant)>,
    written: Vec<(String, usize)>,
    steps: usize,
    drawn: Option<Instant>,
}

impl Watching {
    /// Shows how far the build is, if `is_watched` says that somebody sees it.
    pub(crate) fn showing(is_watched: bool) -> Self {
        Self {
            shows: is_watched,
            remembers: false,
            start: Instant::now(),
            done: AtomicUsize::new(0),
            state: Mutex::default(),
        }
    }

    /// The same, and remembers each file for [`Watching::into_record`].
    pub(crate) fn remembering(is_watched: bool) -> Self {
        Self { remembers: true, ..Self::showing(is_watched) }
    }

    /// Takes the line away; called before anything else is printed.
    pub(crate) fn clear(&self) {
        if self.lock().drawn.take().is_some() {
            draw(CLEAR);
        }
    }

    /// What was seen.
    pub(crate) fn into_record(self) -> Record {
        let end = Instant::now();
        let State { stages, written, .. } = self.state.into_inner().expect(UNPOISONED);
        let ends = stages.iter().skip(1).map(|(_, start)| *start).chain([end]);
        let stages = stages.iter().zip(ends).map(|((stage, start), end)| (*stage, end - *start)).collect();
        Record { stages, written }
    }

    /// Tells that one of `steps` is done.
    pub(crate) fn step(&self, what: &str) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if !self.shows || self.start.elapsed() < PATIENCE {
            return;
        }
        // Another thread draws.
        let Ok(mut state) = self.state.try_lock() else { return };
        if state.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
            state.drawn = Some(Instant::now());
            draw(&format!("{CLEAR}{what}: {done} of {}", state.steps.max(done)));
        }
    }

    /// Begins counting to `steps`.
    pub(crate) fn expect(&self, steps: usize) {
        self.done.store(0, Ordering::Relaxed);
        self.lock().steps = steps;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect(UNPOISONED)
    }
}

const UNPOISONED: &str = "invariant: nothing panics while it holds the state";

fn draw(text: &str) {
    let mut terminal = std::io::stderr().lock();
    // A line that could not be drawn is no reason to fail.
    let _ = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
}

impl Observer for Watching {
    fn begins(&self, stage: Stage, steps: usize) {
        self.clear();
        self.expect(steps);
        self.lock().stages.push((stage, Instant::now()));
        if self.shows && self.start.elapsed() >= PATIENCE {
            self.lock().drawn = Some(Instant::now());
            draw(&format!("{CLEAR}{}", stage.label()));
        }
    }

    fn wrote(&self, site_path: &str, bytes: usize) {
        if self.remembers {
            self.lock().written.push((site_path.to_owned(), bytes));
        }
        self.step(Stage::Render.label());
    }
}
