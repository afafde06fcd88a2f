//! The settings, from environment variables: every mistake at once, each naming its variable.
//!
//! The environment itself is the caller's; so is printing.

#![expect(
    clippy::disallowed_methods,
    reason = "a password or a certificate may be given as a file, read once at the start"
)]

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use http::HeaderName;
use statement::diagnostic::near_match;

use crate::proof::ProofKey;
use crate::proxy::ProxySecret;
use crate::seal::Seal;
use crate::signing::SigningKey;
use crate::store::Location;

mod mail;
mod sealing;
mod signing;

pub(crate) use mail::{MailRoute, MailSettings, Security, SmtpSettings};
pub(crate) use signing::WebhookSettings;

/// What the name of every setting begins with.
const PREFIX: &str = "CANDOR_";

/// Every variable of ours: those read here, and the program's own.
const VARIABLES: [&str; 39] = [
    "CANDOR_CLIENT_ADDRESS_HEADER",
    "CANDOR_CONTRACT",
    "CANDOR_COUNTRY",
    "CANDOR_DKIM_KEY",
    "CANDOR_DKIM_KEY_FILE",
    "CANDOR_DKIM_SELECTOR",
    "CANDOR_IDENTITY",
    "CANDOR_INDEX_KEY",
    "CANDOR_INDEX_KEY_FILE",
    "CANDOR_KEYS",
    "CANDOR_KEYS_FILE",
    "CANDOR_LEDGER",
    "CANDOR_LISTEN",
    "CANDOR_MAIL",
    "CANDOR_MAIL_CA_FILE",
    "CANDOR_MAIL_FROM",
    "CANDOR_MAIL_PASSWORD",
    "CANDOR_MAIL_PASSWORD_FILE",
    "CANDOR_MAIL_SUBJECT",
    "CANDOR_MAIL_TIMEOUT_SECONDS",
    "CANDOR_MAIL_TO",
    "CANDOR_MAIL_USER",
    "CANDOR_OUTBOX_KEY",
    "CANDOR_OUTBOX_KEY_FILE",
    "CANDOR_PEOPLE",
    "CANDOR_PROOF_KEY",
    "CANDOR_PROOF_KEY_FILE",
    "CANDOR_PROXY_SECRET",
    "CANDOR_PROXY_SECRET_FILE",
    "CANDOR_RECEIPT_KEY",
    "CANDOR_RECEIPT_KEY_FILE",
    "CANDOR_REQUEST_ID_HEADER",
    "CANDOR_STORE",
    "CANDOR_STORE_COUNTRY",
    "CANDOR_STORE_FILE",
    "CANDOR_WEBHOOK_NETWORKS",
    "CANDOR_WEBHOOK_SECRET",
    "CANDOR_WEBHOOK_SECRET_FILE",
    "LAMBDA_TASK_ROOT",
];

/// What a machine of one's own does without settings: everything in one folder.
#[derive(Debug, Clone)]
pub struct LocalDefaults {
    /// The folder for the database and the mail, `.candor` under the site's folder.
    pub folder: PathBuf,
}

impl LocalDefaults {
    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.folder.join("registrations.sqlite")
    }

    fn mail(&self) -> PathBuf {
        self.folder.join("mail")
    }
}

/// Where registrations go.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where registrations are stored; none where the mail is all there is.
    pub(crate) store: Option<Location>,
    pub(crate) mail: Option<MailSettings>,
    pub(crate) seal: Seal,
    /// Signs receipts.
    pub(crate) receipt_key: Option<Arc<SigningKey>>,
    pub(crate) webhooks: Option<WebhookSettings>,
    pub(crate) proof_key: Option<ProofKey>,
    /// Whether this is a machine of one's own, on which nothing has to leave.
    pub(crate) is_local: bool,
    proxy_secret: Option<ProxySecret>,
    client_address_header: Option<HeaderName>,
    request_id_header: Option<HeaderName>,
}

/// Every mistake in the settings.
#[derive(Debug, thiserror::Error)]
pub struct SettingsErrors(Vec<String>);

impl fmt::Display for SettingsErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("\n"))
    }
}

