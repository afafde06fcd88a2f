//! Text that must keep to its place on a card: SVG has no lines, so a `<text>` with `data-width` is broken into at most
//! `data-lines` lines, and made smaller where it is too long for them.
//!
//! It knows widths and where lines may break (Unicode Standard Annex #14), not what a card says.

use pulldown_cmark_escape::escape_html;
use resvg::usvg::fontdb::FaceInfo;
use resvg::usvg::roxmltree::{Document, Node};
use resvg::usvg::{self, Options, Tree};
use skrifa::{FontRef, MetadataProvider as _};
use unicode_linebreak::linebreaks;
use unicode_segmentation::UnicodeSegmentation as _;

/// The size at which words are measured; widths grow with the size.
const MEASURED_AT: f32 = 100.0;
/// By how much a text is made smaller at once, and how small it may become, as parts of its size.
const STEP: f32 = 0.05;
const SMALLEST: f32 = 0.5;
/// From one line to the next, as a part of the size.
const LINE: f32 = 1.2;
/// Around a line that runs from right to left (Unicode Standard Annex #9, section 2.1).
const EMBEDDED: (char, char) = ('\u{202b}', '\u{202c}');

/// Breaks every text that asks for it into lines.
pub(super) fn fit(svg: &str, options: &Options<'_>) -> Result<String, usvg::Error> {
    let document = Document::parse(svg).map_err(usvg::Error::ParsingFailed)?;
    let mut fitted = String::with_capacity(svg.len() + svg.len() / 4);
    let mut rest = 0;
    for node in document.descendants().filter(|node| node.tag_name().name() == "text") {
        let Some(width) = number(node, "data-width") else { continue };
        fitted.push_str(&svg[rest..node.range().start]);
        fitted.push_str(&Text::of(node, width, options).to_lines(options)?);
        rest = node.range().end;
    }
    fitted.push_str(&svg[rest..]);
    Ok(fitted)
}

/// A text and the place it has.
struct Text {
    words: String,
    /// The element's own attributes, as they are written.
    attributes: String,
    /// How its letters look by the elements around it, in the same form.
    inherited: String,
    x: f32,
    width: f32,
    lines_max: usize,
    size: f32,
    is_right_to_left: bool,
}

/// The font for a text that the wanted one has not all letters for: the first that has them all, if there is one. The
/// library that shapes letters cannot change the font within a word of Arabic.
fn other_font<'a>(text: &str, wanted: Option<&str>, options: &'a Options<'_>) -> Option<&'a str> {
    let is_wanted = |face: &FaceInfo| wanted.is_some_and(|wanted| family(face) == wanted.trim_matches(['"', '\'']));
    let faces = || options.fontdb.faces();
    let first = faces().find(|face| is_wanted(face)).or(faces().next())?;
    let found = [first].into_iter().chain(faces()).find(|face| has_all(options, face, text))?;
    (found.id != first.id).then(|| family(found))
}

fn family(face: &FaceInfo) -> &str {
    face.families.first().map_or("", |(family, _)| family)
}

fn has_all(options: &Options<'_>, face: &FaceInfo, text: &str) -> bool {
    let has_all = |data: &[u8], index| {
        let Ok(font) = FontRef::from_index(data, index) else { return false };
        let letters = font.charmap();
        text.chars().all(|letter| letter == ' ' || letters.map(letter).is_some())
    };
    options.fontdb.with_face_data(face.id, has_all) == Some(true)
}

/// What stays together on a line.
struct Piece<'a> {
    text: &'a str,
    width: f32,
    /// Whether a space stands behind it.
    is_spaced: bool,
}

fn number(node: Node<'_, '_>, attribute: &str) -> Option<f32> {
    node.attribute(attribute)?.trim().parse().ok().filter(|number: &f32| number.is_finite() && *number > 0.0)
}

fn write_attribute(attributes: &mut String, name: &str, value: &str) {
    attributes.push_str(&format!(" {name}=\""));
    escape_html(&mut *attributes, value).expect("invariant: a string can be written to");
    attributes.push('"');
}

