//! What the statement declares and the built site was never found doing: the other way in which the two can drift apart.
//!
//! What a site does and the statement does not declare is an error, found by [`crate::gate`]; a site with errors is not
//! published, so in the file of a published site that list is empty.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::version::Statement;

use crate::address;
use crate::gate::Used;
use crate::site::Site;
use crate::site_config;

/// The site path of the file: beside the statement, so that anybody can hold one against the other.
#[must_use]
pub fn site_path(statement: &Statement) -> String {
    address::beside(&Site::statement_home(statement), "drift.json")
}

/// A thing that is declared and was not found.
struct Over {
    fact: String,
    message: String,
    diagnostic: Diagnostic,
}

/// Reports what is declared and was never found (P190); returns the file. `used` says on how many pages each thing was
/// found.
pub fn report(site: &Site, used: &BTreeMap<Used, usize>, diagnostics: &mut Diagnostics) -> Option<(String, String)> {
    let statement = site.statement()?;
    let mut over = Vec::new();
    let mut declare = |fact: String, message: String, path: &Arc<str>, place, way_out: &str| {
        let leave =
            format!("either leave it so, and say that you know it in `content/site.yaml`: `over_declared: [{fact}]`");
        let diagnostic = Diagnostic::warning(path, place, &*message).code("P190").help(leave).help(way_out);
        over.push(Over { fact, message, diagnostic });
    };
    let quoted = |fact: &str| {
        let quote = statement.promises.quotes.iter().find(|quote| quote.fact == fact);
        quote.map_or(0..0, |quote| quote.text.span.clone())
    };
    let cookies_used = used.contains_key(&Used::Cookies);
    let providers_used = used.keys().any(|used| matches!(used, Used::Provider(_)));
    if let Some(tracking) = &statement.promises.tracking {
        let is_declared = tracking.on_this_site == Some(true) || tracking.across_sites == Some(true);
        if is_declared && !cookies_used && !providers_used {
            declare(
                "collects.tracking".to_owned(),
                "tracking is declared, and none was found".to_owned(),
                &statement.path,
                quoted("collects.tracking"),
                "or say less under `collects.tracking` in a new version of the statement",
            );
        }
    }
    for cookie in statement.promises.cookies.iter().flat_map(|cookies| &cookies.declared) {
        if cookie.implemented && !cookies_used {
            let fact = format!("collects.cookies.declared.{}", cookie.key);
            declare(
                fact.clone(),
                format!("the cookie `{}` is declared, and no page sets one", cookie.key),
                &statement.path,
                quoted(&fact),
                "or say `implemented: false` in a new version of the statement",
            );
        }
    }
    let path: Arc<str> = site_config::PATH.into();
    for (index, provider) in site.config.declared.providers.iter().enumerate() {
        if !used.contains_key(&Used::Provider(index)) {
            let name = &provider.name.value;
            declare(
                format!("shares.recipients.{name}"),
                format!("the provider `{name}` is declared, and no page asks it for anything"),
                &path,
                provider.name.span.clone(),
                "or remove it from `providers`, and the browser's policy gets stricter",
            );
        }
    }
    let over_declared: Vec<serde_json::Value> =
        over.iter().map(|over| json!({ "code": "P190", "fact": over.fact, "found": over.message })).collect();
    for known in &site.config.declared.over_declared {
        if !over.iter().any(|over| over.fact == known.value) {
            let message = format!("`{}` is known as over-declared, and is not", known.value);
            diagnostics.push(
                Diagnostic::warning(&path, known.span.clone(), message)
                    .code("P190")
                    .help("either remove it from `over_declared`")
                    .help("or write the fact as `drift.json` names it"),
            );
        }
    }
    let is_known = |over: &Over| site.config.declared.over_declared.iter().any(|known| known.value == over.fact);
    over.into_iter().filter(|over| !is_known(over)).for_each(|over| diagnostics.push(over.diagnostic));
    let contacted: Vec<serde_json::Value> = used
        .iter()
        .filter_map(|(used, pages)| match used {
            Used::Provider(index) => {
                let provider = &site.config.declared.providers[*index];
                let hosts: Vec<&str> = provider.hosts.iter().map(|host| host.value.as_str()).collect();
                Some(json!({ "provider": provider.name.value, "hosts": hosts, "files": pages }))
            }
            Used::Cookies | Used::Script(_) => None,
        })
        .collect();
    let scripts: Vec<&str> = site.config.declared.scripts.iter().map(|script| script.value.as_str()).collect();
    let file = json!({
        "schema": "candor-drift/1",
        "statement": { "version": statement.version, "digest": statement.digests.digest },
        "under_declared": [],
        "over_declared": over_declared,
        "contacted": contacted,
        "scripts": scripts,
        "files_with_cookies": used.get(&Used::Cookies).copied().unwrap_or_default(),
    });
    Some((site_path(statement), format!("{file:#}\n")))
}
