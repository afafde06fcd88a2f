//! What a camera writes into a picture beside the picture: where it was taken, when, with what, by whom. None of it is
//! published. The picture itself is not decoded, and its bytes stay.
//!
//! What is kept is listed, not what is taken away, so that what nobody thought of is taken away too: the colours' profile
//! and how the picture must be turned.

use bytes::Bytes;
use img_parts::jpeg::{Jpeg, JpegSegment};
use img_parts::png::{Png, PngChunk};
use img_parts::riff::{RiffChunk, RiffContent};
use img_parts::webp::WebP;

/// Why a picture cannot be published.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It says that it is of a kind, and is not one.
    Damaged(&'static str),
    /// There is metadata in it, and nothing here can take it out.
    Metadata(&'static str),
}

/// How a picture must be turned to stand upright (TIFF 6.0, tag 274): 1, as it is, to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orientation(u8);

impl Orientation {
    /// As it is.
    pub const UPRIGHT: Self = Self(1);

    /// Whether width and height change places.
    #[must_use]
    pub fn is_turned(self) -> bool {
        self.0 >= 5
    }

    /// The number in the standard, 1 to 8.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// The shortest metadata that says so: one directory with one entry.
    fn to_tiff(self) -> Vec<u8> {
        let mut tiff = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        tiff.extend([self.0, 0, 0, 0, 0, 0, 0]);
        tiff
    }

    /// None where nothing must be said.
    fn if_turned(self) -> Option<Self> {
        (self != Self::UPRIGHT).then_some(self)
    }
}

/// Before Exif metadata in a JPEG (Exif 2.32, section 4.7.2).
const EXIF: &[u8] = b"Exif\0\0";

/// The markers of a JPEG that matter here (ITU T.81, table B.1).
mod marker {
    pub(super) const APP0: u8 = 0xe0;
    pub(super) const APP1: u8 = 0xe1;
    pub(super) const APP2: u8 = 0xe2;
    pub(super) const APP14: u8 = 0xee;
    pub(super) const APP15: u8 = 0xef;
    pub(super) const COMMENT: u8 = 0xfe;
    pub(super) const START_OF_SCAN: u8 = 0xda;
    pub(super) const END_OF_IMAGE: u8 = 0xd9;
}

/// What of a PNG is the picture: its data, its colours, its frames (PNG, third edition, section 4.7).
const PNG_KEPT: [&[u8; 4]; 20] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV",
    b"cLLI", b"bKGD", b"hIST", b"pHYs", b"sPLT", b"acTL", b"fcTL", b"fdAT",
];

