//! A recipient's server that refuses, hangs, closes, fails and points elsewhere before it takes what it is told.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::ToSpan as _;
use serde_json::Value;
use sha2::Sha256;
use statement::contract::{Contract, WebhookContract};
use statement::form::Notify;

mod sample;
use sample::{answer, body, contract, handler_of, now, post, stored};

const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What the server does with whoever comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Hangs,
    Closes,
    Fails,
    PointsElsewhere,
    Takes,
    IsGone,
}

/// A server, with what it was told.
struct Server {
    address: String,
    manner: Arc<Mutex<Manner>>,
    told: Arc<Mutex<Vec<Told>>>,
}

/// The headers and the body of a request.
type Told = (HashMap<String, String>, String);

impl Server {
    fn start(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap().to_string();
        let manner = Arc::new(Mutex::new(Manner::Takes));
        let told = Arc::new(Mutex::new(Vec::new()));
        let (how, heard) = (Arc::clone(&manner), Arc::clone(&told));
        std::thread::spawn(move || {
            let mut hung = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let manner = *how.lock().unwrap();
                let Some(request) = read(&mut stream) else { continue };
                let answer = match manner {
                    Manner::Hangs => {
                        hung.push(stream);
                        continue;
                    }
                    Manner::Closes => continue,
                    Manner::Fails => "500 Internal Server Error\r\n",
                    Manner::PointsElsewhere => "302 Found\r\nlocation: /elsewhere\r\n",
                    Manner::Takes => "204 No Content\r\n",
                    Manner::IsGone => "410 Gone\r\n",
                };
                if manner == Manner::Takes {
                    heard.lock().unwrap().push(request);
                }
                let _ = write!(stream, "HTTP/1.1 {answer}content-length: 0\r\nconnection: close\r\n\r\n");
            }
        });
        Self { address, manner, told }
    }
}

fn read(stream: &mut TcpStream) -> Option<(HashMap<String, String>, String)> {
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
            let mut headers: HashMap<String, String> =
                lines.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
            headers.insert("target".into(), head.lines().next()?.to_owned());
            if body.len() == headers.get("content-length")?.parse::<usize>().ok()? {
                return Some((headers, body.to_owned()));
            }
        }
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        text.push_str(std::str::from_utf8(&buffer[..count]).ok()?);
    }
}

fn telling(address: &str) -> Contract {
    let mut contract = contract(Notify::Reference);
    let webhook = WebhookContract { to: "Example Partner".into(), url: format!("http://{address}/hook?a=b") };
    contract.forms.get_mut("register").unwrap().webhook = Some(webhook);
    contract
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_is_stored_and_told_once_each_whatever_the_server_does() {
    let secret = format!("whsec_{SECRET}");
    let variables =
        [("CANDOR_MAIL", "none"), ("CANDOR_WEBHOOK_SECRET", secret.as_str()), ("CANDOR_WEBHOOK_NETWORKS", "private")];
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = refusing.local_addr().unwrap();
    drop(refusing);
    let folder = tempfile::tempdir().unwrap();
    let handler = handler_of(telling(&address.to_string()), folder.path(), &variables).await;
    let mut acknowledged = Vec::new();
    let mut register = async |name: &str| {
        let (status, location, _) = answer(&handler, post(body(&format!("name={name}&other=confided")))).await;
        assert_eq!(status, 303);
        acknowledged.push(location.split_once('=').unwrap().1.to_owned());
    };
    register("refused").await;
    let server = Server::start(TcpListener::bind(address).unwrap());
    for (name, manner) in [
        ("hung", Manner::Hangs),
        ("closed", Manner::Closes),
        ("failed", Manner::Fails),
        ("pointed", Manner::PointsElsewhere),
        ("taken", Manner::Takes),
    ] {
        *server.manner.lock().unwrap() = manner;
        register(name).await;
    }
    let told = || server.told.lock().unwrap().clone();
    assert_eq!(told().len(), 1, "the others wait");
    // Ever later, as the outbox does it by itself.
    for hours in 1..4 {
        handler.redeliver(now().saturating_add(hours.hours()).unwrap(), 10).await.unwrap();
    }
    let mut references: Vec<String> = told().into_iter().map(|(headers, _)| headers["webhook-id"].clone()).collect();
    references.sort();
    acknowledged.sort();
    let mut kept: Vec<String> =
        stored(folder.path()).await.iter().map(|stored| stored.registration.id.to_string()).collect();
    kept.sort();
    assert_eq!(references, acknowledged);
    assert_eq!(kept, acknowledged);

    for (headers, body) in told() {
        assert_eq!(headers["target"], "POST /hook?a=b HTTP/1.1");
        let signed = format!("{}.{}.{body}", headers["webhook-id"], headers["webhook-timestamp"]);
        let key = BASE64_STANDARD.decode(SECRET).unwrap();
        let mac = Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(signed);
        let code = headers["webhook-signature"].strip_prefix("v1,").unwrap();
        mac.verify_slice(&BASE64_STANDARD.decode(code).unwrap()).unwrap();
        let said: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(said["type"], "registration.received");
        assert_eq!(said["data"]["reference"], headers["webhook-id"].as_str());
        assert!(!body.contains("confided") && !body.contains("name"), "no answer leaves: {body}");
    }
    // Who has gone for good is not asked again.
    *server.manner.lock().unwrap() = Manner::IsGone;
    let (status, ..) = answer(&handler, post(body("name=gone"))).await;
    assert_eq!(status, 303);
    assert_eq!(handler.numbers(now()).await.unwrap().unwrap().outbox.resting, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_network_is_told_nothing_unless_it_is_meant() {
    let server = Server::start(TcpListener::bind("127.0.0.1:0").unwrap());
    let port = server.address.split_once(':').unwrap().1;
    let secret = format!("whsec_{SECRET}");
    let variables = [("CANDOR_MAIL", "none"), ("CANDOR_WEBHOOK_SECRET", secret.as_str())];
    let folder = tempfile::tempdir().unwrap();
    for host in [server.address.clone(), format!("localhost:{port}")] {
        for scheme in ["http", "https"] {
            let mut contract = telling(&host);
            let webhook = contract.forms.get_mut("register").unwrap().webhook.as_mut().unwrap();
            webhook.url = webhook.url.replace("http:", &format!("{scheme}:"));
            let handler = handler_of(contract, folder.path(), &variables).await;
            assert_eq!(answer(&handler, post(body(&format!("name={scheme}&other={host}")))).await.0, 303);
        }
    }
    assert_eq!(stored(folder.path()).await.len(), 4);
    assert!(stored(folder.path()).await.iter().all(|stored| stored.mails[0].2.is_some()));
    assert!(server.told.lock().unwrap().is_empty());
}
