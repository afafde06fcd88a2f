//! Pictures of a site on disk: what a camera writes beside the picture is never published.

#![expect(clippy::unwrap_used, reason = "a test that cannot make its site has failed")]

use std::fs;
use std::path::Path;

use generator::build::build;
use generator::output::{Files, Memory};
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
fn build_with(text: &str, files: &[(&str, &[u8])]) -> (String, Files) {
    let root = tempfile::tempdir().unwrap();
    let case = format!("-- content/a/index.md --\n---\ntitle: A\n---\n{text}\n");
    for file in site_archive::tree(&case).files() {
        write(&root.path().join(&*file.path), file.in_memory().unwrap());
    }
    for (path, bytes) in files {
        write(&root.path().join(path), bytes);
    }
    let mut diagnostics = Diagnostics::new();
    let tree = SourceTree::read(root.path(), &mut diagnostics).unwrap();
    let mut published = Files::new();
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
    let page = String::from_utf8(published["/a/"].to_vec()).unwrap();
    let expected = "<p><img src=\"/a/photo.jpg\" alt=\"Photo\" width=\"2\" height=\"3\" /></p>";
    assert!(page.contains(expected), "{page}");
}

#[test]
fn a_picture_in_html_gets_what_it_does_not_say_itself() {
    let shortcode = "{% component show(src: string) %}<figure><img src=\"{{ src }}\"></figure>{% endcomponent show %}";
    let files =
        [("content/a/photo.jpg", &photo()[..]), ("themes/plain/templates/shortcodes/show.html", shortcode.as_bytes())];
    let text = "<p><IMG class=\"x\" src=photo.jpg alt='>'>\n<img src=\"/a/photo.jpg?x\" width=\"9\">\n\
        <img src=\"https://example.org/x.jpg\">\n<img src='../a/photo.jpg' height=9 srcset=\"photo.jpg 2x\"></p>\n\n\
        In a line <img src=\"photo.jpg\"> and `<img src=\"photo.jpg\">`.\n\n{{ show(src=\"/a/photo.jpg\") }}";
    let (report, published) = build_with(text, &files);
    assert_eq!(report, "");
    let page = String::from_utf8(published["/a/"].to_vec()).unwrap();
    for expected in [
        "<IMG width=\"2\" height=\"3\" class=\"x\" src=photo.jpg alt='>'>",
        "<img src=\"/a/photo.jpg?x\" width=\"9\">",
        "<img src='../a/photo.jpg' height=9 srcset=\"photo.jpg 2x\">",
        "In a line <img width=\"2\" height=\"3\" src=\"photo.jpg\"> and <code>&lt;img src=\"photo.jpg\"&gt;</code>",
        "<figure><img width=\"2\" height=\"3\" src=\"/a/photo.jpg\"></figure>",
    ] {
        assert!(page.contains(expected), "{expected}\n{page}");
    }
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

/// What the cameras of the world write is not made here: the library that reads pictures writes these.
#[cfg(feature = "images")]
mod scaled {
    use std::io::Cursor;

    use generator::site::Options;
    use image::{ImageFormat, Rgb, RgbImage};
    use img_parts::png::{Png, PngChunk};

    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let picture = RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, 128]));
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_picture_is_published_in_several_widths_and_kept_for_the_next_build() {
        let cache = tempfile::tempdir().unwrap();
        let site = "-- content/site.yaml --\n{title: A, base_url: \"https://example.org\", language: en, timezone: UTC, \
            theme: plain, images: {widths: [20, 40], sizes: \"(min-width: 9rem) 8rem, 100vw\"}}\n";
        let page = "-- content/a/index.md --\n---\ntitle: A\ndate: 2024-01-01\n---\n![One](one.png)\n";
        let root = tempfile::tempdir().unwrap();
        for file in site_archive::tree(&format!("{site}{page}")).files() {
            write(&root.path().join(&*file.path), file.in_memory().unwrap());
        }
        write(&root.path().join("content/a/one.png"), &png(60, 30));
        let build_once = || {
            let mut diagnostics = Diagnostics::new();
            let tree = SourceTree::read(root.path(), &mut diagnostics).unwrap();
            let mut published = Files::new();
            let options = Options { cache: Some(cache.path().join("kept")), ..site_archive::options() };
            let built = build(&tree, &options, diagnostics, Memory::new(&mut published)).unwrap();
            assert!(built.diagnostics.is_empty(), "{:?}", built.diagnostics);
            published
        };
        let published = build_once();
        let text = |path: &str| String::from_utf8(published[path].to_vec()).unwrap();
        let picture = "<img src=\"/a/one.png\" alt=\"One\" width=\"60\" height=\"30\" \
            srcset=\"/a/one.png.20w.webp 20w, /a/one.png.40w.webp 40w\" sizes=\"(min-width: 9rem) 8rem, 100vw\" />";
        assert!(text("/a/").contains(picture), "{}", text("/a/"));
        assert!(text("/atom.xml").contains(
            "srcset=&quot;https://example.org/a/one.png.20w.webp 20w, https://example.org/a/one.png.40w.webp 40w&quot;"
        ) || text("/atom.xml").contains("https://example.org/a/one.png.20w.webp 20w, https://example.org/a/one.png.40w.webp 40w"), "{}", text("/atom.xml"));
        let scaled = &published["/a/one.png.40w.webp"];
        let size = imagesize::blob_size(scaled).unwrap();
        assert_eq!((&scaled[8..12], size.width, size.height), (&b"WEBP"[..], 40, 20));
        assert_eq!(fs::read_dir(cache.path().join("kept")).unwrap().count(), 2);
        assert_eq!(build_once(), published);
    }

    /// The same colours in another profile: the encoder of AVIF writes none, so they are converted.
    #[cfg(feature = "avif")]
    #[test]
    fn a_picture_is_published_as_avif_too_where_asked_for() {
        use img_parts::ImageICC as _;

        let cache = tempfile::tempdir().unwrap();
        let site = "-- content/site.yaml --\n{title: A, base_url: \"https://example.org\", language: en, timezone: UTC, \
            theme: plain, images: {widths: [20, 40], avif: true, avif_speed: 10}}\n";
        let page = "-- content/a/index.md --\n---\ntitle: A\n---\n![One](one.png)\n\n<img src=\"one.png\">\n";
        let root = tempfile::tempdir().unwrap();
        for file in site_archive::tree(&format!("{site}{page}")).files() {
            write(&root.path().join(&*file.path), file.in_memory().unwrap());
        }
        let mut with_profile = Png::from_bytes(png(60, 30).into()).unwrap();
        with_profile.set_icc_profile(Some(moxcms::ColorProfile::new_display_p3().encode().unwrap().into()));
        write(&root.path().join("content/a/one.png"), &with_profile.encoder().bytes());
        let build_once = || {
            let mut diagnostics = Diagnostics::new();
            let tree = SourceTree::read(root.path(), &mut diagnostics).unwrap();
            let mut published = Files::new();
            let options = Options { cache: Some(cache.path().join("kept")), ..site_archive::options() };
            let built = build(&tree, &options, diagnostics, Memory::new(&mut published)).unwrap();
            assert!(built.diagnostics.is_empty(), "{:?}", built.diagnostics);
            published
        };
        let published = build_once();
        let text = String::from_utf8(published["/a/"].to_vec()).unwrap();
        let webp = "srcset=\"/a/one.png.20w.webp 20w, /a/one.png.40w.webp 40w\" sizes=\"100vw\"";
        let markdown = format!(
            "<picture><source type=\"image/avif\" srcset=\"/a/one.png.20w.avif 20w, /a/one.png.40w.avif 40w\" \
             sizes=\"100vw\" /><img src=\"/a/one.png\" alt=\"One\" width=\"60\" height=\"30\" {webp} /></picture>"
        );
        assert!(text.contains(&markdown), "{text}");
        let html = format!("<img width=\"60\" height=\"30\" {webp} src=\"one.png\">");
        assert!(text.contains(&html), "{text}");
        let size = imagesize::blob_size(&published["/a/one.png.40w.avif"]).unwrap();
        assert_eq!((&published["/a/one.png.40w.avif"][4..12], size.width, size.height), (&b"ftypavif"[..], 40, 20));
        assert_eq!(fs::read_dir(cache.path().join("kept")).unwrap().count(), 4);
        assert_eq!(build_once(), published);
    }

    #[test]
    fn a_picture_that_cannot_be_decoded_is_refused() {
        // Whole as a file, and nonsense as a picture.
        let mut parts = Png::from_bytes(png(60, 30).into()).unwrap();
        let data = parts.chunks_mut().iter_mut().find(|chunk| chunk.kind() == *b"IDAT").unwrap();
        *data = PngChunk::new(*b"IDAT", (&b"nonsense"[..]).into());
        let broken = parts.encoder().bytes();
        let site = "-- content/site.yaml --\n{title: A, base_url: \"https://example.org\", language: en, timezone: UTC, \
            theme: plain, images: {}}\n-- content/b.md --\n---\ntitle: B\n---\n";
        let root = tempfile::tempdir().unwrap();
        for file in site_archive::tree(site).files() {
            write(&root.path().join(&*file.path), file.in_memory().unwrap());
        }
        write(&root.path().join("content/one.png"), &broken);
        let mut diagnostics = Diagnostics::new();
        let tree = SourceTree::read(root.path(), &mut diagnostics).unwrap();
        let mut published = Files::new();
        let built = build(&tree, &site_archive::options(), diagnostics, Memory::new(&mut published)).unwrap();
        let report = anstream::adapter::strip_str(&report::draw(&built.diagnostics, &tree)).to_string();
        assert!(published.is_empty());
        assert!(
            report.starts_with("error: the picture cannot be scaled: ") && report.contains("--> content/one.png"),
            "{report}"
        );
        assert!(report.contains(" = help: save the picture again"), "{report}");
    }
}
