//! The whole site, assembled: one address per page, order, sections, terms, statements, forms. Immutable from here on.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use ahash::AHashMap;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rayon::prelude::*;
use statement::diagnostic::{Diagnostic, Diagnostics, near_match};
use statement::form::Form;
use statement::history::State;
use statement::translation::Translation;
use statement::version::{Statement, parse_version, start_of};
use statement::yaml;

use crate::address;
use crate::admin::{self, AdminConfig};
use crate::assets::Assets;
use crate::cards;
use crate::data;
use crate::documents;
use crate::drift;
use crate::feed::{self, Feed};
use crate::images;
use crate::images::scaled::{self, Scaled};
use crate::page::{self, Document, FrontMatter, SortBy};
use crate::publication::{self, Companion, Publication};
use crate::search;
use crate::site_config::{self, SiteConfig};
use crate::source_tree::{SourceFile, SourceTree};
use crate::statement_files;
use crate::taxonomy::{self, Filing, Taxonomy};
use crate::theme_files::ThemeFiles;
use crate::well_known;

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

/// Whether a file under `content/` is published as it is.
fn is_published(content_path: &str) -> bool {
    let is_form = content_path.starts_with("forms/") && content_path.ends_with(".yaml");
    let is_data = data::name_and_format(content_path).is_some();
    let is_source = content_path.ends_with(".md") || content_path == "site.yaml" || is_form || is_data;
    !is_source && !content_path.ends_with("/statement.lock")
}

fn content_path(path: &str) -> &str {
    path.strip_prefix("content/").unwrap_or(path)
}

/// What the markdown files of a site turned out to be.
#[derive(Default)]
struct Documents {
    pages: Vec<page::Page>,
    statements: Vec<Statement>,
    translations: Vec<Translation>,
    /// Drafts of the statement that are not shown, by content path.
    left_out: Vec<Arc<str>>,
    unusable: Vec<Arc<str>>,
}

/// Parses every markdown file but those that are `known`. Where drafts are not shown, a draft of the statement is not
/// judged either: whoever works on it does not keep the others from publishing.
fn parse_documents(
    tree: &SourceTree,
    timezone: &TimeZone,
    drafts: bool,
    known: &(dyn Fn(&str) -> Option<page::Page> + Sync),
    diagnostics: &mut Diagnostics,
) -> Documents {
    let parsed: Vec<(&Arc<str>, Option<Document>, Diagnostics)> = tree
        .files()
        .par_iter()
        .filter(|file| file.path.starts_with("content/") && file.path.ends_with(".md"))
        .filter_map(|file| file.text().map(|text| (file, text)))
        .map(|(file, text)| {
            let mut found = Diagnostics::new();
            let document = match known(&file.path) {
                Some(page) => Some(Document::Page(page)),
                None => page::parse(&file.path, text, timezone, &mut found),
            };
            (&file.path, document, found)
        })
        .collect();
    let mut documents = Documents::default();
    for (path, document, found) in parsed {
        if let Some(Document::Draft(_)) = &document {
            warn_of_dated_draft(path, diagnostics);
        }
        if !drafts && matches!(document, Some(Document::Draft(_))) {
            documents.left_out.push(content_path(path).into());
            continue;
        }
        diagnostics.append(found);
        match document {
            Some(Document::Page(page)) => documents.pages.push(page),
            Some(Document::Statement(statement)) => documents.statements.push(*statement),
            Some(Document::Draft(Some(statement))) => documents.statements.push(*statement),
            Some(Document::Translation(translation)) => documents.translations.push(translation),
            Some(Document::Draft(None)) | None => documents.unusable.push(content_path(path).into()),
        }
    }
    documents
}

/// Somebody who names a draft like a version thinks that it is published.
fn warn_of_dated_draft(path: &Arc<str>, diagnostics: &mut Diagnostics) {
    let name = path.rsplit('/').next().and_then(|name| name.strip_suffix(".md")).unwrap_or_default();
    if parse_version(name).is_ok() {
        let fact = format!("`{name}.md` is named like a version, and is a draft that is not published");
        diagnostics.push(
            Diagnostic::warning(path, 0..0, fact)
                .help(format!("either write `version: \"{name}\"`, and the build says which line the lock needs"))
                .help("or name the file `next.md`"),
        );
    }
}