impl Text {
    fn of(node: Node<'_, '_>, width: f32, options: &Options<'_>) -> Self {
        let words: String = node.descendants().filter_map(|node| node.text().filter(|_| node.is_text())).collect();
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let wanted = node.ancestors().find_map(|around| around.attribute("font-family"));
        let other_font = other_font(&words, wanted, options);
        let mut own = vec!["data-width", "data-lines", "font-size", "direction", "x"];
        let mut attributes = String::new();
        if let Some(family) = other_font {
            own.push("font-family");
            write_attribute(&mut attributes, "font-family", family);
        }
        for attribute in node.attributes().filter(|attribute| !own.contains(&attribute.name())) {
            write_attribute(&mut attributes, attribute.name(), attribute.value());
        }
        let mut inherited = String::new();
        for name in ["font-family", "font-weight", "font-style", "font-stretch", "letter-spacing", "word-spacing"] {
            if let Some(value) = node.ancestors().skip(1).find_map(|around| around.attribute(name)) {
                write_attribute(&mut inherited, name, value);
            }
        }
        Self {
            words,
            attributes,
            inherited,
            x: number(node, "x").unwrap_or_default(),
            width,
            lines_max: number(node, "data-lines").map_or(1, |lines| lines as usize).max(1),
            size: number(node, "font-size").unwrap_or(MEASURED_AT),
            is_right_to_left: node.attribute("direction") == Some("rtl"),
        }
    }

    fn to_lines(&self, options: &Options<'_>) -> Result<String, usvg::Error> {
        let (pieces, space) = self.pieces(&breakable(&self.words), options)?;
        let steps = (0..).map(|step| self.size * (1.0 - step as f32 * STEP));
        for size in steps.take_while(|size| *size >= self.size * SMALLEST) {
            let lines = self.break_lines(&pieces, space, size);
            let fits = |line: &Vec<&Piece<'_>>| width(line, space) * size / MEASURED_AT <= self.width;
            if lines.len() <= self.lines_max && lines.iter().all(fits) {
                return Ok(self.draw(lines.iter().map(|line| joined(line)), size));
            }
        }
        self.cut(&pieces, self.size * SMALLEST, options)
    }

