//! What the statement in force allows a browser to do on this site, and the header that tells it so.
//!
//! Derived from the statement and from what the settings declare for it, never from what pages contain; a script of the
//! theme that stands on no page is left out.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::promise::{Databases, Datum, Holding};
use statement::version::Statement;
use statement::yaml::in_backticks;
use url::Url;

use crate::declared::{Declared, Kind, Provider};
use crate::scan::{self, Finding, FindingKind};
use crate::search;
use crate::site::Site;
use crate::site_config;

/// What is allowed.
pub struct Policy<'a> {
    /// The version in force: without one, nothing was promised.
    pub statement: Option<&'a Statement>,
    declared: &'a Declared,
    /// The hashes of the theme's scripts, and of the one of this program where it is wanted.
    of_theme: Vec<&'a str>,
    base: Option<Url>,
    is_in_pages: bool,
}

/// Whom an address asks.
#[derive(Debug)]
pub enum Asked<'a> {
    /// This site, or nobody.
    Nobody,
    /// This site, unencrypted though it is not.
    Unencrypted(String),
    /// A declared provider, by its place among them.
    Provider(usize, &'a Provider),
    /// Somebody the statement does not know: the host.
    Stranger(String),
}

impl<'a> Policy<'a> {
    /// What is allowed on the site.
    #[must_use]
    pub fn of(site: &'a Site) -> Self {
        let of_theme = site.assets.scripts().map(|(_, script)| script.hash.as_str());
        let of_search = search::script(site).map(|script| script.integrity);
        Self {
            statement: site.statement(),
            declared: &site.config.declared,
            of_theme: of_theme.chain(of_search).collect(),
            base: Url::parse(&site.config.base_url).ok(),
            is_in_pages: !site.config.declared.sends_headers() || site.config.admin.is_some(),
        }
    }

    /// Whether each page says of itself what a browser may do: where no header says it, or none that holds for all.
    #[must_use]
    pub fn is_in_pages(&self) -> bool {
        self.is_in_pages
    }

