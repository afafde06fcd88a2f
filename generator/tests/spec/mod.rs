//! Every example of the CommonMark specification and of the extensions becomes what pulldown-cmark makes of it: our own
//! passes change heading ids, alerts and the boxes of tasks, and nothing else.
//!
//! `commonmark-0.31.2.txt` is the specification as it was published, by John MacFarlane, under the Creative Commons
//! licence CC-BY-SA 4.0 <https://creativecommons.org/licenses/by-sa/4.0/>; `extensions.txt` says where it comes from.

mod pathological;

use std::collections::HashMap;

use generator::markdown::{self, Heading, OPTIONS};
use generator::site::Site;
use generator::template::Theme;
use pulldown_cmark::{BlockQuoteKind, Event, Parser, Tag, TagEnd, html};
use statement::diagnostic::Diagnostics;

use crate::site_archive;

const FENCE: &str = "````````````````````````````````";

/// The markdown of each example; in the specification `→` is a tab.
fn examples() -> Vec<String> {
    let mut examples = Vec::new();
    for specification in [include_str!("commonmark-0.31.2.txt"), include_str!("extensions.txt")] {
        let mut rest = specification;
        while let Some((_, after)) = rest.split_once(&format!("\n{FENCE} example")) {
            let (example, after) = after.split_once(&format!("\n{FENCE}\n")).expect("an example ends");
            let (_, example) = example.split_once('\n').expect("an example has lines");
            let end = example.find("\n.\n").map(|end| end + 1).or_else(|| example.strip_suffix('.').map(str::len));
            examples.push(example[..end.unwrap_or_default()].trim_start_matches(".\n").replace('→', "\t"));
            rest = after;
        }
    }
    examples
}

/// What pulldown-cmark makes of it, with the heading ids that we chose, alerts and boxes as we write them.
fn plain(markdown: &str, headings: &[Heading]) -> String {
    let mut headings = headings.iter();
    let events = Parser::new_ext(markdown, OPTIONS).map(|event| match event {
        Event::Start(Tag::Heading { level, classes, attrs, .. }) => {
            let id = headings.next().map(|heading| heading.id.clone().into());
            Event::Start(Tag::Heading { level, id, classes, attrs })
        }
        Event::Start(Tag::BlockQuote(Some(kind))) => {
            let title = match kind {
                BlockQuoteKind::Note => "Note",
                BlockQuoteKind::Tip => "Tip",
                BlockQuoteKind::Important => "Important",
                BlockQuoteKind::Warning => "Warning",
                BlockQuoteKind::Caution => "Caution",
            };
            let class = title.to_lowercase();
            let opening =
                format!("<div class=\"alert alert-{class}\" role=\"note\">\n<p class=\"alert-title\">{title}</p>\n");
            Event::Html(opening.into())
        }
        Event::TaskListMarker(is_done) => {
            let (checked, name) = if is_done { (" checked", "Done") } else { ("", "To do") };
            let html = format!("<input type=\"checkbox\" disabled{checked} aria-label=\"{name}\"> ");
            Event::InlineHtml(html.into())
        }
        Event::End(TagEnd::BlockQuote(Some(_))) => Event::Html("</div>\n".into()),
        event => event,
    });
    let mut html = String::new();
    html::push_html(&mut html, events);
    html
}

#[test]
fn every_example_is_rendered_as_the_specification_says() {
    let examples = examples();
    assert!(examples.len() > 652 + 300, "{} examples were found", examples.len());
    assert_eq!(examples[0], "\tfoo\tbaz\t\tbim\n");
    let pages = examples.iter().enumerate();
    let pages: String = pages.map(|(n, text)| format!("-- content/e{n}.md --\n---\ntitle: A\n---\n{text}")).collect();
    let tree = site_archive::tree(&pages);
    let site = Site::assemble(&tree, &site_archive::options(), &mut Diagnostics::new()).expect("the site is whole");
    let theme = Theme::compile(&site, &tree, &mut Diagnostics::new()).expect("the theme is whole");
    for (n, text) in examples.iter().enumerate() {
        let path = format!("content/e{n}.md");
        let id = site.page_of(&path["content/".len()..]).expect("each example is a page");
        let file = tree.text(&path).expect("each example is a file");
        let rendered = markdown::render(&site, &theme, id, file, &HashMap::new(), &mut Diagnostics::new());
        assert_eq!(rendered.html, plain(text, &rendered.headings), "example {n}:\n{text}");
    }
}
