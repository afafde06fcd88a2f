//! What a link in `content/` leads to, or why it leads nowhere.

use std::borrow::Cow;
use std::ops::Range;

use statement::diagnostic::near_match;

use crate::address::{self, Destination, Suffix};
use crate::admin;
use crate::site::{LeftOut, Occupant, PageId, Site};
use crate::words::{Words, small};

/// A link that leads somewhere.
#[derive(Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// As it is written into the page; none where the author's own words stand.
    pub href: Option<String>,
    /// The place on a page that must exist for the link to be whole.
    pub anchor: Option<(PageId, Cow<'a, str>)>,
}

/// A link to a place on a page.
#[derive(Debug, PartialEq, Eq)]
pub struct AnchorLink<'a> {
    /// Where in its file it stands.
    pub span: Range<usize>,
    /// The page it leads to.
    pub page: PageId,
    /// The place there.
    pub anchor: &'a str,
}

/// As many as most pages have.
const USUAL_COUNT: usize = 16;

/// The links to a place on a page that stand in one file, kept small until all pages are rendered.
#[derive(Debug, Default)]
pub struct AnchorLinks {
    anchors: Words,
    /// Where each stands, and the page it leads to.
    places: Vec<(Range<u32>, u32)>,
}

impl AnchorLinks {
    /// Adds one.
    pub fn push(&mut self, link: &AnchorLink<'_>) {
        if self.places.is_empty() {
            self.places.reserve(USUAL_COUNT);
        }
        self.anchors.push(link.anchor);
        self.places.push((small(link.span.start)..small(link.span.end), small(link.page)));
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = AnchorLink<'_>> {
        self.places.iter().zip(self.anchors.iter()).map(|((span, page), anchor)| AnchorLink {
            span: span.start as usize..span.end as usize,
            page: *page as usize,
            anchor,
        })
    }

    /// Gives back the memory that more of them would have taken.
    pub fn shrink(&mut self) {
        self.anchors.shrink();
        self.places.shrink_to_fit();
    }
}

/// Why a link leads nowhere.
#[derive(Debug, PartialEq, Eq)]
pub struct Broken {
    /// Words to put under the link.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
}

/// Resolves `destination`, which stands in the file `from` under `content/`; `own` is the page the file became. If
/// `is_search` is true, what was meant is searched for among all there is, which takes its time.
///
/// # Errors
/// Says why the link leads nowhere.
pub fn resolve<'a>(
    site: &Site,
    from: &str,
    own: Option<PageId>,
    destination: &'a str,
    is_search: bool,
) -> Result<Link<'a>, Broken> {
    match address::destination(from, destination) {
        Destination::Outside => Ok(Link { href: None, anchor: None }),
        Destination::Fragment(fragment) => Ok(Link { href: None, anchor: anchor(own, Some(fragment)) }),
        Destination::SitePath(path, suffix) => site_path(site, &path, suffix, is_search),
        Destination::Content(None, _) => Err(Broken {
            label: "leads out of `content/`".to_owned(),
            help: Some("only what is in the folder is published".to_owned()),
        }),
        Destination::Content(Some(path), suffix) => content(site, from, &path, suffix, is_search),
    }
}

/// Checks a link in HTML the author wrote. It is published as it stands, so it leads where it leads from the address of
/// the page `own`.
///
/// # Errors
/// Says why the link leads nowhere.
pub fn check_as_written(site: &Site, own: PageId, href: &str) -> Result<(), Broken> {
    let address = site.pages[own].address.trim_start_matches('/');
    let path: Cow<'_, str> = match address::destination(address, href) {
        Destination::Outside | Destination::Fragment(_) => return Ok(()),
        Destination::SitePath(path, _) => path,
        Destination::Content(path, _) => format!("/{}", path.unwrap_or_default()).into(),
    };
    let found = site_path(site, &address::with_slash(&path), Suffix::default(), false);
    found.map(|_| ()).map_err(|broken| Broken {
        label: format!("leads to `{path}`; {}", broken.label),
        help: Some("write the path from the root of the site, like `/guides/`, or a link in markdown".to_owned()),
    })
}

