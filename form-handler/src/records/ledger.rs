//! The ledger: one chain of lines about everything that staff did, tried or looked at, and what is left of what was erased.
//!
//! Each line is a JSON object that names its place (`seq`) and the SHA-256 of the line before it (`prev`, without the
//! newline), as in the lock of a statement. It is a file apart from the store and its backups, so that what was erased can be erased again
//! after a backup was restored. No answers are in it, and it knows nothing of the store.

#![expect(clippy::disallowed_methods, reason = "the ledger is a file of its own, which nobody else reads or writes")]

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use statement::digest::sha256_hex;
use statement::lock::FIRST_PREV;
use uuid::Uuid;

use crate::records::{Cause, Hold, Record, Refusal};
use crate::store::{make_private_file, make_private_folder};

/// So much of the end is read first, to find the last line.
const TAIL_BYTES: u64 = 64 * 1024;

/// How an action went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It is about to be done; a later line says how it went.
    Begun,
    /// It was done.
    Done,
    /// It could not be done.
    Failed,
    /// It was refused.
    Refused,
}

/// What somebody does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// Who.
    pub who: String,
    /// In which role.
    pub role: String,
    /// What: `show`, `hold place`, `retention apply`.
    pub action: String,
    /// To what: a record, a hold, a request, a plan.
    pub target: String,
    /// Why, in words without personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The version of the statement that lets them, or does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// How it went.
    pub outcome: Step,
    /// What is needed to do it again after a backup was restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
}

/// A line. Keys stand in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// 1 for the first line, then one more each.
    pub seq: u64,
    /// SHA-256 of the line before it, lower-case hex; zeros for the first.
    pub prev: String,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub act: Act,
}

/// All that stays of a record that was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// Its id.
    pub record: Uuid,
    /// The form's id.
    pub form: String,
    /// The digest of the statement it was collected under.
    pub statement_digest: String,
    /// The day it arrived.
    pub received: Date,
    /// Why it was erased; the line itself says when, by whom and in which role.
    pub cause: Cause,
    /// The holds that it was once under.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<String>,
}

impl Tombstone {
    /// What stays of a record that is erased for this cause; of these holds, those that it was under.
    #[must_use]
    pub fn new(record: &Record, cause: Cause, holds: &[Hold]) -> Self {
        let was_under = |hold: &&Hold| Hold { released: None, ..(*hold).clone() }.keeps(record);
        Self {
            record: record.id,
            form: record.form.clone(),
            statement_digest: record.statement_digest.clone(),
            received: TimeZone::UTC.to_datetime(record.received).date(),
            cause,
            holds: holds.iter().filter(was_under).map(|hold| hold.id.clone()).collect(),
        }
    }

    /// Whether it is what stayed of this record.
    #[must_use]
    pub fn is_of(&self, record: &Record) -> bool {
        *self == Self { holds: self.holds.clone(), ..Self::new(record, self.cause.clone(), &[]) }
    }
}

/// The end of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The last line's place; 0 where there is none.
    pub seq: u64,
    /// SHA-256 of the last line, lower-case hex.
    pub hash: String,
    /// When it was written.
    pub at: Option<Timestamp>,
}

/// What is wrong with a ledger, or with the disk it is on.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It cannot be read or written.
    #[error("the ledger `{path}` cannot be used: {error}", path = .0.display(), error = .1)]
    Disk(PathBuf, std::io::Error),
    /// It was altered, or the clock is wrong.
    #[error("{0}")]
    Refused(Refusal),
}

impl From<Refusal> for LedgerError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A ledger that nobody else may append to meanwhile.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
    length: u64,
    head: Head,
    /// The last line, if it begins something that no line ends.
    unfinished: Option<Entry>,
}

