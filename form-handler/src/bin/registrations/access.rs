//! `registrations access`: what a person may see and have corrected.

use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use form_handler::Private;
use form_handler::records::{Desk, Record, Request, RequestKind, RequestState, Role, ledger};
use form_handler::registration::Registration;
use form_handler::seal::Identities;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use statement::contract::{Contract, VersionPromises};
use statement::digest::{canonical_text, sha256_hex};
use uuid::Uuid;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::identity::{IdentityArguments, explained};
use crate::office::{DeskArguments, Office, RequestArguments};
use crate::{Answer, Failure, erase, pretty, reading, write_new};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Take in that a person wants to see what is kept; nothing of it is erased before the answer, for 45 days
    Request {
        #[command(flatten)]
        request: RequestArguments,
    },
    /// List all requests, and until when each is to be answered
    List {
        #[command(flatten)]
        desk: DeskArguments,
    },
    /// Write everything that is kept about the person of a request into a ZIP file, and close the request
    Export {
        #[command(flatten)]
        desk: DeskArguments,
        #[command(flatten)]
        identity: IdentityArguments,
        /// The request
        #[arg(long, value_name = "REQUEST")]
        request: String,
        /// The file to be written
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Where the site is published, for the text of the statements; without it, `public` in the site's folder
        #[arg(long, value_name = "DIR")]
        site: Option<PathBuf>,
    },
    /// Correct an answer; the new one is read from the standard input, and the old one is kept where only legal sees it
    Correct {
        #[command(flatten)]
        desk: DeskArguments,
        #[command(flatten)]
        identity: IdentityArguments,
        /// The registration
        #[arg(long, value_name = "REFERENCE")]
        record: Uuid,
        /// The field
        #[arg(long, value_name = "NAME")]
        field: String,
        /// Why, without personal data
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

pub(crate) async fn run(command: Command) -> Result<Answer, Failure> {
    match command {
        Command::Request { request } => erase::take_in(&request, RequestKind::Access).await,
        Command::List { desk } => {
            let office = desk.open().await?;
            let at = office.desk();
            let matters = at.matters("access list").await;
            let requests = at.settle("access list", "all", matters).await?.requests;
            Ok(if desk.json { pretty(&json!(requests)).into() } else { table(&requests).into() })
        }
        Command::Export { desk, identity, request, out, site } => {
            let office = desk.open_for_change().await?;
            let at = office.desk();
            let allowed = at.must_be(Role::Records, "answer a request for access");
            at.settle("access export", &request, allowed).await?;
            let identities = identity.read()?;
            let site = site.unwrap_or_else(|| desk.store.root.join("public"));
            let export = Export { office: &office, site: &site, identities: identities.as_ref() };
            export.run(&at, &request, &out, desk.json).await
        }
        Command::Correct { desk, identity, record, field, reason } => {
            let office = desk.open_for_change().await?;
            let at = office.desk();
            let allowed = at.must_be(Role::Records, "correct a registration");
            at.settle("access correct", &record.to_string(), allowed).await?;
            let mut value = String::new();
            std::io::stdin()
                .read_to_string(&mut value)
                .map_err(|error| format!("cannot read the new answer: {error}"))?;
            let value = Private::new(value);
            correct(&office, &at, &desk, identity.read()?.as_ref(), record, &field, &value, &reason).await
        }
    }
}

fn table(requests: &[Request]) -> String {
    if requests.is_empty() {
        return "no requests\n".to_owned();
    }
    let line = |request: &Request| {
        let kind = match &request.kind {
            RequestKind::Access => "access",
            RequestKind::Correction => "correction",
            RequestKind::Erasure { citation: None } => "erasure",
            RequestKind::Erasure { citation: Some(_) } => "erasure by law",
        };
        let until = TimeZone::UTC.to_datetime(request.answer_until()).date();
        let state = match request.state {
            RequestState::Open => format!("answer it by {until}"),
            RequestState::Deferred => "answered; what must be kept for now waits".to_owned(),
            RequestState::Closed => "closed".to_owned(),
        };
        let count = request.scope.named().unwrap_or_default().len();
        format!("{}  {kind:14}  {count:>4} registrations  {state}\n", request.id)
    };
    requests.iter().map(line).collect()
}

struct Export<'a> {
    office: &'a Office,
    site: &'a Path,
    identities: Option<&'a Identities>,
}

