//! The pictures in `content/`: how large each is, so that a page keeps their place free while they come, and what of them
//! is published.
//!
//! It knows files and their bytes. Where a picture stands on a page is [`crate::markdown`]'s.

pub mod markup;
pub mod metadata;
pub mod scaled;

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;
use statement::diagnostic::Diagnostic;

use self::metadata::Refusal;
use crate::source_tree::SourceFile;

/// How much of a file is read to learn how large the picture is: a camera's metadata, with its small picture, comes first.
const HEAD_BYTES: usize = 256 << 10;

/// How large a picture is as it is shown, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// From left to right.
    pub width: usize,
    /// From top to bottom.
    pub height: usize,
}

/// Measures the pictures among files, each by its index. What cannot be measured has no size.
pub fn measure(files: &[(usize, &SourceFile)]) -> HashMap<usize, Size> {
    let pictures = files.par_iter().filter(|(_, file)| is_picture(&file.path));
    pictures.filter_map(|(index, file)| Some((*index, size(file)?))).collect()
}

/// What is published of a file: a picture without its metadata, anything else as it is.
///
/// # Errors
/// An author's mistake.
pub fn published(path: &Arc<str>, bytes: Vec<u8>) -> Result<Vec<u8>, Box<Diagnostic>> {
    metadata::without_metadata(bytes).map_err(|refusal| {
        Box::new(match refusal {
            Refusal::Damaged(kind) => Diagnostic::error(
                path,
                0..0,
                format!("the picture is damaged: it begins like a {kind} and goes on otherwise"),
            )
            .help("save the picture again"),
            Refusal::Metadata(kind) => {
                Diagnostic::error(path, 0..0, "the picture has metadata that cannot be taken out")
                    .note(format!(
                        "it may tell where and by whom the picture was taken, and the file is of the kind {kind}"
                    ))
                    .help("save the picture without metadata, or as JPEG, PNG or WebP")
            }
        })
    })
}

fn is_picture(path: &str) -> bool {
    let suffix = path.rsplit_once('.').map_or("", |(_, suffix)| suffix);
    ["jpg", "jpeg", "png", "webp", "gif", "avif"].iter().any(|known| known.eq_ignore_ascii_case(suffix))
}

fn size(file: &SourceFile) -> Option<Size> {
    // What cannot be read now cannot be read when it is published; then that is said.
    let head = file.head(HEAD_BYTES).ok()?;
    let is_whole = head.len() < HEAD_BYTES;
    let measured = imagesize::blob_size(&head).ok();
    let (found, bytes) = match measured {
        Some(found) => (found, head),
        None if is_whole => return None,
        None => {
            let bytes = file.bytes().ok()?;
            (imagesize::blob_size(&bytes).ok()?, bytes)
        }
    };
    let (width, height) = (found.width, found.height);
    if metadata::orientation(&bytes).is_turned() {
        return Some(Size { width: height, height: width });
    }
    Some(Size { width, height })
}