impl Ledger {
    /// Opens the ledger for appending, and makes it where there is none; waits until whoever appends has ended.
    ///
    /// A last line without its newline was cut off while it was written, so nobody was told that it is there; it is taken
    /// away.
    ///
    /// # Errors
    /// When the disk fails, or the last line is not one.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let disk = |error| LedgerError::Disk(path.to_owned(), error);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            make_private_folder(folder).map_err(disk)?;
        }
        drop(make_private_file(path).map_err(disk)?);
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(disk)?;
        file.lock().map_err(disk)?;
        let (last, length) = last_line(&mut file).map_err(disk)?;
        file.set_len(length).map_err(disk)?;
        let mut head = Head { seq: 0, hash: FIRST_PREV.to_owned(), at: None };
        let mut unfinished = None;
        if let Some(line) = last {
            let entry: Entry = serde_json::from_str(&line).map_err(|_| broken("its last line is not one of ours"))?;
            head = Head { seq: entry.seq, hash: sha256_hex(line.as_bytes()), at: Some(entry.at) };
            unfinished = Some(entry).filter(|entry| entry.act.outcome == Step::Begun);
        }
        Ok(Self { path: path.to_owned(), file, length, head, unfinished })
    }

    /// The end of the chain.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// What was begun and whose end nobody knows, because the program was stopped.
    #[must_use]
    pub fn unfinished(&self) -> Option<&Entry> {
        self.unfinished.as_ref()
    }

    /// Appends a line, which is on the disk when this returns; its place.
    ///
    /// # Errors
    /// When the disk fails, or the clock is behind the last line.
    pub fn append(&mut self, act: Act, now: Timestamp) -> Result<u64, LedgerError> {
        if let Some(last) = self.head.at.filter(|last| now < *last) {
            let fact = format!("the clock says {now}, and the ledger's last entry is of {last}: set the clock right");
            return Err(Refusal::new("P541", fact).into());
        }
        let is_begun = act.outcome == Step::Begun;
        let entry = Entry { seq: self.head.seq + 1, prev: self.head.hash.clone(), at: now, act };
        let line = serde_json::to_string(&entry).expect("invariant: an entry is plain data");
        let written = self.file.write_all_at(format!("{line}\n").as_bytes(), self.length);
        if let Err(error) = written.and_then(|()| self.file.sync_data()) {
            // What half a line says was not done.
            let _ = self.file.set_len(self.length);
            return Err(LedgerError::Disk(self.path.clone(), error));
        }
        self.length += line.len() as u64 + 1;
        self.head = Head { seq: entry.seq, hash: sha256_hex(line.as_bytes()), at: Some(now) };
        self.unfinished = is_begun.then_some(entry);
        Ok(self.head.seq)
    }
}

/// The last whole line, and how long the file is with it.
fn last_line(file: &mut File) -> std::io::Result<(Option<String>, u64)> {
    let length = file.metadata()?.len();
    let mut wanted = TAIL_BYTES;
    loop {
        let start = length.saturating_sub(wanted);
        file.seek(SeekFrom::Start(start))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        let end = tail.iter().rposition(|byte| *byte == b'\n');
        let before = end.and_then(|end| tail[..end].iter().rposition(|byte| *byte == b'\n'));
        match (end, before) {
            (Some(end), Some(before)) => {
                let line = String::from_utf8_lossy(&tail[before + 1..end]).into_owned();
                return Ok((Some(line), start + end as u64 + 1));
            }
            (Some(end), None) if start == 0 => {
                return Ok((Some(String::from_utf8_lossy(&tail[..end]).into_owned()), end as u64 + 1));
            }
            (None, _) if start == 0 => return Ok((None, 0)),
            _ => wanted *= 2,
        }
    }
}

fn broken(fact: impl std::fmt::Display) -> Refusal {
    Refusal::new("P540", format!("the ledger was altered: {fact}"))
}

/// Reads a ledger from its first line to its last, and tells each line to `each`; where the chain ends.
///
/// # Errors
/// When the disk fails, or a line does not follow from the one before it.
pub fn read(path: &Path, mut each: impl FnMut(&Entry) -> Result<(), Refusal>) -> Result<Head, LedgerError> {
    let disk = |error| LedgerError::Disk(path.to_owned(), error);
    let mut head = Head { seq: 0, hash: FIRST_PREV.to_owned(), at: None };
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(head),
        file => file.map_err(disk)?,
    };
    file.lock_shared().map_err(disk)?;
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(disk)? == 0 {
            return Ok(head);
        }
        let number = head.seq + 1;
        if line.pop_if(|last| *last == b'\n').is_none() {
            // It was cut off while it was written; whoever appends next takes it away.
            return Ok(head);
        }
        let entry: Entry =
            serde_json::from_slice(&line).map_err(|_| broken(format!("line {number} is not one of ours")))?;
        if entry.seq != number || entry.prev != head.hash {
            return Err(broken(format!("line {number} does not follow from the line before it")).into());
        }
        if head.at.is_some_and(|last| entry.at < last) {
            return Err(broken(format!("line {number} is older than the line before it")).into());
        }
        each(&entry)?;
        head = Head { seq: entry.seq, hash: sha256_hex(&line), at: Some(entry.at) };
    }
}

/// Compares a ledger with an anchor, the end of the chain as somebody saw it and kept it elsewhere.
///
/// # Errors
/// When the disk fails, the chain is broken, or it is not the chain that was seen.
pub fn check_anchor(path: &Path, anchor: &Head) -> Result<Head, LedgerError> {
    let mut found = None;
    let mut next = anchor.seq == 0;
    let head = read(path, |entry| {
        if next {
            found.get_or_insert_with(|| entry.prev.clone());
        }
        next = entry.seq == anchor.seq;
        Ok(())
    })?;
    if head.seq < anchor.seq {
        let fact =
            format!("the ledger ends at line {}, and line {} was seen: its end was cut off", head.seq, anchor.seq);
        return Err(Refusal::new("P542", fact).into());
    }
    if found.unwrap_or_else(|| head.hash.clone()) != anchor.hash {
        return Err(broken(format!("line {} is not the one that was seen", anchor.seq)).into());
    }
    Ok(head)
}
