//! A host of static files as others run it: what was published, with the headers that the build wrote for hosts, and,
//! where a test wants it, something in front that changes answers.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use serde_json::Value;

use crate::site::files;

/// What the host answers.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Name and value.
    pub headers: Vec<(String, String)>,
    /// The content; none for what is not there.
    pub body: Option<Vec<u8>>,
}

/// Serves a published folder as it is now, and returns its address; `change` is given each path and its answer.
///
/// # Panics
/// When the folder holds no site.
#[must_use]
pub fn host(public: &Path, change: impl Fn(&str, &mut Sent) + Send + 'static) -> String {
    let published = files(public);
    let rules: Value = serde_json::from_slice(&published["headers.json"]).expect("the headers are JSON");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("a listener has an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Who went away again is not waited for.
            let _ = stream.and_then(|stream| answer(stream, &published, &rules, &change));
        }
    });
    url
}

fn answer(
    mut stream: TcpStream,
    published: &BTreeMap<String, Vec<u8>>,
    rules: &Value,
    change: &impl Fn(&str, &mut Sent),
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = first.split(' ').nth(1).unwrap_or_default();
    let mut file = path.trim_start_matches('/').to_owned();
    if path.ends_with('/') {
        file.push_str("index.html");
    }
    let of_rule = |rule: &Value| rule["path"] == "/*" || rule["path"] == path;
    let rules = rules["rules"].as_array().expect("there are rules").iter().filter(|rule| of_rule(rule));
    let headers = rules.flat_map(|rule| rule["headers"].as_object().expect("a rule has headers"));
    let headers = headers.map(|(name, value)| (name.clone(), value.as_str().expect("a header is text").to_owned()));
    let mut sent = Sent { headers: headers.collect(), body: published.get(&file).cloned() };
    change(path, &mut sent);
    let status = if sent.body.is_some() { "200 OK" } else { "404 Not Found" };
    let body = sent.body.unwrap_or_default();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n", body.len())?;
    for (name, value) in &sent.headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    stream.write_all(b"\r\n")?;
    stream.write_all(&body)
}