impl Settings {
    /// Reads the settings; `local` stands in for variables that are not set.
    ///
    /// # Errors
    /// Every mistake, each beginning with the name of its variable.
    pub fn from_environment(
        lookup: &dyn Fn(&str) -> Option<String>,
        local: Option<&LocalDefaults>,
    ) -> Result<Self, SettingsErrors> {
        let mut reader = Reader { lookup, local, errors: Vec::new() };
        let store = reader.store();
        let mail = reader.mail();
        let seal = reader.seal(!matches!(store, Some(None)));
        let proxy_secret = reader.secret("CANDOR_PROXY_SECRET", "CANDOR_PROXY_SECRET_FILE");
        let client_address_header = reader.header("CANDOR_CLIENT_ADDRESS_HEADER");
        let request_id_header = reader.header("CANDOR_REQUEST_ID_HEADER");
        let (receipt_key, webhooks, proof_key) = (reader.receipt_key(), reader.webhooks(), reader.proof_key());
        if matches!(store, Some(None)) && mail.as_ref().is_some_and(Option::is_none) {
            reader
                .errors
                .push("CANDOR_STORE and CANDOR_MAIL are both `none`: every registration would be lost".to_owned());
        }
        match (store, mail, seal, receipt_key, webhooks, proof_key, proxy_secret) {
            (
                Some(store),
                Some(mail),
                Some(seal),
                Some(receipt_key),
                Some(webhooks),
                Some(proof_key),
                Some(proxy_secret),
            ) if reader.errors.is_empty() => {
                let proxy_secret = proxy_secret.map(ProxySecret::new);
                let is_local = local.is_some();
                Ok(Self {
                    store,
                    mail,
                    seal,
                    receipt_key,
                    webhooks,
                    proof_key,
                    is_local,
                    proxy_secret,
                    client_address_header,
                    request_id_header,
                })
            }
            _ => Err(SettingsErrors(reader.errors)),
        }
    }

    /// The store that staff read, by the same rules.
    ///
    /// # Errors
    /// Says why there is none to read.
    pub fn location(
        lookup: &dyn Fn(&str) -> Option<String>,
        local: &LocalDefaults,
    ) -> Result<Location, SettingsErrors> {
        let mut reader = Reader { lookup, local: Some(local), errors: Vec::new() };
        match reader.store() {
            Some(Some(location)) => Ok(location),
            Some(None) => {
                let fact = "CANDOR_STORE is `none`: nothing is stored, so there is nothing to read";
                Err(SettingsErrors(vec![fact.to_owned()]))
            }
            None => Err(SettingsErrors(reader.errors)),
        }
    }

    /// Every variable of ours that is set and that nobody reads, with the one that may have been meant.
    ///
    /// # Errors
    /// When there is one.
    pub fn check_names(names: impl Iterator<Item = String>) -> Result<(), SettingsErrors> {
        let unknown = names.filter(|name| name.starts_with(PREFIX) && !VARIABLES.contains(&name.as_str()));
        let mut errors: Vec<String> = unknown
            // What all names begin with brings none of them nearer.
            .map(|name| match near_match(&name[PREFIX.len()..], VARIABLES.iter().map(|name| &name[PREFIX.len()..])) {
                Some(near) => format!("{name}: there is no such setting; did you mean `{PREFIX}{near}`?"),
                None => format!("{name}: there is no such setting"),
            })
            .collect();
        errors.sort();
        if errors.is_empty() { Ok(()) } else { Err(SettingsErrors(errors)) }
    }

    /// What the site's host signs requests with, where they must be signed.
    #[must_use]
    pub fn proxy_secret(&self) -> Option<ProxySecret> {
        self.proxy_secret.clone()
    }

    /// The header in which the host says who sends, where there is one.
    #[must_use]
    pub fn client_address_header(&self) -> Option<HeaderName> {
        self.client_address_header.clone()
    }

    /// The header in which the host says what it calls a request, where there is one.
    #[must_use]
    pub fn request_id_header(&self) -> Option<HeaderName> {
        self.request_id_header.clone()
    }

    /// How registrations are kept.
    #[must_use]
    pub fn seal(&self) -> &Seal {
        &self.seal
    }

    /// Where registrations are stored; none where they are only mailed.
    #[must_use]
    pub fn store(&self) -> Option<&Location> {
        self.store.as_ref()
    }

    /// Where registrations are stored and who can read them, in a few words.
    #[must_use]
    pub fn store_description(&self) -> String {
        let Some(location) = &self.store else { return "not stored, only mailed".to_owned() };
        format!("{location}, {}", self.seal.description())
    }

