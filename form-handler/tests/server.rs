//! The plain server: submissions, health, numbers, the outbox, and an end that cuts nothing off.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::sync::Arc;

use statement::form::Notify;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

mod sample;
use sample::{body, handler, now, stored};

async fn ask(address: std::net::SocketAddr, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\
                           content-type: application/x-www-form-urlencoded\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Whoever sends a letter at a time holds a connection for a while and no longer.
#[tokio::test]
async fn slow_senders_are_cut_off_and_others_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let handler = Arc::new(handler(folder.path(), Notify::Reference, &[]).await);
    let server = tokio::spawn(form_handler::serve(listener, handler, now, std::future::pending()));
    let slow = async |beginning: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let begun = std::time::Instant::now();
        let mut answer = String::new();
        // A connection may also be reset.
        let _ = stream.read_to_string(&mut answer).await;
        assert!(begun.elapsed().as_secs() < 20, "{beginning}");
        answer
    };
    let head = "POST /api/register HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n";
    let body_to_come = format!("{head}connection: close\r\ncontent-length: 99\r\n\r\nname=");
    let (nothing, half_a_head, half_a_body, answered) =
        tokio::join!(slow(""), slow(head), slow(&body_to_come), async {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            ask(address, "POST /api/register", &body("name=Ada")).await
        });
    assert_eq!((nothing.as_str(), answered.starts_with("HTTP/1.1 303")), ("", true));
    assert!(half_a_head.is_empty() || half_a_head.starts_with("HTTP/1.1 408"), "{half_a_head}");
    assert!(half_a_body.starts_with("HTTP/1.1 408"), "{half_a_body}");
    assert_eq!(stored(folder.path()).await.len(), 1);
    server.abort();
}

#[tokio::test]
async fn it_takes_submissions_tells_how_it_is_and_ends_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let handler = Arc::new(handler(folder.path(), Notify::Reference, &[]).await);
    let server = tokio::spawn(form_handler::serve(listener, handler, now, async {
        let _ = stopped.await;
    }));

    let answer = ask(address, "POST /api/register", &body("name=Ada")).await;
    assert!(
        answer.starts_with("HTTP/1.1 303") && answer.contains("location: /api/register/receipt?reference="),
        "{answer}"
    );
    assert!(ask(address, "POST /api/register", &body("name=")).await.starts_with("HTTP/1.1 422"));
    assert!(ask(address, "GET /", "").await.starts_with("HTTP/1.1 404"));
    assert!(ask(address, "GET /healthz", "").await.ends_with("\r\n\r\nok\n"));
    let metrics = ask(address, "GET /metrics", "").await;
    let (head, text) = metrics.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    assert_eq!(
        text,
        "# HELP candor_answers_total Answers to submissions, by status.\n\
         # TYPE candor_answers_total counter\n\
         candor_answers_total{status=\"303\"} 1\n\
         candor_answers_total{status=\"404\"} 1\n\
         candor_answers_total{status=\"422\"} 1\n\
         # HELP candor_registrations Registrations in the store.\n\
         # TYPE candor_registrations gauge\n\
         candor_registrations 1\n\
         # HELP candor_registrations_held Registrations held as suspected spam.\n\
         # TYPE candor_registrations_held gauge\n\
         candor_registrations_held 0\n\
         # HELP candor_mails_pending Mails to be sent for the first time.\n\
         # TYPE candor_mails_pending gauge\n\
         candor_mails_pending 0\n\
         # HELP candor_mails_failing Mails that failed and are tried again.\n\
         # TYPE candor_mails_failing gauge\n\
         candor_mails_failing 0\n\
         # HELP candor_mails_resting Mails that were given up until staff say otherwise.\n\
         # TYPE candor_mails_resting gauge\n\
         candor_mails_resting 0\n"
    );

    // What is half said when the server is told to stop is heard to its end.
    let sent = body("name=Eve");
    let mut slow = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/register HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\
                        content-type: application/x-www-form-urlencoded\r\n\r\n",
        sent.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.write_all(&sent.as_bytes()[..9]).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    stop.send(()).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    slow.write_all(&sent.as_bytes()[9..]).await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    server.await.unwrap();
    assert_eq!(stored(folder.path()).await.len(), 2);
    assert!(TcpStream::connect(address).await.is_err());
}
