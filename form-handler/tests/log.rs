//! What the log says and what it never says. Alone in its program: whether an event is wanted is remembered for all of it,
//! and other tests want none.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where something is not as it should be, and reads the source"
)]

use std::collections::BTreeSet;
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

/// Every field an event may have besides its message. None is a datum of a visitor, so that no statement needs to declare
/// one for the log (P130); whoever adds a field that is one adds it to `collects.automated` too.
const FIELDS: [&str; 8] = ["error", "form", "id", "kind", "mail", "reason", "request", "status"];

/// In the source, because most events need a failure of their own to happen.
#[test]
fn log_fields_are_a_closed_list() {
    let mut found = BTreeSet::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            // Of a span they come after its name.
            for span in text.split("tracing::info_span!(").skip(1) {
                let fields = span.split_once(')').unwrap().0.split(',').skip(1);
                found.extend(fields.map(|field| field.split('=').next().unwrap().trim().to_owned()));
            }
            for macro_call in text.split("tracing::").skip(1) {
                let Some(arguments) = ["error!(", "warn!(", "info!(", "debug!(", "trace!("]
                    .iter()
                    .find_map(|name| macro_call.strip_prefix(name))
                else {
                    continue;
                };
                // Names come before the message, which every event of ours has.
                let (names, _) = arguments.split_once('"').unwrap();
                for field in names.split(',').map(str::trim).filter(|field| !field.is_empty()) {
                    let name = field.split('=').next().unwrap().trim().trim_start_matches(['%', '?']);
                    found.insert(name.rsplit('.').next().unwrap().to_owned());
                }
            }
        }
    }
    let unknown: Vec<&String> = found.iter().filter(|name| !FIELDS.contains(&name.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(found.len() > 5, "{found:?}");
}

#[tokio::test]
async fn the_log_knows_nobody() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let folder = tempfile::tempdir().unwrap();
    let handler = handler(folder.path(), Notify::Full, &[]).await;
    let typed = "name=Ada&email=ada.secret@example.org&phone=206+555+0199&other=confided";
    for sent in [body(typed), body("name=Ada&undeclared=ada.secret"), typed.to_owned(), body("email=ada.secret")] {
        answer(&handler, post(sent)).await;
    }
    let said = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for word in [
        "a registration was stored",
        "undeclared_field",
        "statement_changed",
        "invalid",
        "request{request=\"request-1\"}",
    ] {
        assert!(said.contains(word), "{word} in {said}");
    }
    for word in ["Ada", "ada.secret", "0199", "confided"] {
        assert!(!said.contains(word), "{word} in {said}");
    }
    assert!(!format!("{handler:?} {:?}", stored(folder.path()).await).contains("ada.secret"));
}
