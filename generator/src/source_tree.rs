//! The one module that reads the disk: every file under `content/` and `themes/`, in the order of their paths, the
//! theme in this program where the site has no copy of it, and what npm installed for editors.
//!
//! It knows nothing of what the files mean, only which of them are text. Paths are in Unicode's composed form (NFC),
//! whatever form the disk keeps them in.

#![expect(clippy::disallowed_methods, reason = "the one module that reads the disk")]

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ahash::AHashMap;
use rayon::prelude::*;
use rustix::fs::{Mode, OFlags, openat};
use statement::diagnostic::{Diagnostic, Diagnostics};
use walkdir::WalkDir;

use crate::{Failure, address, admin, documents, theme_files};

/// A site's files.
#[derive(Debug, Default)]
pub struct SourceTree {
    files: Vec<SourceFile>,
    /// Where the file of a path stands in `files`.
    by_path: AHashMap<Arc<str>, usize>,
}

/// A file.
#[derive(Debug)]
pub struct SourceFile {
    /// From the site's root, with `/`: `content/guides/choosing.md`.
    pub path: Arc<str>,
    /// What is in it.
    pub contents: Contents,
}

/// What is in a file.
#[derive(Debug)]
pub enum Contents {
    /// Text that some stage reads.
    Text(Text),
    /// Published as it is, and read only then.
    Unread(PathBuf),
    /// A theme's file that is no text.
    Bytes(Cow<'static, [u8]>),
}

/// The text of a file. Those of many files stand in one piece of memory, so that ten thousand files do not ask for it ten
/// thousand times.
#[derive(Debug)]
pub struct Text {
    piece: Arc<String>,
    range: Range<usize>,
}

impl Text {
    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.piece[self.range.clone()]
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self { range: 0..text.len(), piece: Arc::new(text) }
    }
}

/// The folders a site is made of; the second may be missing, as there is a theme in this program.
pub const FOLDERS: [&str; 2] = ["content", "themes"];

/// How many files are read in one go, and about how many bytes a text has: what is too much is given back.
const FILES_IN_A_PIECE: usize = 64;
const USUAL_LENGTH: usize = 8 << 10;

/// Makes sure that there is a site in `root`, and returns its path without links in it.
///
/// # Errors
/// When there is no `content` in it.
pub fn find_site(root: &Path) -> Result<PathBuf, Failure> {
    let canonical_root = root
        .canonicalize()
        .map_err(|error| Failure(format!("cannot read the site's folder `{}`: {error}", root.display())))?;
    if root.join(FOLDERS[0]).is_dir() {
        return Ok(canonical_root);
    }
    Err(Failure(format!(
        "there is no folder `content` in `{}`\n  = help: a site has the folder `content`, and often `themes`; run in \
         such a folder, or name it with `--root DIR`",
        root.display()
    )))
}

impl SourceTree {
    /// Adds the theme in this program.
    fn new(mut files: Vec<SourceFile>) -> Self {
        files.extend(theme_files::built_in().map(|(path, bytes)| SourceFile {
            path: format!("{}{path}", theme_files::BUILT_IN_FOLDER).into(),
            contents: Contents::Bytes(Cow::Borrowed(bytes)),
        }));
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let by_path = files.iter().enumerate().map(|(index, file)| (Arc::clone(&file.path), index)).collect();
        Self { files, by_path }
    }

