//! Cards: the picture of a page that others show beside a link to it (the Open Graph protocol, `og:image`).
//!
//! The theme's `card.svg` says what a card looks like, and its `fonts/` have the letters; no font of the machine is
//! used, so a card is the same wherever it is drawn. What draws costs more to compile than a newcomer should wait for,
//! so it is in only where `--features cards` asks for it. What was drawn is kept between builds, by the digest of what
//! it was drawn from.

#[cfg(feature = "cards")]
mod fit;

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::digest;
use statement::yaml::in_backticks;

use crate::site::{PageKind, Site, SitePage};
use crate::source_tree::SourceTree;
use crate::theme_files::ThemeFiles;
use crate::{Failure, address, author_files};

/// Whether this program can draw cards.
pub const IS_AVAILABLE: bool = cfg!(feature = "cards");

/// The template that says what a card looks like.
pub const TEMPLATE: &str = "card.svg";

/// In pixels; what those who show cards ask for.
pub const SIZE: (u32, u32) = (1200, 630);

/// What the names of kept cards begin with; another where the same card would come out otherwise.
const RECIPE: &str = "card-1";

/// How many letters that cannot be drawn are told of one card.
const LETTERS_MAX: usize = 8;

/// The site path of a page's card. What search engines do not list has none, nor what has no title of its own.
#[must_use]
pub fn address_of(site: &Site, page: &SitePage) -> Option<String> {
    let is_shown = !page.noindex && !page.is_later_part() && page.kind != PageKind::NotFound;
    let has_title = !page.front.title.is_empty();
    (site.config.cards && is_shown && has_title).then(|| address::beside(&page.address, "card.png"))
}

/// The fonts of a theme's cards.
pub struct Cards {
    library: codec::Library,
    /// Of all fonts together.
    digest: String,
    /// The template's file; the fonts stand in a folder beside it.
    template: Arc<str>,
}

/// A page's card.
#[derive(Debug)]
pub struct Card {
    /// Its site path.
    pub address: String,
    /// The picture, a PNG; empty where nobody keeps it.
    pub png: Vec<u8>,
}

impl Cards {
    /// Reads the theme's fonts; reports where it has none.
    pub fn load(files: &ThemeFiles, tree: &SourceTree, diagnostics: &mut Diagnostics) -> Self {
        let (mut hash, mut library) = (Sha256::new(), codec::Library::new());
        let mut count = 0;
        for file in files.fonts(tree) {
            let file = &tree.files()[file];
            let bytes = file.in_memory().unwrap_or_default();
            hash.update(bytes);
            count += 1;
            if !library.add(bytes) {
                diagnostics.push(
                    Diagnostic::error(&file.path, 0..0, "the font cannot be read")
                        .help("cards are drawn with fonts in the formats TrueType and OpenType: `.ttf`, `.otf`"),
                );
            }
        }
        let template = files.template_path(TEMPLATE);
        if count == 0 {
            diagnostics.push(
                Diagnostic::error(&template, 0..0, "the theme has no font to draw cards with")
                    .help("put one into the theme's folder `fonts/`, beside `templates/`"),
            );
        }
        let digest = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { library, digest, template }
    }

    /// Draws the card of a page from its SVG, or takes it from `cache`: a PNG; empty with `is_kept` false, when it is only
    /// looked at. None where it cannot be drawn, which is reported.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn draw(
        &self,
        page: &SitePage,
        svg: &str,
        cache: Option<&Path>,
        is_kept: bool,
        diagnostics: &mut Diagnostics,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let digest = digest::sha256_hex(format!("{}\n{svg}", self.digest).as_bytes());
        let kept = cache.map(|folder| folder.join(format!("{RECIPE}-{digest}.png")));
        // Only what could be drawn is kept, so nothing of it need be looked at.
        if let Some(png) = kept.as_deref().map_or(Ok(None), author_files::read_bytes_if_there)? {
            return Ok(Some(png));
        }
        let drawing = self.library.lay_out(svg).and_then(|drawing| {
            let missing = drawing.missing();
            let png = if is_kept && missing.is_empty() { drawing.png()? } else { Vec::new() };
            Ok((missing, png))
        });
        match drawing {
            Ok((missing, png)) if missing.is_empty() => {
                if let Some(file) = kept.filter(|_| is_kept) {
                    author_files::replace(&file, &png)?;
                }
                Ok(Some(png))
            }
            Ok((missing, _)) => {
                diagnostics.push(self.no_letters(page, &missing));
                Ok(None)
            }
            Err(fact) => {
                let message = format!("the card cannot be drawn: {fact}");
                diagnostics.push(
                    Diagnostic::error(&self.template, 0..0, message).help("write the template so that SVG comes out"),
                );
                Ok(None)
            }
        }
    }

    fn no_letters(&self, page: &SitePage, missing: &[String]) -> Diagnostic {
        let missing: Vec<&str> = missing.iter().take(LETTERS_MAX).map(String::as_str).collect();
        let (theme, _) = self.template.rsplit_once("templates/").unwrap_or_default();
        Diagnostic::warning(&page.path, 0..0, format!("`{}` has no card: it cannot be written", page.name()))
            .note(format!("no font of the theme has all letters of a text; missing are {}", in_backticks(&missing)))
            .help(format!(
                "put a font that has them all into `{theme}fonts/`, like DejaVu Sans or one of Noto Sans CJK"
            ))
    }
}

