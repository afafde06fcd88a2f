//! The one module that writes the disk: a site is staged beside its folder and takes its place in one rename, or not at all.
//!
//! It knows files, not pages.

#![expect(clippy::disallowed_methods, reason = "the one module that writes the disk")]

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use memchr::memmem;
use rayon::prelude::*;
use rustix::fs::{CWD, FlockOperation, Mode, OFlags, RenameFlags, flock, mkdirat, openat, renameat_with};
use rustix::io::Errno;
use statement::contract::Contract;
use walkdir::WalkDir;

use crate::{Failure, address, source_tree, well_known};

/// The contract's file, beside the folder of the site.
pub const CONTRACT_FILE: &str = "contract.json";

/// Where a site's files go.
pub trait Output: Sync {
    /// Makes room for files at these site paths; called once, before any is written.
    ///
    /// # Errors
    /// When the disk fails.
    fn prepare(&self, site_paths: &mut dyn Iterator<Item = &str>) -> Result<(), Failure>;

    /// Whether what is written is kept; if not, nothing need be made that takes long and cannot be wrong.
    fn is_kept(&self) -> bool {
        true
    }

    /// Takes the file of a site path.
    ///
    /// # Errors
    /// When the disk fails.
    fn write(&self, site_path: &str, bytes: Vec<u8>) -> Result<(), Failure>;

    /// Takes the file that was published at a site path before, as it is; says whether there is one to be had.
    fn keep(&self, _site_path: &str) -> bool {
        false
    }

    /// Publishes all that was taken, and the contract. Without it, nothing is.
    ///
    /// # Errors
    /// When the disk fails; then what was published before stays.
    fn publish(self, contract: &str) -> Result<(), Failure>;
}

/// Takes everything and keeps nothing: for `check`.
#[derive(Debug, Default)]
pub struct Nowhere;

impl Output for Nowhere {
    fn prepare(&self, _: &mut dyn Iterator<Item = &str>) -> Result<(), Failure> {
        Ok(())
    }

    fn is_kept(&self) -> bool {
        false
    }

    fn write(&self, _: &str, _: Vec<u8>) -> Result<(), Failure> {
        Ok(())
    }

    fn publish(self, _: &str) -> Result<(), Failure> {
        Ok(())
    }
}

/// A site in memory, by site path.
pub type Files = HashMap<String, Bytes>;

/// Keeps a site in memory: for `serve` and tests.
#[derive(Debug, Default)]
pub struct Memory<'a> {
    files: Mutex<Files>,
    former: Option<&'a Files>,
    published: Option<&'a mut Files>,
}

impl<'a> Memory<'a> {
    /// An output that replaces what is in `published`.
    pub fn new(published: &'a mut Files) -> Self {
        Self { files: Mutex::default(), former: None, published: Some(published) }
    }

    /// The same, after the site in `former`, whose files can be kept.
    pub fn after(former: &'a Files, published: &'a mut Files) -> Self {
        Self { former: Some(former), ..Self::new(published) }
    }

    fn take(&self, site_path: &str, bytes: Bytes) {
        let mut files = self.files.lock().expect("invariant: nothing panics while it holds the files");
        files.insert(site_path.to_owned(), bytes);
    }
}

impl Output for Memory<'_> {
    fn prepare(&self, _: &mut dyn Iterator<Item = &str>) -> Result<(), Failure> {
        Ok(())
    }

    fn write(&self, site_path: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        self.take(site_path, bytes.into());
        Ok(())
    }

    fn keep(&self, site_path: &str) -> bool {
        let former = self.former.and_then(|former| former.get(site_path));
        former.is_some_and(|bytes| {
            self.take(site_path, bytes.clone());
            true
        })
    }

    fn publish(self, _: &str) -> Result<(), Failure> {
        let files = self.files.into_inner().expect("invariant: nothing panics while it holds the files");
        if let Some(published) = self.published {
            *published = files;
        }
        Ok(())
    }
}