impl Export<'_> {
    async fn run(&self, at: &Desk<'_>, id: &str, out: &Path, is_json: bool) -> Result<Answer, Failure> {
        let matters = self.office.records().matters().await.map_err(|error| error.to_string())?;
        let request = matters.requests.iter().find(|request| request.id == id && request.kind == RequestKind::Access);
        let request = request.ok_or_else(|| Failure::Refused(format!("there is no request {id} for access")))?;
        let records = self.records(request).await?;
        let ids: Vec<Uuid> = records.iter().map(|record| record.id).collect();
        at.note(Role::Records, "access export", id, None, &ids).await?;
        let file = self.archive(request, &records).await?;
        write_new(out, &file)?;
        at.move_request(request, RequestState::Closed).await?;
        let count = records.len();
        Ok(match is_json {
            true => pretty(&json!({"request": id, "registrations": count, "file": out})).into(),
            false => format!("{count} registrations are in {}; request {id} is closed\n", out.display()).into(),
        })
    }

    /// Everything about the person, held and restricted too.
    async fn records(&self, request: &Request) -> Result<Vec<Record>, Failure> {
        let ids: Vec<Uuid> = request.scope.named().unwrap_or_default().into_iter().collect();
        let mut records = self.office.records().find(&ids).await.map_err(|error| error.to_string())?;
        records.retain(|record| request.scope.covers(record));
        Ok(records)
    }

    async fn archive(&self, request: &Request, records: &[Record]) -> Result<Vec<u8>, Failure> {
        let contract = self.office.contract.as_ref().ok_or("there is no contract")?;
        let mut zip = Archive(ZipWriter::new(Cursor::new(Vec::new())));
        zip.add("READ-ME.txt", &introduction(request, records, contract))?;
        let mut versions: Vec<&VersionPromises> = Vec::new();
        for record in records {
            let stored = self.office.store.get(record.id).await.map_err(|error| error.to_string())?;
            let Some(stored) = stored else { continue };
            let registration = Registration::from_stored(&stored, self.identities).map_err(explained)?;
            let mut value = reading::whole(&stored, &registration);
            value["restricted"] = json!(record.restricted.is_some());
            value["kept_longer_until"] = json!(record.extension.as_ref().map(|extension| extension.until));
            let former = Registration::former_answers(&stored, self.identities).map_err(explained)?;
            let former = former
                .iter()
                .map(|former| json!({"field": former.field, "value": former.value.expose(), "until": former.until}));
            value["corrected"] = former.collect();
            zip.add(&format!("registrations/{}.json", record.id), &pretty(&value))?;
            if !stored.envelope.receipt.is_empty() {
                zip.add(&format!("receipts/{}.json", record.id), &stored.envelope.receipt)?;
            }
            let version = contract.version_of(&record.statement_digest);
            versions.extend(version.filter(|version| !versions.iter().any(|seen| seen.digest == version.digest)));
        }
        for version in versions {
            zip.add(&format!("statements/{}.md", version.version), &self.statement(contract, version)?)?;
        }
        zip.add("log.json", &pretty(&self.log(request, records)?))?;
        Ok(zip.0.finish().map_err(|error| error.to_string())?.into_inner())
    }

    /// The text of a version, as it is published and as it was digested.
    #[expect(clippy::disallowed_methods, reason = "the program reads the published statement")]
    fn statement(&self, contract: &Contract, version: &VersionPromises) -> Result<String, String> {
        let path = version.url.strip_prefix(&contract.base_url).unwrap_or(&version.url).trim_matches('/');
        let path = self.site.join(path).join("statement.md");
        let text = std::fs::read_to_string(&path).map_err(|error| {
            format!(
                "cannot read `{}`: {error}\n  = help: `candor build` writes it; name its folder with `--site DIR`",
                path.display()
            )
        })?;
        let is_whole = sha256_hex(canonical_text(&text).as_bytes()) == version.text_sha256;
        if is_whole { Ok(text) } else { Err(format!("`{}` is not the text of {}", path.display(), version.version)) }
    }

    /// Who has looked at the registrations, and to whom they went: roles and not names.
    fn log(&self, request: &Request, records: &[Record]) -> Result<Value, Failure> {
        let ids: Vec<String> = records.iter().map(|record| record.id.to_string()).collect();
        let mut lines = Vec::new();
        let read = ledger::read(&self.office.ledger, |entry| {
            let act = &entry.act;
            let named = |value: &Value| ids.iter().any(|id| value == id);
            let is_about = ids.contains(&act.target)
                || act.target == request.id
                || act
                    .detail
                    .as_ref()
                    .is_some_and(|detail| detail["records"].as_array().is_some_and(|all| all.iter().any(named)));
            if is_about && act.outcome != ledger::Step::Begun {
                lines.push(json!({"at": entry.at, "role": act.role, "action": act.action, "statement": act.statement, "outcome": act.outcome}));
            }
            Ok(())
        });
        read.map_err(|error| Failure::Machine(error.to_string()))?;
        Ok(Value::Array(lines))
    }
}

