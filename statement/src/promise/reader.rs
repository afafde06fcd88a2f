//! Reads facts out of the front matter, and the phrases they rest on.

use super::*;
use crate::country::Country;
use crate::diagnostic::Diagnostic;
use crate::period::Period;
use crate::version::{DeclaredField, parse_version};
use crate::yaml::{Fields, Located, Node, Value};

/// Whether a version says where its text comes from; then facts must quote it.
pub(crate) fn has_provenance(root: &Node) -> bool {
    matches!(&root.value, Value::Mapping(entries) if entries.iter().any(|entry| entry.key == "provenance"))
}

/// Whether a fact must quote the text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    Required,
    Optional,
}

/// Gathers quotes while facts are read.
pub(crate) struct Reader {
    strict: bool,
    quotes: Vec<Quote>,
}

type Words<T> = &'static [(&'static str, T)];

fn values<T>(located: Vec<Located<T>>) -> Vec<T> {
    located.into_iter().map(|located| located.value).collect()
}

fn value<T>(located: Option<Located<T>>) -> Option<T> {
    located.map(|located| located.value)
}

impl Reader {
    /// Reads quotes of a version that has a provenance, or has none.
    pub(crate) fn new(strict: bool) -> Self {
        Self { strict, quotes: Vec::new() }
    }

    /// Reads `says` of a declared field.
    pub(crate) fn field(&mut self, field: &mut Fields<'_, '_>, key: &str) {
        self.says(field, &format!("collects.voluntary.fields.{key}"), Says::Required);
    }

    /// Reads what the contact is for, and the phrase it rests on.
    pub(crate) fn contact(&mut self, contact: &mut Fields<'_, '_>) -> Vec<Matter> {
        self.says(contact, "contact", Says::Required);
        values(contact.each_of("for", Matter::WORDS))
    }

    /// Reads what stands under `collects` beside the fields.
    pub(crate) fn collects(&mut self, collects: &mut Fields<'_, '_>, promises: &mut Promises) {
        if let Some(mut automated) = collects.mapping("automated", "collects.automated") {
            let nodes = automated.sequence("data").unwrap_or_default();
            let data = self.entries(&mut automated, nodes, "a datum", |reader, datum| {
                let key = required_word(datum, "key", Datum::WORDS)?;
                reader.says(datum, &format!("collects.automated.data.{}", key.word()), Says::Required);
                Some(key)
            });
            promises.automated = Some(Automated {
                data,
                only_for: values(automated.each_of("only_for", Purpose::WORDS)),
                join_with_voluntary: value(automated.boolean("join_with_voluntary")),
            });
            self.says(&mut automated, "collects.automated.only_for", Says::Optional);
            automated.finish();
        }
        if let Some(mut cookies) = collects.mapping("cookies", "collects.cookies") {
            let nodes = cookies.sequence("declared").unwrap_or_default();
            let declared = self.entries(&mut cookies, nodes, "a declared cookie", |reader, cookie| {
                let key = cookie.words("key");
                let key = cookie.required("key", key)?.value;
                reader.says(cookie, &format!("collects.cookies.declared.{key}"), Says::Required);
                let holds = cookie.each_of("holds", Holding::WORDS);
                let implemented = cookie.boolean("implemented");
                let secret = holds.iter().find(|held| held.value == Holding::Password);
                if let Some(secret) = secret
                    && implemented.as_ref().is_none_or(|implemented| implemented.value)
                {
                    cookie.diagnostics.push(
                        Diagnostic::error(
                            cookie.path(),
                            secret.span.clone(),
                            "declared, and still refused: a cookie must not hold a password",
                        )
                        .code("P111")
                        .help("either say `implemented: false`: the browser's password manager does this job")
                        .help("or remove `password` from `holds`, and the promise from the text"),
                    );
                }
                Some(Cookie {
                    key,
                    holds: values(holds),
                    purpose: value(cookie.one_of("purpose", Purpose::WORDS)),
                    implemented: implemented.is_none_or(|implemented| implemented.value),
                })
            });
            promises.cookies = Some(Cookies { refusable: value(cookies.boolean("refusable")), declared });
            self.says(&mut cookies, "collects.cookies.refusable", Says::Optional);
            cookies.finish();
        }
        if let Some(mut tracking) = collects.mapping("tracking", "collects.tracking") {
            promises.tracking = Some(Tracking {
                on_this_site: value(tracking.boolean("on_this_site")),
                across_sites: value(tracking.boolean("across_sites")),
            });
            self.says(&mut tracking, "collects.tracking", Says::Required);
            tracking.finish();
        }
    }

