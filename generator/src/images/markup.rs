//! What a picture's element says besides its author's words: how large it is, and in which other widths it is there.
//!
//! It knows elements and the site's pictures, not how markdown is read.

use std::fmt::Write as _;

use memchr::memmem;
use pulldown_cmark_escape::escape_html;

use super::Size;
use super::scaled::{Format, Scaled};
use crate::address::{self, Destination};
use crate::scan;
use crate::site::{Occupant, PageId, Site};

/// The picture at an address of the site, and how large it is.
#[must_use]
pub fn picture_at(site: &Site, site_path: &str) -> Option<(usize, Size)> {
    match site.by_address.get(site_path)? {
        Occupant::File(file) => Some((*file, *site.sizes.get(file)?)),
        _ => None,
    }
}

/// Completes the `<img>` of a picture in markdown: its size, in which widths it is there, and whether it may come late.
#[must_use]
pub fn of_markdown(site: &Site, mut html: String, file: usize, size: Size, is_late: bool) -> String {
    let lazy = if is_late { " loading=\"lazy\"" } else { "" };
    let attributes = format!("{}{lazy}{}", dimensions(size), candidates(site, file, Format::WebP));
    let end = html.rfind(" />").expect("invariant: a picture is one element");
    html.insert_str(end, &attributes);
    match candidates(site, file, Format::Avif) {
        avif if avif.is_empty() => html,
        avif => format!("<picture><source type=\"image/avif\"{avif} />{html}</picture>"),
    }
}

/// Completes every `<img>` in HTML that stands on the page `own` as it is written: with its size if it says none, and in
/// which widths it is there if it names no others. None where there is nothing to add. Its other words are its author's.
#[must_use]
pub fn complete(site: &Site, own: PageId, html: &str) -> Option<String> {
    memmem::find(html.as_bytes(), b"<")?;
    let page = site.pages[own].address.trim_start_matches('/');
    let mut completed = String::new();
    let mut rest = 0;
    scan::tags(html, |name, attributes| {
        if !name.eq_ignore_ascii_case("img") {
            return;
        }
        let value = |wanted: &str| attributes.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let Some((_, source)) = value("src") else { return };
        let source = scan::decode(source);
        let path = match address::destination(page, source.trim()) {
            Destination::SitePath(path, _) => path,
            Destination::Content(Some(path), _) => format!("/{path}").into(),
            _ => return,
        };
        let Some((file, size)) = picture_at(site, &path) else { return };
        let mut added = String::new();
        if value("width").or(value("height")).is_none() {
            added.push_str(&dimensions(size));
        }
        if value("srcset").is_none() {
            added.push_str(&candidates(site, file, Format::WebP));
        }
        // Both are parts of the same text.
        let end = name.as_ptr() as usize - html.as_ptr() as usize + name.len();
        completed.push_str(&html[rest..end]);
        completed.push_str(&added);
        rest = end;
    });
    (rest > 0).then(|| completed + &html[rest..])
}

fn dimensions(size: Size) -> String {
    format!(" width=\"{}\" height=\"{}\"", size.width, size.height)
}

/// In which widths a picture is there, as attributes; nothing where it is there as it is only.
fn candidates(site: &Site, file: usize, format: Format) -> String {
    let planned = site.scaled.get(&file).into_iter().flatten().filter(|scaled| scaled.format == format);
    let candidates: Vec<String> =
        planned.map(|Scaled { address, width, .. }| format!("{} {width}w", address::href(address))).collect();
    let Some(config) = site.config.images.as_ref().filter(|_| !candidates.is_empty()) else { return String::new() };
    let mut attributes = String::new();
    write!(attributes, " srcset=\"{}\" sizes=\"", candidates.join(", "))
        .expect("invariant: a string can be written to");
    escape_html(&mut attributes, &config.sizes).expect("invariant: a string can be written to");
    attributes.push('"');
    attributes
}
