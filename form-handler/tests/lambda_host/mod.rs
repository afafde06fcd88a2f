//! The host's side of a function's loop on AWS Lambda, the Runtime API: a function asks for events, and its answers come out.

#![allow(dead_code, reason = "each program uses what it needs")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long a function may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A function that runs, and ends with the value.
pub(crate) struct Function {
    process: Child,
    requests: Receiver<(String, Vec<u8>, TcpStream)>,
    /// Where the next event is waited for.
    waiting: Option<TcpStream>,
    began: Instant,
}

impl Function {
    /// Starts a program as the host does.
    pub(crate) fn start(mut command: Command) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        command.env("AWS_LAMBDA_RUNTIME_API", listener.local_addr().unwrap().to_string());
        for (name, value) in [("NAME", "register"), ("VERSION", "1"), ("MEMORY_SIZE", "256")] {
            command.env(format!("AWS_LAMBDA_FUNCTION_{name}"), value);
        }
        let (sender, requests) = channel();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (connection, sender) = (connection.unwrap(), sender.clone());
                connection.set_nodelay(true).unwrap();
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(connection.try_clone().unwrap());
                    while let Some((head, body)) = read_message(&mut reader) {
                        if sender.send((head, body, connection.try_clone().unwrap())).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        let began = Instant::now();
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        Self { process, requests, waiting: None, began }
    }

    /// Waits until it asks for an event; how long after its start it did.
    pub(crate) fn wait(&mut self) -> Duration {
        while self.waiting.is_none() {
            let (head, body, connection) =
                self.requests.recv_timeout(PATIENCE).expect("the function asks for an event");
            let is_next = head.starts_with("GET /2018-06-01/runtime/invocation/next");
            assert!(is_next, "{head}{}", String::from_utf8_lossy(&body));
            self.waiting = Some(connection);
        }
        self.began.elapsed()
    }

    /// Gives it an event; what it answers.
    pub(crate) fn invoke(&mut self, event: &str) -> String {
        self.wait();
        let mut connection = self.waiting.take().unwrap();
        let head = "lambda-runtime-aws-request-id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\nlambda-runtime-deadline-ms: \
                    4102444800000\r\nlambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-2:123456789012:function:register\r\n";
        let length = event.len();
        let answer = format!("HTTP/1.1 200 OK\r\n{head}content-length: {length}\r\n\r\n{event}");
        connection.write_all(answer.as_bytes()).unwrap();
        let (head, body, mut connection) = self.requests.recv_timeout(PATIENCE).expect("the function answers");
        let body = String::from_utf8(body).unwrap();
        assert!(head.contains("/response"), "the function failed: {head}{body}");
        connection.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").unwrap();
        body
    }

    /// The most memory it has had.
    pub(crate) fn peak_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A message of HTTP/1.1 with a length, or in chunks: its head and its body. None at the end of the connection.
pub(crate) fn read_message(connection: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if connection.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let lower = head.to_lowercase();
    let value = |name: &str| lower.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let mut body = Vec::new();
    if value("transfer-encoding:").is_some_and(|coding| coding == "chunked") {
        loop {
            let mut size = String::new();
            connection.read_line(&mut size).ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            connection.read_exact(&mut chunk).ok()?;
            if size == 0 {
                break;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    } else if let Some(length) = value("content-length:") {
        body.resize(length.parse().ok()?, 0);
        connection.read_exact(&mut body).ok()?;
    }
    Some((head, body))
}
