//! Photos in several widths, as WebP and where asked for as AVIF, so that a small screen does not load a large picture.
//!
//! The libraries cost more to compile than a newcomer should wait for, so they are in only where `--features images` and
//! `--features avif` ask for them. What was scaled is kept between builds, by the digest of the picture.

use std::path::Path;

use statement::digest;

use super::Size;
use crate::site_config::ImagesConfig;
use crate::{Failure, address, author_files};

/// Whether this program can scale pictures.
pub const IS_AVAILABLE: bool = cfg!(feature = "images");

/// Whether this program can write AVIF.
pub const HAS_AVIF: bool = cfg!(feature = "avif");

/// A picture in another width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaled {
    /// In pixels.
    pub width: usize,
    /// How it is encoded.
    pub format: Format,
    /// Its site path.
    pub address: String,
}

/// How a picture is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Shown by every browser since 2020.
    WebP,
    /// Smaller, slow to make, and not shown everywhere.
    Avif,
}

impl Format {
    fn suffix(self) -> &'static str {
        match self {
            Self::WebP => "webp",
            Self::Avif => "avif",
        }
    }
}

/// In which widths a picture is published beside itself.
pub fn plan(address: &str, size: Size, config: &ImagesConfig) -> Vec<Scaled> {
    let suffix = address.rsplit_once('.').map_or("", |(_, suffix)| suffix);
    if !["jpg", "jpeg", "png"].iter().any(|known| known.eq_ignore_ascii_case(suffix)) {
        return Vec::new();
    }
    let largest = config.widths.iter().copied().max().unwrap_or_default();
    let mut widths: Vec<usize> = config.widths.iter().copied().filter(|width| *width < size.width).collect();
    // The picture itself, if it is smaller than what is wanted.
    widths.extend((size.width <= largest).then_some(size.width));
    widths.sort_unstable();
    widths.dedup();
    let formats: &[Format] = if config.avif.is_some() { &[Format::WebP, Format::Avif] } else { &[Format::WebP] };
    let scaled = |(format, width): (Format, usize)| Scaled {
        width,
        format,
        address: address::of_scaled(address, width, format.suffix()),
    };
    let planned = formats.iter().flat_map(|format| widths.iter().map(|width| (*format, *width)));
    planned.map(scaled).collect()
}

/// Makes a picture in the widths that are planned, or takes them from `cache`, and hands each to `write`. The `speed` is
/// that of AVIF, from 1 to 10.
///
/// # Errors
/// When the disk fails. What is wrong with the picture is the inner error.
pub fn scale(
    picture: &[u8],
    planned: &[Scaled],
    speed: u8,
    cache: Option<&Path>,
    write: impl Fn(&str, Vec<u8>) -> Result<(), Failure>,
) -> Result<Result<(), String>, Failure> {
    let digest = digest::sha256_hex(picture);
    let mut decoded = None;
    for Scaled { width, format, address } in planned {
        let recipe = codec::recipe(*format, speed);
        let kept = cache.map(|folder| folder.join(format!("{recipe}-{digest}-{width}.{}", format.suffix())));
        let known = match &kept {
            Some(file) => author_files::read_bytes_if_there(file)?,
            None => None,
        };
        let bytes = match known {
            Some(bytes) => bytes,
            None => {
                let source = match decoded.take().map_or_else(|| codec::decode(picture), Ok) {
                    Ok(source) => source,
                    Err(fact) => return Ok(Err(fact)),
                };
                let encoded = codec::encode(&source, *width, *format, speed);
                decoded = Some(source);
                match encoded {
                    Ok(bytes) => {
                        if let Some(file) = &kept {
                            author_files::replace(file, &bytes)?;
                        }
                        bytes
                    }
                    Err(fact) => return Ok(Err(fact)),
                }
            }
        };
        write(address, bytes)?;
    }
    Ok(Ok(()))
}

#[cfg(not(feature = "images"))]
mod codec {
    use super::Format;

    /// Nothing is decoded: the settings that ask for it are refused.
    pub(super) enum Picture {}

    pub(super) fn decode(_: &[u8]) -> Result<Picture, String> {
        Err("this candor was built without scaling of pictures".to_owned())
    }

    pub(super) fn encode(picture: &Picture, _: usize, _: Format, _: u8) -> Result<Vec<u8>, String> {
        match *picture {}
    }

    pub(super) fn recipe(_: Format, _: u8) -> String {
        String::new()
    }
}

#[cfg(feature = "images")]
mod codec {
    use image::RgbaImage;
    use image::imageops::{self, FilterType};
    use image::metadata::Orientation;
    use img_parts::{DynImage, ImageICC};

    use super::Format;
    use crate::images::metadata;

    /// How much of a photo's detail is kept, of 100.
    const WEBP_QUALITY: f32 = 80.0;
    /// The same in AVIF's measure.
    const AVIF_QUALITY: u8 = 70;

    /// What the names of kept pictures begin with; another where the same picture would come out otherwise.
    pub(super) fn recipe(format: Format, speed: u8) -> String {
        match format {
            Format::WebP => format!("webp-{WEBP_QUALITY}"),
            Format::Avif => format!("avif-{AVIF_QUALITY}-{speed}"),
        }
    }