/// What of a WebP is the picture (RFC 9649, section 2.7).
const WEBP_KEPT: [&[u8; 4]; 7] = [b"VP8 ", b"VP8L", b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH"];

/// The same picture without what is not to be published; bytes that are no picture stay as they are.
///
/// # Errors
/// When that cannot be done.
pub fn without_metadata(picture: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    match kind(&picture) {
        Some(Kind::Jpeg) => jpeg(&picture.into()).ok_or(Refusal::Damaged("JPEG")),
        Some(Kind::Png) => png(picture.into()).ok_or(Refusal::Damaged("PNG")),
        Some(Kind::Webp) => webp(picture.into()).ok_or(Refusal::Damaged("WebP")),
        Some(Kind::Heif) if heif_has_metadata(&picture) => Err(Refusal::Metadata("AVIF or HEIC")),
        Some(Kind::Tiff) if tiff_has_metadata(&picture) => Err(Refusal::Metadata("TIFF")),
        _ => Ok(picture),
    }
}

/// How a picture must be turned; `head` is its beginning.
#[must_use]
pub fn orientation(head: &[u8]) -> Orientation {
    let bytes = Bytes::copy_from_slice(head);
    let exif = match kind(head) {
        Some(Kind::Jpeg) => Jpeg::from_bytes(bytes).ok().and_then(|jpeg| jpeg_exif(&jpeg)),
        Some(Kind::Png) => {
            Png::from_bytes(bytes).ok().and_then(|png| Some(png.chunk_by_type(*b"eXIf")?.contents().clone()))
        }
        Some(Kind::Webp) => WebP::from_bytes(bytes).ok().and_then(|webp| webp_exif(&webp)),
        _ => None,
    };
    exif.map_or(Orientation::UPRIGHT, |exif| orientation_in(&exif))
}

enum Kind {
    Jpeg,
    Png,
    Webp,
    Heif,
    Tiff,
}

/// By the first bytes: a suffix may be wrong, and browsers do not look at it either (MIME Sniffing, section 6.1).
fn kind(bytes: &[u8]) -> Option<Kind> {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => Some(Kind::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Kind::Png),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Kind::Webp),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => {
            let brands = bytes.get(8..bytes.len().min(64)).unwrap_or_default();
            let is_heif = brands.chunks(4).any(|brand| {
                [b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1"].contains(&&[
                    brand[0],
                    brand.get(1).copied().unwrap_or_default(),
                    brand.get(2).copied().unwrap_or_default(),
                    brand.get(3).copied().unwrap_or_default(),
                ])
            });
            is_heif.then_some(Kind::Heif)
        }
        [b'I', b'I', 0x2a, 0, ..] | [b'M', b'M', 0, 0x2a, ..] => Some(Kind::Tiff),
        _ => None,
    }
}

fn jpeg(picture: &Bytes) -> Option<Vec<u8>> {
    let mut jpeg = Jpeg::from_bytes(picture.clone()).ok()?;
    let turned = jpeg_exif(&jpeg).and_then(|exif| orientation_in(&exif).if_turned());
    let is_kept = |segment: &JpegSegment| match segment.marker() {
        marker::APP0 => segment.contents().starts_with(b"JFIF\0"),
        marker::APP2 => segment.contents().starts_with(b"ICC_PROFILE\0"),
        marker::APP14 => true,
        marker::APP0..=marker::APP15 | marker::COMMENT => false,
        _ => true,
    };
    jpeg.segments_mut().retain(is_kept);
    let segments = jpeg.segments();
    let last = segments.last().filter(|segment| segment.marker() == marker::START_OF_SCAN)?;
    let after = last.len_with_entropy() - last.len();
    let scans = scans(&picture[picture.len() - after..])?;
    let mut bytes = vec![0xff, 0xd8];
    let mut put = |marker: u8, contents: &[u8]| {
        bytes.extend([0xff, marker]);
        bytes.extend(u16::try_from(contents.len() + 2).expect("invariant: it was read from a segment").to_be_bytes());
        bytes.extend(contents);
    };
    // A decoder looks for JFIF first, and then for the turn.
    let (first, others) = segments.split_at(usize::from(segments[0].marker() == marker::APP0));
    first.iter().for_each(|segment| put(segment.marker(), segment.contents()));
    if let Some(turned) = turned {
        put(marker::APP1, &[EXIF, &turned.to_tiff()].concat());
    }
    others.iter().for_each(|segment| put(segment.marker(), segment.contents()));
    bytes.extend(scans);
    Some(bytes)
}

fn jpeg_exif(jpeg: &Jpeg) -> Option<Bytes> {
    let mut segments = jpeg.segments_by_marker(marker::APP1);
    let exif = segments.find(|segment| segment.contents().starts_with(EXIF))?;
    Some(exif.contents().slice(EXIF.len()..))
}