/// Parses every form; what cannot be used is added to `unusable`.
fn parse_forms(tree: &SourceTree, unusable: &mut Vec<Arc<str>>, diagnostics: &mut Diagnostics) -> Vec<Form> {
    let mut forms = Vec::new();
    for file in tree.files() {
        let id = file.path.strip_prefix("content/forms/").and_then(|name| name.strip_suffix(".yaml"));
        let (Some(id), Some(text)) = (id, file.text()) else { continue };
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !id.bytes().all(plain) {
            diagnostics.push(
                Diagnostic::error(&file.path, 0..0, format!("`{id}` is not a form's name"))
                    .help("name the file with lower-case letters, digits and `-` only"),
            );
            continue;
        }
        let form = yaml::parse(&file.path, text, 0..text.len(), diagnostics)
            .and_then(|node| Form::parse(id, &file.path, &node, diagnostics));
        match form {
            Some(form) => forms.push(form),
            None => unusable.push(content_path(&file.path).into()),
        }
    }
    forms
}

impl Site {
    /// Parses and assembles the site; reports everything wrong and returns none if it has no usable settings.
    pub fn assemble(tree: &SourceTree, options: &Options, diagnostics: &mut Diagnostics) -> Option<Self> {
        Self::assemble_knowing(tree, options, &|_| None, diagnostics)
    }

    /// The same, where some pages were parsed before, by path: what was found in them was nothing.
    pub fn assemble_knowing(
        tree: &SourceTree,
        options: &Options,
        known: &(dyn Fn(&str) -> Option<page::Page> + Sync),
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let config = SiteConfig::parse(tree, options.base_url.as_deref(), diagnostics);
        let timezone = config.as_ref().map_or(TimeZone::UTC, |config| config.timezone.clone());
        let Documents { pages, statements, translations, left_out, mut unusable } =
            parse_documents(tree, &timezone, options.statement_drafts, known, diagnostics);
        let forms = parse_forms(tree, &mut unusable, diagnostics);
        let data = data::parse(tree, diagnostics);
        let config = config?;
        let today = config.today(options);
        let at = options.today.map_or(options.now, |today| start_of(today, &config.timezone));
        let documents = documents::assemble(tree, &statements, &translations, &config.timezone, at, diagnostics);
        let theme = ThemeFiles::find(&config.theme.value, tree, diagnostics);
        let publications = publication::gather(documents, tree, &theme, &statements, &translations, at);
        let in_force = in_force(&publications, &statements).map(|index| &statements[index]);
        // Where the statement itself could not be read, its absence is no news.
        if in_force.is_some() || unusable.is_empty() {
            check_statement(&statements, &forms, in_force, &today, diagnostics);
        }
        let in_force = in_force.and_then(|found| statements.iter().position(|version| std::ptr::eq(version, found)));

        let assets = Assets::assemble(&theme, tree, options.is_edited, diagnostics);
        let mut site = Self {
            config,
            theme,
            assets,
            pages: Vec::with_capacity(pages.len() + statements.len() + 1),
            statements,
            translations,
            in_force,
            publications,
            forms,
            files: Vec::new(),
            sizes: HashMap::new(),
            scaled: HashMap::new(),
            redirects: Vec::new(),
            by_address: AHashMap::new(),
            by_content_path: AHashMap::new(),
            taxonomies: Vec::new(),
            feeds: Vec::new(),
            data,
            left_out: left_out.into_iter().map(|path| (path, LeftOut::Draft)).collect(),
            unusable,
        };
        refuse_unfit_names(tree, diagnostics);
        site.reserve_addresses();
        site.add_pages(pages, options, today, diagnostics);
        site.add_statement_pages(diagnostics);
        site.hide_thank_you_pages();
        site.order_sections();
        if options.is_edited {
            site.add_style_guide(tree, diagnostics);
        }
        site.add_taxonomies(tree, diagnostics);
        site.add_feeds(diagnostics);
        site.spread_lists(diagnostics);
        site.add_sitemaps();
        site.add_search(diagnostics);
        site.reserve_admin(tree, diagnostics);
        site.add_files(tree, diagnostics);
        site.add_cards(diagnostics);
        site.add_redirects(diagnostics);
        site.add_statement_redirects();
        site.refuse_file_as_folder(tree, diagnostics);
        site.refuse_same_but_for_case(tree, diagnostics);
        site.require_home(diagnostics);
        Some(site)
    }

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

