//! The contract for the function: forms, the statement in force, and each form's page as it is shown again.
//!
//! The function has no templates. So a form's page is rendered once more with marks where only the function knows what
//! stands, and cut at the marks.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use statement::contract::{
    Contract, EarlierStatement, FieldContract, FieldMarkup, FieldPart, FormContract, ItemPart, Messages, NeverUsed,
    PROOF_FIELD, PagePart, RecipientsContract, RetentionPromises, RetryPage, SCHEMA, Shown as ShownPart,
    StatementInForce, VersionField, VersionPromises, WebhookContract,
};
use statement::diagnostic::{Diagnostic, Diagnostics};
use statement::digest::sha256_hex;
use statement::form::{Field, Form};
use statement::promise::{Automated, Databases, Origin, Purpose, Retention};
use statement::version::{Contact, Statement};
use statement::yaml::Located;

use crate::address;
use crate::frames::Frames;
use crate::gate::{self, Gate, Used};
use crate::markdown;
use crate::policy::Policy;
use crate::scan;
use crate::site::{PageId, PageKind, Site};
use crate::source_tree::SourceTree;
use crate::template::{Beside, Shown, Theme};

/// Around a mark: noncharacters of Unicode, which no text contains (Unicode Standard, section 23.7).
const MARK: (char, char) = ('\u{fdd0}', '\u{fdd1}');

pub(crate) fn mark(name: &str) -> String {
    format!("{}{name}{}", MARK.0, MARK.1)
}

/// Renders every form as it stands on its page, empty; by id.
pub fn empty_forms(site: &Site, theme: &Theme, diagnostics: &mut Diagnostics) -> HashMap<String, String> {
    let mut forms = HashMap::with_capacity(site.forms.len());
    for form in &site.forms {
        let fields: Option<Vec<String>> =
            form.fields.iter().map(|field| theme.field(form, field, &Shown::default(), diagnostics)).collect();
        // Without a statement in force there is no form, which has been reported.
        let fields = fields.filter(|_| site.statement().is_some());
        let markup = fields.and_then(|fields| theme.form(form, fields, diagnostics));
        // An empty place keeps such a mistake from being reported as a missing form too.
        forms.insert(form.id.clone(), markup.unwrap_or_default());
    }
    forms
}

/// Writes the contract; `empty` are the forms as they stand on their pages, by id, `placed` are the pages each form stands on, with the places in their files. `used` has what was found on the site's pages, and gets what is found in those that the function shows.
pub fn assemble(
    site: &Site,
    tree: &SourceTree,
    theme: &Theme,
    empty: &HashMap<String, String>,
    placed: &BTreeMap<String, Vec<Placement>>,
    used: &mut BTreeSet<Used>,
    diagnostics: &mut Diagnostics,
) -> Contract {
    let statement = site.statement();
    let policy = Policy::of(site);
    let gate = Gate::new(site, tree, &policy);
    let mut forms = BTreeMap::new();
    for form in &site.forms {
        let Some(statement) = statement else { continue };
        let page = match placed.get(&form.id).map(Vec::as_slice) {
            Some([placement]) => placement.page,
            Some([first, rest @ ..]) => {
                for other in rest {
                    diagnostics.push(
                        Diagnostic::error(
                            &other.path,
                            other.span.clone(),
                            format!("the form `{}` stands in two places", form.id),
                        )
                        .note(format!("it stands on `{}` too", first.path))
                        .help("a visitor is shown the form again on its page, so it can have only one: link to it instead"),
                    );
                }
                continue;
            }
            // A mistake may have kept the page from being read to its end.
            _ if diagnostics.has_errors() => continue,
            _ => {
                diagnostics.push(
                    Diagnostic::warning(&form.path, 0..0, format!("the form `{}` stands on no page", form.id))
                        .help(format!("place it with `{{{{ form(id=\"{}\") }}}}`, or remove the file", form.id)),
                );
                continue;
            }
        };
        let frames = Frames { site, theme, gate: &gate, form, page, empty };
        if let Some(contract) = form_contract(&frames, tree, statement, used, diagnostics) {
            forms.insert(form.id.clone(), contract);
        }
    }
    let earlier = earlier_statements(site, theme, &gate, used, diagnostics);
    Contract {
        schema: SCHEMA.to_owned(),
        base_url: site.config.base_url.clone(),
        site_title: site.config.title.clone(),
        content_security_policy: policy.content_security_policy(&gate::scripts(used), false),
        statement: statement.map(|statement| statement_in_force(site, statement, earlier)),
        versions: versions(site),
        forms,
    }
}

