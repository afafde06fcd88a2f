//! The one module that writes the disk: a site is staged beside its folder and takes its place in one rename, or not at all.
//!
//! It knows files, not pages.

#![expect(clippy::disallowed_methods, reason = "the one module that writes the disk")]

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use statement::contract::Contract;

use crate::{Failure, address, well_known};

/// The contract's file, beside the folder of the site.
pub const CONTRACT_FILE: &str = "contract.json";

/// Where a site's files go.
pub trait Output: Sync {
    /// Makes room for files at these site paths; called once, before any is written.
    ///
    /// # Errors
    /// When the disk fails.
    fn prepare(&self, site_paths: &mut dyn Iterator<Item = &str>) -> Result<(), Failure>;

    /// Takes the file of a site path.
    ///
    /// # Errors
    /// When the disk fails.
    fn write(&self, site_path: &str, bytes: Vec<u8>) -> Result<(), Failure>;

    /// Publishes all that was written, and the contract. Without it, nothing is.
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

    fn write(&self, _: &str, _: Vec<u8>) -> Result<(), Failure> {
        Ok(())
    }

    fn publish(self, _: &str) -> Result<(), Failure> {
        Ok(())
    }
}

/// Keeps a site in memory, by site path: for `serve` and tests.
#[derive(Debug, Default)]
pub struct Memory<'a> {
    files: Mutex<HashMap<String, Vec<u8>>>,
    published: Option<&'a mut HashMap<String, Vec<u8>>>,
}

impl<'a> Memory<'a> {
    /// An output that replaces what is in `published`.
    pub fn new(published: &'a mut HashMap<String, Vec<u8>>) -> Self {
        Self { files: Mutex::default(), published: Some(published) }
    }
}

impl Output for Memory<'_> {
    fn prepare(&self, _: &mut dyn Iterator<Item = &str>) -> Result<(), Failure> {
        Ok(())
    }

    fn write(&self, site_path: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        let mut files = self.files.lock().expect("invariant: nothing panics while it holds the files");
        files.insert(site_path.to_owned(), bytes);
        Ok(())
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
    contract: PathBuf,
    /// Keeps a second build out until this one ends, however it ends.
    _lock: File,
}

impl Folder {
    /// Opens `target` for one build. A second build waits until the first has ended.
    ///
    /// # Errors
    /// When the folder cannot be written, or holds something that Candor did not put there.
    pub fn open(target: &Path) -> Result<Self, Failure> {
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
        refuse_foreign(&target, &contract)?;
        let staging = parent.join(format!(".{}.staging", name.to_string_lossy()));
        remove(&staging)?;
        fs::create_dir(&staging).map_err(|error| cannot("create", &staging, &error))?;
        Ok(Self { target, staging, contract, _lock: lock })
    }

    fn file(&self, site_path: &str) -> PathBuf {
        self.staging.join(address::output_file(site_path))
    }
}

impl Output for Folder {
    fn prepare(&self, site_paths: &mut dyn Iterator<Item = &str>) -> Result<(), Failure> {
        let folders: BTreeSet<PathBuf> =
            site_paths.filter_map(|path| self.file(path).parent().map(Path::to_owned)).collect();
        for folder in folders {
            fs::create_dir_all(&folder).map_err(|error| cannot("create", &folder, &error))?;
        }
        Ok(())
    }

    fn write(&self, site_path: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        let file = self.file(site_path);
        fs::write(&file, bytes).map_err(|error| cannot("write", &file, &error))
    }

    fn publish(self, contract: &str) -> Result<(), Failure> {
        // The contract first: it is the mark by which the folder is known as ours, should the machine stop in between.
        let staged = self.staging.with_extension(CONTRACT_FILE);
        fs::write(&staged, contract).map_err(|error| cannot("write", &staged, &error))?;
        fs::rename(&staged, &self.contract).map_err(|error| cannot("replace", &self.contract, &error))?;

        if !self.target.exists() {
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

impl Drop for Folder {
    fn drop(&mut self) {
        // After an exchange, the former site is in the staging folder. What cannot be removed now is removed by the next build.
        let _ = fs::remove_dir_all(&self.staging);
    }
}

/// A folder with other people's files in it is not replaced.
fn refuse_foreign(target: &Path, contract: &Path) -> Result<(), Failure> {
    let is_empty = match fs::read_dir(target) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(cannot("write", target, &error)),
    };
    // Both signs, because the contract beside `public/` stands beside `content/` too.
    let is_ours = || {
        fs::read(contract).is_ok_and(|json| Contract::is_contract(&json))
            && target.join(address::output_file(well_known::SITEMAP)).is_file()
    };
    if is_empty || is_ours() {
        return Ok(());
    }
    Err(Failure(format!(
        "`{}` holds files that Candor did not write\n  = help: remove the folder, or name another with `--out`",
        target.display()
    )))
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
