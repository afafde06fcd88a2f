//! Where a database is and how to reach it, from its URL. It connects to nothing by itself.

use std::path::PathBuf;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls_improved::MakeRustlsConnect;

use super::STATEMENT_TIME_MAX;
use crate::store::{OPERATION_TIME_MAX, StoreError};

/// Where a database is, and how to reach it.
#[derive(Debug, Clone)]
pub struct Database {
    pub(super) config: Config,
    /// Instead of the authorities that browsers trust.
    root_certificates: Option<PathBuf>,
}

impl Database {
    /// Reads a URL as PostgreSQL has them (postgresql.org/docs/current/libpq-connect.html, section 34.1.1.2).
    ///
    /// Without `sslmode`, TLS is demanded of a server on another machine, and its certificate checked as `verify-full` says.
    /// There is nothing between that and `disable`: what does not check may be talking to anybody.
    pub(in crate::store) fn parse(url: &str) -> Result<Self, String> {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut root_certificates, mut others) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", "disable")) => mode = Some(SslMode::Disable),
                Some(("sslmode", "require" | "verify-ca" | "verify-full")) => mode = Some(SslMode::Require),
                Some(("sslmode", value)) => {
                    return Err(format!("`sslmode={value}` is not safe: write `verify-full`, or `disable`"));
                }
                Some(("sslrootcert", path)) => {
                    let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
                    root_certificates = Some(PathBuf::from(&*path));
                }
                _ => others.push(pair),
            }
        }
        let plain = if others.is_empty() { address.to_owned() } else { format!("{address}?{}", others.join("&")) };
        // Its error may quote what is in the URL.
        let mut config: Config = plain
            .parse()
            .map_err(|_| "it is not a URL of PostgreSQL: write `postgres://USER:PASSWORD@HOST/DATABASE`".to_owned())?;
        if config.get_hosts().is_empty() {
            return Err("no host: write `postgres://USER:PASSWORD@HOST/DATABASE`".to_owned());
        }
        let usual = if is_here(&config) { SslMode::Disable } else { SslMode::Require };
        config
            .ssl_mode(mode.unwrap_or(usual))
            .application_name("candor")
            .connect_timeout(STATEMENT_TIME_MAX)
            // A network that is gone closes the connection instead of keeping everybody waiting.
            .tcp_user_timeout(OPERATION_TIME_MAX)
            .keepalives_idle(Duration::from_secs(60));
        Ok(Self { config, root_certificates })
    }

    /// Whether it is on the machine that the program runs on.
    pub(in crate::store) fn is_here(&self) -> bool {
        is_here(&self.config)
    }

    pub(super) fn tls(&self) -> Result<MakeRustlsConnect, StoreError> {
        let mut roots = RootCertStore::empty();
        match &self.root_certificates {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(path) => {
                let cannot = || StoreError::CannotOpen(format!("`{}` has no certificate in PEM", path.display()));
                for certificate in CertificateDer::pem_file_iter(path).map_err(|_| cannot())? {
                    roots.add(certificate.map_err(|_| cannot())?).map_err(|_| cannot())?;
                }
            }
        }
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("invariant: the provider has the usual versions of TLS")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(MakeRustlsConnect::new(config))
    }
}

fn is_here(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => ["localhost", "127.0.0.1", "::1"].contains(&name.as_str()),
        Host::Unix(_) => true,
    })
}

impl std::fmt::Display for Database {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => String::new(),
        };
        let database = self.config.get_dbname().or(self.config.get_user()).unwrap_or_default();
        write!(formatter, "postgres://{host}/{database}")
    }
}
