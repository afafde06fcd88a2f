//! The whole site, assembled: one address per page, order, sections, terms, statements, forms. Immutable from here on.

mod addresses;
mod assemble;
mod lists;
mod pages;
mod parse;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use ahash::AHashMap;
use jiff::Timestamp;
use jiff::civil::Date;
use statement::diagnostic::near_match;
use statement::form::Form;
use statement::translation::Translation;
use statement::version::Statement;

use crate::address;
use crate::assets::Assets;
use crate::feed::Feed;
use crate::images;
use crate::images::scaled::Scaled;
use crate::page::{self, FrontMatter};
use crate::publication::{self, Companion, Publication};
use crate::site_config::{self, SiteConfig};
use crate::taxonomy::{Filing, Taxonomy};
use crate::theme_files::ThemeFiles;

/// Index of a page in [`Site::pages`].
pub type PageId = usize;

/// What the caller decides about a build.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Replaces the site's `base_url`.
    pub base_url: Option<String>,
    /// Publishes drafts too, and pages dated in the future.
    pub drafts: bool,
    /// Publishes statements that are being written, too.
    pub statement_drafts: bool,
    /// The day the site is built for; none means the day of `now` in the site's time zone.
    pub today: Option<Date>,
    /// The moment of the build.
    pub now: Timestamp,
    /// Somebody edits the site and looks at it: what a theme publishes keeps its names, whatever is in it.
    pub is_edited: bool,
    /// Where what takes long is kept for the next build.
    pub cache: Option<PathBuf>,
}

/// The site.
#[derive(Debug)]
pub struct Site {
    /// Its settings.
    pub config: SiteConfig,
    /// The theme the settings name, with those it extends.
    pub theme: ThemeFiles,
    /// All pages, in the order of their files.
    pub pages: Vec<SitePage>,
    /// All versions of the statement, and its drafts where drafts are shown.
    pub statements: Vec<Statement>,
    /// Their translations.
    pub translations: Vec<Translation>,
    /// The version in force, as an index into `statements`.
    pub in_force: Option<usize>,
    /// The documents these are versions of, by folder.
    pub publications: Vec<Publication>,
    /// The forms, by id.
    pub forms: Vec<Form>,
    /// What the theme publishes beside its pages.
    pub assets: Assets,
    /// Files published as they are: index into the tree's files, and site path.
    pub files: Vec<(usize, String)>,
    /// How large the pictures among them are, by index into the tree's files.
    pub sizes: HashMap<usize, images::Size>,
    /// In which other widths each is published, by the same index.
    pub scaled: HashMap<usize, Vec<Scaled>>,
    /// Former addresses and the pages that replace them.
    pub redirects: Vec<(String, PageId)>,
    /// What stands at a site path.
    pub by_address: AHashMap<String, Occupant>,
    /// The page a content file became; for a version of the statement, its permalink's page.
    by_content_path: AHashMap<Arc<str>, PageId>,
    /// What pages are filed under.
    pub taxonomies: Vec<Taxonomy>,
    /// The feeds.
    pub feeds: Vec<Feed>,
    /// The data files, by name; none where one cannot be used, which has been reported.
    pub data: BTreeMap<String, Option<serde_json::Value>>,
    /// Pages that are not published today, by content path.
    left_out: HashMap<Arc<str>, LeftOut>,
    /// Pages and forms that could not be used, by content path: what refers to them is not to blame.
    unusable: Vec<Arc<str>>,
}

/// Why a page is not published today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// Its author is not done with it.
    Draft,
    /// It is dated on a day to come.
    Until(Date),
    /// It has been left out since a day.
    Since(Date),
}

impl LeftOut {
    /// Whether a page is left out on the day `today`, and why.
    fn find(front: &FrontMatter, options: &Options, today: Date) -> Option<Self> {
        let date = front.date.as_ref().map(|date| date.date()).filter(|date| *date > today && !options.drafts);
        let expires = front.expires.as_ref().map(|expires| expires.date()).filter(|expires| *expires <= today);
        (front.draft && !options.drafts)
            .then_some(Self::Draft)
            .or_else(|| expires.map(Self::Since))
            .or_else(|| date.map(Self::Until))
    }
}

