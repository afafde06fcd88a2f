//! Settings of the mail: whether there is any, which way it leaves, from whom and to whom.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::Mailbox;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::Reader;
use crate::dkim::Dkim;
use crate::private::Private;

/// The mail about each registration.
#[derive(Debug, Clone)]
pub(crate) struct MailSettings {
    pub(crate) route: MailRoute,
    pub(crate) from: Mailbox,
    pub(crate) to: Vec<Mailbox>,
    /// Instead of a subject that names the site and the form.
    pub(crate) subject: Option<String>,
    pub(crate) timeout: Duration,
    pub(crate) dkim: Option<Dkim>,
}

/// How mail leaves.
#[derive(Debug, Clone)]
pub(crate) enum MailRoute {
    /// A mail server, always over TLS.
    Smtp(SmtpSettings),
    /// A folder of `.eml` files.
    Folder(PathBuf),
}

/// A mail server.
#[derive(Debug, Clone)]
pub(crate) struct SmtpSettings {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) credentials: Option<(String, Private<String>)>,
    /// More root certificates to trust, DER.
    pub(crate) root_certificates: Vec<Vec<u8>>,
}

/// When TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    /// After STARTTLS, which must succeed (RFC 3207).
    StartTls,
    /// At once (RFC 8314, section 3.3).
    Tls,
}

impl Reader<'_> {
    /// The outer option is none where something is wrong, the inner where no mail is to be sent.
    pub(super) fn mail(&mut self) -> Option<Option<MailSettings>> {
        let name = "CANDOR_MAIL";
        let value = self.get(name);
        let is_local = value.is_none() && self.local.is_some();
        let route = match (value.as_deref(), self.local) {
            (Some("none"), _) => return Some(None),
            (None, Some(local)) => Some(MailRoute::Folder(local.mail())),
            (None, None) => self.fail(name, "not set; write `smtp://HOST`, `smtps://HOST`, `file:DIR` or `none`"),
            (Some(value), _) => self.route(name, value),
        };
        // On one's own machine nobody has to be named to look at a file.
        let from = match self.get("CANDOR_MAIL_FROM") {
            None if is_local => "candor@localhost".parse().ok(),
            from => self.mailboxes("CANDOR_MAIL_FROM", from).and_then(|from| match from.as_slice() {
                [from] => Some(from.clone()),
                _ => self.fail("CANDOR_MAIL_FROM", "more than one address; a mail has one author"),
            }),
        };
        let to = match self.get("CANDOR_MAIL_TO") {
            None if is_local => "staff@localhost".parse().ok().map(|to| vec![to]),
            to => self.mailboxes("CANDOR_MAIL_TO", to),
        };
        let subject = self.get("CANDOR_MAIL_SUBJECT");
        let has_control = subject.as_ref().is_some_and(|subject| subject.chars().any(char::is_control));
        if has_control {
            self.errors.push("CANDOR_MAIL_SUBJECT: a subject is one line without control characters".to_owned());
        }
        let timeout = match self.get("CANDOR_MAIL_TIMEOUT_SECONDS").map(|value| value.trim().parse::<u64>()) {
            None => Some(5),
            Some(Ok(seconds)) if (1..=60).contains(&seconds) => Some(seconds),
            Some(_) => self.fail("CANDOR_MAIL_TIMEOUT_SECONDS", "write a whole number of seconds from 1 to 60"),
        };
        let dkim = self.dkim();
        let timeout = Duration::from_secs(timeout?);
        Some(Some(MailSettings { route: route?, from: from?, to: to?, subject, timeout, dkim: dkim? }))
    }

    fn route(&mut self, name: &str, value: &str) -> Option<MailRoute> {
        if let Some(folder) = value.strip_prefix("file:").filter(|folder| !folder.is_empty()) {
            return Some(MailRoute::Folder(Path::new(folder).to_owned()));
        }
        let (security, port, server) = if let Some(server) = value.strip_prefix("smtp://") {
            (Security::StartTls, 587, server)
        } else if let Some(server) = value.strip_prefix("smtps://") {
            (Security::Tls, 465, server)
        } else {
            return self.fail(
                name,
                format_args!(
                    "`{}` is not a way to send mail: write `smtp://HOST`, `smtps://HOST`, `file:DIR` or `none`",
                    scheme(value)
                ),
            );
        };
        let server = server.trim_end_matches('/');
        if server.contains('@') {
            // The value is not repeated: it may hold a password.
            return self
                .fail(name, "put the user into CANDOR_MAIL_USER and the password into CANDOR_MAIL_PASSWORD_FILE");
        }
        let (host, port) = match server.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()),
            None => (server, Some(port)),
        };
        let is_host =
            !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        let Some(port) = port.filter(|_| is_host) else {
            return self.fail(name, format_args!("`{server}` is not a mail server: write a host, or `HOST:PORT`"));
        };
        let credentials = self.credentials();
        let root_certificates = self.root_certificates();
        let (host, credentials, root_certificates) = (host.to_owned(), credentials?, root_certificates?);
        Some(MailRoute::Smtp(SmtpSettings { host, port, security, credentials, root_certificates }))
    }

    fn root_certificates(&mut self) -> Option<Vec<Vec<u8>>> {
        let name = "CANDOR_MAIL_CA_FILE";
        let Some(path) = self.get(name) else { return Some(Vec::new()) };
        let pem = match std::fs::read(&path) {
            Ok(pem) => pem,
            Err(error) => return self.fail(name, format_args!("cannot read `{path}`: {error}")),
        };
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match read {
            Ok(found) if !found.is_empty() => Some(found.iter().map(|found| found.to_vec()).collect()),
            _ => self.fail(name, format_args!("`{path}` has no certificate in PEM")),
        }
    }

    /// The outer option is none where something is wrong.
    fn credentials(&mut self) -> Option<Option<(String, Private<String>)>> {
        let password = self.secret("CANDOR_MAIL_PASSWORD", "CANDOR_MAIL_PASSWORD_FILE")?;
        match (self.get("CANDOR_MAIL_USER"), password) {
            (None, None) => Some(None),
            (Some(user), Some(password)) => Some(Some((user, Private::new(password)))),
            (Some(_), None) => self.fail("CANDOR_MAIL_PASSWORD", "not set, and CANDOR_MAIL_USER is"),
            (None, Some(_)) => self.fail("CANDOR_MAIL_USER", "not set, and a password is"),
        }
    }

    fn mailboxes(&mut self, name: &str, value: Option<String>) -> Option<Vec<Mailbox>> {
        let Some(value) = value else {
            return self.fail(name, "not set; write an address like `registrations@example.org`");
        };
        let parsed: Result<Vec<Mailbox>, _> = value.split(',').map(|part| part.trim().parse()).collect();
        match parsed {
            Ok(mailboxes) => Some(mailboxes),
            Err(_) => {
                self.fail(name, format_args!("`{value}` is not an e-mail address, or several with commas between"))
            }
        }
    }
}

/// The part of a URL that can be repeated in a message: what follows it may hold a password.
fn scheme(value: &str) -> &str {
    value.split_once(':').map_or(value, |(scheme, _)| scheme)
}
