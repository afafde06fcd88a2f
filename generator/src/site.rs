//! The whole site, assembled: one address per page, order, sections, statements, forms. Immutable from here on.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use rayon::prelude::*;
use statement::diagnostic::{Diagnostic, Diagnostics, near_match};
use statement::form::Form;
use statement::version::{Statement, in_force};
use statement::yaml;

use crate::address;
use crate::page::{self, Document, FrontMatter};
use crate::site_config::SiteConfig;
use crate::source_tree::SourceTree;

/// Index of a page in [`Site::pages`].
pub type PageId = usize;

/// What the caller decides about a build.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Replaces the site's `base_url`.
    pub base_url: Option<String>,
    /// Publishes drafts too.
    pub drafts: bool,
    /// The day the site is built for; none means the day of `now` in the site's time zone.
    pub today: Option<Date>,
    /// The moment of the build.
    pub now: Timestamp,
}

/// The site.
#[derive(Debug)]
pub struct Site {
    /// Its settings.
    pub config: SiteConfig,
    /// All pages, in the order of their files.
    pub pages: Vec<SitePage>,
    /// All versions of the statement.
    pub statements: Vec<Statement>,
    /// The version in force, as an index into `statements`.
    pub in_force: Option<usize>,
    /// The forms, by id.
    pub forms: Vec<Form>,
    /// Files published as they are: index into the tree's files, and site path.
    pub files: Vec<(usize, String)>,
    /// Former addresses and the pages that replace them.
    pub redirects: Vec<(String, PageId)>,
    /// What stands at a site path.
    pub by_address: HashMap<String, Occupant>,
    /// The page a content file became; for a version of the statement, its permalink's page.
    by_content_path: HashMap<Arc<str>, PageId>,
    /// Files that were left out because they are drafts, by content path.
    drafts: Vec<Arc<str>>,
    /// Pages and forms that could not be used, by content path: what refers to them is not to blame.
    unusable: Vec<Arc<str>>,
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
    /// `content/404.md`.
    NotFound,
}

/// A page with its address.
#[derive(Debug)]
pub struct SitePage {
    /// The file.
    pub path: Arc<str>,
    /// Where its text stands in the file, in bytes.
    pub text: Range<usize>,
    /// The checked front matter.
    pub front: FrontMatter,
    /// What kind of page it is.
    pub kind: PageKind,
    /// Its site path.
    pub address: String,
    /// The pages of a section, in order.
    pub children: Vec<PageId>,
    /// Kept out of search engines and the sitemap.
    pub noindex: bool,
}

impl SitePage {
    /// The file's path under `content/`.
    #[must_use]
    pub fn content_path(&self) -> &str {
        content_path(&self.path)
    }
}

/// Whether a file under `content/` is published as it is.
fn is_published(content_path: &str) -> bool {
    let is_form = content_path.starts_with("forms/") && content_path.ends_with(".yaml");
    !content_path.ends_with(".md") && content_path != "site.yaml" && !is_form
}

fn content_path(path: &str) -> &str {
    path.strip_prefix("content/").unwrap_or(path)
}

/// What the markdown files of a site turned out to be.
#[derive(Default)]
struct Documents {
    pages: Vec<page::Page>,
    statements: Vec<Statement>,
    unusable: Vec<Arc<str>>,
}

