//! What the end-to-end suites share: the programs, copies of sites, a mail server, a browser, the Lambda Runtime API,
//! validators.
//!
//! Everything here is the real thing, started for one test and stopped with it. What cannot be started fails the test.

use std::time::{Duration, Instant};

pub mod browser;
pub mod http;
pub mod mail_server;
pub mod program;
pub mod runtime_api;
pub mod server;
pub mod site;
pub mod static_host;
pub mod validators;

/// Far longer than anything takes on a busy machine; only a failure waits this long.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks again and again until there is something to see.
///
/// # Panics
/// When there is nothing after a minute; `what` says what was awaited.
pub fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    look_for(look).unwrap_or_else(|| panic!("waited {} seconds for {what}", PATIENCE.as_secs()))
}

/// The same; none when there is nothing after a minute.
fn look_for<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        let seen = look();
        if seen.is_some() || start.elapsed() > PATIENCE {
            return seen;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