    /// Reads the site in `root`. Reports files that are not UTF-8 and links that lead out of the site.
    ///
    /// # Errors
    /// When there is no site there, or the disk fails.
    pub fn read(root: &Path, diagnostics: &mut Diagnostics) -> Result<Self, Failure> {
        let canonical_root = find_site(root)?;
        let mut walked = Vec::new();
        for folder in FOLDERS.iter().filter(|folder| root.join(folder).exists()) {
            walk(&root.join(folder), root, &canonical_root, &mut walked, diagnostics)?;
        }
        walked.extend(admin::PACKAGES.iter().map(|(path, _)| root.join(path)).filter(|file| file.is_file()));
        let with_path = |file: PathBuf| Ok((site_path(root, &file)?, file));
        let mut found = walked.into_par_iter().map(with_path).collect::<Result<Vec<(String, PathBuf)>, Failure>>()?;
        found.par_sort_unstable();
        // One of two names that look the same is kept, so that the others are not blamed for it.
        found.dedup_by(|later, former| {
            let is_same = later.0 == former.0;
            if is_same {
                let path: Arc<str> = former.0.as_str().into();
                diagnostics.push(
                    Diagnostic::error(&path, 0..0, "two files have names that look the same")
                        .note(
                            "one is spelt with composed letters, the other with combining marks (Unicode NFC and NFD)",
                        )
                        .help("rename one of them"),
                );
            }
            is_same
        });
        let folder = open(&canonical_root)?;
        let read: Vec<Result<Vec<ReadFile>, Failure>> =
            found.par_chunks(FILES_IN_A_PIECE).map(|files| read_files(files, root, &folder)).collect();
        let mut files = Vec::with_capacity(found.len());
        for read in read {
            for (file, diagnostic) in read? {
                files.push(file);
                diagnostic.into_iter().for_each(|diagnostic| diagnostics.push(diagnostic));
            }
        }
        Ok(Self::new(files))
    }

    /// A site written as one text, for tests: `-- content/a.md --` begins a file.
    #[must_use]
    pub fn from_archive(archive: &str) -> Self {
        let mut texts: Vec<(Arc<str>, String)> = Vec::new();
        for line in archive.split_inclusive('\n') {
            let name = line.trim_end().strip_prefix("-- ").and_then(|line| line.strip_suffix(" --"));
            if let Some(path) = name {
                texts.push((address::nfc(path).into(), String::new()));
            } else if let Some((_, text)) = texts.last_mut() {
                text.push_str(line);
            }
        }
        let file = |(path, text): (_, String)| SourceFile { path, contents: Contents::Text(text.into()) };
        Self::new(texts.into_iter().map(file).collect())
    }

    /// Reads the files at `touched` again; returns the paths of those in which there is something else now. None where
    /// more than the text of known files may have changed: then all must be read.
    pub fn reread<'a>(&mut self, root: &Path, touched: impl IntoIterator<Item = &'a PathBuf>) -> Option<Vec<Arc<str>>> {
        let mut changed = Vec::new();
        let folder = open(root).ok()?;
        for file in touched {
            let path = site_path(root, file).ok()?;
            let Some(&index) = self.by_path.get(path.as_str()) else {
                // Editors write a file beside the one they replace.
                let is_ours = !path.split('/').any(is_hidden) && file.symlink_metadata().is_ok();
                if is_ours || self.under(&format!("{path}/")).next().is_some() {
                    return None;
                }
                continue;
            };
            let is_file = file.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
            let (SourceFile { path, contents }, diagnostic) =
                read_files(&[(path, file.clone())], root, &folder).ok().filter(|_| is_file)?.pop()?;
            match (&self.files[index].contents, &contents) {
                (Contents::Text(last), Contents::Text(next)) if diagnostic.is_none() => {
                    if last.as_str() != next.as_str() {
                        self.files[index].contents = contents;
                        changed.push(path);
                    }
                }
                _ => return None,
            }
        }
        Some(changed)
    }

    /// All files, in the order of their paths.
    #[must_use]
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The files whose paths begin with `folder`, with their indices.
    pub fn under<'a>(&'a self, folder: &str) -> impl Iterator<Item = (usize, &'a SourceFile)> + use<'a> {
        let start = self.files.partition_point(|file| *file.path < *folder);
        let count = self.files[start..].iter().take_while(|file| file.path.starts_with(folder)).count();
        (start..start + count).map(|index| (index, &self.files[index]))
    }

    /// A file, if there is one of that path.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&SourceFile> {
        self.by_path.get(path).map(|index| &self.files[*index])
    }

    /// The text of a file, if there is such a file and it is text.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.find(path)?.text()
    }
}