/// What stands at a site path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occupant {
    /// A page.
    Page(PageId),
    /// A file that is published as it is, as an index into the tree's files.
    File(usize),
    /// The address a page had before.
    Redirect(PageId),
    /// A form's endpoint, or a file of the site as a whole.
    Reserved(&'static str),
}

/// What kind of page it is, which chooses its template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageKind {
    /// `content/_index.md`.
    Home,
    /// Any other page.
    Page,
    /// Another `_index.md`.
    Section,
    /// A version of the statement, as an index into [`Site::statements`].
    Statement(usize),
    /// A page beside the versions of a document, as an index into [`Site::publications`], and which.
    Companion(usize, Companion),
    /// `content/404.md`.
    NotFound,
    /// The page of all terms of a taxonomy, as an index into [`Site::taxonomies`].
    Taxonomy(usize),
    /// The page of a term, as indices into [`Site::taxonomies`] and the terms there.
    Term(usize, usize),
    /// The page that lists all pages, on which they are searched.
    Search,
}

/// A page with its address.
#[derive(Debug)]
pub struct SitePage {
    /// The file.
    pub path: Arc<str>,
    /// Where its text stands in the file, in bytes.
    pub text: Range<usize>,
    /// The checked front matter.
    pub front: Arc<FrontMatter>,
    /// What kind of page it is.
    pub kind: PageKind,
    /// Its site path.
    pub address: String,
    /// The pages it lists, in order; where a list is spread over several pages, those on this one.
    pub children: Vec<PageId>,
    /// The section it is in, for a term its taxonomy.
    pub parent: Option<PageId>,
    /// The page before it in its section's order.
    pub previous: Option<PageId>,
    /// The page after it in its section's order.
    pub next: Option<PageId>,
    /// The terms it is filed under.
    pub filings: Vec<Filing>,
    /// Its place among the pages its list is spread over.
    pub part: Option<Part>,
    /// Whether it has a feed of its own.
    pub has_feed: bool,
    /// Whether a feed shows its text.
    pub is_in_feed: bool,
    /// Kept out of search engines and the sitemap.
    pub noindex: bool,
}

/// One of the pages a long list is spread over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// From 1.
    pub number: usize,
    /// How many there are.
    pub count: usize,
    /// How many pages the whole list has.
    pub listed: usize,
    /// The first.
    pub first: PageId,
    /// The second; the others follow it.
    second: PageId,
}

impl Part {
    /// The page that is part `number` of the same list, if there is one.
    #[must_use]
    pub fn other(&self, number: usize) -> Option<PageId> {
        match number {
            1 => Some(self.first),
            _ if (2..=self.count).contains(&number) => Some(self.second + number - 2),
            _ => None,
        }
    }
}

impl SitePage {
    fn new(path: Arc<str>, text: Range<usize>, front: Arc<FrontMatter>, kind: PageKind, address: String) -> Self {
        Self {
            path,
            text,
            front,
            kind,
            address,
            children: Vec::new(),
            parent: None,
            previous: None,
            next: None,
            filings: Vec::new(),
            part: None,
            has_feed: false,
            is_in_feed: false,
            noindex: matches!(kind, PageKind::NotFound | PageKind::Search),
        }
    }

    /// The page as messages name it: its file, or its address where no file of its own stands behind it.
    #[must_use]
    pub fn name(&self) -> &str {
        let is_made = matches!(self.kind, PageKind::Taxonomy(_) | PageKind::Term(..) | PageKind::Search)
            && &*self.path == site_config::PATH;
        let is_companion =
            matches!(self.kind, PageKind::Companion(_, page) if !matches!(page, Companion::Translation(_)));
        if is_made || is_companion { &self.address } else { &self.path }
    }

    /// Whether it is the second or a later page of a list.
    #[must_use]
    pub fn is_later_part(&self) -> bool {
        self.part.is_some_and(|part| part.number > 1)
    }

    /// The file's path under `content/`.
    #[must_use]
    pub fn content_path(&self) -> &str {
        content_path(&self.path)
    }
}

fn content_path(path: &str) -> &str {
    path.strip_prefix("content/").unwrap_or(path)
}

impl Site {
    /// The page that a content file became.
    #[must_use]
    pub fn page_of(&self, content_path: &str) -> Option<PageId> {
        self.by_content_path.get(content_path).copied()
    }