    /// A picture that stands upright.
    pub(super) struct Picture {
        pixels: RgbaImage,
        /// Which colours its numbers mean.
        profile: Option<bytes::Bytes>,
    }

    pub(super) fn decode(picture: &[u8]) -> Result<Picture, String> {
        let mut pixels = image::load_from_memory(picture).map_err(|error| error.to_string())?;
        let turn = Orientation::from_exif(metadata::orientation(picture).number());
        pixels.apply_orientation(turn.unwrap_or(Orientation::NoTransforms));
        let parts = DynImage::from_bytes(bytes::Bytes::copy_from_slice(picture)).ok().flatten();
        Ok(Picture { pixels: pixels.into_rgba8(), profile: parts.and_then(|parts| parts.icc_profile()) })
    }

    pub(super) fn encode(picture: &Picture, width: usize, format: Format, speed: u8) -> Result<Vec<u8>, String> {
        let (whole_width, whole_height) = picture.pixels.dimensions();
        let width = u32::try_from(width).unwrap_or(u32::MAX);
        let height = u64::from(width) * u64::from(whole_height) / u64::from(whole_width.max(1));
        let height = u32::try_from(height.max(1)).unwrap_or(u32::MAX);
        let scaled =
            (width != whole_width).then(|| imageops::resize(&picture.pixels, width, height, FilterType::Lanczos3));
        let pixels = scaled.as_ref().unwrap_or(&picture.pixels);
        match format {
            Format::WebP => webp(pixels, picture.profile.as_ref()),
            Format::Avif => avif::encode(pixels, picture.profile.as_deref(), speed, AVIF_QUALITY),
        }
    }

    fn webp(pixels: &RgbaImage, profile: Option<&bytes::Bytes>) -> Result<Vec<u8>, String> {
        let encoded = webp::Encoder::from_rgba(pixels, pixels.width(), pixels.height())
            .encode_simple(false, WEBP_QUALITY)
            .map_err(|error| format!("WebP cannot hold it: {error:?}"))?;
        let Some(profile) = profile else { return Ok(encoded.to_vec()) };
        let mut parts = img_parts::webp::WebP::from_bytes(bytes::Bytes::copy_from_slice(&encoded))
            .map_err(|error| error.to_string())?;
        parts.set_icc_profile(Some(profile.clone()));
        Ok(parts.encoder().bytes().to_vec())
    }

    #[cfg(not(feature = "avif"))]
    mod avif {
        pub(super) fn encode(_: &image::RgbaImage, _: Option<&[u8]>, _: u8, _: u8) -> Result<Vec<u8>, String> {
            Err("this candor was built without AVIF".to_owned())
        }
    }

    #[cfg(feature = "avif")]
    mod avif {
        use std::borrow::Cow;

        use image::codecs::avif::AvifEncoder;
        use image::{ExtendedColorType, ImageEncoder as _, RgbaImage};
        use moxcms::{ColorProfile, Layout, TransformOptions};

        /// The encoder writes no profile, so the colours become those a browser assumes.
        fn in_srgb<'a>(pixels: &'a RgbaImage, profile: Option<&[u8]>) -> Result<Cow<'a, [u8]>, String> {
            let Some(profile) = profile else { return Ok(Cow::Borrowed(pixels)) };
            let convert = || {
                let own = ColorProfile::new_from_slice(profile)?;
                let (options, srgb) = (TransformOptions::default(), ColorProfile::new_srgb());
                let transform = own.create_transform_8bit(Layout::Rgba, &srgb, Layout::Rgba, options)?;
                let mut converted = vec![0; pixels.len()];
                transform.transform(pixels, &mut converted).map(|()| converted)
            };
            convert().map(Cow::Owned).map_err(|error| format!("its colour profile cannot be read: {error}"))
        }

        pub(super) fn encode(
            pixels: &RgbaImage,
            profile: Option<&[u8]>,
            speed: u8,
            quality: u8,
        ) -> Result<Vec<u8>, String> {
            let mut encoded = Vec::new();
            let (width, height) = pixels.dimensions();
            // In one thread: with more, the bytes would depend on how many there are.
            AvifEncoder::new_with_speed_quality(&mut encoded, speed, quality)
                .with_num_threads(Some(1))
                .write_image(&in_srgb(pixels, profile)?, width, height, ExtendedColorType::Rgba8)
                .map_err(|error| error.to_string())?;
            Ok(encoded)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_picture_is_made_larger() {
        let config = ImagesConfig { widths: vec![480, 960], sizes: "100vw".to_owned(), avif: None };
        let widths = |address: &str, width: usize| {
            let planned = plan(address, Size { width, height: 1 }, &config);
            planned.into_iter().map(|scaled| scaled.width).collect::<Vec<_>>()
        };
        assert_eq!(widths("/a.jpg", 2000), [480, 960]);
        assert_eq!(widths("/a.PNG", 700), [480, 700]);
        assert_eq!(widths("/a.jpeg", 480), [480]);
        assert_eq!(widths("/a.jpg", 20), [20]);
        assert!(widths("/a.gif", 2000).is_empty());
        assert_eq!(plan("/a/b.jpg", Size { width: 20, height: 1 }, &config)[0].address, "/a/b.jpg.20w.webp");
    }
}
