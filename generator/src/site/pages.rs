//! The pages that files and versions become, each with its address.
//!
//! Where they stand among each other is decided in `lists`.

use std::sync::Arc;

use jiff::civil::Date;
use rayon::prelude::*;
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::history::State;

use super::{LeftOut, Occupant, Options, PageId, PageKind, Site, SitePage, content_path};
use crate::address;
use crate::page::{self, Document, FrontMatter};
use crate::publication::{Companion, Publication};
use crate::source_tree::SourceTree;
use crate::statement_files;

impl Site {
    pub(super) fn add_pages(
        &mut self,
        pages: Vec<page::Page>,
        options: &Options,
        today: Date,
        diagnostics: &mut Diagnostics,
    ) {
        let with_address = |page: page::Page| {
            let in_content: Arc<str> = content_path(&page.path).into();
            let kind = match &*in_content {
                "_index.md" | "index.md" => PageKind::Home,
                "404.md" => PageKind::NotFound,
                path if path.ends_with("/_index.md") => PageKind::Section,
                _ => PageKind::Page,
            };
            let address = match kind {
                PageKind::NotFound => "/404.html".to_owned(),
                _ => address::of_page(&in_content, page.front.slug.as_deref()),
            };
            (page, in_content, kind, address)
        };
        let pages: Vec<_> = pages.into_par_iter().map(with_address).collect();
        for (page, in_content, kind, address) in pages {
            if let Some(reason) = LeftOut::find(&page.front, options, today) {
                self.left_out.insert(in_content, reason);
                continue;
            }
            if address.contains("//") {
                diagnostics.push(
                    Diagnostic::error(&page.path, 0..0, "the file's name has no letter that an address can have")
                        .help("rename it, or give the page a `slug`"),
                );
                self.unusable.push(in_content);
                continue;
            }
            let page = SitePage::new(page.path, page.text, page.front, kind, address);
            let id = self.add_page(page, diagnostics);
            self.by_content_path.insert(in_content, id);
        }
    }

    /// Every version stands at its permalink, the one in force at the folder's address too, and the next one where it is
    /// announced; beside them stand the pages about them.
    pub(super) fn add_statement_pages(&mut self, diagnostics: &mut Diagnostics) {
        let publications = std::mem::take(&mut self.publications);
        for (index, publication) in publications.iter().enumerate() {
            for file in publication.statements.iter().copied() {
                let version = publication.version_of(file);
                let statement = &self.statements[file];
                let state = version.map(|version| publication.state(version));
                // What may not be shown is not shown on the pages of earlier moments either.
                let version_of_file = version.map(|version| &publication.document.history.versions[version]);
                if version_of_file.is_some_and(|version| publication.file_of(version).is_none()) {
                    continue;
                }
                let (path, text) = (Arc::clone(&statement.path), statement.text_span.clone());
                let title = statement.title.clone();
                let permalink = publication.address_of_file(statement);
                let front = Arc::new(FrontMatter { title, ..FrontMatter::default() });
                let page = |address: String| SitePage {
                    noindex: !matches!(state, Some(State::InForce | State::Upcoming)),
                    ..SitePage::new(
                        Arc::clone(&path),
                        text.clone(),
                        Arc::clone(&front),
                        PageKind::Statement(file),
                        address,
                    )
                };
                let id = self.add_page(page(permalink), diagnostics);
                self.by_content_path.insert(content_path(&path).into(), id);
                if state == Some(State::InForce) {
                    self.add_page(page(publication.home.clone()), diagnostics);
                } else if version.is_some() && publication.upcoming() == version {
                    self.add_page(page(publication.shared("upcoming")), diagnostics);
                }
            }
            for (companion, address) in publication.companions(&self.statements, &self.translations) {
                if publication.has_companions {
                    self.add_companion(publication, index, companion, address, diagnostics);
                }
            }
            for file in statement_files::addresses(publication, &self.statements, &self.translations) {
                let occupant = Occupant::Reserved("a file of the statement stands there");
                self.occupy(&file, occupant, &publication.path, 0..0, diagnostics);
            }
        }
        self.publications = publications;
    }

    fn add_companion(
        &mut self,
        publication: &Publication,
        index: usize,
        companion: Companion,
        address: String,
        diagnostics: &mut Diagnostics,
    ) {
        let kind = PageKind::Companion(index, companion);
        let (path, text, title) = match companion {
            Companion::Translation(translation) => {
                let translation = &self.translations[translation];
                (Arc::clone(&translation.path), translation.text_span.clone(), translation.title.clone())
            }
            // Its title is the template's to say.
            _ => (Arc::clone(&publication.path), 0..0, String::new()),
        };
        let front = Arc::new(FrontMatter { title, ..FrontMatter::default() });
        let page = SitePage { noindex: companion.noindex(), ..SitePage::new(path, text, front, kind, address) };
        let in_content: Option<Arc<str>> =
            matches!(companion, Companion::Translation(_)).then(|| page.content_path().into());
        let id = self.add_page(page, diagnostics);
        self.by_content_path.extend(in_content.map(|path| (path, id)));
    }

    /// What shows the theme to whoever edits it stands in no list, and gives way to a page of the site.
    pub(super) fn add_style_guide(&mut self, tree: &SourceTree, diagnostics: &mut Diagnostics) {
        let Some((path, text)) = self.theme.style_guide(tree) else { return };
        if self.by_address.contains_key(address::STYLE_GUIDE) {
            return;
        }
        let parsed = page::parse(path, text, &self.config.timezone, diagnostics);
        if let Some(Document::Page(page::Page { path, text, front })) = parsed {
            let address = address::STYLE_GUIDE.to_owned();
            let page = SitePage { noindex: true, ..SitePage::new(path, text, front, PageKind::Page, address) };
            self.add_page(page, diagnostics);
        }
    }

    /// A thank-you page means something only after a form; search engines should not lead to it.
    pub(super) fn hide_thank_you_pages(&mut self) {
        let thanks: Vec<PageId> = self
            .forms
            .iter()
            .filter_map(|form| address::join(content_path(&form.path), &form.thanks.value))
            .filter_map(|path| self.page_of(&path))
            .collect();
        for id in thanks {
            self.pages[id].noindex = true;
        }
    }
}