/// Where a form stands.
#[derive(Debug)]
pub struct Placement {
    /// The page.
    pub page: PageId,
    /// The page's file.
    pub path: Arc<str>,
    /// The place in it.
    pub span: std::ops::Range<usize>,
}

/// Whom to ask.
fn contact_of(statement: &Statement) -> &Contact {
    statement.contact.as_ref().expect("invariant: what is in force for forms has facts")
}

/// What is collected by itself and may be used for the security of the network.
fn security_data(automated: &Automated) -> Vec<String> {
    let is_allowed = automated.only_for.is_empty() || automated.only_for.contains(&Purpose::NetworkSecurity);
    let words = automated.data.iter().map(|datum| datum.word().to_owned());
    if is_allowed { words.collect() } else { Vec::new() }
}

/// The versions before the one in force, each with what has changed since, as the theme draws it.
fn earlier_statements(
    site: &Site,
    theme: &Theme,
    gate: &Gate<'_>,
    used: &mut BTreeSet<Used>,
    diagnostics: &mut Diagnostics,
) -> Vec<EarlierStatement> {
    let Some(in_force) = site.in_force.filter(|_| !site.forms.is_empty()) else { return Vec::new() };
    let Some(page) = site.pages.iter().find(|page| page.kind == PageKind::Statement(in_force)) else {
        return Vec::new();
    };
    let mut earlier = Vec::new();
    for publication in &site.publications {
        for comparison in publication.comparisons.iter().filter(|comparison| comparison.new == in_force) {
            let Some(changes) = theme.changes(site, publication, comparison, diagnostics) else { continue };
            // Visitors see it under the page of their form; what is wrong with it stands in the theme.
            used.extend(gate.check_page(page, &scan::page(&changes).findings, diagnostics));
            let digest = site.statements[comparison.old].digests.digest.clone();
            earlier.push(EarlierStatement { digest, changes });
        }
    }
    earlier
}

/// What each version promises that is or was in force.
fn versions(site: &Site) -> Vec<VersionPromises> {
    let mut versions = Vec::new();
    for publication in site.publications.iter().filter(|publication| publication.has_facts) {
        for version in &publication.document.history.versions {
            let first = version.in_force.first().filter(|first| first.from <= publication.at);
            if let (Some(first), Some(file)) = (first, publication.file_of(version)) {
                versions.push((first.from, version_promises(site, &site.statements[file], first.from)));
            }
        }
    }
    versions.sort_by(|(a, one), (b, other)| (a, &one.document).cmp(&(b, &other.document)));
    versions.into_iter().map(|(_, version)| version).collect()
}

fn version_promises(site: &Site, statement: &Statement, from: Timestamp) -> VersionPromises {
    let promises = &statement.promises;
    let shares = promises.shares.as_ref();
    // Where nothing is said of what a use covers, it covers what visitors give.
    let is_of_visitors = |of: &[Origin]| of.is_empty() || of.contains(&Origin::Voluntary);
    VersionPromises {
        document: statement.document.clone(),
        version: statement.version.clone(),
        digest: statement.digests.digest.clone(),
        text_sha256: statement.digests.text_sha256.clone(),
        facts_sha256: statement.digests.facts_sha256.clone(),
        url: address::permalink(&site.config.base_url, &Site::statement_address(statement)),
        from: from.to_string(),
        uses: words(promises.uses.iter().filter(|used| is_of_visitors(&used.of)), |used| used.purpose.word()),
        never: promises
            .never
            .iter()
            .map(|never| NeverUsed { purpose: never.purpose.word().to_owned(), of: never.of.clone() })
            .collect(),
        recipients: shares.map(|shares| shares.recipients.clone()).unwrap_or_default(),
        sharing_exceptions: shares.map(|shares| words(&shares.exceptions, |ground| ground.word())).unwrap_or_default(),
        countries: countries(statement),
        channels: words(&promises.channels, |channel| channel.word()),
        fields: statement
            .fields
            .iter()
            .map(|field| VersionField { key: field.key.clone(), category: field.category.word().to_owned() })
            .collect(),
        roles: words(&promises.access, |access| access.role.word()),
        rights: words(&promises.rights, |right| right.word()),
        retention: promises.retention.as_ref().map(retention_promises),
    }
}

fn retention_promises(retention: &Retention) -> RetentionPromises {
    let holds = retention.holds.as_ref();
    RetentionPromises {
        minimum: retention.minimum.as_ref().map(|minimum| minimum.value.to_string()),
        maximum: retention.maximum.as_ref().map(|maximum| maximum.value.to_string()),
        starts: retention.starts.map(|start| start.word().to_owned()),
        at_minimum: retention.at_minimum.map(|then| then.word().to_owned()),
        because: words(&retention.because, |basis| basis.word()),
        hold_by: holds.and_then(|holds| holds.by).map(|by| by.word().to_owned()),
        hold_grounds: holds.map(|holds| words(&holds.grounds, |ground| ground.word())).unwrap_or_default(),
        applies_to: retention.applies_to.map(|scope| scope.word().to_owned()),
    }
}