/// A folder on disk.
#[derive(Debug)]
pub struct Folder {
    target: PathBuf,
    staging: PathBuf,
    /// The same, opened: the way to each file in it is shorter from here than from the root of the disk.
    staged_in: File,
    contract: PathBuf,
    /// Whether there is a site to compare with.
    was_published: bool,
    /// Whether anything differs from that site.
    changed: AtomicBool,
    /// How many files were staged.
    staged: AtomicUsize,
    /// Keeps a second build out until this one ends, however it ends.
    _lock: File,
}

impl Folder {
    /// Opens `target` for one build of the site in `root`. A second build waits until the first has ended.
    ///
    /// # Errors
    /// When the folder cannot be written, holds something that Candor did not put there, or is among the site's sources.
    pub fn open(target: &Path, root: &Path) -> Result<Self, Failure> {
        let target = std::path::absolute(target).map_err(|error| cannot("write", target, &error))?;
        let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
            return Err(Failure(format!(
                "`{}` cannot be the folder of a site; name another with `--out`",
                target.display()
            )));
        };
        fs::create_dir_all(parent).map_err(|error| cannot("create", parent, &error))?;
        let lock = File::open(parent).map_err(|error| cannot("open", parent, &error))?;
        flock(&lock, FlockOperation::LockExclusive).map_err(|error| cannot("lock", parent, &error.into()))?;

        let contract = parent.join(CONTRACT_FILE);
        refuse_source(parent, name, root)?;
        refuse_foreign(&target, &contract)?;
        // A folder behind a link is replaced where it is, and the link stays.
        let target = target.canonicalize().unwrap_or_else(|_| target.clone());
        let staging = target.with_file_name(format!(".{}.staging", name.to_string_lossy()));
        remove(&staging)?;
        fs::create_dir(&staging).map_err(|error| cannot("create", &staging, &error))?;
        let staged_in = File::open(&staging).map_err(|error| cannot("open", &staging, &error))?;
        let was_published = target.exists();
        let (changed, staged) = (AtomicBool::new(!was_published), AtomicUsize::new(0));
        Ok(Self { target, staging, staged_in, contract, was_published, changed, staged, _lock: lock })
    }

    /// Puts the contract beside the site, unless it stands there already.
    fn publish_contract(&self, contract: &str) -> Result<(), Failure> {
        if fs::read(&self.contract).is_ok_and(|published| published == contract.as_bytes()) {
            return Ok(());
        }
        let staged = self.staging.with_extension(CONTRACT_FILE);
        fs::write(&staged, contract).map_err(|error| cannot("write", &staged, &error))?;
        fs::rename(&staged, &self.contract).map_err(|error| cannot("replace", &self.contract, &error))
    }

    /// Whether what was staged is what is published, file by file.
    fn is_published(&self) -> bool {
        let published = WalkDir::new(&self.target).into_iter().flatten().filter(|entry| !entry.file_type().is_dir());
        !self.changed.load(Ordering::Relaxed) && published.count() == self.staged.load(Ordering::Relaxed)
    }
}

impl Output for Folder {
    fn prepare(&self, site_paths: &mut dyn Iterator<Item = &str>) -> Result<(), Failure> {
        let mut folders: Vec<&str> = site_paths.filter_map(address::output_folder).collect();
        folders.par_sort_unstable();
        folders.dedup();
        // Those that other folders stand in are made first, one by one; then the others, which need not wait for each
        // other.
        let (inner, leaves): (Vec<_>, Vec<_>) = folders.iter().enumerate().partition(|(index, folder)| {
            let next = folders.get(index + 1);
            next.is_some_and(|next| next.strip_prefix(**folder).is_some_and(|rest| rest.starts_with('/')))
        });
        let create = |folder: &str| match mkdirat(&self.staged_in, folder, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            // One above it is in no list.
            Err(_) => {
                let folder = self.staging.join(folder);
                fs::create_dir_all(&folder).map_err(|error| cannot("create", &folder, &error))
            }
        };
        let mut above: Vec<&str> = leaves.iter().filter_map(|(_, folder)| Some(folder.rsplit_once('/')?.0)).collect();
        above.dedup();
        inner.iter().map(|(_, folder)| **folder).chain(above).try_for_each(create)?;
        leaves.par_iter().try_for_each(|(_, folder)| create(folder))
    }

