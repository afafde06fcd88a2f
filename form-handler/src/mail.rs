//! The way a mail about a registration leaves, and its headers; its words are `letter`'s.
//!
//! Nothing a visitor types reaches a header, except an address that has been parsed.

#![expect(clippy::disallowed_methods, reason = "mail may be written to a folder, which is ours")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use statement::contract::{Contract, FormContract};
use statement::form::FieldKind;

use crate::dkim::Dkim;
use crate::fields;
use crate::letter::Letter;
use crate::registration::{MailKind, Registration};
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
    /// No settings say how it leaves.
    Unconfigured,
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
            Self::Unconfigured => "unconfigured",
        }
    }

    /// Whether the same would happen again, however long one waits.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Refused | Self::Unwritable)
    }
}

/// Sends mail as configured.
#[derive(Debug)]
pub(crate) struct Mailer {
    from: Mailbox,
    to: Vec<Mailbox>,
    subject: Option<String>,
    timeout: Duration,
    dkim: Option<Dkim>,
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
            dkim: settings.dkim.clone(),
            transport,
        })
    }

    /// Sends a mail of this kind about a registration, whose receipt is `receipt`. The same mail has the same bytes whenever it
    /// is sent.
    pub(crate) async fn send(
        &self,
        registration: &Registration,
        receipt: &str,
        kind: MailKind,
        contract: &Contract,
    ) -> Result<(), MailError> {
        let form = contract.forms.get(&registration.form).ok_or(MailError::Unwritable)?;
        let message = self.message(registration, receipt, kind, form, contract)?;
        let (envelope, mut bytes) = (message.envelope().clone(), message.formatted());
        if let Some(dkim) = &self.dkim {
            bytes = dkim.sign(&bytes, self.from.email.domain(), registration.received);
        }
        match &self.transport {
            Transport::Folder(folder) => {
                let file = folder.join(format!("{}.eml", name(registration, kind)));
                write_durably(folder, &file, bytes).await
            }
            // The transport's own timeout ends with the connection's first answer, so the whole of it is timed here.
            Transport::Smtp(transport) => {
                match tokio::time::timeout(self.timeout, transport.send_raw(&envelope, &bytes)).await {
                    Err(_) => Err(MailError::Timeout),
                    Ok(Err(error)) if error.is_permanent() => Err(MailError::Refused),
                    Ok(Err(error)) if error.is_transient() => Err(MailError::Deferred),
                    Ok(Err(error)) if error.is_timeout() => Err(MailError::Timeout),
                    Ok(Err(_)) => Err(MailError::Unreachable),
                    Ok(Ok(_)) => Ok(()),
                }
            }
        }
    }

    /// Whether the server is there, lets us in and speaks TLS; sends nothing.
    pub(crate) async fn reach(&self) -> Result<(), MailError> {
        match &self.transport {
            Transport::Folder(_) => Ok(()),
            Transport::Smtp(transport) => match tokio::time::timeout(self.timeout, transport.test_connection()).await {
                Err(_) => Err(MailError::Timeout),
                Ok(Ok(true)) => Ok(()),
                Ok(Err(error)) if error.is_permanent() => Err(MailError::Refused),
                Ok(_) => Err(MailError::Unreachable),
            },
        }
    }

    fn message(
        &self,
        registration: &Registration,
        receipt: &str,
        kind: MailKind,
        form: &FormContract,
        contract: &Contract,
    ) -> Result<Message, MailError> {
        let name = name(registration, kind);
        let letter = Letter::of(registration, kind, form, contract).ok_or(MailError::Unwritable)?;
        let subject =
            self.subject.clone().filter(|_| kind == MailKind::Staff).unwrap_or_else(|| letter.subject.clone());
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(subject)
            .message_id(Some(format!("<{name}@{}>", self.from.email.domain())))
            .date(registration.received.try_into().map_err(|_| MailError::Unwritable)?)
            .header(AutoSubmitted);
        let parts = |name: &str| {
            MultiPart::alternative()
                .boundary(format!("{name}.text"))
                .singlepart(SinglePart::plain(letter.text.clone()))
                .singlepart(SinglePart::html(letter.html.clone()))
        };
        // Without a name: the address is all that answering needs.
        let registrant = registrant(registration, form).map(|address| Mailbox::new(None, address));
        let body = match kind {
            MailKind::Webhook => return Err(MailError::Unwritable),
            MailKind::Staff => {
                for recipient in self.recipients(registration, form)? {
                    builder = builder.to(recipient);
                }
                if let Some(registrant) = registrant {
                    builder = builder.reply_to(registrant);
                }
                parts(&name)
            }
            MailKind::Confirmation => {
                builder = builder.to(registrant.ok_or(MailError::Unwritable)?);
                let json = ContentType::parse("application/json").map_err(|_| MailError::Unwritable)?;
                let receipt = Attachment::new("receipt.json".to_owned()).body(receipt.to_owned(), json);
                MultiPart::mixed().boundary(format!("{name}.parts")).multipart(parts(&name)).singlepart(receipt)
            }
        };
        builder.multipart(body).map_err(|_| MailError::Unwritable)
    }
}

impl Mailer {
    /// Whom staff's mail goes to: by what was chosen where the form says so and something was.
    fn recipients(&self, registration: &Registration, form: &FormContract) -> Result<Vec<Mailbox>, MailError> {
        let chosen = form.recipients.as_ref().and_then(|recipients| {
            let (_, chosen) = registration.fields.iter().find(|(name, _)| *name == recipients.by)?;
            recipients.to.get(chosen.expose())
        });
        let Some(addresses) = chosen else { return Ok(self.to.clone()) };
        let parsed: Option<Vec<Mailbox>> =
            addresses.iter().map(|address| Some(Mailbox::new(None, fields::email(address)?))).collect();
        parsed.ok_or(MailError::Unwritable)
    }

    /// The mailboxes that staff's mail goes to by the settings; none where it goes to a folder on the same machine.
    pub(crate) fn mailboxes(&self) -> Vec<String> {
        match self.transport {
            Transport::Folder(_) => Vec::new(),
            Transport::Smtp(_) => self.to.iter().map(|to| to.email.to_string()).collect(),
        }
    }
}

/// What tells a mail from all others.
fn name(registration: &Registration, kind: MailKind) -> String {
    match kind {
        MailKind::Staff | MailKind::Webhook => registration.id.to_string(),
        MailKind::Confirmation => format!("{}.confirmation", registration.id),
    }
}

/// Says that a program wrote the mail, so that no other program answers it (RFC 3834, section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
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

/// Writes a file that is whole or not there, and on the disk when this returns.
async fn write_durably(folder: &Path, file: &Path, bytes: Vec<u8>) -> Result<(), MailError> {
    let (folder, file) = (folder.to_owned(), file.to_owned());
    let written = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
        let staged = file.with_extension("part");
        let mut part = make_private_file(&staged)?;
        // An attempt that was cut off may have left its beginning.
        part.set_len(0)?;
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