    /// Reads whether giving information is a choice.
    pub(crate) fn voluntary(&mut self, voluntary: &mut Fields<'_, '_>, promises: &mut Promises) {
        promises.optional = value(voluntary.boolean("optional"));
        self.says(voluntary, "collects.voluntary.optional", Says::Optional);
    }

    /// Reads what a document without facts says of itself: how it follows the version before it, and how it changes.
    pub(crate) fn without_facts(mut self, root: &mut Fields<'_, '_>, promises: &mut Promises) {
        self.lifecycle(root, promises);
        self.changes(root, promises);
    }

    /// Reads every other key of the front matter. `fields` are those the version declares.
    pub(crate) fn root(mut self, root: &mut Fields<'_, '_>, fields: &[DeclaredField], promises: &mut Promises) {
        self.lifecycle(root, promises);
        self.provenance(root, promises);
        if let Some(mut controller) = root.mapping("controller", "controller") {
            let name = controller.words("name");
            let name = controller.required("name", name);
            let called = value(controller.words("called"));
            self.says(&mut controller, "controller", Says::Optional);
            controller.finish();
            promises.controller = name.map(|name| Controller { name: name.value, called });
        }
        if let Some(mut scope) = root.mapping("scope", "scope") {
            promises.channels = values(scope.each_of("channels", Channel::WORDS));
            promises.excludes = values(scope.each_of("excludes", Excluded::WORDS));
            self.says(&mut scope, "scope", Says::Optional);
            scope.finish();
        }
        self.uses(root, fields, promises);
        self.sharing(root, promises);
        self.keeping(root, promises);
        self.rights_and_changes(root, promises);
        self.text(root, promises);
        promises.quotes = self.quotes;
    }

    fn lifecycle(&mut self, root: &mut Fields<'_, '_>, promises: &mut Promises) {
        promises.kind = root.one_of("kind", Kind::WORDS);
        let corrects = root.parsed("corrects", parse_version);
        if let Some(corrects) = &corrects
            && promises.kind.as_ref().is_none_or(|kind| kind.value != Kind::Correction)
        {
            root.diagnostics.push(
                Diagnostic::error(root.path(), corrects.span.clone(), "only a correction corrects a version")
                    .help("either say `kind: correction`")
                    .help("or remove `corrects`"),
            );
        }
        promises.corrects = value(corrects);
        promises.retired = values(root.strings("retired"));
        promises.moved_to = moved_to(root);
    }

    fn provenance(&mut self, root: &mut Fields<'_, '_>, promises: &mut Promises) {
        let Some(mut provenance) = root.mapping("provenance", "provenance") else { return };
        let source = provenance.one_of("source", Source::WORDS);
        let source = provenance.required("source", source);
        let verbatim = provenance.boolean("verbatim").filter(|verbatim| verbatim.value);
        let nodes = provenance.sequence("defects");
        let place = provenance.key_span("defects");
        self.entries(&mut provenance, nodes.unwrap_or_default(), "a defect", Self::defect);
        if let Some(Located { value: Source::Authored, .. }) = source {
            let refused =
                [(verbatim.as_ref().map(|verbatim| verbatim.span.clone()), "verbatim: true"), (place, "defects")];
            for (place, key) in refused {
                if let Some(place) = place {
                    provenance.diagnostics.push(
                        Diagnostic::error(
                            provenance.path(),
                            place,
                            format!(
                                "an authored version may not have `{key}`: only an imported text keeps its defects"
                            ),
                        )
                        .code("P228")
                        .help("either mend the text and remove the key")
                        .help("or say `source: imported`, if the text was published before"),
                    );
                }
            }
        }
        provenance.finish();
        promises.provenance = source.map(|source| Provenance { source: source.value, verbatim: verbatim.is_some() });
    }

