//! What the log says and what it never says. Alone in its program: whether an event is wanted is remembered for all of it,
//! and other tests want none.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::sync::{Arc, Mutex};

use statement::form::Notify;

mod sample;
use sample::{answer, body, handler, post, stored};

/// Collects the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_knows_nobody() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path(), Notify::Full, &[]);
    let typed = "name=Ada&email=ada.secret@example.org&phone=206+555+0199&other=confided";
    for sent in [body(typed), body("name=Ada&undeclared=ada.secret"), typed.to_owned(), body("email=ada.secret")] {
        answer(&handler, post(sent)).await;
    }
    let said = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for word in ["a registration was stored", "undeclared_field", "statement_changed", "invalid"] {
        assert!(said.contains(word), "{word} in {said}");
    }
    for word in ["Ada", "ada.secret", "0199", "confided"] {
        assert!(!said.contains(word), "{word} in {said}");
    }
    assert!(!format!("{handler:?} {:?}", stored(folder.path())).contains("ada.secret"));
}