/// Where a version says that data is.
fn countries(statement: &Statement) -> Vec<String> {
    let storage = statement.promises.storage.as_ref();
    storage.map(|storage| storage.countries.iter().map(ToString::to_string).collect()).unwrap_or_default()
}

fn words<T>(all: impl IntoIterator<Item = T>, word: impl Fn(T) -> &'static str) -> Vec<String> {
    all.into_iter().map(|one| word(one).to_owned()).collect()
}

fn statement_in_force(site: &Site, statement: &Statement, earlier: Vec<EarlierStatement>) -> StatementInForce {
    let promises = &statement.promises;
    let contact = contact_of(statement);
    let retention = promises.retention.as_ref();
    StatementInForce {
        document: statement.document.clone(),
        version: statement.version.clone(),
        digest: statement.digests.digest.clone(),
        text_sha256: statement.digests.text_sha256.clone(),
        facts_sha256: statement.digests.facts_sha256.clone(),
        url: address::permalink(&site.config.base_url, &Site::statement_address(statement)),
        fields: statement.fields.iter().map(|field| field.key.clone()).collect(),
        contact_email: contact.email.clone(),
        contact_url: address::mailto(&contact.email, contact.subject.as_deref()),
        controller: promises.controller.as_ref().map(|controller| controller.name.clone()),
        language: statement.language.clone(),
        retention_minimum: statement.retention_minimum.map(|minimum| minimum.to_string()),
        at_minimum: retention.and_then(|retention| retention.at_minimum).map(|then| then.word().to_owned()),
        hold_grounds: retention
            .and_then(|retention| retention.holds.as_ref())
            .map(|holds| holds.grounds.iter().map(|ground| ground.word().to_owned()).collect())
            .unwrap_or_default(),
        recipients: promises.shares.as_ref().map(|shares| shares.recipients.clone()).unwrap_or_default(),
        processors: promises.processors.iter().map(|processor| processor.name.clone()).collect(),
        countries: countries(statement),
        security_data: promises.automated.as_ref().map(security_data).unwrap_or_default(),
        mailboxes: promises
            .storage
            .as_ref()
            .filter(|storage| storage.databases == Some(Databases::CompanyControlled))
            .map(|_| site.config.declared.mailboxes.iter().map(|mailbox| mailbox.address.value.clone()).collect()),
        law: promises.law.map(|law| law.to_string()),
        earlier,
    }
}

fn form_contract(
    frames: &Frames<'_>,
    tree: &SourceTree,
    statement: &Statement,
    used: &mut BTreeSet<Used>,
    diagnostics: &mut Diagnostics,
) -> Option<FormContract> {
    let Frames { site, form, page, empty, .. } = *frames;
    let thanks = thank_you_page(site, form, diagnostics);
    let letters = frames.letters(diagnostics);
    let receipt = thanks.and_then(|thanks| frames.receipt(thanks, tree, used, diagnostics));
    let retry = retry_page(frames, tree, used, diagnostics);
    let contact = &contact_of(statement).email;
    Some(FormContract {
        endpoint: address::of_form(&form.id),
        page: address::href(&site.pages[page].address),
        thanks: address::href(&site.pages[thanks?].address),
        notify: form.notify.value,
        recipients: form.recipients.as_ref().map(|recipients| RecipientsContract {
            by: recipients.by.value.clone(),
            to: recipients.to.iter().map(|(option, to)| (option.value.clone(), values(to))).collect(),
        }),
        webhook: form
            .webhook
            .as_ref()
            .map(|webhook| WebhookContract { to: webhook.to.value.clone(), url: webhook.url.value.clone() }),
        purpose: form.purpose().word().to_owned(),
        never: form.never(statement).into_iter().map(|purpose| purpose.word().to_owned()).collect(),
        confirmation: form.confirmed_field(),
        proof_of_work: form.proof_of_work,
        shown: shown(form, empty.get(&form.id).map_or("", String::as_str)),
        sha256: form.sha256.clone(),
        fields: form.fields.iter().map(field_contract).collect(),
        messages: Messages {
            statement_changed: "Our privacy statement has changed since you opened this page. Read it, then send the \
                                form again if you still want to"
                .to_owned(),
            unavailable: format!(
                "Your answers could not be saved because of a problem on our side. Send the form again in a few \
                 minutes, or write to {contact}"
            ),
            too_often: "Too many forms were sent from your network. Send the form again in a few minutes".to_owned(),
            too_large: "Your answers are too long to be sent. Shorten them, then send the form again".to_owned(),
            not_our_form: "This was not sent by the form on this page. Fill in the form and send it".to_owned(),
        },
        retry: retry?,
        letters: letters?,
        receipt: receipt?,
    })
}

