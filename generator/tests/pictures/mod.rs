//! Pictures of a site on disk: what a camera writes beside the picture is never published.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use generator::build::build;
use generator::output::Memory;
use generator::report;
use generator::source_tree::SourceTree;
use statement::diagnostic::Diagnostics;

use crate::site_archive;

/// A JPEG of 3 by 2 pixels that lies on its side and tells a place.
fn photo() -> Vec<u8> {
    let segment = |marker: u8, contents: &[u8]| {
        let length = u16::try_from(contents.len() + 2).unwrap().to_be_bytes();
        [&[0xff, marker][..], &length, contents].concat()
    };
    let exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0PLACE";
    [
        b"\xff\xd8".to_vec(),
        segment(0xe1, exif),
        segment(0xc0, b"\x08\0\x02\0\x03\x01\x01\x11\0"),
        segment(0xda, b"\x01\x01\0\0\x3f\0"),
        b"\x3f\xff\xd9PLACE".to_vec(),
    ]
    .concat()
}

/// Builds the smallest site with a page and these files beside it.
fn build_with(text: &str, files: &[(&str, &[u8])]) -> (String, HashMap<String, Vec<u8>>) {
    let root = tempfile::tempdir().unwrap();
    let case = format!("-- content/a/index.md --\n---\ntitle: A\n---\n{text}\n");
    for file in site_archive::tree(&case).files() {
        write(&root.path().join(&*file.path), file.text().unwrap().as_bytes());
    }
    for (path, bytes) in files {
        write(&root.path().join(path), bytes);
    }
    let mut diagnostics = Diagnostics::new();
    let tree = SourceTree::read(root.path(), &mut diagnostics).unwrap();
    let mut published = HashMap::new();
    let built = build(&tree, &site_archive::options(), diagnostics, Memory::new(&mut published)).unwrap();
    let report = report::draw(&built.diagnostics, &tree);
    (anstream::adapter::strip_str(&report).to_string(), published)
}

fn write(file: &Path, bytes: &[u8]) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, bytes).unwrap();
}

fn has_place(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"PLACE").is_some()
}

#[test]
fn a_photo_is_published_without_its_place_and_with_its_size() {
    let files = [("content/a/photo.jpg", &photo()[..]), ("themes/plain/assets/photo.JPEG", &photo())];
    let (report, published) = build_with("![Photo](photo.jpg)", &files);
    assert_eq!(report, "");
    for path in ["/a/photo.jpg", "/assets/photo.JPEG"] {
        assert!(published[path].starts_with(b"\xff\xd8") && !has_place(&published[path]), "{path}");
    }
    let page = String::from_utf8(published["/a/"].clone()).unwrap();
    let expected = "<p><img src=\"/a/photo.jpg\" alt=\"Photo\" width=\"2\" height=\"3\" /></p>";
    assert!(page.contains(expected), "{page}");
}

#[test]
fn a_picture_whose_metadata_cannot_be_taken_out_is_refused() {
    let avif = b"\0\0\0\x10ftypavif\0\0\0\0\0\0\0\x20meta\0\0\0\0infe\x02\0\0\0\0\x02\0\0Exif\0\0\0\0PLACE";
    let (report, published) = build_with("", &[("content/a.avif", avif), ("content/b.jpg", b"\xff\xd8\xff\xe0")]);
    assert!(published.is_empty());
    assert_eq!(
        report,
        "error: the picture has metadata that cannot be taken out\n\
         --> content/a.avif\n \
         = note: it may tell where and by whom the picture was taken, and the file is of the kind AVIF or HEIC\n \
         = help: save the picture without metadata, or as JPEG, PNG or WebP\n\n\
         error: the picture is damaged: it begins like a JPEG and goes on otherwise\n\
         --> content/b.jpg\n \
         = help: save the picture again\n\n"
    );
}