    fn defect(&mut self, defect: &mut Fields<'_, '_>) -> Option<()> {
        let id = defect.words("id");
        let id = defect.required("id", id);
        let at = defect.words("at");
        let at = defect.required("at", at);
        let kind = required_word(defect, "kind", DefectKind::WORDS);
        let found = defect.words("found");
        let found = defect.required("found", found);
        let read_as = defect.words("read_as");
        let read_as = defect.required("read_as", read_as);
        let against = defect.words("against");
        let (id, at, found) = (id?, at?, found?);
        let fact = format!("provenance.defects.{}", id.value);
        if self.quotes.iter().any(|quote| quote.fact == fact) {
            defect.diagnostics.push(
                Diagnostic::error(defect.path(), id.span, format!("the defect `{}` is listed twice", id.value))
                    .help("give one of the two another id, or remove it"),
            );
        }
        let role = QuoteRole::Defect { id: id.value, kind: kind?, read_as: read_as?.value, against };
        self.quotes.push(Quote { fact, at, text: found, role });
        Some(())
    }

    fn uses(&mut self, root: &mut Fields<'_, '_>, fields: &[DeclaredField], promises: &mut Promises) {
        let nodes = root.sequence("uses").unwrap_or_default();
        promises.uses = self.entries(root, nodes, "a use", |reader, used| {
            let purpose = required_word(used, "key", Purpose::WORDS)?;
            reader.says(used, &format!("uses.{}", purpose.word()), Says::Required);
            let of = values(used.each_of("of", Origin::WORDS));
            Some(Use { purpose, of, within: value(used.one_of("within", Purpose::WORDS)) })
        });
        let nodes = root.sequence("never").unwrap_or_default();
        promises.never = self.entries(root, nodes, "an entry of `never`", |reader, never| {
            let purpose = required_word(never, "use", Purpose::WORDS)?;
            reader.says(never, &format!("never.{}", purpose.word()), Says::Required);
            let known: Vec<(&str, &str)> =
                fields.iter().map(|field| (field.key.as_str(), field.key.as_str())).collect();
            let of = values(never.each_of("of", &known)).into_iter().map(str::to_owned).collect();
            Some(Never { purpose, of })
        });
    }

    fn sharing(&mut self, root: &mut Fields<'_, '_>, promises: &mut Promises) {
        if let Some(mut shares) = root.mapping("shares", "shares") {
            let rule = value(shares.one_of("rule", SharingRule::WORDS));
            self.says(&mut shares, "shares", Says::Required);
            let nodes = shares.sequence("exceptions").unwrap_or_default();
            let exceptions = self.entries(&mut shares, nodes, "an exception", |reader, exception| {
                let key = required_word(exception, "key", SharingGround::WORDS)?;
                reader.says(exception, &format!("shares.exceptions.{}", key.word()), Says::Required);
                Some(key)
            });
            let sale = value(shares.one_of("sale", Sale::WORDS));
            let nodes = shares.sequence("recipients").unwrap_or_default();
            let recipients = self.entries(&mut shares, nodes, "a recipient", |reader, recipient| {
                let name = recipient.words("name");
                let name = recipient.required("name", name)?.value;
                reader.says(recipient, &format!("shares.recipients.{name}"), Says::Required);
                Some(name)
            });
            shares.finish();
            promises.shares = Some(Shares { rule, exceptions, sale, recipients });
        }
        let nodes = root.sequence("access").unwrap_or_default();
        promises.access = self.entries(root, nodes, "an entry of `access`", |reader, access| {
            let role = required_word(access, "role", Role::WORDS)?;
            reader.says(access, &format!("access.{}", role.word()), Says::Required);
            let of = value(access.one_of("of", Party::WORDS));
            Some(Access { role, of, need: value(access.one_of("need", Need::WORDS)) })
        });
        let nodes = root.sequence("processors").unwrap_or_default();
        promises.processors = self.entries(root, nodes, "a processor", |reader, processor| {
            let name = processor.words("name");
            let name = processor.required("name", name)?.value;
            let role = required_word(processor, "role", Role::WORDS)?;
            reader.says(processor, &format!("processors.{name}"), Says::Optional);
            Some(Processor { name, role, countries: countries(processor) })
        });
    }