/// What is in the archive, store by store, and what is not.
fn introduction(request: &Request, records: &[Record], contract: &Contract) -> String {
    let found = match records.len() {
        0 => "Registrations: nothing found about you.".to_owned(),
        count => format!("Registrations: {count}, each in registrations/ with its receipt in receipts/."),
    };
    let contact = contract.statement.as_ref().map_or("", |statement| &statement.contact_email);
    format!(
        "What {} keeps about you: the answer to request {}.\n\n{found}\nHeld and restricted registrations are among them.\n\
         Mail: what has yet to be sent about them is listed with each; sent mail is not kept here.\n\
         log.json: who has looked at them, by role, and to whom they went.\n\
         statements/: the privacy statements they were collected under.\n\nQuestions: {contact}\n",
        contract.site_title, request.id
    )
}

struct Archive(ZipWriter<Cursor<Vec<u8>>>);

impl Archive {
    fn add(&mut self, name: &str, text: &str) -> Result<(), String> {
        let started =
            self.0.start_file(name, SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored));
        started.map_err(|error| error.to_string())?;
        self.0.write_all(text.as_bytes()).map_err(|error| error.to_string())
    }
}

#[expect(clippy::too_many_arguments, reason = "what is corrected, by whom, with what and why")]
async fn correct(
    office: &Office,
    at: &Desk<'_>,
    desk: &DeskArguments,
    identities: Option<&Identities>,
    id: Uuid,
    field: &str,
    value: &Private<String>,
    reason: &str,
) -> Result<Answer, Failure> {
    let stored = office.store.get(id).await.map_err(|error| error.to_string())?;
    let stored = stored.ok_or_else(|| Failure::Refused(format!("there is no registration {id}")))?;
    let contract = office.contract.as_ref().ok_or("there is no contract")?;
    let form = contract.forms.get(&stored.envelope.form).ok_or("the site has no such form any more")?;
    let settings = desk.store.settings()?;
    let corrected = Registration::corrected(&stored, form, settings.seal(), identities, (field, value), office.now);
    let corrected = corrected.map_err(Failure::Refused)?;
    let done = at.correct(&corrected, vec![field.to_owned()], reason).await;
    at.settle("access correct", &id.to_string(), done).await?;
    Ok(match desk.json {
        true => pretty(&json!({"record": id, "corrected": [field]})).into(),
        false => format!("{field} of {id} is corrected; what stood there is kept where only legal sees it\n").into(),
    })
}
