//! Text files in gzip (RFC 1952) and Brotli (RFC 7932) beside themselves, for hosts that send such files as they are.
//!
//! It knows bytes and names, not pages. The libraries cost some seconds to compile, so it is in only where
//! `--features precompress` asks for it.

use std::collections::HashSet;
use std::io::Write as _;
use std::sync::Mutex;

use flate2::{Compression, GzBuilder};

use crate::output::Output;
use crate::{Failure, address};

/// Suffixes of files that are text, or as good as text.
const TEXT: [&str; 11] = ["html", "css", "js", "mjs", "json", "xml", "svg", "txt", "md", "csv", "webmanifest"];

/// Brotli's largest window and most thorough search: it is done once, and read many times.
const BROTLI_WINDOW: u32 = 22;
const BROTLI_QUALITY: u32 = 11;

/// An output that gets compressed files too.
#[derive(Debug)]
pub struct Precompressed<O> {
    output: O,
    /// Files of the site that have such a name themselves, by their paths in the folder.
    own: Mutex<HashSet<String>>,
}

impl<O: Output> Precompressed<O> {
    /// Writes to `output`.
    pub fn new(output: O) -> Self {
        Self { output, own: Mutex::default() }
    }

    fn write_beside(&self, path: &str, suffix: &str, whole: usize, compressed: Vec<u8>) -> Result<(), Failure> {
        let path = format!("{path}.{suffix}");
        let is_own = self.own.lock().expect("invariant: nothing panics while it holds the names").contains(&path);
        if is_own || compressed.len() >= whole {
            return Ok(());
        }
        self.output.write(&format!("/{path}"), compressed)
    }
}

impl<O: Output> Output for Precompressed<O> {
    fn prepare(&self, site_paths: &mut dyn Iterator<Item = &str>) -> Result<(), Failure> {
        let mut own = HashSet::new();
        let mut seen = site_paths.inspect(|path| {
            if path.ends_with(".gz") || path.ends_with(".br") {
                own.insert(address::output_file(path));
            }
        });
        self.output.prepare(&mut seen)?;
        *self.own.lock().expect("invariant: nothing panics while it holds the names") = own;
        Ok(())
    }

    fn is_kept(&self) -> bool {
        self.output.is_kept()
    }

    fn write(&self, site_path: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        let path = address::output_file(site_path);
        let suffix = path.rsplit_once('.').map_or("", |(_, suffix)| suffix);
        // Hosts read these themselves and send them to nobody.
        let is_for_visitors = !path.starts_with('_');
        if is_for_visitors && TEXT.iter().any(|known| known.eq_ignore_ascii_case(suffix)) {
            self.write_beside(&path, "gz", bytes.len(), gzip(&bytes))?;
            self.write_beside(&path, "br", bytes.len(), brotli(&bytes))?;
        }
        self.output.write(site_path, bytes)
    }

    fn publish(self, contract: &str) -> Result<(), Failure> {
        self.output.publish(contract)
    }
}

const IN_MEMORY: &str = "invariant: memory can be written to";

/// Without name and time, so that the same text is always the same file.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect(IN_MEMORY);
    encoder.finish().expect(IN_MEMORY)
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut compressed = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut compressed, 4096, BROTLI_QUALITY, BROTLI_WINDOW);
    encoder.write_all(bytes).expect(IN_MEMORY);
    drop(encoder);
    compressed
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::io::Read as _;

    use super::*;
    use crate::output::Memory;

    #[test]
    fn text_is_there_compressed_too() {
        let text = "the same again, ".repeat(40);
        let mut files = HashMap::new();
        let output = Precompressed::new(Memory::new(&mut files));
        let paths = ["/a/", "/b.css", "/b.css.gz", "/c.png", "/d.txt", "/_redirects"];
        output.prepare(&mut paths.into_iter()).unwrap();
        for path in &paths[..4] {
            output.write(path, text.clone().into_bytes()).unwrap();
        }
        output.write("/d.txt", b"d".to_vec()).unwrap();
        output.write("/_redirects", text.clone().into_bytes()).unwrap();
        output.publish("").unwrap();

        let mut names: Vec<&str> = files.keys().map(String::as_str).collect();
        names.sort_unstable();
        let expected = [
            "/_redirects",
            "/a/",
            "/a/index.html.br",
            "/a/index.html.gz",
            "/b.css",
            "/b.css.br",
            "/b.css.gz",
            "/c.png",
            "/d.txt",
        ];
        assert_eq!(names, expected);
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&*files["/a/index.html.gz"]).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, text);
        // The time in the header is none (RFC 1952, section 2.3.1).
        assert_eq!(files["/a/index.html.gz"][4..8], [0; 4]);
        unpacked.clear();
        brotli::Decompressor::new(&*files["/a/index.html.br"], 4096).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, text);
    }
}
