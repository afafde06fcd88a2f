//! What the function sends and shows about a registration, drawn by the theme: its mails, and the thank-you page with the
//! receipt. Each is rendered with marks where only the function knows what stands, and cut there.
//!
//! It knows neither mail nor registrations.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use statement::contract::{AnswerFrame, AnswerPart, FramePart, LetterFrame, Letters};
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::form::{Form, Notify};
use tera::Value;

use crate::address;
use crate::contract::{cut, mark};
use crate::gate::{Gate, Used};
use crate::markdown;
use crate::scan;
use crate::site::{PageId, Site};
use crate::source_tree::SourceTree;
use crate::template::{Beside, Theme, map};

/// The templates a theme must have where there are forms.
pub(crate) const TEMPLATES: [&str; 7] = [
    "mail/staff.txt",
    "mail/staff.html",
    "mail/answer.txt",
    "mail/answer.html",
    "mail/confirmation.txt",
    "mail/confirmation.html",
    "receipt.html",
];

/// The form whose frames are drawn, and what they are drawn with.
pub(crate) struct Frames<'a> {
    pub(crate) site: &'a Site,
    pub(crate) theme: &'a Theme,
    pub(crate) gate: &'a Gate<'a>,
    pub(crate) form: &'a Form,
    /// The page it stands on.
    pub(crate) page: PageId,
    /// Every form as it stands on its page, by id, for those that stand beside it.
    pub(crate) empty: &'a HashMap<String, String>,
}