    fn keeping(&mut self, root: &mut Fields<'_, '_>, promises: &mut Promises) {
        if let Some(mut storage) = root.mapping("storage", "storage") {
            promises.storage = Some(Storage {
                countries: countries(&mut storage),
                databases: value(storage.one_of("databases", Databases::WORDS)),
                applies_to: values(storage.each_of("applies_to", Handling::WORDS)),
            });
            self.says(&mut storage, "storage", Says::Required);
            storage.finish();
        }
        if let Some(mut safeguards) = root.mapping("safeguards", "safeguards") {
            promises.safeguards = Some(Safeguards {
                kinds: values(safeguards.each_of("kinds", Safeguard::WORDS)),
                warranty: value(safeguards.one_of("warranty", Warranty::WORDS)),
            });
            self.says(&mut safeguards, "safeguards", Says::Optional);
            safeguards.finish();
        }
        if let Some(mut retention) = root.mapping("retention", "retention") {
            let minimum = retention.parsed("minimum", Period::parse);
            let says = if minimum.is_some() { Says::Required } else { Says::Optional };
            let mut read = Retention {
                necessity: value(retention.boolean("necessity")),
                minimum,
                maximum: unless_null(&mut retention, "maximum", |retention| retention.parsed("maximum", Period::parse)),
                starts: value(retention.one_of("starts", Start::WORDS)),
                at_minimum: value(retention.one_of("at_minimum", AtMinimum::WORDS)),
                applies_to: value(retention.one_of("applies_to", RetentionScope::WORDS)),
                because: values(retention.each_of("because", Basis::WORDS)),
                holds: None,
            };
            self.says(&mut retention, "retention", says);
            if let Some(mut holds) = retention.mapping("holds", "retention.holds") {
                read.holds = Some(Holds {
                    by: value(holds.one_of("by", HoldAuthority::WORDS)),
                    grounds: values(holds.each_of("grounds", HoldGround::WORDS)),
                });
                self.says(&mut holds, "retention.holds", Says::Optional);
                holds.finish();
            }
            retention.finish();
            promises.retention = Some(read);
        }
    }

    fn rights_and_changes(&mut self, root: &mut Fields<'_, '_>, promises: &mut Promises) {
        let nodes = root.sequence("rights").unwrap_or_default();
        promises.rights = self.entries(root, nodes, "a right", |reader, right| {
            let key = required_word(right, "key", RightKind::WORDS)?;
            reader.says(right, &format!("rights.{}", key.word()), Says::Required);
            Some(key)
        });
        if let Some(mut signals) = root.mapping("signals", "signals") {
            promises.signals = Some(Signals {
                dnt: value(signals.one_of("dnt", SignalAnswer::WORDS)),
                gpc: value(signals.one_of("gpc", SignalAnswer::WORDS)),
            });
            self.says(&mut signals, "signals", Says::Optional);
            signals.finish();
        }
        if let Some(mut law) = root.mapping("law", "law") {
            promises.law = value(law.parsed("governing", Country::parse));
            self.says(&mut law, "law", Says::Optional);
            law.finish();
        }
        self.changes(root, promises);
    }

    fn changes(&mut self, root: &mut Fields<'_, '_>, promises: &mut Promises) {
        if let Some(mut changes) = root.mapping("changes", "changes") {
            promises.changes = Some(Changes {
                effective: value(changes.one_of("effective", ChangesEffective::WORDS)),
                notice: notice(&mut changes),
                date_at_top: value(changes.boolean("date_at_top")),
                counts: value(changes.one_of("counts", Counts::WORDS)),
            });
            self.says(&mut changes, "changes", Says::Required);
            changes.finish();
        }
    }

    fn text(&mut self, root: &mut Fields<'_, '_>, promises: &mut Promises) {
        let nodes = root.sequence("unclaimed").unwrap_or_default();
        self.entries(root, nodes, "an unclaimed sentence", |reader, unclaimed| {
            let at = unclaimed.words("at");
            let at = unclaimed.required("at", at);
            let text = unclaimed.words("text");
            let text = unclaimed.required("text", text);
            let why = required_word(unclaimed, "why", Why::WORDS)?;
            let role = QuoteRole::Unclaimed(why);
            reader.quotes.push(Quote { fact: "unclaimed".to_owned(), at: at?, text: text?, role });
            Some(())
        });
        let nodes = root.sequence("references").unwrap_or_default();
        promises.references = self.entries(root, nodes, "a reference", |_, reference| {
            let name = reference.words("name");
            let name = reference.required("name", name)?;
            let url = unless_null(reference, "url", |reference| reference.parsed("url", parse_url));
            Some(Reference { name, url: value(url), kind: value(reference.one_of("kind", ReferenceKind::WORDS)) })
        });
    }

