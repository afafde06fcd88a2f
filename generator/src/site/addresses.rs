//! Who stands at which address, and that no two do; names that are not fit for every system.
//!
//! What the addresses look like is `crate::address`'s business.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use ahash::AHashMap;
use rayon::prelude::*;
use statement::diagnostic::{Diagnostic, Diagnostics};

use super::{Occupant, PageId, Site, SitePage, content_path};
use crate::address;
use crate::admin::{self, AdminConfig};
use crate::cards;
use crate::data;
use crate::drift;
use crate::images;
use crate::images::scaled::{self, Scaled};
use crate::publication;
use crate::site_config;
use crate::source_tree::{SourceFile, SourceTree};
use crate::well_known;

impl Site {
    pub(super) fn reserve_addresses(&mut self) {
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
    pub(super) fn occupy(
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

    pub(super) fn add_page(&mut self, page: SitePage, diagnostics: &mut Diagnostics) -> PageId {
        let id = self.pages.len();
        let (address, path) = (page.address.clone(), Arc::clone(&page.path));
        self.pages.push(page);
        self.occupy(&address, Occupant::Page(id), &path, 0..0, diagnostics);
        id
    }

    /// Keeps the addresses of those who edit the site in the browser.
    pub(super) fn reserve_admin(&mut self, tree: &SourceTree, diagnostics: &mut Diagnostics) {
        admin::check(self, tree, diagnostics);
        for address in admin::addresses(self) {
            let occupant = Occupant::Reserved("the site is edited there, as `admin` in `content/site.yaml` says");
            let span = self.config.admin.as_ref().map_or(0..0, AdminConfig::span);
            self.occupy(address, occupant, &site_config::PATH.into(), span, diagnostics);
        }
    }

    pub(super) fn add_files(&mut self, tree: &SourceTree, diagnostics: &mut Diagnostics) {
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
    pub(super) fn add_cards(&mut self, diagnostics: &mut Diagnostics) {
        for id in 0..self.pages.len() {
            let page = &self.pages[id];
            if let Some(address) = cards::address_of(self, page) {
                let path = Arc::clone(&page.path);
                self.occupy(&address, Occupant::Reserved("the card of a page stands there"), &path, 0..0, diagnostics);
            }
        }
    }

    pub(super) fn add_redirects(&mut self, diagnostics: &mut Diagnostics) {
        for id in 0..self.pages.len() {
            let path = Arc::clone(&self.pages[id].path);
            for alias in self.pages[id].front.aliases.clone() {
                let address = address::with_slash(&alias.value);
                self.occupy(&address, Occupant::Redirect(id), &path, alias.span, diagnostics);
                self.redirects.push((address, id));
            }
        }
    }

    /// The addresses that people try for a privacy statement lead to it, and where a version was announced to what is in
    /// force since, unless something else stands there.
    pub(super) fn add_statement_redirects(&mut self) {
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

    /// More pages than one sitemap may list need several.
    pub(super) fn add_sitemaps(&mut self) {
        for path in well_known::sitemap_parts(self) {
            self.by_address.entry(path).or_insert(Occupant::Reserved("the site's own file stands there"));
        }
    }

    /// On a host's disk nothing can be both a file and the folder of something else.
    pub(super) fn refuse_file_as_folder(&self, tree: &SourceTree, diagnostics: &mut Diagnostics) {
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
    pub(super) fn refuse_same_but_for_case(&self, tree: &SourceTree, diagnostics: &mut Diagnostics) {
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

    pub(super) fn require_home(&self, diagnostics: &mut Diagnostics) {
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

/// Whether a file under `content/` is published as it is.
fn is_published(content_path: &str) -> bool {
    let is_form = content_path.starts_with("forms/") && content_path.ends_with(".yaml");
    let is_data = data::name_and_format(content_path).is_some();
    let is_source = content_path.ends_with(".md") || content_path == "site.yaml" || is_form || is_data;
    !is_source && !content_path.ends_with("/statement.lock")
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
pub(super) fn refuse_unfit_names(tree: &SourceTree, diagnostics: &mut Diagnostics) {
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