    fn reserve_addresses(&mut self) {
        for form in &self.forms {
            let endpoint = address::of_form(&form.id);
            self.by_address.insert(address::with_slash(&endpoint), Occupant::Reserved("a form posts to it"));
            self.by_address.insert(endpoint, Occupant::Reserved("a form posts to it"));
        }
        let drift = self.statement().map(drift::site_path);
        for path in well_known::RESERVED.map(str::to_owned).into_iter().chain(drift) {
            self.by_address.insert(path, Occupant::Reserved("the site's own file stands there"));
        }
    }

    /// Gives `occupant` an address, or reports who has it already.
    fn occupy(
        &mut self,
        address: &str,
        occupant: Occupant,
        path: &Arc<str>,
        span: Range<usize>,
        diagnostics: &mut Diagnostics,
    ) {
        let Some(holder) = self.by_address.get(address) else {
            self.by_address.insert(address.to_owned(), occupant);
            return;
        };
        let holder = match holder {
            Occupant::Page(id) => format!("`{}` has it too", self.pages[*id].path),
            Occupant::Redirect(id) => format!("`{}` names it as an alias", self.pages[*id].path),
            Occupant::File(_) => "a file of that name stands there".to_owned(),
            Occupant::Reserved(why) => (*why).to_owned(),
        };
        diagnostics.push(
            Diagnostic::error(path, span, format!("two things have the address `{address}`"))
                .note(holder)
                .help("rename one of the files, or give its page another `slug`"),
        );
    }

    fn add_page(&mut self, page: SitePage, diagnostics: &mut Diagnostics) -> PageId {
        let id = self.pages.len();
        let (address, path) = (page.address.clone(), Arc::clone(&page.path));
        self.pages.push(page);
        self.occupy(&address, Occupant::Page(id), &path, 0..0, diagnostics);
        id
    }