/// The scans of a JPEG up to its end: whole pictures with metadata of their own may follow. None where the end is missing.
fn scans(entropy: &[u8]) -> Option<Vec<u8>> {
    let mut kept = Vec::with_capacity(entropy.len());
    let mut rest = entropy;
    loop {
        let at = memchr::memchr(0xff, rest)?;
        let marker = *rest.get(at + 1)?;
        let length = match marker {
            marker::END_OF_IMAGE => {
                kept.extend(&rest[..at + 2]);
                return Some(kept);
            }
            // Data that looks like a marker, and the marks of restarts (ITU T.81, section B.1.1.2).
            0x00 | 0x01 | 0xd0..=0xd7 => 2,
            // A fill byte.
            0xff => 1,
            _ => 2 + usize::from(u16::from_be_bytes([*rest.get(at + 2)?, *rest.get(at + 3)?])),
        };
        let end = at + length;
        let is_metadata = matches!(marker, marker::APP0..=marker::APP15 | marker::COMMENT);
        kept.extend(if is_metadata { &rest[..at] } else { rest.get(..end)? });
        rest = rest.get(end..)?;
    }
}

fn png(picture: Bytes) -> Option<Vec<u8>> {
    let mut png = Png::from_bytes(picture).ok()?;
    let turned = png.chunk_by_type(*b"eXIf").and_then(|exif| orientation_in(exif.contents()).if_turned());
    png.chunks_mut().retain(|chunk| PNG_KEPT.contains(&&chunk.kind()));
    let has_end = png.chunks().last().is_some_and(|chunk| chunk.kind() == *b"IEND");
    let first = png.chunks().first().filter(|chunk| has_end && chunk.kind() == *b"IHDR");
    first?;
    if let Some(turned) = turned {
        png.chunks_mut().insert(1, PngChunk::new(*b"eXIf", turned.to_tiff().into()));
    }
    Some(png.encoder().bytes().to_vec())
}

fn webp(picture: Bytes) -> Option<Vec<u8>> {
    let mut webp = WebP::from_bytes(picture).ok()?;
    let turned = webp_exif(&webp).and_then(|exif| orientation_in(&exif).if_turned());
    webp.chunks_mut().retain(|chunk| WEBP_KEPT.contains(&&chunk.id()));
    for chunk in webp.chunks_mut().iter_mut().filter(|chunk| chunk.id() == *b"VP8X") {
        let mut contents = chunk.content().data()?.to_vec();
        // The flags say which chunks there are (RFC 9649, section 2.7.1).
        let flags = contents.first_mut()?;
        *flags &= !0b0000_1100;
        *flags |= if turned.is_some() { 0b0000_1000 } else { 0 };
        *chunk = RiffChunk::new(*b"VP8X", RiffContent::Data(contents.into()));
    }
    if let Some(turned) = turned {
        webp.chunks_mut().push(RiffChunk::new(*b"EXIF", RiffContent::Data(turned.to_tiff().into())));
    }
    Some(webp.encoder().bytes().to_vec())
}

fn webp_exif(webp: &WebP) -> Option<Bytes> {
    let exif = webp.chunk_by_id(*b"EXIF")?.content().data()?.clone();
    // Some programs write it as in a JPEG.
    Some(if exif.starts_with(EXIF) { exif.slice(EXIF.len()..) } else { exif })
}

/// Reads the first directory of TIFF data (TIFF 6.0, section 2): tags, and the first two bytes of their values.
fn first_directory(tiff: &[u8]) -> impl Iterator<Item = (u16, u16)> {
    let is_little = tiff.starts_with(b"II");
    let short = move |at: usize| {
        let bytes: [u8; 2] = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let start = tiff
        .get(4..8)
        .and_then(|bytes| bytes.try_into().ok())
        .map(|bytes| if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) });
    let start = start.and_then(|start| usize::try_from(start).ok()).unwrap_or(usize::MAX);
    let count = short(start).unwrap_or_default();
    (0..usize::from(count)).map_while(move |index| {
        let entry = start.checked_add(2 + 12 * index)?;
        Some((short(entry)?, short(entry.checked_add(8)?)?))
    })
}

fn orientation_in(exif: &[u8]) -> Orientation {
    let number = first_directory(exif).find(|(tag, _)| *tag == 0x0112).map(|(_, number)| number);
    let number = number.and_then(|number| u8::try_from(number).ok()).filter(|number| (2..=8).contains(number));
    number.map_or(Orientation::UPRIGHT, Orientation)
}