#[cfg(not(feature = "cards"))]
mod codec {
    /// No font is read: the settings that ask for cards are refused.
    pub(super) struct Library;

    pub(super) enum Drawing {}

    impl Library {
        pub(super) fn new() -> Self {
            Self
        }

        pub(super) fn add(&mut self, _: &[u8]) -> bool {
            true
        }

        pub(super) fn lay_out(&self, _: &str) -> Result<Drawing, String> {
            Err("this candor was built without cards".to_owned())
        }
    }

    impl Drawing {
        pub(super) fn missing(&self) -> Vec<String> {
            match *self {}
        }

        pub(super) fn png(&self) -> Result<Vec<u8>, String> {
            match *self {}
        }
    }
}

#[cfg(feature = "cards")]
mod codec {
    use std::collections::BTreeSet;

    use resvg::tiny_skia::{Pixmap, Transform};
    use resvg::usvg::{self, GlyphId, Group, ImageHrefResolver, Node, Tree};

    use super::{SIZE, fit};

    /// Fonts, and how SVG is read.
    pub(super) struct Library(usvg::Options<'static>);

    /// A card whose letters have their places.
    pub(super) struct Drawing(Tree);

    impl Library {
        pub(super) fn new() -> Self {
            // A card is one file: nothing is read from the disk for it.
            let nothing =
                ImageHrefResolver { resolve_data: Box::new(|_, _, _| None), resolve_string: Box::new(|_, _| None) };
            Self(usvg::Options { image_href_resolver: nothing, ..usvg::Options::default() })
        }

        /// Takes a font; says whether it is one. What a card does not name is drawn with the first.
        pub(super) fn add(&mut self, bytes: &[u8]) -> bool {
            let fonts = self.0.fontdb_mut();
            let before = fonts.len();
            fonts.load_font_data(bytes.to_vec());
            let first = fonts.faces().next().and_then(|face| face.families.first());
            if let Some((family, _)) = first.filter(|_| before == 0) {
                let family = family.clone();
                fonts.set_serif_family(&family);
                fonts.set_sans_serif_family(&family);
                self.0.font_family = family;
            }
            self.0.fontdb.len() > before
        }

        pub(super) fn lay_out(&self, svg: &str) -> Result<Drawing, String> {
            let fitted = fit::fit(svg, &self.0).map_err(|error| error.to_string())?;
            Tree::from_str(&fitted, &self.0).map(Drawing).map_err(|error| error.to_string())
        }
    }

    impl Drawing {
        /// What no font can show, each once, in order.
        pub(super) fn missing(&self) -> Vec<String> {
            fn gather(group: &Group, missing: &mut BTreeSet<String>) {
                for node in group.children() {
                    match node {
                        Node::Group(group) => gather(group, missing),
                        Node::Text(text) => {
                            let glyphs = text.layouted().iter().flat_map(|span| &span.positioned_glyphs);
                            missing
                                .extend(glyphs.filter(|glyph| glyph.id == GlyphId(0)).map(|glyph| glyph.text.clone()));
                        }
                        Node::Path(_) | Node::Image(_) => {}
                    }
                }
            }
            let mut missing = BTreeSet::new();
            gather(self.0.root(), &mut missing);
            missing.into_iter().collect()
        }

        pub(super) fn png(&self) -> Result<Vec<u8>, String> {
            let mut pixels = Pixmap::new(SIZE.0, SIZE.1).expect("invariant: a card has a size");
            let (across, down) = (SIZE.0 as f32 / self.0.size().width(), SIZE.1 as f32 / self.0.size().height());
            resvg::render(&self.0, Transform::from_scale(across, down), &mut pixels.as_mut());
            pixels.encode_png().map_err(|error| error.to_string())
        }
    }
}