    fn write(&self, site_path: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        let path = address::output_file(site_path);
        self.staged.fetch_add(1, Ordering::Relaxed);
        if self.was_published {
            // A file that is published already is the same file in the new folder: neither its bytes nor its time change.
            let published = self.target.join(&path);
            if has_bytes(&published, &bytes) && fs::hard_link(&published, self.staging.join(&path)).is_ok() {
                return Ok(());
            }
            self.changed.store(true, Ordering::Relaxed);
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
        openat(&self.staged_in, &path, flags, Mode::from_raw_mode(0o666))
            .map_err(io::Error::from)
            .and_then(|file| File::from(file).write_all(&bytes))
            .map_err(|error| cannot("write", &self.staging.join(&path), &error))
    }

    fn publish(self, contract: &str) -> Result<(), Failure> {
        // The contract first: it is the mark by which the folder is known as ours, should the machine stop in between.
        self.publish_contract(contract)?;
        if self.is_published() {
            return Ok(());
        }
        if !self.was_published {
            return fs::rename(&self.staging, &self.target).map_err(|error| cannot("create", &self.target, &error));
        }
        if renameat_with(CWD, &self.staging, CWD, &self.target, RenameFlags::EXCHANGE).is_err() {
            // Some file systems cannot exchange; then there is a moment without a site, never one with half of it.
            let former = self.staging.with_extension("former");
            remove(&former)?;
            fs::rename(&self.target, &former).map_err(|error| cannot("replace", &self.target, &error))?;
            fs::rename(&self.staging, &self.target).map_err(|error| cannot("replace", &self.target, &error))?;
            return remove(&former);
        }
        Ok(())
    }
}

/// Whether a file, and not a link to one, has just these bytes.
fn has_bytes(file: &Path, bytes: &[u8]) -> bool {
    let no_link = OFlags::NOFOLLOW.bits().cast_signed();
    let Ok(published) = File::options().read(true).custom_flags(no_link).open(file) else { return false };
    let is_as_long =
        published.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == bytes.len() as u64);
    let mut found = Vec::with_capacity(bytes.len());
    is_as_long && (&published).read_to_end(&mut found).is_ok_and(|_| found == bytes)
}

impl Drop for Folder {
    fn drop(&mut self) {
        // After an exchange, the former site is in the staging folder. What cannot be removed now is removed by the next build.
        let _ = fs::remove_dir_all(&self.staging);
    }
}

/// A site that is written among its own sources would be read again by the next build.
fn refuse_source(parent: &Path, name: &OsStr, root: &Path) -> Result<(), Failure> {
    let (Ok(parent), Ok(root)) = (parent.canonicalize(), root.canonicalize()) else { return Ok(()) };
    let target = parent.join(name);
    if source_tree::FOLDERS.iter().all(|folder| !target.starts_with(root.join(folder))) && !root.starts_with(&target) {
        return Ok(());
    }
    Err(Failure(format!(
        "`{}` is where the site's sources are\n  = help: name a folder beside them with `--out`",
        target.display()
    )))
}

/// A folder with other people's files in it is not replaced, nor is another program's file beside it.
fn refuse_foreign(target: &Path, contract: &Path) -> Result<(), Failure> {
    let is_empty = match fs::read_dir(target) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(cannot("write", target, &error)),
    };
    let sitemap = target.join(address::output_file(well_known::SITEMAP));
    if !is_empty && !fs::read(sitemap).is_ok_and(|xml| memmem::find(&xml, well_known::MADE_BY.as_bytes()).is_some()) {
        return Err(Failure(format!(
            "`{}` holds files that Candor did not write\n  = help: remove the folder, or name another with `--out`",
            target.display()
        )));
    }
    match fs::read(contract) {
        Ok(json) if !Contract::is_contract(&json) => Err(Failure(format!(
            "`{}` is not a contract of Candor's, and one must stand there\n  = help: move the file, or name another \
             folder with `--out`",
            contract.display()
        ))),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot("read", contract, &error)),
        _ => Ok(()),
    }
}

fn remove(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot("remove", folder, &error)),
        _ => Ok(()),
    }
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure(format!("cannot {what} `{}`: {error}", path.display()))
}