fn tiff_has_metadata(tiff: &[u8]) -> bool {
    // XMP, IPTC, Photoshop's, Exif, GPS.
    first_directory(tiff).any(|(tag, _)| [700, 33723, 34377, 34665, 34853].contains(&tag))
}

/// Whether the list of what is in the file names Exif or XMP (ISO/IEC 23008-12, annex A).
fn heif_has_metadata(file: &[u8]) -> bool {
    let mut rest = file;
    while let Some((head, _)) = rest.split_first_chunk::<8>() {
        let size = usize::try_from(u32::from_be_bytes([head[0], head[1], head[2], head[3]])).unwrap_or(usize::MAX);
        let size = if size < 8 { rest.len() } else { size.min(rest.len()) };
        let (item, after) = rest.split_at(size);
        if head[4..] == *b"meta" {
            let names = |what: &[u8]| memchr::memmem::find(item, what).is_some();
            return names(b"Exif") || names(b"application/rdf+xml");
        }
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Metadata that tells a place, and that the picture lies on its side.
    fn exif(is_little: bool) -> Vec<u8> {
        let mut tiff =
            if is_little { b"II\x2a\0\x08\0\0\0\x02\0".to_vec() } else { b"MM\0\x2a\0\0\0\x08\0\x02".to_vec() };
        if is_little {
            tiff.extend(b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x25\x88\x04\0\x01\0\0\0\x26\0\0\0");
        } else {
            tiff.extend(b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\x88\x25\0\x04\0\0\0\x01\0\0\0\x26");
        }
        tiff.extend(b"PLACE");
        tiff
    }

    fn segment(marker: u8, contents: &[u8]) -> Vec<u8> {
        let length = u16::try_from(contents.len() + 2).unwrap().to_be_bytes();
        [&[0xff, marker][..], &length, contents].concat()
    }

    fn has(bytes: &[u8], what: &[u8]) -> bool {
        memchr::memmem::find(bytes, what).is_some()
    }

    #[test]
    fn a_jpeg_tells_no_place_and_stays_upright() {
        for is_little in [true, false] {
            let picture = [
                b"\xff\xd8".to_vec(),
                segment(0xe0, b"JFIF\0\x01\x02"),
                segment(0xe1, &[EXIF, &exif(is_little)].concat()),
                segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0PLACE"),
                segment(0xe2, b"ICC_PROFILE\0\x01\x01profile"),
                segment(0xe2, b"MPF\0PLACE"),
                segment(0xed, b"Photoshop 3.0\0PLACE"),
                segment(0xfe, b"PLACE"),
                segment(0xdb, b"tables"),
                segment(0xda, b"scan"),
                b"data\xff\x00data\xff\xd0data".to_vec(),
                segment(0xfe, b"PLACE"),
                segment(0xda, b"scan"),
                b"more\xff\xd9".to_vec(),
                b"\xff\xd8PLACE".to_vec(),
            ]
            .concat();
            assert_eq!(orientation(&picture), Orientation(6));
            let cleaned = without_metadata(picture).unwrap();
            assert!(!has(&cleaned, b"PLACE"), "{cleaned:?}");
            assert!(has(&cleaned, b"profile") && has(&cleaned, b"tables") && has(&cleaned, b"JFIF"));
            assert!(cleaned.ends_with(b"scandata\xff\x00data\xff\xd0data\xff\xda\0\x06scanmore\xff\xd9"));
            assert_eq!(orientation(&cleaned), Orientation(6));
            assert_eq!(without_metadata(cleaned.clone()).unwrap(), cleaned);
        }
    }

    #[test]
    fn a_png_tells_no_place_and_stays_upright() {
        let chunk = |kind: &[u8; 4], contents: &[u8]| PngChunk::new(*kind, Bytes::copy_from_slice(contents));
        let empty = b"\x89PNG\r\n\x1a\n\0\0\0\0IEND\xae\x42\x60\x82";
        let mut png = Png::from_bytes(Bytes::from_static(empty)).unwrap();
        let chunks = [
            chunk(b"IHDR", b"\0\0\0\x01\0\0\0\x01\x08\0\0\0\0"),
            chunk(b"tEXt", b"PLACE"),
            chunk(b"eXIf", &exif(false)),
            chunk(b"prVt", b"PLACE"),
            chunk(b"sRGB", b"\0"),
            chunk(b"IDAT", b"data"),
            chunk(b"tIME", b"PLACE"),
        ];
        png.chunks_mut().splice(0..0, chunks);
        let cleaned = without_metadata(png.encoder().bytes().to_vec()).unwrap();
        assert!(!has(&cleaned, b"PLACE") && has(&cleaned, b"IDATdata") && has(&cleaned, b"sRGB"), "{cleaned:?}");
        assert_eq!(orientation(&cleaned), Orientation(6));
        assert_eq!(without_metadata(cleaned.clone()).unwrap(), cleaned);
    }

    #[test]
    fn a_webp_tells_no_place_and_stays_upright() {
        let chunk = |kind: &[u8; 4], contents: &[u8]| {
            let length = u32::try_from(contents.len()).unwrap().to_le_bytes();
            [kind, &length[..], contents, &[0][..contents.len() % 2]].concat()
        };
        let inside = [
            b"WEBP".to_vec(),
            chunk(b"VP8X", b"\x0c\0\0\0\0\0\0\0\0\0"),
            chunk(b"VP8L", b"data"),
            chunk(b"EXIF", &exif(true)),
            chunk(b"XMP ", b"PLACE"),
            chunk(b"odd ", b"PLACE"),
        ]
        .concat();
        let cleaned = without_metadata(chunk(b"RIFF", &inside)).unwrap();
        assert!(
            !has(&cleaned, b"PLACE") && has(&cleaned, b"data") && has(&cleaned, b"VP8X\x0a\0\0\0\x08"),
            "{cleaned:?}"
        );
        assert_eq!(orientation(&cleaned), Orientation(6));
        assert_eq!(without_metadata(cleaned.clone()).unwrap(), cleaned);
    }

    #[test]
    fn what_cannot_be_cleaned_is_refused() {
        let avif = b"\0\0\0\x10ftypavif\0\0\0\0\0\0\0\x20meta\0\0\0\0infe\x02\0\0\0\0\x02\0\0Exif\0\0\0\0data";
        assert_eq!(without_metadata(avif.to_vec()), Err(Refusal::Metadata("AVIF or HEIC")));
        let plain = b"\0\0\0\x10ftypavif\0\0\0\0\0\0\0\x10meta\0\0\0\0data Exif".to_vec();
        assert_eq!(without_metadata(plain.clone()), Ok(plain));
        assert_eq!(without_metadata(exif(true)), Err(Refusal::Metadata("TIFF")));
        assert_eq!(without_metadata(b"\xff\xd8\xff\xe0\0".to_vec()), Err(Refusal::Damaged("JPEG")));
        assert_eq!(without_metadata(b"\x89PNG\r\n\x1a\n\0".to_vec()), Err(Refusal::Damaged("PNG")));
        assert_eq!(without_metadata(b"no picture".to_vec()), Ok(b"no picture".to_vec()));
    }

    proptest::proptest! {
        #[test]
        fn no_file_makes_it_panic(
            head in proptest::sample::select(vec![&b"\xff\xd8\xff"[..], b"\x89PNG\r\n\x1a\n", b"RIFF\x20\0\0\0WEBP", b"\0\0\0\x10ftypavif", b"II\x2a\0", b""]),
            rest in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80),
        ) {
            let file = [head, &rest].concat();
            let _ = orientation(&file);
            let _ = without_metadata(file);
        }
    }
}