/// Parses every markdown file.
fn parse_documents(tree: &SourceTree, diagnostics: &mut Diagnostics) -> Documents {
    let parsed: Vec<(&Arc<str>, Option<Document>, Diagnostics)> = tree
        .files()
        .par_iter()
        .filter(|file| file.path.starts_with("content/") && file.path.ends_with(".md"))
        .filter_map(|file| file.text().map(|text| (file, text)))
        .map(|(file, text)| {
            let mut found = Diagnostics::new();
            (&file.path, page::parse(&file.path, text, &mut found), found)
        })
        .collect();
    let mut documents = Documents::default();
    for (path, document, found) in parsed {
        diagnostics.append(found);
        match document {
            Some(Document::Page(page)) => documents.pages.push(page),
            Some(Document::Statement(statement)) => documents.statements.push(statement),
            None => documents.unusable.push(content_path(path).into()),
        }
    }
    documents
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
        let config = SiteConfig::parse(tree, options.base_url.as_deref(), diagnostics);
        let Documents { pages, statements, mut unusable } = parse_documents(tree, diagnostics);
        let forms = parse_forms(tree, &mut unusable, diagnostics);
        let config = config?;
        let today = options.today.unwrap_or_else(|| config.timezone.to_datetime(options.now).date());
        let in_force = in_force(&statements, today);
        // Where the statement itself could not be read, its absence is no news.
        if in_force.is_some() || unusable.is_empty() {
            check_statement(&statements, &forms, in_force, &today, diagnostics);
        }
        let in_force = in_force.and_then(|found| statements.iter().position(|version| std::ptr::eq(version, found)));

        let mut site = Self {
            config,
            pages: Vec::with_capacity(pages.len() + statements.len() + 1),
            statements,
            in_force,
            forms,
            files: Vec::new(),
            redirects: Vec::new(),
            by_address: HashMap::new(),
            by_content_path: HashMap::new(),
            drafts: Vec::new(),
            unusable,
        };
        site.reserve_addresses();
        site.add_pages(pages, options.drafts, diagnostics);
        site.add_statement_pages(diagnostics);
        site.add_files(tree, diagnostics);
        site.add_redirects(diagnostics);
        site.refuse_file_as_folder(tree, diagnostics);
        site.order_sections();
        site.hide_thank_you_pages();
        site.require_home(diagnostics);
        Some(site)
    }

    /// The page that a content file became.
    #[must_use]
    pub fn page_of(&self, content_path: &str) -> Option<PageId> {
        self.by_content_path.get(content_path).copied()
    }

    /// Whether a content file is a draft that was left out.
    #[must_use]
    pub fn is_draft(&self, content_path: &str) -> bool {
        self.drafts.iter().any(|draft| &**draft == content_path)
    }

    /// Whether a content file is there but could not be used, which has been reported.
    #[must_use]
    pub fn is_unusable(&self, content_path: &str) -> bool {
        self.unusable.iter().any(|path| &**path == content_path)
    }

    /// The version of the statement in force.
    #[must_use]
    pub fn statement(&self) -> Option<&Statement> {
        self.in_force.map(|index| &self.statements[index])
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
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let mut paths: Vec<&str> = self.by_content_path.keys().map(|path| &**path).collect();
        paths.sort_unstable();
        let moved = paths.iter().find(|path| name(path) == name(wanted) && name(wanted) != "_index.md");
        moved.copied().or_else(|| near_match(wanted, paths.iter().copied()))
    }

    fn reserve_addresses(&mut self) {
        for form in &self.forms {
            let endpoint = address::of_form(&form.id);
            self.by_address.insert(address::with_slash(&endpoint), Occupant::Reserved("a form posts to it"));
            self.by_address.insert(endpoint, Occupant::Reserved("a form posts to it"));
        }
        for path in crate::well_known::RESERVED {
            self.by_address.insert(path.to_owned(), Occupant::Reserved("the site's own file stands there"));
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

    fn add_pages(&mut self, pages: Vec<page::Page>, drafts: bool, diagnostics: &mut Diagnostics) {
        for page in pages {
            let in_content: Arc<str> = content_path(&page.path).into();
            if page.front.draft && !drafts {
                self.drafts.push(in_content);
                continue;
            }
            let kind = match &*in_content {
                "_index.md" => PageKind::Home,
                "404.md" => PageKind::NotFound,
                path if path.ends_with("/_index.md") => PageKind::Section,
                _ => PageKind::Page,
            };
            let address = match kind {
                PageKind::NotFound => "/404.html".to_owned(),
                _ => address::of_page(&in_content, page.front.slug.as_deref()),
            };
            if address.contains("//") {
                diagnostics.push(
                    Diagnostic::error(&page.path, 0..0, "the file's name has no letter that an address can have")
                        .help("rename it, or give the page a `slug`"),
                );
                self.unusable.push(in_content);
                continue;
            }
            let id = self.add_page(
                SitePage {
                    path: page.path,
                    text: page.text,
                    front: page.front,
                    kind,
                    address,
                    children: Vec::new(),
                    noindex: kind == PageKind::NotFound,
                },
                diagnostics,
            );
            self.by_content_path.insert(in_content, id);
        }
    }

    /// Every version stands at its permalink, and the one in force at the folder's address too.
    fn add_statement_pages(&mut self, diagnostics: &mut Diagnostics) {
        for index in 0..self.statements.len() {
            let statement = &self.statements[index];
            let is_in_force = self.in_force == Some(index);
            let (path, text) = (Arc::clone(&statement.path), statement.text_span.clone());
            let permalink = Self::statement_address(statement);
            let title = statement.title.clone();
            let home = is_in_force.then(|| Self::statement_home(statement));
            let page = |address: String| SitePage {
                path: Arc::clone(&path),
                text: text.clone(),
                front: FrontMatter { title: title.clone(), ..FrontMatter::default() },
                kind: PageKind::Statement(index),
                address,
                children: Vec::new(),
                noindex: !is_in_force,
            };
            let id = self.add_page(page(permalink), diagnostics);
            self.by_content_path.insert(content_path(&path).into(), id);
            if let Some(home) = home {
                self.add_page(page(home), diagnostics);
            }
        }
    }

    fn add_files(&mut self, tree: &SourceTree, diagnostics: &mut Diagnostics) {
        let assets = format!("themes/{}/assets/", self.config.theme.value);
        for (index, file) in tree.files().iter().enumerate() {
            let published = if let Some(path) = file.path.strip_prefix("content/") {
                is_published(path).then(|| address::of_file(path))
            } else {
                file.path.strip_prefix(&*assets).map(|path| format!("/assets/{path}"))
            };
            let Some(published) = published else { continue };
            refuse_misnamed(&file.path, diagnostics);
            self.occupy(&published, Occupant::File(index), &file.path, 0..0, diagnostics);
            self.files.push((index, published));
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
        let folders: HashMap<&str, &str> = self
            .by_address
            .keys()
            .flat_map(|address| address.match_indices('/').skip(1).map(|(end, _)| (&address[..end], address.as_str())))
            .fold(HashMap::new(), |mut folders, (folder, address)| {
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

    /// A page belongs to the nearest folder above it that has an `_index.md`.
    fn order_sections(&mut self) {
        for id in 0..self.pages.len() {
            if !matches!(self.pages[id].kind, PageKind::Page | PageKind::Section) {
                continue;
            }
            let path = self.pages[id].content_path();
            let own_folder = if self.pages[id].kind == PageKind::Section {
                path.strip_suffix("/_index.md").unwrap_or(path)
            } else {
                path
            };
            let parent = own_folder
                .match_indices('/')
                .rev()
                .map(|(at, _)| format!("{}/_index.md", &own_folder[..at]))
                .chain(std::iter::once("_index.md".to_owned()))
                .find_map(|index| self.page_of(&index));
            if let Some(parent) = parent.filter(|parent| *parent != id) {
                self.pages[parent].children.push(id);
            }
        }
        for id in 0..self.pages.len() {
            let mut children = std::mem::take(&mut self.pages[id].children);
            // Weight first, then the newest, then the title; the path decides ties, so that the order is always the same.
            children.sort_by(|a, b| {
                let key = |id: &PageId| {
                    let page = &self.pages[*id];
                    (page.front.weight.unwrap_or(i64::MAX), std::cmp::Reverse(page.front.date))
                };
                let name = |id: &PageId| (self.pages[*id].front.title.to_lowercase(), &self.pages[*id].path);
                key(a).cmp(&key(b)).then_with(|| name(a).cmp(&name(b)))
            });
            self.pages[id].children = children;
        }
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
        let listed: Vec<bool> = self.pages.iter().map(|page| !page.noindex).collect();
        for page in &mut self.pages {
            page.children.retain(|child| listed[*child]);
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

fn check_statement(
    statements: &[Statement],
    forms: &[Form],
    in_force: Option<&Statement>,
    today: &Date,
    diagnostics: &mut Diagnostics,
) {
    if let Some(first) = statements.first() {
        for other in statements.iter().filter(|other| other.document != first.document) {
            diagnostics.push(
                Diagnostic::error(
                    &other.path,
                    0..0,
                    format!("`{}` is another document than `{}`", other.document, first.document),
                )
                .note(format!("`{}` names its document `{}`", first.path, first.document))
                .help("all versions of the statement have the same `document`"),
            );
        }
    }
    for statement in statements {
        statement::lock::check_correction(statements, statement, diagnostics);
    }
    let Some(statement) = in_force else {
        for form in forms {
            let diagnostic =
                Diagnostic::error(&form.path, 0..0, format!("no privacy statement is in force on {today}"))
                    .note("a form may only ask for what a statement declares");
            diagnostics.push(match statements.iter().min_by_key(|statement| statement.effective) {
                Some(first) => diagnostic.help(format!("the first version is effective on {}", first.effective)),
                None => diagnostic.help("write one, for example `content/privacy/2018-09-26.md`"),
            });
        }
        return;
    };
    for form in forms {
        form.check(statement, diagnostics);
    }
}