    fn add_pages(&mut self, pages: Vec<page::Page>, options: &Options, today: Date, diagnostics: &mut Diagnostics) {
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
    fn add_statement_pages(&mut self, diagnostics: &mut Diagnostics) {
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
    fn add_style_guide(&mut self, tree: &SourceTree, diagnostics: &mut Diagnostics) {
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

    /// The addresses that people try for a privacy statement lead to it, and where a version was announced to what is in
    /// force since, unless something else stands there.
    fn add_statement_redirects(&mut self) {
        let usual = self.statement().map(|statement| {
            let home = Self::statement_home(statement);
            publication::USUAL_ADDRESSES.map(|from| (from.to_owned(), home.clone()))
        });
        let announcing = self.publications.iter().filter(|publication| publication.announces());
        let upcoming = announcing.map(|publication| (publication.shared("upcoming"), publication.home.clone()));
        for (from, to) in usual.into_iter().flatten().chain(upcoming.collect::<Vec<_>>()) {
            let Some(Occupant::Page(to)) = self.by_address.get(&to).copied() else { continue };
            if !self.by_address.contains_key(&from) {
                self.by_address.insert(from.clone(), Occupant::Redirect(to));
                self.redirects.push((from, to));
            }
        }
    }

    fn add_files(&mut self, tree: &SourceTree, diagnostics: &mut Diagnostics) {
        for (index, file) in tree.under("content/") {
            let path = content_path(&file.path);
            if !is_published(path) {
                continue;
            }
            let published = address::of_file(path);
            refuse_misnamed(&file.path, diagnostics);
            self.occupy(&published, Occupant::File(index), &file.path, 0..0, diagnostics);
            self.files.push((index, published));
        }
        let files: Vec<_> = self.files.iter().map(|(index, _)| (*index, &tree.files()[*index])).collect();
        self.sizes = images::measure(&files);
        if let Some(config) = &self.config.images {
            let planned = self
                .files
                .iter()
                .filter_map(|(index, address)| Some((*index, scaled::plan(address, *self.sizes.get(index)?, config))));
            self.scaled = planned.filter(|(_, planned)| !planned.is_empty()).collect();
        }
        let mut planned: Vec<(usize, Vec<Scaled>)> =
            self.scaled.iter().map(|(index, planned)| (*index, planned.clone())).collect();
        planned.sort_unstable_by_key(|(index, _)| *index);
        for (index, planned) in planned {
            for scaled in planned {
                self.occupy(&scaled.address, Occupant::File(index), &tree.files()[index].path, 0..0, diagnostics);
            }
        }
        let assets: Vec<(String, usize)> =
            self.assets.iter().map(|(_, asset)| (asset.address.clone(), asset.file)).collect();
        for (address, file) in assets {
            self.occupy(&address, Occupant::File(file), &tree.files()[file].path, 0..0, diagnostics);
        }
    }

    /// Keeps a place for the card of each page.
    fn add_cards(&mut self, diagnostics: &mut Diagnostics) {
        for id in 0..self.pages.len() {
            let page = &self.pages[id];
            if let Some(address) = cards::address_of(self, page) {
                let path = Arc::clone(&page.path);
                self.occupy(&address, Occupant::Reserved("the card of a page stands there"), &path, 0..0, diagnostics);
            }
        }
    }

    fn add_redirects(&mut self, diagnostics: &mut Diagnostics) {
        for id in 0..self.pages.len() {
            let path = Arc::clone(&self.pages[id].path);
            for alias in self.pages[id].front.aliases.clone() {
                let address = address::with_slash(&alias.value);
                self.occupy(&address, Occupant::Redirect(id), &path, alias.span, diagnostics);
                self.redirects.push((address, id));
            }
        }
    }

    /// On a host's disk nothing can be both a file and the folder of something else.
    fn refuse_file_as_folder(&self, tree: &SourceTree, diagnostics: &mut Diagnostics) {
        let folders: AHashMap<&str, &str> = self
            .by_address
            .keys()
            .flat_map(|address| address.match_indices('/').skip(1).map(|(end, _)| (&address[..end], address.as_str())))
            .filter(|(folder, _)| self.by_address.contains_key(*folder))
            .fold(AHashMap::new(), |mut folders, (folder, address)| {
                let inside = folders.entry(folder).or_insert(address);
                *inside = address.min(inside);
                folders
            });
        for (address, occupant) in &self.by_address {
            let Some(inside) = folders.get(address.as_str()) else { continue };
            let path = match occupant {
                Occupant::File(index) => &tree.files()[*index].path,
                Occupant::Redirect(id) | Occupant::Page(id) => &self.pages[*id].path,
                Occupant::Reserved(_) => continue,
            };
            diagnostics.push(
                Diagnostic::error(path, 0..0, format!("`{address}` would be a file and a folder at once"))
                    .note(format!("`{inside}` stands in the folder"))
                    .help("rename one of them"),
            );
        }
    }

    /// A host may keep a site on a disk that does not tell `A` from `a`.
    fn refuse_same_but_for_case(&self, tree: &SourceTree, diagnostics: &mut Diagnostics) {
        let mut by_lower: HashMap<String, &str> = HashMap::new();
        let is_lower = |address: &&str| address.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        let mut written: Vec<&str> =
            self.by_address.keys().map(String::as_str).filter(|address| !is_lower(address)).collect();
        written.sort_unstable();
        for address in written {
            let lower = address.to_lowercase();
            let other = self.by_address.get_key_value(&lower).map(|(other, _)| other.as_str());
            let other = other.filter(|other| *other != address).or_else(|| by_lower.insert(lower, address));
            let Some(other) = other else { continue };
            let path = match &self.by_address[address] {
                Occupant::File(index) => &tree.files()[*index].path,
                Occupant::Redirect(id) | Occupant::Page(id) => &self.pages[*id].path,
                Occupant::Reserved(_) => continue,
            };
            diagnostics.push(
                Diagnostic::error(path, 0..0, format!("the addresses `{other}` and `{address}` differ only in case"))
                    .note("on many disks they are the same file")
                    .help("rename one of the files"),
            );
        }
    }

    /// A page belongs to the nearest folder above it that has an `_index.md`.
    fn order_sections(&mut self) {
        for id in 0..self.pages.len() {
            if !matches!(self.pages[id].kind, PageKind::Page | PageKind::Section) {
                continue;
            }
            let path = self.pages[id].content_path();
            let own_folder = path.strip_suffix("/_index.md").or_else(|| path.strip_suffix("/index.md")).unwrap_or(path);
            let parent = own_folder
                .match_indices('/')
                .rev()
                .find_map(|(at, _)| self.page_of(&format!("{}/_index.md", &own_folder[..at])))
                .or_else(|| self.home());
            let Some(parent) = parent.filter(|parent| *parent != id) else { continue };
            self.pages[id].parent = Some(parent);
            if !self.pages[id].noindex {
                self.pages[parent].children.push(id);
            }
        }
        for id in 0..self.pages.len() {
            let mut children = std::mem::take(&mut self.pages[id].children);
            let sort_by = self.pages[id].front.listing.sort_by;
            // The path decides ties, so that the order is always the same.
            children.sort_by_cached_key(|id| {
                let page = &self.pages[*id];
                let weight = if sort_by == SortBy::Weight { page.front.weight.unwrap_or(i64::MAX) } else { 0 };
                let date = page.front.date.as_ref().filter(|_| sort_by != SortBy::Title);
                (weight, Reverse(date), page.front.title.to_lowercase(), &page.path)
            });
            if self.pages[id].kind == PageKind::Section {
                let pages: Vec<PageId> =
                    children.iter().copied().filter(|child| self.pages[*child].kind == PageKind::Page).collect();
                for pair in pages.windows(2) {
                    self.pages[pair[0]].next = Some(pair[1]);
                    self.pages[pair[1]].previous = Some(pair[0]);
                }
            }
            self.pages[id].children = children;
        }
    }

    /// Gives each taxonomy and each term a page; an `_index.md` at its address is taken for its title and text.
    fn add_taxonomies(&mut self, tree: &SourceTree, diagnostics: &mut Diagnostics) {
        self.taxonomies = taxonomy::gather(&self.config, &self.theme, tree, &mut self.pages, diagnostics);
        let path: Arc<str> = site_config::PATH.into();
        for index in 0..self.taxonomies.len() {
            let taxonomy = &self.taxonomies[index];
            let (address, title) = (taxonomy.address.clone(), taxonomy.config.title.clone());
            let at = (path.clone(), taxonomy.config.name.span.clone());
            let top = self.add_listing(address, title, PageKind::Taxonomy(index), at, diagnostics);
            self.pages[top].parent = self.home();
            let terms: Vec<PageId> = (0..self.taxonomies[index].terms.len())
                .map(|term_index| {
                    let taxonomy = &self.taxonomies[index];
                    let term = &taxonomy.terms[term_index];
                    let (address, title) = (address::below(&taxonomy.address, &term.slug), term.name.clone());
                    let (at, pages) = ((Arc::clone(&term.first.0), term.first.1.span.clone()), term.pages.clone());
                    let id = self.add_listing(address, title, PageKind::Term(index, term_index), at, diagnostics);
                    self.pages[id].children = pages;
                    self.pages[id].parent = Some(top);
                    id
                })
                .collect();
            self.pages[top].children = terms;
        }
    }

    /// Adds a page that only lists others; `at` is the place that is to blame for its address.
    fn add_listing(
        &mut self,
        address: String,
        title: String,
        kind: PageKind,
        at: (Arc<str>, Range<usize>),
        diagnostics: &mut Diagnostics,
    ) -> PageId {
        if let Some(Occupant::Page(id)) = self.by_address.get(&address).copied()
            && self.pages[id].kind == PageKind::Section
        {
            self.pages[id].kind = kind;
            // It is found through its taxonomy, like the pages that are made for terms.
            if let Some(parent) = self.pages[id].parent.take() {
                self.pages[parent].children.retain(|child| *child != id);
            }
            return id;
        }
        let id = self.pages.len();
        let front = Arc::new(FrontMatter { title, ..FrontMatter::default() });
        self.occupy(&address, Occupant::Page(id), &at.0, at.1, diagnostics);
        self.pages.push(SitePage::new(site_config::PATH.into(), 0..0, front, kind, address));
        id
    }

    /// Keeps a place for each feed, and tells the page it belongs to.
    fn add_feeds(&mut self, diagnostics: &mut Diagnostics) {
        let feeds = feed::gather(self, diagnostics);
        for feed in &feeds {
            let path = feed.page.map_or_else(|| site_config::PATH.into(), |id| Arc::clone(&self.pages[id].path));
            for file in [feed::ATOM, feed::JSON] {
                let address = address::beside(&feed.folder, file);
                self.occupy(&address, Occupant::Reserved("a feed stands there"), &path, 0..0, diagnostics);
            }
            if let Some(id) = feed.page {
                self.pages[id].has_feed = true;
            }
            for id in feed.entries.iter().filter(|_| self.config.feed.is_full) {
                self.pages[*id].is_in_feed = true;
            }
        }
        self.feeds = feeds;
    }

    /// Spreads each long list over pages of their own. The text stands on the first one only.
    fn spread_lists(&mut self, diagnostics: &mut Diagnostics) {
        for id in 0..self.pages.len() {
            let page = &self.pages[id];
            let own = page.front.listing.paginate;
            let size = match page.kind {
                PageKind::Section => own.unwrap_or(self.config.paginate),
                PageKind::Term(taxonomy, _) => {
                    own.or(self.taxonomies[taxonomy].config.paginate).unwrap_or(self.config.paginate)
                }
                PageKind::Home => own.unwrap_or(0),
                _ => 0,
            };
            if size == 0 {
                continue;
            }
            let listed = self.pages[id].children.split_off(0);
            let second = self.pages.len();
            let count = listed.len().div_ceil(size).max(1);
            let part = Part { number: 1, count, listed: listed.len(), first: id, second };
            let mut parts = listed.chunks(size).map(<[PageId]>::to_vec);
            self.pages[id].children = parts.next().unwrap_or_default();
            self.pages[id].part = Some(part);
            for (number, children) in (2..).zip(parts) {
                let first = &self.pages[id];
                let page = SitePage {
                    children,
                    parent: first.parent,
                    part: Some(Part { number, ..part }),
                    has_feed: first.has_feed,
                    noindex: first.noindex,
                    ..SitePage::new(
                        Arc::clone(&first.path),
                        first.text.end..first.text.end,
                        Arc::clone(&first.front),
                        first.kind,
                        address::of_part(&first.address, number),
                    )
                };
                self.add_page(page, diagnostics);
            }
        }
    }

    /// More pages than one sitemap may list need several.
    fn add_sitemaps(&mut self) {
        for path in well_known::sitemap_parts(self) {
            self.by_address.entry(path).or_insert(Occupant::Reserved("the site's own file stands there"));
        }
    }

    /// Keeps the addresses of those who edit the site in the browser.
    fn reserve_admin(&mut self, tree: &SourceTree, diagnostics: &mut Diagnostics) {
        admin::check(self, tree, diagnostics);
        for address in admin::addresses(self) {
            let occupant = Occupant::Reserved("the site is edited there, as `admin` in `content/site.yaml` says");
            let span = self.config.admin.as_ref().map_or(0..0, AdminConfig::span);
            self.occupy(address, occupant, &site_config::PATH.into(), span, diagnostics);
        }
    }

    /// Adds the page that lists all pages, where there is one; last, so that it lists them all.
    fn add_search(&mut self, diagnostics: &mut Diagnostics) {
        let Some(script) = search::script(self) else { return };
        let path: Arc<str> = site_config::PATH.into();
        for address in [search::INDEX, script.address] {
            let occupant = Occupant::Reserved("what searches the site stands there");
            self.occupy(address, occupant, &path, 0..0, diagnostics);
        }
        let front = Arc::new(FrontMatter::default());
        let children = search::listed(self).into_iter().flat_map(|(_, pages)| pages).collect();
        let page = SitePage::new(path, 0..0, front, PageKind::Search, search::PAGE.to_owned());
        self.add_page(SitePage { children, parent: self.home(), ..page }, diagnostics);
    }

    /// A thank-you page means something only after a form; search engines should not lead to it.
    fn hide_thank_you_pages(&mut self) {
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

    fn require_home(&self, diagnostics: &mut Diagnostics) {
        if self.by_address.contains_key("/") || self.is_unusable("_index.md") {
            return;
        }
        let path: Arc<str> = "content/_index.md".into();
        diagnostics.push(
            Diagnostic::error(&path, 0..0, "the site has no home page")
                .help("write `content/_index.md` with a `title` in its front matter"),
        );
    }
}

/// The version in force of the privacy statement: of the documents, the one with facts.
fn in_force(publications: &[Publication], statements: &[Statement]) -> Option<usize> {
    let versions = publications.iter().filter_map(|publication| {
        let version = &publication.document.history.versions[publication.in_force()?];
        Some((version.effective, publication.file_of(version)?))
    });
    versions.filter(|(_, file)| statements[*file].has_facts).max().map(|(_, file)| file)
}

/// A page or a form under another suffix would be published with its front matter.
fn refuse_misnamed(path: &Arc<str>, diagnostics: &mut Diagnostics) {
    let Some((stem, suffix)) = path.strip_prefix("content/").and_then(|path| path.rsplit_once('.')) else { return };
    let meant = match suffix.to_ascii_lowercase().as_str() {
        "md" | "markdown" | "mdown" | "mkd" => "md",
        "yml" | "yaml" if stem.starts_with("forms/") || stem == "site" => "yaml",
        _ => return,
    };
    diagnostics.push(
        Diagnostic::error(path, 0..0, format!("a file with the suffix `{suffix}` is published as it is"))
            .help(format!("name it `content/{stem}.{meant}`")),
    );
}

/// A site that is moved to another system must not lose files on the way.
fn refuse_unfit_names(tree: &SourceTree, diagnostics: &mut Diagnostics) {
    let refusal = |file: &SourceFile| {
        // A page's folder has the name without the suffix.
        let path = file.path.strip_suffix(".md").unwrap_or(&file.path);
        let fault = path.split('/').find_map(address::fault_of_name)?;
        let refusal = Diagnostic::error(&file.path, 0..0, "the file's name is not fit for every system");
        Some(refusal.note(fault).help("rename the file or its folder"))
    };
    let refused: Vec<Diagnostic> = tree.files().par_iter().filter_map(refusal).collect();
    refused.into_iter().for_each(|refusal| diagnostics.push(refusal));
}

fn check_statement(
    statements: &[Statement],
    forms: &[Form],
    in_force: Option<&Statement>,
    today: &Date,
    diagnostics: &mut Diagnostics,
) {
    let Some(statement) = in_force else {
        for form in forms {
            let diagnostic =
                Diagnostic::error(&form.path, 0..0, format!("no privacy statement is in force on {today}"))
                    .note("a form may only ask for what a statement declares");
            diagnostics.push(
                match statements
                    .iter()
                    .filter(|statement| statement.has_facts)
                    .min_by_key(|statement| statement.effective)
                {
                    Some(first) => diagnostic.help(format!("the first version is effective on {}", first.effective)),
                    None => diagnostic.help("write one, for example `content/privacy/2018-09-26.md`"),
                },
            );
        }
        return;
    };
    for form in forms {
        form.check(statement, diagnostics);
    }
}