impl SourceFile {
    /// The file's text, if it is text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.contents {
            Contents::Text(text) => Some(text.as_str()),
            Contents::Unread(_) => None,
            // The theme in this program; what is text on disk was read as such.
            Contents::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
        }
    }

    /// The file's bytes, if they were read: those of every theme are.
    #[must_use]
    pub fn in_memory(&self) -> Option<&[u8]> {
        match &self.contents {
            Contents::Text(text) => Some(text.as_str().as_bytes()),
            Contents::Bytes(bytes) => Some(bytes),
            Contents::Unread(_) => None,
        }
    }

    /// The first `length` bytes of the file, or all it has.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn head(&self, length: usize) -> Result<Vec<u8>, Failure> {
        match &self.contents {
            Contents::Text(text) => Ok(text.as_str().bytes().take(length).collect()),
            Contents::Bytes(bytes) => Ok(bytes[..bytes.len().min(length)].to_vec()),
            Contents::Unread(file) => {
                let mut head = Vec::new();
                File::open(file)
                    .and_then(|opened| opened.take(length as u64).read_to_end(&mut head))
                    .map_err(|error| Failure(format!("cannot read `{}`: {error}", file.display())))?;
                Ok(head)
            }
        }
    }

    /// The file's bytes, from disk if they were not read yet.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn bytes(&self) -> Result<Vec<u8>, Failure> {
        match &self.contents {
            Contents::Text(text) => Ok(text.as_str().as_bytes().to_vec()),
            Contents::Bytes(bytes) => Ok(bytes.to_vec()),
            Contents::Unread(file) => {
                std::fs::read(file).map_err(|error| Failure(format!("cannot read `{}`: {error}", file.display())))
            }
        }
    }
}

/// Collects the files below `top`.
fn walk(
    top: &Path,
    root: &Path,
    canonical_root: &Path,
    found: &mut Vec<PathBuf>,
    diagnostics: &mut Diagnostics,
) -> Result<(), Failure> {
    let mut outside = Vec::new();
    let mut walk = WalkDir::new(top).follow_links(true).into_iter();
    while let Some(entry) = walk.next() {
        let entry = match entry {
            Ok(entry) => entry,
            // A link that leads nowhere or in a circle is the author's to mend; anything else is the machine's.
            Err(error) if error.path().is_some_and(Path::is_symlink) => {
                outside.extend(error.path().map(Path::to_owned));
                continue;
            }
            Err(error) => return Err(Failure(format!("cannot read the site: {error}"))),
        };
        let name = entry.file_name().to_string_lossy();
        let is_hidden = is_hidden(&name);
        let leads_outside = entry.path_is_symlink()
            && !entry.path().canonicalize().is_ok_and(|target| is_source(&target, canonical_root));
        if is_hidden || leads_outside {
            if leads_outside && !is_hidden {
                outside.push(entry.path().to_owned());
            }
            if entry.file_type().is_dir() {
                walk.skip_current_dir();
            }
        } else if entry.file_type().is_file() {
            found.push(entry.into_path());
        }
    }
    for link in outside {
        let path: Arc<str> = site_path(root, &link)?.into();
        diagnostics.push(
            Diagnostic::error(&path, 0..0, "the link leads out of the site, or nowhere")
                .help("put the file itself into the site: only what is in the site's folder is published"),
        );
    }
    Ok(())
}

/// Whether a link may lead to `target`: into the site's folders, and there to nothing that is hidden.
fn is_source(target: &Path, canonical_root: &Path) -> bool {
    FOLDERS.iter().any(|folder| {
        let inside = target.strip_prefix(canonical_root.join(folder));
        inside.is_ok_and(|inside| {
            inside.components().count() > 0 && !inside.iter().any(|part| is_hidden(&part.to_string_lossy()))
        })
    })
}

/// Hidden files are an editor's or a system's, except `.well-known` (RFC 8615).
fn is_hidden(name: &str) -> bool {
    name.starts_with('.') && name != ".well-known" || name.ends_with('~')
}