    /// Whether visitors reach the site by `https`.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.base.as_ref().is_some_and(|base| base.scheme() == "https")
    }

    /// Whom a browser asks that resolves `address` on a page of the site (URL Standard, section 4.4).
    #[must_use]
    pub fn asked(&self, address: &str) -> Asked<'a> {
        let Ok(url) = Url::options().base_url(self.base.as_ref()).parse(address) else { return Asked::Nobody };
        if !matches!(url.scheme(), "http" | "https" | "ws" | "wss" | "ftp") {
            return Asked::Nobody;
        }
        let host = url.host_str().unwrap_or_default();
        if self.is_encrypted() && matches!(url.scheme(), "http" | "ws" | "ftp") {
            return Asked::Unencrypted(host.to_owned());
        }
        if self.base.as_ref().and_then(Url::host_str) == Some(host) {
            return Asked::Nobody;
        }
        let is_its = |provider: &Provider| provider.hosts.iter().any(|known| known.value == host);
        match self.declared.providers.iter().enumerate().find(|(_, provider)| is_its(provider)) {
            Some((index, provider)) => Asked::Provider(index, provider),
            None => Asked::Stranger(host.to_owned()),
        }
    }

    /// Whether a script with this hash may run.
    #[must_use]
    pub fn allows_script(&self, hash: &str) -> bool {
        self.script(hash).is_some() || self.declared.scripts.iter().any(|listed| listed.value == hash)
    }

    /// The place of a script among those of the theme and of this program, by its hash.
    #[must_use]
    pub fn script(&self, hash: &str) -> Option<usize> {
        self.of_theme.iter().position(|known| *known == hash)
    }

    /// The places of those scripts that stand in a page.
    #[must_use]
    pub fn scripts_in(&self, html: &str) -> BTreeSet<usize> {
        let found = scan::page(html).findings.into_iter();
        let place = |finding: Finding<'_>| match finding.kind {
            FindingKind::Script(text) => self.script(&hash(text)),
            FindingKind::ScriptFile(integrity) => self.script(integrity),
            _ => None,
        };
        found.filter_map(place).collect()
    }

    /// Whether scripts may talk to anybody.
    #[must_use]
    pub fn allows_connections(&self) -> bool {
        self.declared.providers.iter().any(|provider| provider.loads.contains(&Kind::Connections))
    }

    /// Whether the statement says that the site sets a cookie, one that may be set.
    #[must_use]
    pub fn allows_cookies(&self) -> bool {
        let cookies = self.statement.and_then(|statement| statement.promises.cookies.as_ref());
        cookies.is_some_and(|cookies| {
            cookies.declared.iter().any(|cookie| cookie.implemented && !cookie.holds.contains(&Holding::Password))
        })
    }

    /// Whether everything must work without cookies.
    #[must_use]
    pub fn is_cookie_refusable(&self) -> bool {
        let cookies = self.statement.and_then(|statement| statement.promises.cookies.as_ref());
        cookies.is_some_and(|cookies| cookies.refusable == Some(true))
    }

    /// Whether the statement says that the visitor's place is found out.
    #[must_use]
    pub fn allows_location(&self) -> bool {
        let automated = self.statement.and_then(|statement| statement.promises.automated.as_ref());
        automated.is_some_and(|automated| automated.data.contains(&Datum::Location))
    }

    /// What a browser is told to refuse (Content Security Policy Level 3); none where nothing was promised. Of the theme's
    /// scripts only those may run that stand on a page, `scripts` by their places. In a page, `frame-ancestors` means
    /// nothing.
    #[must_use]
    pub fn content_security_policy(&self, scripts: &BTreeSet<usize>, is_in_page: bool) -> Option<String> {
        self.statement?;
        let mut directives = vec!["default-src 'none'".to_owned()];
        let mut add = |directive: &str, own: &str, kind: Kind| {
            let providers = self.declared.providers.iter().filter(|provider| provider.loads.contains(&kind));
            let hosts = providers.flat_map(|provider| &provider.hosts).map(|host| format!(" https://{}", host.value));
            let sources = hosts.fold(own.to_owned(), |sources, host| sources + &host);
            if !sources.is_empty() {
                directives.push(format!("{directive} {}", sources.trim_start()));
            }
        };
        add("img-src", "'self' data:", Kind::Images);
        // Tables say in an attribute how they are aligned. What a style asks for, the other directives bind.
        add("style-src", "'self' 'unsafe-inline'", Kind::Styles);
        add("font-src", "'self' data:", Kind::Fonts);
        add("media-src", "'self'", Kind::Media);
        add("frame-src", "", Kind::Frames);
        let has_scripts = !self.declared.scripts.is_empty() || !scripts.is_empty();
        add("connect-src", if has_scripts { "'self'" } else { "" }, Kind::Connections);
        add("form-action", "'self'", Kind::Forms);
        if has_scripts {
            let listed = self.declared.scripts.iter().map(|script| script.value.as_str());
            let of_theme = scripts.iter().map(|script| self.of_theme[*script]);
            let hashes: Vec<String> = of_theme.chain(listed).map(|hash| format!("'{hash}'")).collect();
            directives.push(format!("script-src {}", hashes.join(" ")));
        }
        directives.push("manifest-src 'self'".to_owned());
        directives.push("base-uri 'none'".to_owned());
        if !is_in_page {
            directives.push("frame-ancestors 'none'".to_owned());
        }
        Some(directives.join("; "))
    }

    /// Reports what the settings declare and the statement does not: providers (P140) and mails that would copy
    /// registrations out of the databases it names (P152).
    pub fn check(&self, site: &Site, diagnostics: &mut Diagnostics) {
        let Some(statement) = self.statement else { return };
        let path: Arc<str> = site_config::PATH.into();
        let promises = &statement.promises;
        let named = statement.named_recipients();
        for provider in &self.declared.providers {
            let name = &provider.name.value;
            if named.contains(&name.as_str()) {
                continue;
            }
            let known = if named.is_empty() { "nobody".to_owned() } else { in_backticks(&named) };
            diagnostics.push(
                Diagnostic::error(
                    &path,
                    provider.name.span.clone(),
                    format!("the provider `{name}` is no recipient the statement in force declares"),
                )
                .code("P140")
                .label("no entry under shares.recipients or processors")
                .note(format!("statement {} declares {known}", statement.version))
                .help("either remove the provider, and what the site loads from it")
                .help("or name it under `shares.recipients` or `processors` in a new version of the statement"),
            );
        }
        let Some(storage) = promises.storage.as_ref() else { return };
        if storage.databases != Some(Databases::CompanyControlled) {
            return;
        }
        let minimum = statement.retention_minimum;
        for mailbox in &self.declared.mailboxes {
            let days = |period: statement::period::Period| {
                period.to_span().total((jiff::Unit::Day, statement.effective)).unwrap_or_default()
            };
            if let Some(minimum) = minimum
                && days(mailbox.retention.value) < days(minimum)
            {
                let message = format!("the mailbox `{}` keeps less than the statement promises", mailbox.address.value);
                diagnostics.push(
                    Diagnostic::error(&path, mailbox.retention.span.clone(), message)
                        .code("P152")
                        .note(format!("statement {} promises {}", statement.version, minimum.to_words()))
                        .help(format!("either keep what arrives there for {}", minimum.to_words()))
                        .help("or promise less under `retention.minimum` in a new version of the statement"),
                );
            }
        }
        let is_full = |form: &&statement::form::Form| form.notify.value == statement::form::Notify::Full;
        let is_declared = |address: &str| {
            self.declared.mailboxes.iter().any(|mailbox| mailbox.address.value.eq_ignore_ascii_case(address))
        };
        for form in site.forms.iter().filter(is_full) {
            let addresses = form.recipients.iter().flat_map(|recipients| &recipients.to);
            for address in addresses.flat_map(|(_, addresses)| addresses).filter(|to| !is_declared(&to.value)) {
                let message = format!(
                    "`notify: full` would copy registrations into `{}`, which is no declared store",
                    address.value
                );
                diagnostics.push(
                    Diagnostic::error(&form.path, address.span.clone(), message)
                        .code("P152")
                        .note(format!("statement {} keeps data in company-controlled databases", statement.version))
                        .help("either write `answers: reference`: the mail then says where to look")
                        .help(format!(
                            "or declare the mailbox in `content/site.yaml`, with how long it keeps a message: \
                             `mailboxes: [{{address: {}, retention: P7Y}}]`",
                            address.value
                        )),
                );
            }
        }
        // Where mail goes by what was chosen, each of the addresses has been looked at.
        let is_unnamed =
            |form: &&statement::form::Form| form.recipients.is_none() && self.declared.mailboxes.is_empty();
        for form in site.forms.iter().filter(is_full).filter(is_unnamed) {
            let asked: Vec<&str> = form.fields.iter().map(|field| field.name.value.as_str()).collect();
            diagnostics.push(
                Diagnostic::error(
                    &form.path,
                    form.notify.span.clone(),
                    format!(
                        "`notify: full` would copy {} into a mailbox that is no declared store",
                        in_backticks(&asked)
                    ),
                )
                .code("P152")
                .note(format!("statement {} keeps data in company-controlled databases", statement.version))
                .help("either write `notify: reference`: the mail then says where to look")
                .help(
                    "or declare the mailbox in `content/site.yaml`, with how long it keeps a message: `mailboxes: \
                     [{address: …, retention: P7Y}]`",
                ),
            );
        }
    }
}

/// A script's hash, as a policy and an `integrity` attribute write it.
#[must_use]
pub fn hash(script: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(script.as_bytes())))
}