    /// Where mail goes, in a few words.
    #[must_use]
    pub fn mail_description(&self) -> String {
        match self.mail.as_ref().map(|mail| &mail.route) {
            Some(MailRoute::Smtp(server)) => format!("by {} port {}", server.host, server.port),
            Some(MailRoute::Folder(folder)) => format!("{}/", folder.display()),
            None => "none is sent".to_owned(),
        }
    }
}

struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    local: Option<&'a LocalDefaults>,
    errors: Vec<String>,
}

impl Reader<'_> {
    /// A variable; an empty one counts as not set.
    fn get(&self, name: &str) -> Option<String> {
        debug_assert!(VARIABLES.contains(&name), "invariant: `{name}` is in the list");
        (self.lookup)(name).filter(|value| !value.trim().is_empty())
    }

    fn fail<T>(&mut self, name: &str, fact: impl fmt::Display) -> Option<T> {
        self.errors.push(format!("{name}: {fact}"));
        None
    }

    fn header(&mut self, name: &str) -> Option<HeaderName> {
        let value = self.get(name)?;
        let header = HeaderName::try_from(value.trim()).ok();
        header.or_else(|| self.fail(name, format_args!("`{value}` is not the name of a header")))
    }

    /// The outer option is none where something is wrong.
    fn store(&mut self) -> Option<Option<Location>> {
        let name = "CANDOR_STORE";
        // A URL may hold a password.
        let Some(value) = self.secret(name, "CANDOR_STORE_FILE")? else {
            return match self.local {
                Some(local) => Some(Some(Location::Sqlite(local.database()))),
                None => self.fail(
                    name,
                    "not set; write `sqlite:PATH`, `postgres://…` or `s3://…`, or `none` where mail is enough",
                ),
            };
        };
        if value == "none" {
            return Some(None);
        }
        let location = match Location::parse(&value, self.lookup) {
            Ok(location) => location,
            Err(fact) => return self.fail(name, fact),
        };
        // What a function writes to its own disk on Lambda is thrown away with the machine. Lambda itself sets this
        // variable for every runtime; what only imitates its Runtime API, on a disk that stays, does not.
        if matches!(location, Location::Sqlite(_)) && self.get("LAMBDA_TASK_ROOT").is_some() {
            return self.fail(
                name,
                "SQLite cannot be used on AWS Lambda, where the disk is thrown away; use `s3://…`, or `none` and mail",
            );
        }
        Some(Some(location))
    }

    /// A secret that stands in a variable or in the file another one names. The outer option is none where something is wrong.
    fn secret(&mut self, name: &str, file: &str) -> Option<Option<String>> {
        match (self.get(name), self.get(file)) {
            (Some(_), Some(_)) => self.fail(file, format_args!("{name} is set too; keep one of the two")),
            (secret, None) => Some(secret),
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(text) if text.trim().is_empty() => self.fail(file, format_args!("`{path}` is empty")),
                Ok(text) => Some(Some(text.trim_end_matches(['\r', '\n']).to_owned())),
                Err(error) => self.fail(file, format_args!("cannot read `{path}`: {error}")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `openssl genpkey -algorithm ed25519` writes it; RFC 8410, section 10.3.
    const ED25519: &str = "-----BEGIN PRIVATE KEY-----\n\
                           MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                           -----END PRIVATE KEY-----";

    fn settings(variables: &[(&str, &str)], is_local: bool) -> Result<Settings, String> {
        let lookup =
            |name: &str| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
        let local = LocalDefaults { folder: "site/.candor".into() };
        Settings::from_environment(&lookup, is_local.then_some(&local)).map_err(|errors| errors.to_string())
    }

    #[test]
    fn a_machine_of_ones_own_needs_none() {
        let settings = settings(&[], true).unwrap();
        let description = "site/.candor/registrations.sqlite, readable to whoever can read the store";
        assert_eq!(settings.store_description(), description);
        assert_eq!(settings.mail_description(), "site/.candor/mail/");
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        assert_eq!(
            settings(&[], false).unwrap_err(),
            "CANDOR_STORE: not set; write `sqlite:PATH`, `postgres://…` or `s3://…`, or `none` where mail is enough\n\
             CANDOR_MAIL: not set; write `smtp://HOST`, `smtps://HOST`, `file:DIR` or `none`\n\
             CANDOR_MAIL_FROM: not set; write an address like `registrations@example.org`\n\
             CANDOR_MAIL_TO: not set; write an address like `registrations@example.org`\n\
             CANDOR_KEYS: not set; write the public keys of those who may read registrations, or \
             `none-and-registrations-are-readable-in-the-store`"
        );
        let wrong = [
            ("CANDOR_STORE", "mysql://user:hunter2@host/db"),
            ("CANDOR_MAIL", "smtp://user:hunter2@host"),
            ("CANDOR_MAIL_FROM", "a@example.org, b@example.org"),
            ("CANDOR_MAIL_TO", "nobody"),
            ("CANDOR_MAIL_SUBJECT", "a\nBcc: b@example.org"),
            ("CANDOR_MAIL_TIMEOUT_SECONDS", "0"),
            ("CANDOR_KEYS", ""),
            ("CANDOR_INDEX_KEY", "hunter2"),
        ];
        let said = settings(&wrong, false).unwrap_err();
        assert_eq!(
            said,
            "CANDOR_STORE: `mysql` is not a store: write `sqlite:PATH`, `postgres://HOST/DATABASE`, `s3://BUCKET/PREFIX` or `none`\n\
             CANDOR_MAIL: put the user into CANDOR_MAIL_USER and the password into CANDOR_MAIL_PASSWORD_FILE\n\
             CANDOR_MAIL_FROM: more than one address; a mail has one author\n\
             CANDOR_MAIL_TO: `nobody` is not an e-mail address, or several with commas between\n\
             CANDOR_MAIL_SUBJECT: a subject is one line without control characters\n\
             CANDOR_MAIL_TIMEOUT_SECONDS: write a whole number of seconds from 1 to 60\n\
             CANDOR_KEYS: not set; write the public keys of those who may read registrations, or \
             `none-and-registrations-are-readable-in-the-store`\n\
             CANDOR_INDEX_KEY: a secret of at least 32 characters is needed; `openssl rand -hex 32` makes one"
        );
        assert!(!said.contains("hunter2"));
    }

    #[test]
    fn a_name_nobody_reads_is_a_mistake() {
        let check = |names: &[&str]| {
            Settings::check_names(names.iter().map(|name| (*name).to_owned())).map_err(|errors| errors.to_string())
        };
        assert_eq!(check(&["CANDOR_MAIL", "PATH", "MY_CANDOR_X"]), Ok(()));
        assert_eq!(
            check(&["CANDOR_WEATHER", "CANDOR_MIAL"]).unwrap_err(),
            "CANDOR_MIAL: there is no such setting; did you mean `CANDOR_MAIL`?\n\
             CANDOR_WEATHER: there is no such setting"
        );
    }

    #[test]
    fn one_mistake_at_a_time() {
        let with = |extra: &[(&'static str, &'static str)]| {
            let mut variables = vec![
                ("CANDOR_STORE", "sqlite:a.sqlite"),
                ("CANDOR_MAIL", "smtp://mail.example.org:2525"),
                ("CANDOR_MAIL_FROM", "Site <site@example.org>"),
                ("CANDOR_MAIL_TO", "a@example.org, b@example.org"),
                ("CANDOR_KEYS", "none-and-registrations-are-readable-in-the-store"),
            ];
            variables.retain(|(name, _)| extra.iter().all(|(other, _)| other != name));
            variables.extend_from_slice(extra);
            settings(&variables, false)
        };
        assert_eq!(with(&[]).unwrap().mail_description(), "by mail.example.org port 2525");
        assert_eq!(
            with(&[("CANDOR_MAIL", "smtps://mail.example.org")]).unwrap().mail_description(),
            "by mail.example.org port 465"
        );
        let error = |extra: &[(&'static str, &'static str)]| with(extra).unwrap_err();
        assert_eq!(
            error(&[("LAMBDA_TASK_ROOT", "/var/task")]),
            "CANDOR_STORE: SQLite cannot be used on AWS Lambda, where the disk is thrown away; use `s3://…`, or `none` and mail"
        );
        for (store, path) in [("sqlite::memory:", ":memory:"), ("sqlite:file:x?mode=memory", "file:x?mode=memory")] {
            let fact = format!("CANDOR_STORE: `{path}` is not a file: write its path after `sqlite:`");
            assert_eq!(error(&[("CANDOR_STORE", store)]), fact);
        }
        assert!(error(&[("CANDOR_STORE", "sqlite: ")]).starts_with("CANDOR_STORE: `sqlite` is not a store"));
        assert_eq!(
            error(&[("CANDOR_STORE", "none"), ("CANDOR_MAIL", "none")]),
            "CANDOR_STORE and CANDOR_MAIL are both `none`: every registration would be lost"
        );
        assert_eq!(error(&[("CANDOR_MAIL_USER", "u")]), "CANDOR_MAIL_PASSWORD: not set, and CANDOR_MAIL_USER is");
        assert_eq!(error(&[("CANDOR_MAIL_PASSWORD", "p")]), "CANDOR_MAIL_USER: not set, and a password is");
        assert_eq!(
            error(&[("CANDOR_MAIL_PASSWORD", "p"), ("CANDOR_MAIL_PASSWORD_FILE", "f")]),
            "CANDOR_MAIL_PASSWORD_FILE: CANDOR_MAIL_PASSWORD is set too; keep one of the two"
        );
        assert!(error(&[("CANDOR_MAIL_CA_FILE", "/nowhere/ca.pem")]).starts_with("CANDOR_MAIL_CA_FILE: cannot read"));
        assert_eq!(
            error(&[("CANDOR_PROXY_SECRET", "s"), ("CANDOR_PROXY_SECRET_FILE", "f")]),
            "CANDOR_PROXY_SECRET_FILE: CANDOR_PROXY_SECRET is set too; keep one of the two"
        );
        assert_eq!(
            error(&[("CANDOR_PROXY_SECRET_FILE", "/dev/null")]),
            "CANDOR_PROXY_SECRET_FILE: `/dev/null` is empty"
        );
        let here = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let fact = format!("CANDOR_MAIL_CA_FILE: `{here}` has no certificate in PEM");
        assert_eq!(error(&[("CANDOR_MAIL_CA_FILE", here)]), fact);
        let signing = [
            (("CANDOR_DKIM_SELECTOR", "s"), "CANDOR_DKIM_KEY: not set, and CANDOR_DKIM_SELECTOR is"),
            (
                ("CANDOR_DKIM_KEY", "battery"),
                "CANDOR_DKIM_KEY: it is no private key in PEM (`-----BEGIN PRIVATE KEY-----`)",
            ),
            (
                ("CANDOR_DKIM_KEY", ED25519),
                "CANDOR_DKIM_SELECTOR: not set, and CANDOR_DKIM_KEY is: under which name is the key published?",
            ),
            (
                ("CANDOR_RECEIPT_KEY", "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----"),
                "CANDOR_RECEIPT_KEY: it is neither an Ed25519 key nor an RSA key of 2048 bits or more",
            ),
            (
                ("CANDOR_PROOF_KEY", "battery"),
                "CANDOR_PROOF_KEY: it can be guessed: write 32 characters or more, as `openssl rand -hex 32` makes them",
            ),
            (("CANDOR_WEBHOOK_NETWORKS", "all"), "CANDOR_WEBHOOK_NETWORKS: write `public` or `private`"),
            (
                ("CANDOR_WEBHOOK_SECRET", "whsec_c2hvcnQ="),
                "CANDOR_WEBHOOK_SECRET: write `whsec_` and 24 to 64 random bytes in base64: `openssl rand -base64 32`",
            ),
        ];
        for (variable, fact) in signing {
            assert_eq!(error(&[variable]), fact);
        }
        assert_eq!(
            error(&[("CANDOR_DKIM_KEY", ED25519), ("CANDOR_DKIM_SELECTOR", "a b")]),
            "CANDOR_DKIM_SELECTOR: `a b` is not a selector: write the name before `._domainkey`, like `mail2026`"
        );
        assert!(error(&[("CANDOR_MAIL", "smtp://a b")]).starts_with("CANDOR_MAIL: `a b` is not a mail server"));
        assert!(error(&[("CANDOR_MAIL", "sendmail")]).starts_with("CANDOR_MAIL: `sendmail` is not a way to send mail"));
        let told = [
            ("CANDOR_MAIL_USER", "u"),
            ("CANDOR_MAIL_PASSWORD", "battery"),
            ("CANDOR_PROXY_SECRET", "battery"),
            ("CANDOR_WEBHOOK_SECRET", "whsec_YmF0dGVyeWJhdHRlcnliYXR0ZXJ5YmF0dGVyeQ=="),
        ];
        assert!(!format!("{:?}", with(&told).unwrap()).contains("battery"));
    }
}