fn site_path(root: &Path, file: &Path) -> Result<String, Failure> {
    // Names come from the system, which puts one `/` between them.
    let path = file.strip_prefix(root).unwrap_or(file).to_str();
    path.map(|path| address::nfc(path).into_owned())
        .ok_or_else(|| Failure(format!("the file name `{}` is not UTF-8; rename the file", file.display())))
}

/// Whether some stage reads the file as text; all others are published byte for byte.
fn is_text(path: &str) -> bool {
    let suffix = path.rsplit_once('.').map_or("", |(_, suffix)| suffix);
    match suffix {
        "md" | "yaml" => true,
        "html" | "xml" | "txt" | "css" | "scss" | "svg" => path.starts_with("themes/"),
        "lock" => documents::is_lock(path),
        "json" | "csv" | "toml" => path.starts_with("content/data/"),
        _ => false,
    }
}

/// A file, and what is wrong with how it was written.
type ReadFile = (SourceFile, Option<Diagnostic>);

/// Opens a folder: the way to each file in it is shorter from there than from the root of the disk.
fn open(folder: &Path) -> Result<File, Failure> {
    File::open(folder).map_err(|error| Failure(format!("cannot read `{}`: {error}", folder.display())))
}

/// Reads files below `root`, which is open as `folder`; their texts come to stand in one piece of memory.
fn read_files(found: &[(String, PathBuf)], root: &Path, folder: &File) -> Result<Vec<ReadFile>, Failure> {
    let mut piece = String::with_capacity(found.len() * USUAL_LENGTH);
    let mut read = Vec::with_capacity(found.len());
    for (path, file) in found {
        let path: Arc<str> = path.as_str().into();
        let start = piece.len();
        let open_text = || {
            let opened = openat(folder, file.strip_prefix(root).unwrap_or(file), OFlags::CLOEXEC, Mode::empty())?;
            Ok(File::from(opened))
        };
        let (other, fault) = read_file(&path, file, open_text, &mut piece)?;
        read.push((path, start..piece.len(), other, fault));
    }
    piece.shrink_to_fit();
    let piece = Arc::new(piece);
    let file = |(path, range, other, fault): (_, _, Option<Contents>, _)| {
        let contents = other.unwrap_or_else(|| Contents::Text(Text { piece: Arc::clone(&piece), range }));
        (SourceFile { path, contents }, fault)
    };
    Ok(read.into_iter().map(file).collect())
}

/// Reads a file: a text to the end of `piece`; what is no text is returned.
fn read_file(
    path: &Arc<str>,
    file: &Path,
    open_text: impl Fn() -> io::Result<File>,
    piece: &mut String,
) -> Result<(Option<Contents>, Option<Diagnostic>), Failure> {
    let failed = |error| Failure(format!("cannot read `{}`: {error}", file.display()));
    let is_text = is_text(path);
    // Other pictures and papers may be large, and many.
    if !is_text && !path.starts_with("themes/") {
        return Ok((Some(Contents::Unread(file.to_owned())), None));
    }
    if !is_text {
        let bytes = std::fs::read(file).map_err(failed)?;
        return Ok((Some(Contents::Bytes(Cow::Owned(bytes))), None));
    }
    // Without a limit, which there is none to, the file would be asked for its length, and where it is read.
    match open_text().and_then(|opened| opened.take(u64::MAX).read_to_string(piece)) {
        Ok(_) => Ok((None, None)),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let bytes = std::fs::read(file).map_err(failed)?;
            let at = std::str::from_utf8(&bytes).map_or_else(|error| error.valid_up_to(), str::len);
            // The text up to the fault is kept as it is, so that the place can be shown.
            piece.push_str(&String::from_utf8_lossy(&bytes));
            let diagnostic = Diagnostic::error(path, at..at + '\u{fffd}'.len_utf8(), "the file is not UTF-8")
                .label("not a letter in UTF-8")
                .help("save the file with the encoding UTF-8");
            Ok((None, Some(diagnostic)))
        }
        Err(error) => Err(failed(error)),
    }
}
