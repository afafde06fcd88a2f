//! The files of a site as a whole: sitemap, robots.txt, redirects for hosts that read them.
//!
//! A file of the same name under `content/` stands in place of ours, except for the two that must agree with the pages.

use std::fmt::Write as _;

use jiff::civil::Date;
use pulldown_cmark_escape::escape_html;

use crate::address;
use crate::headers;
use crate::moment::Moment;
use crate::site::{PageKind, Site, SitePage};

/// Where the sitemap stands.
pub const SITEMAP: &str = "/sitemap.xml";
/// Stands in every sitemap of ours: the sign by which a folder is known as one that Candor wrote.
pub const MADE_BY: &str = "<!-- made by Candor -->";
/// Where the host reads its redirects.
pub const REDIRECTS: &str = "/_redirects";
/// Where crawlers look first (RFC 9309, section 2.3).
pub const ROBOTS: &str = "/robots.txt";

/// Site paths that no page and no file can have.
pub const RESERVED: [&str; 4] = [SITEMAP, REDIRECTS, headers::NETLIFY, headers::NEUTRAL];

/// The most addresses one sitemap may list (sitemaps.org, protocol 0.9).
const SITEMAP_MAX: usize = 50_000;

/// The site paths of the sitemaps that [`SITEMAP`] leads to, where one is not enough.
#[must_use]
pub fn sitemap_parts(site: &Site) -> Vec<String> {
    let parts = listed(site).count().div_ceil(SITEMAP_MAX);
    (1..=parts).filter(|_| parts > 1).map(|number| address::beside("/", &format!("sitemap-{number}.xml"))).collect()
}

/// All pages that search engines may list (sitemaps.org, protocol 0.9): site path and text of each sitemap.
#[must_use]
pub fn sitemaps(site: &Site) -> Vec<(String, String)> {
    let addresses: Vec<String> = listed(site).map(|page| sitemap_line(site, page)).collect();
    split(&site.config.base_url, &addresses, &sitemap_parts(site))
}

/// One sitemap, or several and the index of them.
fn split(base_url: &str, addresses: &[String], parts: &[String]) -> Vec<(String, String)> {
    if parts.is_empty() {
        return vec![(SITEMAP.to_owned(), sitemap("urlset", addresses))];
    }
    let index: Vec<String> = parts.iter().map(|path| location("sitemap", base_url, path, None)).collect();
    let size = addresses.len().div_ceil(parts.len());
    let parts = parts.iter().zip(addresses.chunks(size)).map(|(path, part)| (path.clone(), sitemap("urlset", part)));
    std::iter::once((SITEMAP.to_owned(), sitemap("sitemapindex", &index))).chain(parts).collect()
}

fn sitemap(element: &str, lines: &[String]) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{MADE_BY}\n<{element} xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n{}</{element}>\n",
        lines.concat()
    )
}

/// A list's later pages say nothing that its pages do not say.
fn listed(site: &Site) -> impl Iterator<Item = &SitePage> {
    site.pages.iter().filter(|page| !page.noindex && !page.is_later_part())
}

fn sitemap_line(site: &Site, page: &SitePage) -> String {
    let changed = match page.kind {
        PageKind::Statement(version) => Some(site.statements[version].effective),
        PageKind::Companion(..) => None,
        _ => page.front.updated.as_ref().or(page.front.date.as_ref()).map(Moment::date),
    };
    location("url", &site.config.base_url, &page.address, changed)
}

fn location(element: &str, base_url: &str, site_path: &str, changed: Option<Date>) -> String {
    let mut line = format!("  <{element}><loc>");
    escape(&address::permalink(base_url, site_path), &mut line);
    line.push_str("</loc>");
    if let Some(date) = changed {
        write!(line, "<lastmod>{date}</lastmod>").expect("invariant: a string can be written to");
    }
    writeln!(line, "</{element}>").expect("invariant: a string can be written to");
    line
}

/// Everything may be crawled (RFC 9309); names the sitemap.
#[must_use]
pub fn robots(site: &Site) -> String {
    format!("User-agent: *\nAllow: /\n\nSitemap: {}\n", address::permalink(&site.config.base_url, SITEMAP))
}

/// One line for each former address: from, to, status. What says that a text is gone says so with its status, though
/// there is a file at its address (`!`).
#[must_use]
pub fn redirects(site: &Site) -> String {
    let moved = site
        .redirects
        .iter()
        .map(|(from, to)| format!("{} {} 301\n", address::href(from), address::href(&site.pages[*to].address)));
    moved.chain(headers::gone(site).into_iter().map(|gone| format!("{gone} {gone}index.html 410!\n"))).collect()
}

fn escape(text: &str, xml: &mut String) {
    escape_html(xml, text).expect("invariant: a string can be written to");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_sitemap_is_split() {
        let lines: Vec<String> =
            (0..5).map(|number| location("url", "https://example.org", &format!("/{number}/"), None)).collect();
        let whole = split("https://example.org", &lines, &[]);
        assert_eq!(whole.len(), 1);
        assert!(whole[0].1.contains("<urlset") && whole[0].1.contains("<loc>https://example.org/4/</loc>"));
        let parts = split("https://example.org", &lines, &["/sitemap-1.xml".to_owned(), "/sitemap-2.xml".to_owned()]);
        let paths: Vec<&str> = parts.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["/sitemap.xml", "/sitemap-1.xml", "/sitemap-2.xml"]);
        assert!(
            parts[0].1.contains("<sitemapindex") && parts[0].1.contains("<loc>https://example.org/sitemap-2.xml</loc>")
        );
        assert_eq!(parts[1].1.matches("<url>").count() + parts[2].1.matches("<url>").count(), 5);
    }
}