fn values(located: &[Located<String>]) -> Vec<String> {
    located.iter().map(|located| located.value.clone()).collect()
}

/// What visitors see of a form: all of it, and of each field what stands beside it.
fn shown(form: &Form, empty: &str) -> Vec<ShownPart> {
    let digest = |what: &str, field: Option<&Field>, text: &str| ShownPart {
        what: what.to_owned(),
        field: field.map(|field| field.name.value.clone()),
        sha256: sha256_hex(text.as_bytes()),
    };
    let of_field = |field| {
        let label = digest("label", Some(field), &field.label);
        [label].into_iter().chain((!field.hint.is_empty()).then(|| digest("hint", Some(field), &field.hint)))
    };
    std::iter::once(digest("form", None, empty)).chain(form.fields.iter().flat_map(of_field)).collect()
}

fn field_contract(field: &Field) -> FieldContract {
    FieldContract {
        name: field.name.value.clone(),
        kind: field.kind,
        label: field.label.clone(),
        required: field.required,
        required_when: field.required_when.as_ref().map(|condition| condition.value.clone()),
        options: field.options.clone(),
        min: field.min,
        max: field.max,
        characters_max: field.characters_max,
        message_empty: field.message_empty.clone(),
        message_too_long: field.message_too_long.clone(),
        message_malformed: field.message_malformed.clone(),
    }
}

fn thank_you_page(site: &Site, form: &Form, diagnostics: &mut Diagnostics) -> Option<PageId> {
    let from = form.path.strip_prefix("content/").unwrap_or(&form.path);
    let wanted = address::join(from, &form.thanks.value);
    if let Some(page) = wanted.as_deref().and_then(|path| site.page_of(path)) {
        return Some(page);
    }
    if wanted.as_deref().is_some_and(|path| site.is_unusable(path)) {
        return None;
    }
    let diagnostic = Diagnostic::error(&form.path, form.thanks.span.clone(), "the thank-you page does not exist")
        .label("no page at this path");
    let near = wanted.as_deref().and_then(|path| site.near_content_path(path));
    diagnostics.push(match near {
        Some(near) => diagnostic.help(format!("did you mean `{}`?", address::relative(from, near))),
        None => diagnostic.help("write the page's file as seen from the form's, like `../thank-you.md`"),
    });
    None
}

/// Renders the form's page with marks in it, and cuts it there.
fn retry_page(
    frames: &Frames<'_>,
    tree: &SourceTree,
    used: &mut BTreeSet<Used>,
    diagnostics: &mut Diagnostics,
) -> Option<RetryPage> {
    let Frames { site, theme, gate, form, page, empty } = *frames;
    let marked_fields = form.fields.iter().map(|field| mark(&format!("field:{}", field.name.value)));
    let markup = theme.form(form, marked_fields, diagnostics)?;
    let summary = theme.error_summary(&mark("items"), &form.path, diagnostics)?;
    let item = theme.error_item(&mark("target"), &mark("message"), &form.path, diagnostics)?;

    let path = &site.pages[page].path;
    let mut forms = empty.clone();
    forms.insert(form.id.clone(), markup);
    // What is wrong with the page's text has been said when it was rendered for the site.
    let rendered = markdown::render(site, theme, page, tree.text(path)?, &forms, &mut Diagnostics::new());
    let problem = format!("{summary}{}", mark("changes"));
    // An answer to a form has no address that anybody could link to, and so no card.
    let beside = Beside { problem: Some(&problem), card: None };
    let html = theme.page(site, page, &rendered, beside, diagnostics)?;
    // Visitors see this page too, and it has parts of the theme that no published one has.
    used.extend(gate.check_page(&site.pages[page], &scan::page(&html).findings, diagnostics));

    let parts = cut(&html, PagePart::Html, |name| match name.strip_prefix("field:") {
        Some(field) => Some(PagePart::Field(field.to_owned())),
        None if name == "changes" => Some(PagePart::Changes),
        None => (name == "items").then_some(PagePart::SummaryItems),
    });
    let item = cut(&item, ItemPart::Html, |name| match name {
        "target" => Some(ItemPart::Target),
        "message" => Some(ItemPart::Message),
        _ => None,
    });
    let mut fields = BTreeMap::new();
    for field in &form.fields {
        let valid = field_parts(theme, form, field, String::new(), diagnostics)?;
        let invalid = field_parts(theme, form, field, mark("message"), diagnostics)?;
        fields.insert(field.name.value.clone(), FieldMarkup { valid, invalid });
    }
    let retry = RetryPage { page: parts, fields, summary_item: item };
    check_retry_page(site, form, &retry, diagnostics).then_some(retry)
}

