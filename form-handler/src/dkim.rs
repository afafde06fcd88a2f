//! The signature that says a mail is from its sender's domain: DomainKeys Identified Mail (RFC 6376).
//!
//! It knows the bytes of a mail and a key. The library that sends mail signs too, by an implementation of RSA whose time
//! tells of the key (RUSTSEC-2023-0071); this one signs by the library that TLS uses.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::signing::SigningKey;

/// Signed where they are there (RFC 6376, section 5.4.1).
const HEADERS: [&str; 9] =
    ["From", "To", "Subject", "Date", "Message-ID", "Reply-To", "Auto-Submitted", "MIME-Version", "Content-Type"];
/// Signed once more than they are there, so that nobody can add another (RFC 6376, section 8.15).
const ONCE: [&str; 4] = ["From", "To", "Subject", "Reply-To"];

/// A key with the name it is published under: `SELECTOR._domainkey.DOMAIN`.
#[derive(Debug, Clone)]
pub(crate) struct Dkim {
    pub(crate) key: Arc<SigningKey>,
    pub(crate) selector: String,
}

impl Dkim {
    /// The mail with its signature in front.
    pub(crate) fn sign(&self, mail: &[u8], domain: &str, at: Timestamp) -> Vec<u8> {
        let text = String::from_utf8_lossy(mail);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let headers = headers(head);
        let find = |name: &str| headers.iter().rev().find(|(other, _)| other.eq_ignore_ascii_case(name));
        let mut names: Vec<&str> = HEADERS.into_iter().filter(|name| find(name).is_some()).collect();
        let mut signed: String =
            names.iter().filter_map(|name| find(name)).map(|(name, value)| relaxed(name, value) + "\r\n").collect();
        names.extend(ONCE);
        let algorithm = match *self.key {
            SigningKey::Ed25519(_) => "ed25519",
            SigningKey::Rsa(_) => "rsa",
        };
        let body_hash = BASE64_STANDARD.encode(Sha256::digest(relaxed_body(body)));
        let value = format!(
            "v=1; a={algorithm}-sha256; c=relaxed/relaxed; d={domain}; s={}; t={};\r\n h={};\r\n bh={body_hash};\r\n b=",
            self.selector,
            at.as_second(),
            names.join(":"),
        );
        signed.push_str(&relaxed("DKIM-Signature", &value));
        let signature = match *self.key {
            // RFC 8463, section 3: it is the digest that is signed.
            SigningKey::Ed25519(_) => self.key.sign(&Sha256::digest(signed.as_bytes())),
            SigningKey::Rsa(_) => self.key.sign(signed.as_bytes()),
        };
        let signature = BASE64_STANDARD.encode(signature);
        let lines: Vec<&str> =
            signature.as_bytes().chunks(72).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        let mut whole = format!("DKIM-Signature: {value}{}\r\n", lines.join("\r\n ")).into_bytes();
        whole.extend_from_slice(mail);
        whole
    }
}

/// Names and values, as they are folded.
fn headers(head: &str) -> Vec<(&str, String)> {
    let mut headers: Vec<(&str, String)> = Vec::new();
    for line in head.split("\r\n") {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = headers.last_mut() {
                value.push_str("\r\n");
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            headers.push((name, value.to_owned()));
        }
    }
    headers
}

/// RFC 6376, section 3.4.2.
fn relaxed(name: &str, value: &str) -> String {
    let words: Vec<&str> = value.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect();
    format!("{}:{}", name.trim().to_ascii_lowercase(), words.join(" "))
}

/// RFC 6376, section 3.4.4.
fn relaxed_body(body: &str) -> String {
    let mut relaxed = String::new();
    for line in body.split("\r\n") {
        let mut is_space = false;
        for letter in line.trim_end_matches([' ', '\t']).chars() {
            if letter == ' ' || letter == '\t' {
                is_space = true;
                continue;
            }
            if std::mem::take(&mut is_space) {
                relaxed.push(' ');
            }
            relaxed.push(letter);
        }
        relaxed.push_str("\r\n");
    }
    let text = relaxed.trim_end_matches("\r\n");
    if text.is_empty() { String::new() } else { format!("{text}\r\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6376, section 3.4.5.
    #[test]
    fn the_examples_of_the_standard() {
        let head = "A: X\r\nB : Y\t\r\n\tZ  ";
        let canonical: Vec<String> = headers(head).iter().map(|(name, value)| relaxed(name, value)).collect();
        assert_eq!(canonical, ["a:X", "b:Y Z"]);
        assert_eq!(relaxed_body(" C \r\nD \t E\r\n\r\n\r\n"), " C\r\nD E\r\n");
        assert_eq!(relaxed_body("\r\n\r\n"), "");
    }
}
