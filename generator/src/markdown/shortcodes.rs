//! What shortcodes and forms stand for, put where their tags stand in a text.
//!
//! Where tags stand is `crate::shortcode`'s business, and what a shortcode makes the theme's.

use std::ops::Range;

use pulldown_cmark::{CowStr, Event};
use statement::diagnostic::{Diagnostic, near_match};
use statement::yaml::{Located, in_backticks};

use super::{OpenBody, Renderer};
use crate::images::markup;
use crate::scan::Ids;
use crate::shortcode::{self, Argument, Call, Fault, TagKind};

/// Around the number of a body's tag in finished HTML: noncharacters of Unicode, which no text contains (Unicode
/// Standard, section 23.7).
const BODY: (char, char) = ('\u{fdd2}', '\u{fdd3}');

impl<'a> Renderer<'a, '_> {
    /// The tags that begin in a range.
    pub(super) fn tags_in(&self, range: &Range<usize>) -> Range<usize> {
        let first = |at: usize| self.tags.partition_point(|tag| tag.span.start < at);
        if self.tags.is_empty() { 0..0 } else { first(range.start)..first(range.end) }
    }

    /// Whether a paragraph is nothing but a shortcode without a body.
    pub(super) fn is_one_call(&self, paragraph: &Range<usize>) -> bool {
        let Some(tag) = self.tags.get(self.tags_in(paragraph).start) else { return false };
        matches!(tag.kind, TagKind::Call(_)) && self.text[paragraph.clone()].trim() == &self.text[tag.span.clone()]
    }

    /// A text that was read from `range`, cut at its tags: what stands before each, and last what stands after them.
    pub(super) fn pieces(&self, text: &str, range: &Range<usize>) -> Option<Vec<(String, Option<usize>)>> {
        let mut rest = text;
        let mut pieces = Vec::new();
        for tag in self.tags_in(range) {
            if let Some((before, after)) = rest.split_once(&self.text[self.tags[tag].span.clone()]) {
                pieces.push((before.to_owned(), Some(tag)));
                rest = after;
            }
        }
        if pieces.is_empty() {
            return None;
        }
        pieces.push((rest.to_owned(), None));
        Some(pieces)
    }

    /// A text as it was written, where no shortcode is meant.
    pub(super) fn restore(&mut self, text: CowStr<'a>, range: &Range<usize>) -> CowStr<'a> {
        let Some(pieces) = self.pieces(&text, range) else { return text };
        let mut restored = String::with_capacity(text.len());
        for (plain, tag) in pieces {
            restored.push_str(&plain);
            if let Some(tag) = tag {
                self.is_met[tag] = true;
                restored.push_str(&self.source[self.tags[tag].span.clone()]);
            }
        }
        restored.into()
    }

    /// Puts what a tag stands for into a sentence, or begins or ends a body there.
    pub(super) fn place(&mut self, tag: usize) {
        self.is_met[tag] = true;
        let tags = self.tags;
        match &tags[tag].kind {
            TagKind::Call(call) if call.name.value == "form" => self.report(Fault::new(
                "a form stands inside other text",
                tags[tag].span.clone(),
                "put it in a paragraph of its own, or write it as code between backticks",
            )),
            TagKind::Call(call) => {
                let html = self.expand(call, None);
                self.events.push(Event::InlineHtml(html.into()));
            }
            TagKind::Open(call) => {
                if self.is_callable(call) {
                    self.bodies.push(OpenBody { tag, depth: self.depth });
                    self.events.push(Event::InlineHtml(format!("{}{tag}{}", BODY.0, BODY.1).into()));
                }
            }
            TagKind::Close(opening) => match self.bodies.pop_if(|body| body.tag == *opening) {
                Some(body) if body.depth == self.depth => {
                    self.events.push(Event::InlineHtml(format!("{}/{}", BODY.0, BODY.1).into()));
                }
                Some(body) => self.refuse_torn_body(body.tag),
                // Why it did not begin is said already.
                None => {}
            },
        }
    }

    /// Puts what a shortcode stands for in the place of its paragraph.
    pub(super) fn place_alone(&mut self, tag: usize) {
        self.is_met[tag] = true;
        let tags = self.tags;
        let TagKind::Call(call) = &tags[tag].kind else { return };
        if call.name.value == "form" {
            return self.place_form(call);
        }
        let html = self.expand(call, None);
        self.events.push(Event::Html((html + "\n").into()));
    }

    /// Whether the theme has the shortcode, with these parameters; reports why not.
    fn is_callable(&mut self, call: &Call) -> bool {
        let Some(declared) = self.theme.shortcode(&call.name.value) else {
            self.report_unknown(&call.name);
            return false;
        };
        let faults = shortcode::check(call, declared);
        let is_callable = faults.is_empty();
        faults.into_iter().for_each(|fault| self.report(fault));
        is_callable
    }

    fn report_unknown(&mut self, name: &Located<String>) {
        let known: Vec<&str> = self.theme.shortcodes().chain(["form"]).collect();
        let help = match near_match(&name.value, known.iter().copied()) {
            Some("form") if name.value == "form" => "a form has no body: write `{{ form(id=\"…\") }}`".to_owned(),
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are {}", in_backticks(&known)),
        };
        let fault = Fault::new(format!("there is no shortcode `{}`", name.value), name.span.clone(), help);
        self.report(fault);
    }

    /// What a shortcode stands for.
    fn expand(&mut self, call: &Call, body: Option<&str>) -> String {
        // A call with a body was checked where the body began.
        if body.is_none() && !self.is_callable(call) {
            return String::new();
        }
        match self.theme.expand(self.site, self.id, call, body) {
            Ok(html) => {
                self.ids.extend(Ids::of(&html).iter().map(str::to_owned));
                markup::complete(self.site, self.id, &html).unwrap_or(html)
            }
            Err(diagnostic) => {
                let before = &self.file.as_bytes()[..self.base + call.name.span.start];
                let line = memchr::memchr_iter(b'\n', before).count() + 1;
                let note = format!("while the shortcode `{}` at {}:{line} was rendered", call.name.value, self.path);
                self.diagnostics.push(diagnostic.note(note));
                String::new()
            }
        }
    }

    /// Puts each body that stands between its marks in finished HTML into what its shortcode makes of it.
    pub(super) fn wrap_bodies(&mut self, html: &str) -> String {
        let tags = self.tags;
        let mut outer: Vec<(&Call, String)> = Vec::new();
        let mut current = String::with_capacity(html.len());
        let mut rest = html;
        while let Some((before, after)) = rest.split_once(BODY.0) {
            current.push_str(before);
            let Some((mark, after)) = after.split_once(BODY.1) else { break };
            rest = after;
            if mark == "/" {
                if let Some((call, around)) = outer.pop() {
                    let body = std::mem::replace(&mut current, around);
                    current.push_str(&self.expand(call, Some(body.trim())));
                }
            } else if let Some(TagKind::Open(call)) =
                mark.parse().ok().and_then(|tag: usize| Some(&tags.get(tag)?.kind))
            {
                outer.push((call, std::mem::take(&mut current)));
            }
        }
        current.push_str(rest);
        // Bodies without an end are mistakes, which are reported.
        outer.into_iter().rev().fold(current, |inner, (_, around)| around + &inner)
    }

    pub(super) fn refuse_torn_body(&mut self, tag: usize) {
        self.report(Fault::new(
            "the shortcode's body ends in another paragraph, list or quote than it begins in",
            self.tags[tag].span.clone(),
            "put `{% end %}` where the shortcode begins: both in one paragraph, or both on lines of their own",
        ));
    }

    /// What is left of a shortcode in a picture's description or a reference would be published as a mask.
    pub(super) fn refuse_lost_shortcodes(&mut self) {
        let tags = self.tags;
        for (tag, _) in tags.iter().zip(self.is_met.clone()).filter(|(_, is_met)| !is_met) {
            self.report(Fault::new(
                "a shortcode stands where it cannot be expanded",
                tag.span.clone(),
                "put it into the text, or write it as code between backticks",
            ));
        }
    }

    fn place_form(&mut self, call: &Call) {
        for (key, _) in call.arguments.iter().filter(|(key, _)| key.value != "id") {
            self.report(shortcode::unknown_parameter("form", key, &["id"]));
        }
        let id = call.arguments.iter().find(|(key, _)| key.value == "id").map(|(_, id)| (&id.value, &id.span));
        let Some((Argument::Text(id), span)) = id else {
            self.report(Fault {
                help: "write `{{ form(id=\"register\") }}` for `content/forms/register.yaml`".to_owned(),
                ..shortcode::missing_parameter(call, "id")
            });
            return;
        };
        let span = self.in_file(span);
        let forms = self.forms;
        if let Some(markup) = forms.get(id) {
            self.ids.extend(Ids::of(markup).iter().map(str::to_owned));
            self.events.push(Event::Html(markup.as_str().into()));
            self.rendered.forms.push(Located { value: id.clone(), span });
        } else if !self.site.is_unusable(&format!("forms/{id}.yaml")) {
            let mut known: Vec<&str> = forms.keys().map(String::as_str).collect();
            known.sort_unstable();
            let mut diagnostic = Diagnostic::error(self.path, span, format!("there is no form `{id}`"))
                .label(format!("no file content/forms/{id}.yaml"));
            if let Some(near) = near_match(id, known.iter().copied()) {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            } else if !known.is_empty() {
                diagnostic = diagnostic.help(format!("known are {}", in_backticks(&known)));
            }
            self.diagnostics.push(diagnostic);
        }
    }
}