fn field_parts(
    theme: &Theme,
    form: &Form,
    field: &Field,
    message: String,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<FieldPart>> {
    let checked = (0..field.options.len()).map(|option| mark(&format!("checked:{option}"))).collect();
    let html = theme.field(form, field, &Shown { value: mark("value"), message, checked }, diagnostics)?;
    Some(cut(&html, FieldPart::Html, |name| match name {
        "value" => Some(FieldPart::Value),
        "message" => Some(FieldPart::Message),
        _ => {
            let option: usize = name.strip_prefix("checked:")?.parse().ok()?;
            Some(FieldPart::Checked(field.options.get(option)?.clone()))
        }
    }))
}

/// Cuts `html` at its marks: what is between them is `html_part`, the marks are what `mark_part` makes of their names.
pub(crate) fn cut<P>(html: &str, html_part: impl Fn(String) -> P, mark_part: impl Fn(&str) -> Option<P>) -> Vec<P> {
    let mut parts = Vec::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once(MARK.0) {
        let Some((name, after)) = after.split_once(MARK.1) else { break };
        parts.push(html_part(before.to_owned()));
        parts.extend(mark_part(name));
        rest = after;
    }
    parts.push(html_part(rest.to_owned()));
    parts
}

/// A theme that leaves something out would leave a visitor without a word about what to mend.
fn check_retry_page(site: &Site, form: &Form, retry: &RetryPage, diagnostics: &mut Diagnostics) -> bool {
    let folder = format!("themes/{}/templates", site.config.theme.value);
    let mut lacking = |template: &str, what: &str, how: &str| {
        let path: Arc<str> = format!("{folder}/{template}").into();
        diagnostics.push(
            Diagnostic::error(&path, 0..0, format!("a form that is shown again lacks {what}"))
                .note(format!("found with the form `{}`", form.id))
                .help(how),
        );
        false
    };
    let mut is_whole = true;
    if retry.page.iter().filter(|part| **part == PagePart::SummaryItems).count() != 1 {
        is_whole = lacking(
            "page.html",
            "the summary of what is wrong",
            "print `page.problem` once in every template a page with a form uses, and `items` once in `error_summary`",
        );
    }
    let proof = format!("name=\"{PROOF_FIELD}\"");
    let has_proof = |part: &PagePart| matches!(part, PagePart::Html(html) if html.contains(&proof));
    if form.proof_of_work && !retry.page.iter().any(has_proof) {
        is_whole = lacking(
            "shortcodes/form.html",
            "the proof of work",
            "copy the input `proof_of_work` and its script from `themes/optimal`, for where `form.challenge` is not null",
        );
    }
    let shows_all = form.fields.iter().all(|field| {
        let part = PagePart::Field(field.name.value.clone());
        retry.page.iter().filter(|other| **other == part).count() == 1
    });
    if !shows_all {
        is_whole = lacking("shortcodes/form.html", "a field", "print `field.html` once for each of `form.fields`");
    }
    let keeps_values = form.fields.iter().all(|field| {
        let Some(markup) = retry.fields.get(&field.name.value) else { return false };
        let has = |parts: &[FieldPart], part: &FieldPart| parts.iter().filter(|other| *other == part).count() == 1;
        let wanted: Vec<FieldPart> = if field.options.is_empty() {
            vec![FieldPart::Value]
        } else {
            field.options.iter().map(|option| FieldPart::Checked(option.clone())).collect()
        };
        wanted.iter().all(|part| has(&markup.valid, part) && has(&markup.invalid, part))
            && markup.invalid.contains(&FieldPart::Message)
    });
    if !keeps_values {
        is_whole = lacking(
            "components.html",
            "what was typed or what is wrong with it",
            "print `field.value` once, or `checked` once for each of `field.options`, and `field.message` in the component `form_field`",
        );
    }
    if !retry.summary_item.contains(&ItemPart::Target) || !retry.summary_item.contains(&ItemPart::Message) {
        is_whole = lacking(
            "components.html",
            "a line that leads to the field",
            "print `target` and `message` in the component `error_item`",
        );
    }
    is_whole
}