    /// What no size can fit is cut, and an ellipsis says so; a word that is longer than a line parts between letters.
    fn cut(&self, pieces: &[Piece<'_>], size: f32, options: &Options<'_>) -> Result<String, usvg::Error> {
        let letters: Vec<(&str, bool)> = pieces
            .iter()
            .flat_map(|piece| {
                let is_too_long = piece.width * size / MEASURED_AT > self.width;
                let letters = if is_too_long { piece.text.graphemes(true).collect() } else { vec![piece.text] };
                let last = letters.len().saturating_sub(1);
                letters.into_iter().enumerate().map(move |(at, letter)| (letter, piece.is_spaced && at == last))
            })
            .chain([("…", false)])
            .collect();
        let (mut letters, space) = self.pieces(&letters, options)?;
        let ellipsis = letters.pop().expect("invariant: the last one was put there");
        let mut lines = self.break_lines(&letters, space, size);
        if lines.len() > self.lines_max {
            lines.truncate(self.lines_max);
            let last = lines.last_mut().expect("invariant: there is a line");
            while last.len() > 1 && (width(last, space) + ellipsis.width) * size / MEASURED_AT > self.width {
                last.pop();
            }
            last.push(&ellipsis);
        }
        Ok(self.draw(lines.iter().map(|line| joined(line).replace(" …", "…")), size))
    }

    /// Measures pieces, each by its text and whether a space stands behind it; and a space.
    fn pieces<'a>(
        &self,
        texts: &[(&'a str, bool)],
        options: &Options<'_>,
    ) -> Result<(Vec<Piece<'a>>, f32), usvg::Error> {
        let measured: Vec<&str> = texts.iter().map(|(text, _)| *text).chain(["n n", "nn"]).collect();
        let mut svg = format!("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1\" height=\"1\"{}>", self.inherited);
        for (at, text) in measured.iter().enumerate() {
            svg.push_str(&format!("<text{} id=\"measured-{at}\" font-size=\"{MEASURED_AT}\">", self.attributes));
            escape_html(&mut svg, text).expect("invariant: a string can be written to");
            svg.push_str("</text>");
        }
        svg.push_str("</svg>");
        let tree = Tree::from_str(&svg, options)?;
        let widths: Vec<f32> = (0..measured.len())
            .map(|at| tree.node_by_id(&format!("measured-{at}")).map_or(0.0, |node| node.bounding_box().width()))
            .collect();
        let space = (widths[texts.len()] - widths[texts.len() + 1]).max(0.0);
        let piece =
            |((text, is_spaced), width): (&(&'a str, bool), &f32)| Piece { text, width: *width, is_spaced: *is_spaced };
        Ok((texts.iter().zip(&widths).map(piece).collect(), space))
    }

    /// As much on each line as it has room for.
    fn break_lines<'p, 'a>(&self, pieces: &'p [Piece<'a>], space: f32, size: f32) -> Vec<Vec<&'p Piece<'a>>> {
        let mut lines: Vec<Vec<&Piece<'a>>> = Vec::new();
        let mut used = 0.0;
        for piece in pieces {
            let gap =
                lines.last().and_then(|line| line.last()).map_or(0.0, |last| if last.is_spaced { space } else { 0.0 });
            match lines.last_mut() {
                Some(line) if (used + gap + piece.width) * size / MEASURED_AT <= self.width => {
                    line.push(piece);
                    used += gap + piece.width;
                }
                _ => {
                    lines.push(vec![piece]);
                    used = piece.width;
                }
            }
        }
        lines
    }

    fn draw(&self, lines: impl Iterator<Item = String>, size: f32) -> String {
        let mut svg = format!("<text{} font-size=\"{size}\">", self.attributes);
        for (at, line) in lines.enumerate() {
            let down = if at == 0 { 0.0 } else { size * LINE };
            svg.push_str(&format!("<tspan x=\"{}\" dy=\"{down}\">", self.x));
            let line = if self.is_right_to_left { format!("{}{line}{}", EMBEDDED.0, EMBEDDED.1) } else { line };
            escape_html(&mut svg, &line).expect("invariant: a string can be written to");
            svg.push_str("</tspan>");
        }
        svg.push_str("</text>");
        svg
    }
}

/// Where a line may end: each piece, and whether a space stands behind it.
fn breakable(text: &str) -> Vec<(&str, bool)> {
    let mut start = 0;
    linebreaks(text)
        .map(|(end, _)| {
            let piece = &text[start..end];
            start = end;
            (piece.trim_end(), piece.ends_with(' '))
        })
        .filter(|(piece, _)| !piece.is_empty())
        .collect()
}

fn width(line: &[&Piece<'_>], space: f32) -> f32 {
    let spaces = line.iter().rev().skip(1).filter(|piece| piece.is_spaced).count();
    line.iter().map(|piece| piece.width).sum::<f32>() + spaces as f32 * space
}

fn joined(line: &[&Piece<'_>]) -> String {
    let mut text = String::new();
    for piece in line {
        text.push_str(piece.text);
        text.push_str(if piece.is_spaced { " " } else { "" });
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(text: &str) -> String {
        let mut options = Options::default();
        options.fontdb_mut().load_font_data(include_bytes!("../../../themes/optimal/fonts/NotoSans-Bold.ttf").to_vec());
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" font-family=\"Noto Sans\"><text x=\"8\" y=\"9\" data-width=\"600\" \
             data-lines=\"2\" font-size=\"60\" fill=\"red\" direction=\"rtl\">\n {text}\n</text></svg>"
        );
        fit(&svg, &options).expect("the SVG is well-formed")
    }

    fn lines(svg: &str) -> Vec<String> {
        let document = Document::parse(svg).expect("what comes out is well-formed");
        let lines = document.descendants().filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "tspan")));
        lines.map(|line| line.text().unwrap_or_default().trim_matches(['\u{202b}', '\u{202c}']).to_owned()).collect()
    }

    #[test]
    fn a_text_is_broken_into_lines_then_shrunk_then_cut() {
        let short = fitted("Rock &amp; <tspan>roll</tspan>");
        assert_eq!(lines(&short), ["Rock & roll"]);
        assert!(
            short.contains("y=\"9\" fill=\"red\" font-size=\"60\"><tspan x=\"8\" dy=\"0\">\u{202b}Rock &amp;"),
            "{short}"
        );
        let long = fitted("What we keep of all that you type into the form, and for how long");
        assert_eq!(lines(&long), ["What we keep of all that you type", "into the form, and for how long"]);
        let size =
            |svg: &str| svg.split("font-size=\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned);
        assert!(
            size(&long).is_some_and(|size| size.parse::<f32>().is_ok_and(|size| (30.0..60.0).contains(&size))),
            "{long}"
        );
        let cut = lines(&fitted(&"Donaudampfschifffahrt".repeat(9)));
        assert!(cut.len() == 2 && cut[1].ends_with('…') && cut[1].chars().count() > 20, "{cut:?}");
        let words = lines(&fitted(&"all that you type ".repeat(9)));
        assert_eq!(words.len(), 2);
        assert!(words[0].ends_with("all") && words[1].ends_with("that…"), "whole words: {words:?}");
        assert_eq!(lines(&fitted("")), [""; 0]);
    }

    #[test]
    fn letters_without_spaces_may_part() {
        assert_eq!(
            breakable("東京の a\u{a0}b c-d"),
            [("東", false), ("京", false), ("の", true), ("a\u{a0}b", true), ("c-", false), ("d", false)]
        );
    }
}