impl Frames<'_> {
    /// Draws the mails; reports what a mail must have and has not, or must not have.
    pub(crate) fn letters(&self, diagnostics: &mut Diagnostics) -> Option<Letters> {
        let answers = if self.form.notify.value == Notify::Full { mark("answers") } else { String::new() };
        let staff = self.letter("staff", &answers, diagnostics);
        let confirmation = self.letter("confirmation", "", diagnostics);
        let answer = self.answer(diagnostics);
        let staff = staff.filter(|staff| self.check_staff(staff, diagnostics));
        Some(Letters { staff: staff?, answer: answer?, confirmation: confirmation? })
    }

    /// Draws the thank-you page with the receipt below what its author wrote.
    pub(crate) fn receipt(
        &self,
        thanks: PageId,
        tree: &SourceTree,
        used: &mut BTreeSet<Used>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Vec<FramePart>> {
        let file = address::href(&address::of_receipt_file(&self.form.id));
        let receipt = map! {
            reference: mark("reference"),
            received: mark("received"),
            statement_version: mark("statement_version"),
            statement_url: mark("statement_url"),
            json: mark("receipt"),
            file_url: Value::safe_string(&format!("{file}?reference={}", mark("reference"))),
        };
        let receipt = self.theme.fragment("receipt.html", vec![("receipt", receipt)], &self.form.path, diagnostics)?;
        let path = &self.site.pages[thanks].path;
        // What is wrong with the page's text has been said when it was rendered for the site.
        let mut rendered =
            markdown::render(self.site, self.theme, thanks, tree.text(path)?, self.empty, &mut Diagnostics::new());
        rendered.html.push_str(&receipt);
        let html = self.theme.page(self.site, thanks, &rendered, Beside::default(), diagnostics)?;
        // Visitors see this page too, and it has parts of the theme that no published one has.
        used.extend(self.gate.check_page(&self.site.pages[thanks], &scan::page(&html).findings, diagnostics));
        let parts = cut(&html, FramePart::Words, frame_part);
        if parts.iter().filter(|part| **part == FramePart::Receipt).count() == 1 {
            return Some(parts);
        }
        self.lack(
            "receipt.html",
            "the page with the receipt lacks the receipt",
            "print `receipt.json` once, and `page.content` on the thank-you page",
            diagnostics,
        );
        None
    }

    fn letter(&self, name: &str, answers: &str, diagnostics: &mut Diagnostics) -> Option<LetterFrame> {
        let mut draw = |file: &str| {
            let page = &self.site.pages[self.page].address;
            let letter = map! {
                form: self.form.id.as_str(),
                page_url: address::permalink(&self.site.config.base_url, page),
                reference: mark("reference"),
                received: mark("received"),
                statement_version: mark("statement_version"),
                statement_url: mark("statement_url"),
                answers: Value::safe_string(answers),
            };
            self.theme.fragment(file, vec![("letter", letter)], &self.form.path, diagnostics)
        };
        let (file, other) = (format!("mail/{name}.txt"), format!("mail/{name}.html"));
        let (text, html) = (draw(&file), draw(&other));
        let (text, html) = (text?, html?);
        // As in a mail itself, an empty line is between the head and the rest.
        let (subject, text) = text.split_once("\n\n").unwrap_or(("", &text));
        let is_line = !subject.trim().is_empty() && !subject.contains('\n') && !subject.contains(&mark("answers"));
        if !is_line {
            let help = "begin with the subject, alone in its line and without an answer, and leave the next line empty";
            self.lack(&file, "a mail has no subject", help, diagnostics);
            return None;
        }
        Some(LetterFrame {
            subject: cut(subject.trim(), FramePart::Words, frame_part),
            text: cut(&format!("{}\n", text.trim()), FramePart::Words, frame_part),
            html: cut(&format!("{}\n", html.trim()), FramePart::Words, frame_part),
        })
    }

    fn answer(&self, diagnostics: &mut Diagnostics) -> Option<AnswerFrame> {
        let mut draw = |file: &str| {
            let answer = map! { label: mark("label"), text: mark("answer") };
            let drawn = self.theme.fragment(file, vec![("answer", answer)], &self.form.path, diagnostics)?;
            let drawn = format!("{}\n", drawn.trim());
            let typed = mark("answer");
            let is_whole = drawn.matches(&typed).count() == 1 && drawn.contains(&mark("label"));
            if !is_whole {
                let help = "print `answer.label`, and `answer.text` once";
                self.lack(file, "a mail lacks an answer or its label", help, diagnostics);
                return None;
            }
            // A link, a picture or a style made of what a stranger typed would be the stranger's.
            let before = drawn.split(&typed).next().unwrap_or_default();
            if file.ends_with(".html") && before.rfind('<') > before.rfind('>') {
                let help = "print it between tags, like `<pre>{{ answer.text }}</pre>`";
                self.lack(file, "what was typed would stand inside a tag of a mail", help, diagnostics);
                return None;
            }
            Some(drawn)
        };
        let (text, html) = (draw("mail/answer.txt"), draw("mail/answer.html"));
        let part = |name: &str| match name {
            "label" => Some(AnswerPart::Label),
            "answer" => Some(AnswerPart::Answer),
            _ => None,
        };
        Some(AnswerFrame { text: cut(&text?, AnswerPart::Words, part), html: cut(&html?, AnswerPart::Words, part) })
    }

    /// Staff find a registration by its reference, and where nothing is stored its answers are only in the mail.
    fn check_staff(&self, staff: &LetterFrame, diagnostics: &mut Diagnostics) -> bool {
        let mut wanted = vec![(FramePart::Reference, "the reference", "print `letter.reference`")];
        if self.form.notify.value == Notify::Full {
            wanted.push((
                FramePart::Answers,
                "the answers",
                "print `letter.answers`, which is empty with `notify: reference`",
            ));
        }
        let mut is_whole = true;
        for (file, parts) in [("mail/staff.txt", &staff.text), ("mail/staff.html", &staff.html)] {
            for (part, what, help) in &wanted {
                if !parts.contains(part) {
                    self.lack(file, &format!("the mail to staff lacks {what}"), help, diagnostics);
                    is_whole = false;
                }
            }
        }
        is_whole
    }

    fn lack(&self, template: &str, fact: &str, help: &str, diagnostics: &mut Diagnostics) {
        let path: Arc<str> = self.site.theme.template_path(template);
        diagnostics.push(
            Diagnostic::error(&path, 0..0, fact).note(format!("found with the form `{}`", self.form.id)).help(help),
        );
    }
}

fn frame_part(name: &str) -> Option<FramePart> {
    match name {
        "reference" => Some(FramePart::Reference),
        "received" => Some(FramePart::Received),
        "statement_version" => Some(FramePart::StatementVersion),
        "statement_url" => Some(FramePart::StatementUrl),
        "answers" => Some(FramePart::Answers),
        "receipt" => Some(FramePart::Receipt),
        _ => None,
    }
}
