//! Writes the files authors begin with, never over one that exists, and reads the folder of another generator's site.
//!
//! It knows files, not what they mean. What is published is [`output`](crate::output)'s business.

#![expect(
    clippy::disallowed_methods,
    reason = "writes what is the author's from then on, and reads what is not a site of ours"
)]

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use walkdir::WalkDir;

use crate::Failure;
use crate::starter::NewFile;

/// Makes sure that nothing is in `folder`; a repository of git is allowed to be there.
///
/// # Errors
/// When something is there, or the disk fails.
pub fn refuse_unless_empty(folder: &Path) -> Result<(), Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(cannot("read", folder, &error)),
    };
    for entry in entries {
        let name = entry.map_err(|error| cannot("read", folder, &error))?.file_name();
        if name != ".git" {
            return Err(Failure(format!(
                "`{}` is not empty: `{}` is in it\n  = help: name a folder that is empty or does not exist",
                folder.display(),
                name.to_string_lossy()
            )));
        }
    }
    Ok(())
}

/// Writes files below `root`, and the folders above them.
///
/// # Errors
/// When one of them exists, or the disk fails.
pub fn write_new(root: &Path, files: &[NewFile]) -> Result<(), Failure> {
    for (path, bytes) in files {
        let file = root.join(path);
        let folder = file.parent().unwrap_or(root);
        fs::create_dir_all(folder).map_err(|error| cannot("create", folder, &error))?;
        File::create_new(&file)
            .and_then(|mut written| written.write_all(bytes))
            .map_err(|error| cannot("write", &file, &error))?;
    }
    Ok(())
}

/// The text of a file, if there is one: what an earlier run left for this one.
///
/// # Errors
/// When the disk fails.
pub fn read_if_there(file: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("read", file, &error)),
    }
}

/// The same for a file that is no text.
///
/// # Errors
/// When the disk fails.
pub fn read_bytes_if_there(file: &Path) -> Result<Option<Vec<u8>>, Failure> {
    match fs::read(file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("read", file, &error)),
    }
}

/// Writes a file that later runs may read, in one step.
///
/// # Errors
/// When the disk fails.
pub fn replace(file: &Path, contents: impl AsRef<[u8]>) -> Result<(), Failure> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| cannot("create", folder, &error))?;
    // Hidden, so that one a crash left behind is no file of the site.
    let staged = folder.join(format!(".{}.staging", file.file_name().unwrap_or_default().to_string_lossy()));
    fs::write(&staged, contents).map_err(|error| cannot("write", &staged, &error))?;
    fs::rename(&staged, file).map_err(|error| cannot("replace", file, &error))
}

/// Removes a file whose text stands in another one now.
///
/// # Errors
/// When the disk fails.
pub fn remove(file: &Path) -> Result<(), Failure> {
    fs::remove_file(file).map_err(|error| cannot("remove", file, &error))
}

/// Every file below `folder` by its path, in order; hidden ones and those in folders named in `skipped` are left out.
///
/// # Errors
/// When the disk fails, or a file's name is not UTF-8.
pub fn read_folder(folder: &Path, skipped: &[&str]) -> Result<Vec<NewFile>, Failure> {
    if !folder.is_dir() {
        return Err(Failure(format!("there is no folder `{}`", folder.display())));
    }
    let mut files = Vec::new();
    let wanted = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        let is_skipped = entry.depth() == 1 && skipped.contains(&&*name);
        entry.depth() == 0 || !((name.starts_with('.') && name != ".well-known") || name.ends_with('~') || is_skipped)
    };
    for entry in WalkDir::new(folder).sort_by_file_name().into_iter().filter_entry(wanted) {
        let entry = entry.map_err(|error| Failure(format!("cannot read `{}`: {error}", folder.display())))?;
        if !entry.file_type().is_file() {
            continue;
        }
        let path = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let parts: Option<Vec<&str>> = path.iter().map(|part| part.to_str()).collect();
        let parts = parts.ok_or_else(|| Failure(format!("the file name `{}` is not UTF-8", entry.path().display())))?;
        let bytes = fs::read(entry.path()).map_err(|error| cannot("read", entry.path(), &error))?;
        files.push((parts.join("/"), bytes));
    }
    Ok(files)
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure(format!("cannot {what} `{}`: {error}", path.display()))
}