    /// Reads each of `nodes` as a mapping; those that cannot be used are left out.
    fn entries<'a, T>(
        &mut self,
        parent: &mut Fields<'a, '_>,
        nodes: &'a [Node],
        what: &'static str,
        mut read: impl FnMut(&mut Self, &mut Fields<'a, '_>) -> Option<T>,
    ) -> Vec<T> {
        let path = parent.path();
        let mut entries = Vec::with_capacity(nodes.len());
        for node in nodes {
            if let Some(mut fields) = Fields::new(path, what, node, parent.diagnostics) {
                // What could not be used was not read to its end, so nobody asked for all its keys.
                if let Some(entry) = read(self, &mut fields) {
                    entries.push(entry);
                    fields.finish();
                }
            }
        }
        entries
    }

    /// Reads the phrases under `says`: one, or a list.
    fn says(&mut self, fields: &mut Fields<'_, '_>, fact: &str, says: Says) {
        let Some(node) = fields.node("says") else {
            if self.strict && says == Says::Required {
                let place = fields.span();
                fields.diagnostics.push(
                    Diagnostic::error(fields.path(), place, format!("`{fact}` does not say which words it rests on"))
                        .code("P227")
                        .help("either quote them: `says: {at: <section>, text: \"…\"}`")
                        .help("or remove the fact, if no sentence says it"),
                );
            }
            return;
        };
        let nodes = if let Value::Sequence(nodes) = &node.value { nodes } else { std::slice::from_ref(node) };
        self.entries(fields, nodes, "`says`", |reader, quote| {
            let at = quote.words("at");
            let at = quote.required("at", at);
            let text = quote.words("text");
            let text = quote.required("text", text);
            if let (Some(at), Some(text)) = (at, text) {
                reader.quotes.push(Quote { fact: fact.to_owned(), at, text, role: QuoteRole::Says });
            }
            Some(())
        });
    }
}

fn required_word<T: Copy>(fields: &mut Fields<'_, '_>, key: &'static str, words: Words<T>) -> Option<T> {
    let word = fields.one_of(key, words);
    value(fields.required(key, word))
}

/// What `read` finds, unless the key says `null`.
fn unless_null<'a, 'd, T>(
    fields: &mut Fields<'a, 'd>,
    key: &'static str,
    read: impl FnOnce(&mut Fields<'a, 'd>) -> Option<T>,
) -> Option<T> {
    let null = fields.node(key).is_some_and(|node| node.value == Value::Null);
    if null { None } else { read(fields) }
}

fn countries(fields: &mut Fields<'_, '_>) -> Vec<Country> {
    let mut countries = Vec::new();
    for text in fields.strings("countries") {
        match Country::parse(&text.value) {
            Ok(country) => countries.push(country),
            Err(fact) => {
                fields.diagnostics.push(Diagnostic::error(fields.path(), text.span, format!("`countries`: {fact}")))
            }
        }
    }
    countries
}

/// Old section ids and the new one of each.
fn moved_to(root: &mut Fields<'_, '_>) -> Vec<(String, Located<String>)> {
    let Some(node) = root.node("moved_to") else { return Vec::new() };
    let Value::Mapping(entries) = &node.value else {
        root.diagnostics.push(
            Diagnostic::error(root.path(), node.span.clone(), "`moved_to` must be a mapping")
                .label(format!("this is {}", node.kind()))
                .help("write old and new section, like `moved_to: {sharing: share}`"),
        );
        return Vec::new();
    };
    let new = |node: &Node| match &node.value {
        Value::String(id) => Some(Located { value: id.clone(), span: node.span.clone() }),
        _ => None,
    };
    entries.iter().filter_map(|entry| Some((entry.key.clone(), new(&entry.node)?))).collect()
}

/// `none`, or how long before and by which way.
fn notice(changes: &mut Fields<'_, '_>) -> Option<Notice> {
    if changes.node("notice").is_some_and(|node| matches!(&node.value, Value::String(_))) {
        changes.one_of("notice", &[("none", ())]);
        return None;
    }
    let mut notice = changes.mapping("notice", "changes.notice")?;
    let period = notice.parsed("period", Period::parse);
    let period = notice.required("period", period);
    let by = values(notice.each_of("by", NoticeBy::WORDS));
    notice.finish();
    Some(Notice { period: period?, by })
}

fn parse_url(text: &str) -> Result<String, String> {
    let plain = !text.contains(|letter: char| letter.is_whitespace() || letter.is_control());
    let known = text.starts_with('/') || ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme));
    if plain && known {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is not an address: write `https://…`, or a path of this site that begins with `/`"))
    }
}