fn anchor(page: Option<PageId>, fragment: Option<Cow<'_, str>>) -> Option<(PageId, Cow<'_, str>)> {
    // The empty fragment and `top` are the top of any page (HTML Standard, section 7.4.6.3).
    let fragment = fragment.filter(|fragment| !fragment.is_empty() && !fragment.eq_ignore_ascii_case("top"))?;
    Some((page?, fragment))
}

fn to_page<'a>(site: &Site, page: PageId, suffix: Suffix<'a>) -> Link<'a> {
    let href = address::with_suffix(&site.pages[page].address, &suffix);
    Link { href: Some(href), anchor: anchor(Some(page), suffix.fragment) }
}

fn site_path<'a>(site: &Site, path: &str, suffix: Suffix<'a>, is_search: bool) -> Result<Link<'a>, Broken> {
    if admin::is_admins(site, path) {
        return Err(Broken {
            label: "the site is edited there, and visitors are not led there".to_owned(),
            help: Some("leave out the link: editors know the address".to_owned()),
        });
    }
    match site.by_address.get(path) {
        Some(Occupant::Page(page)) => Ok(to_page(site, *page, suffix)),
        Some(Occupant::File(_) | Occupant::Redirect(_) | Occupant::Reserved(_)) => {
            Ok(Link { href: None, anchor: None })
        }
        None => {
            if let Some(asset) = site.assets.at(path) {
                return Ok(Link { href: Some(address::with_suffix(&asset.address, &suffix)), anchor: None });
            }
            // Why a document has no pages is said where its version cannot be read.
            if site.is_of_unusable_version(path) {
                return Ok(Link { href: None, anchor: None });
            }
            let known = site.by_address.keys().map(String::as_str).filter(|_| is_search);
            let near = near_match(path, known);
            Err(Broken {
                label: "nothing has this address".to_owned(),
                help: near.map(|near| format!("did you mean `{near}`?")),
            })
        }
    }
}

fn content<'a>(site: &Site, from: &str, path: &str, suffix: Suffix<'a>, is_search: bool) -> Result<Link<'a>, Broken> {
    if let Some(page) = site.page_of(path) {
        return Ok(to_page(site, page, suffix));
    }
    if site.is_unusable(path) {
        return Ok(Link { href: None, anchor: None });
    }
    if let Some(reason) = site.left_out(path) {
        let (label, help) = match reason {
            LeftOut::Draft => ("leads to a draft".to_owned(), "publish the draft, or build with `--drafts`"),
            LeftOut::Until(date) => {
                (format!("not yet published until {date}"), "give the page an earlier `date`, or build with `--drafts`")
            }
            LeftOut::Since(date) => (format!("expired on {date}"), "remove the link, or the page's `expires`"),
        };
        return Err(Broken { label, help: Some(help.to_owned()) });
    }
    let file = address::of_file(path);
    if let Some(Occupant::File(_)) = site.by_address.get(&file) {
        return Ok(Link { href: Some(address::with_suffix(&file, &suffix)), anchor: None });
    }
    let suffixed = format!("{}.md", path.trim_end_matches('/'));
    let index = format!("{}/_index.md", path.trim_end_matches('/'));
    let bundle = format!("{}/index.md", path.trim_end_matches('/'));
    let near = [suffixed.as_str(), index.as_str(), bundle.as_str()]
        .into_iter()
        .find(|candidate| site.page_of(candidate).is_some())
        .or_else(|| if is_search { site.near_content_path(path) } else { None });
    Err(Broken {
        label: if path.ends_with(".md") { "no page at this path" } else { "no file at this path" }.to_owned(),
        help: near.map(|near| {
            let fragment = suffix.fragment.map_or_else(String::new, |fragment| format!("#{fragment}"));
            format!("did you mean `{}{fragment}`?", address::relative(from, near))
        }),
    })
}
