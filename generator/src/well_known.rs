//! The files of a site as a whole: sitemap, robots.txt, redirects for hosts that read them.
//!
//! A file of the same name under `content/` stands in place of ours, except for the two that must agree with the pages.

use std::fmt::Write as _;

use pulldown_cmark_escape::escape_html;

use crate::address;
use crate::site::{PageKind, Site};

/// Where the sitemap stands.
pub const SITEMAP: &str = "/sitemap.xml";
/// Stands in every sitemap of ours: the sign by which a folder is known as one that Candor wrote.
pub const MADE_BY: &str = "<!-- made by Candor -->";
/// Where the host reads its redirects.
pub const REDIRECTS: &str = "/_redirects";
/// Where crawlers look first (RFC 9309, section 2.3).
pub const ROBOTS: &str = "/robots.txt";

/// Site paths that no page and no file can have.
pub const RESERVED: [&str; 2] = [SITEMAP, REDIRECTS];

/// All pages that search engines may list (sitemaps.org, protocol 0.9).
#[must_use]
pub fn sitemap(site: &Site) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{MADE_BY}\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n",
    );
    for page in site.pages.iter().filter(|page| !page.noindex) {
        xml.push_str("  <url><loc>");
        escape(&address::permalink(&site.config.base_url, &page.address), &mut xml);
        xml.push_str("</loc>");
        let changed = match page.kind {
            PageKind::Statement(version) => Some(site.statements[version].effective),
            _ => page.front.updated.or(page.front.date),
        };
        if let Some(date) = changed {
            write!(xml, "<lastmod>{date}</lastmod>").expect("invariant: a string can be written to");
        }
        xml.push_str("</url>\n");
    }
    xml.push_str("</urlset>\n");
    xml
}

/// Everything may be crawled (RFC 9309); names the sitemap.
#[must_use]
pub fn robots(site: &Site) -> String {
    format!("User-agent: *\nAllow: /\n\nSitemap: {}\n", address::permalink(&site.config.base_url, SITEMAP))
}

/// One line for each former address: from, to, status.
#[must_use]
pub fn redirects(site: &Site) -> String {
    site.redirects.iter().fold(String::new(), |mut lines, (from, to)| {
        let to = address::href(&site.pages[*to].address);
        writeln!(lines, "{} {to} 301", address::href(from)).expect("invariant: a string can be written to");
        lines
    })
}

fn escape(text: &str, xml: &mut String) {
    escape_html(xml, text).expect("invariant: a string can be written to");
}