    /// The page that a file became.
    #[must_use]
    pub fn page_of_file(&self, path: &str) -> Option<PageId> {
        self.page_of(content_path(path))
    }

    /// Takes note that the text of a page stands elsewhere in its file.
    pub fn replace_text(&mut self, id: PageId, text: Range<usize>) {
        let path = Arc::clone(&self.pages[id].path);
        // Later parts of its list have no text; they stand at its end.
        for part in self.pages.iter_mut().filter(|page| page.is_later_part() && page.path == path) {
            part.text = text.end..text.end;
        }
        self.pages[id].text = text;
    }

    /// The page that a file was parsed into; none where the file became something else, or nothing.
    #[must_use]
    pub fn parsed(&self, path: &str) -> Option<page::Page> {
        let page = &self.pages[self.page_of_file(path)?];
        let is_page = !matches!(page.kind, PageKind::Statement(_) | PageKind::Companion(..));
        is_page.then(|| page::Page {
            path: Arc::clone(&page.path),
            text: page.text.clone(),
            front: Arc::clone(&page.front),
        })
    }

    /// Why the page of a content file is not published today, if that is so.
    #[must_use]
    pub fn left_out(&self, content_path: &str) -> Option<LeftOut> {
        self.left_out.get(content_path).copied()
    }

    /// The home page.
    #[must_use]
    pub fn home(&self) -> Option<PageId> {
        self.page_of("_index.md").or_else(|| self.page_of("index.md"))
    }

    /// The pages above a page, from the home page down.
    #[must_use]
    pub fn ancestors(&self, id: PageId) -> Vec<PageId> {
        let mut ancestors: Vec<PageId> =
            std::iter::successors(self.pages[id].parent, |above| self.pages[*above].parent).collect();
        ancestors.reverse();
        ancestors
    }

    /// Whether a content file is there but could not be used, which has been reported.
    #[must_use]
    pub fn is_unusable(&self, content_path: &str) -> bool {
        self.unusable.iter().any(|path| &**path == content_path)
    }

    /// Whether an address is in the folder of a version that could not be used, which has been reported.
    #[must_use]
    pub fn is_of_unusable_version(&self, address: &str) -> bool {
        self.unusable.iter().any(|path| {
            let file = path.rsplit_once('/').and_then(|(folder, file)| Some((folder, file.strip_suffix(".md")?)));
            file.is_some_and(|(folder, name)| {
                parse_version(name).is_ok()
                    && address.starts_with(&address::of_page(&format!("{folder}/_index.md"), None))
            })
        })
    }

    /// The version of the statement in force.
    #[must_use]
    pub fn statement(&self) -> Option<&Statement> {
        self.in_force.map(|index| &self.statements[index])
    }

    /// When another version is in force next, and which.
    #[must_use]
    pub fn next_transition(&self) -> Option<(Timestamp, Option<String>)> {
        let next = |publication: &Publication| {
            let (at, version) = publication.document.history.next_transition(publication.at)?;
            Some((at, version.map(|version| publication.document.history.versions[version].version.clone())))
        };
        self.publications.iter().filter_map(next).min()
    }

    /// The terms of service, where the site has them in versions: the document in `content/terms/`.
    #[must_use]
    pub fn terms(&self) -> Option<&Publication> {
        self.publications.iter().find(|publication| publication.home == publication::TERMS)
    }

    /// The site path of a version's permalink.
    #[must_use]
    pub fn statement_address(statement: &Statement) -> String {
        address::of_page(content_path(&statement.path), None)
    }

    /// The site path where the version in force stands.
    #[must_use]
    pub fn statement_home(statement: &Statement) -> String {
        let folder = content_path(&statement.path).rsplit_once('/').map_or("", |(folder, _)| folder);
        address::of_page(&format!("{folder}/_index.md"), None)
    }

    /// The content path most like `wanted` that a link could have meant.
    #[must_use]
    pub fn near_content_path(&self, wanted: &str) -> Option<&str> {
        // A page that was moved keeps its name more often than its folder.
        let name = wanted.rsplit('/').next().filter(|name| !name.ends_with("index.md"));
        let paths = || self.by_content_path.keys().map(|path| &**path);
        let moved = paths().filter(|path| path.rsplit('/').next() == name).min();
        moved.or_else(|| near_match(wanted, paths()))
    }
}
