//! The values of what all pages share: the settings, the menu, the statement in force, terms and data.

use std::collections::BTreeMap;
use std::sync::Arc;

use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::version::Statement;
use tera::Value;

use super::map;
use crate::address;
use crate::contract::mark;
use crate::feed;
use crate::link;
use crate::policy::{self, Policy};
use crate::search;
use crate::site::Site;
use crate::site_config;
use crate::statement_values;
use crate::taxonomy::{self, Taxonomy};

/// A taxonomy's values, shared by all pages that are filed in it.
pub(super) struct TaxonomyValues {
    pub(super) name: Value,
    pub(super) title: Value,
    pub(super) url: Value,
    pub(super) terms: Vec<Value>,
}

/// The addresses of the menu's entries.
pub(super) fn menu(site: &Site, diagnostics: &mut Diagnostics) -> Vec<String> {
    let mut menu = Vec::new();
    for entry in &site.config.menu {
        match link::resolve(site, "site.yaml", None, &entry.to.value, true) {
            Ok(link) => menu.push(link.href.unwrap_or_else(|| entry.to.value.clone())),
            Err(broken) => {
                let path: Arc<str> = site_config::PATH.into();
                let diagnostic =
                    Diagnostic::error(&path, entry.to.span.clone(), "link target does not exist").label(broken.label);
                diagnostics.push(match broken.help {
                    Some(help) => diagnostic.help(help),
                    None => diagnostic,
                });
                // The place is kept, so that entries and addresses stay side by side.
                menu.push(String::new());
            }
        }
    }
    menu
}

pub(super) fn site_value(site: &Site, menu: &[String], current: usize) -> Value {
    let entries: Vec<Value> = site
        .config
        .menu
        .iter()
        .zip(menu)
        .enumerate()
        .map(|(index, (entry, url))| {
            map! { label: entry.label.as_str(), url: url.as_str(), current: index == current }
        })
        .collect();
    map! {
        title: site.config.title.as_str(),
        description: site.config.description.as_str(),
        base_url: site.config.base_url.as_str(),
        language: site.config.language.as_str(),
        footer: site.config.footer.as_str(),
        policy: policy_in_page(site),
        search_url: site.config.search.then_some(search::PAGE),
        terms_url: site.terms().map(|terms| address::href(&terms.home)),
        menu: entries,
        feed: site.feeds.iter().any(|feed| feed.page.is_none()).then(|| feed_value("/")),
    }
}

/// Where the browser's policy stands in a page, if a page must say it itself.
fn policy_in_page(site: &Site) -> Option<String> {
    (policy::is_in_pages(site) && site.statement().is_some()).then(|| mark("policy"))
}

/// Puts the browser's policy where it stands: which scripts may run is known when the page is.
pub(super) fn with_policy(site: &Site, html: String) -> String {
    if policy_in_page(site).is_none() {
        return html;
    }
    let policy = Policy::of(site);
    let allowed = policy.content_security_policy(&policy.scripts_in(&html), true).unwrap_or_default();
    html.replace(&mark("policy"), &allowed.replace('\'', "&#39;"))
}

pub(super) fn data_value(site: &Site) -> Value {
    let usable =
        site.data.iter().filter_map(|(name, data)| Some((name.clone(), Value::from_serializable(data.as_ref()?))));
    usable.collect::<BTreeMap<String, Value>>().into()
}

pub(super) fn feed_value(folder: &str) -> Value {
    map! {
        atom: address::href(&address::beside(folder, feed::ATOM)),
        json: address::href(&address::beside(folder, feed::JSON)),
    }
}

pub(super) fn taxonomy_values(taxonomy: &Taxonomy) -> TaxonomyValues {
    let term = |term: &taxonomy::Term| {
        map! {
            title: term.name.as_str(),
            url: address::href(&address::below(&taxonomy.address, &term.slug)),
            count: term.pages.len(),
        }
    };
    TaxonomyValues {
        name: taxonomy.config.name.value.as_str().into(),
        title: taxonomy.config.title.as_str().into(),
        url: address::href(&taxonomy.address).into(),
        terms: taxonomy.terms.iter().map(term).collect(),
    }
}

pub(crate) fn statement_value(site: &Site, statement: &Statement) -> Value {
    let effective = statement_values::moment(site, statement_values::effective(site, statement));
    let contact = statement.contact.as_ref();
    map! {
        title: statement.title.as_str(),
        language: statement.language.as_str(),
        version: statement.version.as_str(),
        url: address::href(&Site::statement_home(statement)),
        permalink: address::permalink(&site.config.base_url, &Site::statement_address(statement)),
        version_url: address::href(&Site::statement_address(statement)),
        effective: statement_values::effective_date(site, statement).to_string(),
        effective_words: effective.get_from_path("words").cloned(),
        effective_datetime: effective.get_from_path("iso").cloned(),
        digest: statement.digests.digest.as_str(),
        contact_email: contact.map(|contact| contact.email.as_str()),
        contact_href: contact.map(|contact| address::mailto(&contact.email, contact.subject.as_deref())),
        retention_words: statement.retention_minimum.map(statement::period::Period::to_words),
        glance: statement_values::glance(statement),
        changes_url: statement_values::changes_url(site, statement),
        changes_feed: statement_values::changes_feed(site, statement),
    }
}
