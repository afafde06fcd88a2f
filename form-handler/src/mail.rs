//! The mail about a registration: its text, and the way it leaves.
//!
//! Nothing a visitor types reaches a header, except an address that has been parsed.

#![expect(clippy::disallowed_methods, reason = "mail may be written to a folder, which is ours")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use statement::contract::{Contract, FormContract};
use statement::form::{FieldKind, Notify};

use crate::fields;
use crate::registration::{self, Registration};
use crate::settings::{MailRoute, MailSettings, Security, SmtpSettings};
use crate::store::{make_private_file, make_private_folder};

/// Why a mail was not sent; the server's own words may quote an address, so they are not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MailError {
    /// No answer in time.
    Timeout,
    /// The server said no, for good.
    Refused,
    /// The server said no, for now.
    Deferred,
    /// No connection, or none that can be trusted.
    Unreachable,
    /// The mail could not be written to its folder.
    Disk,
    /// The mail could not be put together.
    Unwritable,
}

impl MailError {
    /// The word for log and store.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Deferred => "deferred",
            Self::Unreachable => "unreachable",
            Self::Disk => "disk",
            Self::Unwritable => "unwritable",
        }
    }
}

/// Sends mail as configured.
#[derive(Debug)]
pub(crate) struct Mailer {
    from: Mailbox,
    to: Vec<Mailbox>,
    subject: Option<String>,
    timeout: Duration,
    transport: Transport,
}

enum Transport {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(PathBuf),
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Smtp(_) => "Smtp",
            Self::Folder(_) => "Folder",
        })
    }
}

impl Mailer {
    /// Prepares the way; connects to nothing yet.
    pub(crate) fn new(settings: &MailSettings) -> Result<Self, String> {
        let transport = match &settings.route {
            MailRoute::Smtp(server) => Transport::Smtp(smtp(server, settings.timeout)?),
            MailRoute::Folder(folder) => {
                make_private_folder(folder)
                    .map_err(|error| format!("CANDOR_MAIL: cannot create `{}`: {error}", folder.display()))?;
                Transport::Folder(folder.clone())
            }
        };
        Ok(Self {
            from: settings.from.clone(),
            to: settings.to.clone(),
            subject: settings.subject.clone(),
            timeout: settings.timeout,
            transport,
        })
    }

    /// Tells staff of a registration.
    pub(crate) async fn send(&self, registration: &Registration, contract: &Contract) -> Result<(), MailError> {
        let form = contract.forms.get(&registration.form).ok_or(MailError::Unwritable)?;
        let message = self.message(registration, form, contract)?;
        match &self.transport {
            Transport::Folder(folder) => {
                let file = folder.join(format!("{}.eml", registration.id));
                write_durably(folder, &file, message.formatted()).await
            }
            // The transport's own timeout ends with the connection's first answer, so the whole of it is timed here.
            Transport::Smtp(transport) => match tokio::time::timeout(self.timeout, transport.send(message)).await {
                Err(_) => Err(MailError::Timeout),
                Ok(Err(error)) if error.is_permanent() => Err(MailError::Refused),
                Ok(Err(error)) if error.is_transient() => Err(MailError::Deferred),
                Ok(Err(error)) if error.is_timeout() => Err(MailError::Timeout),
                Ok(Err(_)) => Err(MailError::Unreachable),
                Ok(Ok(_)) => Ok(()),
            },
        }
    }

    fn message(
        &self,
        registration: &Registration,
        form: &FormContract,
        contract: &Contract,
    ) -> Result<Message, MailError> {
        let subject = self
            .subject
            .clone()
            .unwrap_or_else(|| format!("{}: new registration ({})", contract.site_title, registration.form));
        let id = format!("<{}@{}>", registration.id, self.from.email.domain());
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(subject)
            .message_id(Some(id))
            .date(registration.received.try_into().map_err(|_| MailError::Unwritable)?);
        for recipient in &self.to {
            builder = builder.to(recipient.clone());
        }
        if let Some(address) = registrant(registration, form) {
            // Without a name: the address is all that answering needs.
            builder = builder.reply_to(Mailbox::new(None, address));
        }
        builder
            .header(ContentType::TEXT_PLAIN)
            .body(text(registration, form, contract))
            .map_err(|_| MailError::Unwritable)
    }
}

fn smtp(server: &SmtpSettings, timeout: Duration) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let mut tls = TlsParameters::builder(server.host.clone());
    let cannot = |error| format!("CANDOR_MAIL_CA_FILE: a certificate cannot be used: {error}");
    for certificate in &server.root_certificates {
        tls = tls.add_root_certificate(Certificate::from_der(certificate.clone()).map_err(cannot)?);
    }
    // Certificates are looked into here; without one of the settings' there is nothing to go wrong.
    let tls = tls.build().map_err(cannot)?;
    // The dangerous part of this builder is that it has no TLS by itself.
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
        .port(server.port)
        .timeout(Some(timeout))
        .tls(match server.security {
            Security::StartTls => Tls::Required(tls),
            Security::Tls => Tls::Wrapper(tls),
        });
    if let Some((user, password)) = &server.credentials {
        transport = transport.credentials(Credentials::new(user.clone(), password.expose().clone()));
    }
    Ok(transport.build())
}

/// The address the registrant gave, if any, as every mail server can carry it: its domain in ASCII (RFC 5890, section
/// 2.3.2.1). A name before the `@` that is not ASCII would need servers with SMTPUTF8 all along the way, so there is none.
fn registrant(registration: &Registration, form: &FormContract) -> Option<lettre::Address> {
    let field = form.fields.iter().find(|field| field.kind == FieldKind::Email)?;
    let (_, value) = registration.fields.iter().find(|(name, _)| *name == field.name)?;
    let address = fields::email(value.expose())?;
    let domain = idna::domain_to_ascii(address.domain()).ok()?;
    if address.user().is_ascii() { lettre::Address::new(address.user(), domain).ok() } else { None }
}

fn text(registration: &Registration, form: &FormContract, contract: &Contract) -> String {
    let Registration { id, form: form_id, statement_version, .. } = registration;
    let mut text = format!(
        "A registration has arrived at {}.\n\nForm       {form_id}\nReceived   {}\nReference  {id}\nStatement  {statement_version}\n",
        contract.base_url,
        registration.received_seconds(),
    );
    match form.notify {
        Notify::Reference => {
            let command = format!("registrations show {id}");
            write!(text, "\nThe answers are in the store and not in this mail. To read them:\n\n    {command}\n")
        }
        Notify::Full => registration.fields.iter().try_for_each(|(name, value)| {
            let label = form.fields.iter().find(|field| field.name == *name).map_or(name, |field| &field.label);
            write!(text, "\n{label}:\n{}\n", registration::indented(value))
        }),
    }
    .expect("invariant: a string can be written to");
    text
}

/// Writes a file that is whole or not there, and on the disk when this returns.
async fn write_durably(folder: &Path, file: &Path, bytes: Vec<u8>) -> Result<(), MailError> {
    let (folder, file) = (folder.to_owned(), file.to_owned());
    let written = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
        let staged = file.with_extension("part");
        let mut part = make_private_file(&staged)?;
        part.write_all(&bytes)?;
        part.sync_all()?;
        std::fs::rename(&staged, &file)?;
        std::fs::File::open(&folder)?.sync_all()
    });
    match written.await {
        Ok(Ok(())) => Ok(()),
        _ => Err(MailError::Disk),
    }
}
