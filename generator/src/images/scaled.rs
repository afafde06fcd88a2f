//! Photos in several widths, as WebP, so that a small screen does not load a large picture.
//!
//! The libraries cost more to compile than a newcomer should wait for, so it is in only where `--features images` asks
//! for it. What was scaled is kept between builds, by the digest of the picture.

use std::path::Path;

use statement::digest;

use super::Size;
use crate::site_config::ImagesConfig;
use crate::{Failure, address, author_files};

/// Whether this program can scale pictures.
pub const IS_AVAILABLE: bool = cfg!(feature = "images");

/// What the names of kept pictures begin with; another where the same picture would come out otherwise.
const RECIPE: &str = "webp-80";

/// A picture in another width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaled {
    /// In pixels.
    pub width: usize,
    /// Its site path.
    pub address: String,
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
    widths.into_iter().map(|width| Scaled { width, address: address::of_scaled(address, width) }).collect()
}

/// Makes a picture in the widths that are planned, or takes them from `cache`, and hands each to `write`.
///
/// # Errors
/// When the disk fails. What is wrong with the picture is the inner error.
pub fn scale(
    picture: &[u8],
    planned: &[Scaled],
    cache: Option<&Path>,
    write: impl Fn(&str, Vec<u8>) -> Result<(), Failure>,
) -> Result<Result<(), String>, Failure> {
    let digest = digest::sha256_hex(picture);
    let mut decoded = None;
    for Scaled { width, address } in planned {
        let kept = cache.map(|folder| folder.join(format!("{RECIPE}-{digest}-{width}.webp")));
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
                let encoded = codec::encode(&source, *width);
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
    /// Nothing is decoded: the settings that ask for it are refused.
    pub(super) enum Picture {}

    pub(super) fn decode(_: &[u8]) -> Result<Picture, String> {
        Err("this candor was built without scaling of pictures".to_owned())
    }

    pub(super) fn encode(picture: &Picture, _: usize) -> Result<Vec<u8>, String> {
        match *picture {}
    }
}

#[cfg(feature = "images")]
mod codec {
    use image::RgbaImage;
    use image::imageops::{self, FilterType};
    use image::metadata::Orientation;
    use img_parts::{DynImage, ImageICC};

    use crate::images::metadata;

    /// How much of a photo's detail is kept, of 100.
    const QUALITY: f32 = 80.0;

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

    pub(super) fn encode(picture: &Picture, width: usize) -> Result<Vec<u8>, String> {
        let (whole_width, whole_height) = picture.pixels.dimensions();
        let width = u32::try_from(width).unwrap_or(u32::MAX);
        let height = u64::from(width) * u64::from(whole_height) / u64::from(whole_width.max(1));
        let height = u32::try_from(height.max(1)).unwrap_or(u32::MAX);
        let scaled =
            (width != whole_width).then(|| imageops::resize(&picture.pixels, width, height, FilterType::Lanczos3));
        let pixels = scaled.as_ref().unwrap_or(&picture.pixels);
        let encoded = webp::Encoder::from_rgba(pixels, pixels.width(), pixels.height())
            .encode_simple(false, QUALITY)
            .map_err(|error| format!("WebP cannot hold it: {error:?}"))?;
        let Some(profile) = &picture.profile else { return Ok(encoded.to_vec()) };
        let mut parts = img_parts::webp::WebP::from_bytes(bytes::Bytes::copy_from_slice(&encoded))
            .map_err(|error| error.to_string())?;
        parts.set_icc_profile(Some(profile.clone()));
        Ok(parts.encoder().bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_picture_is_made_larger() {
        let config = ImagesConfig { widths: vec![480, 960], sizes: "100vw".to_owned() };
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
