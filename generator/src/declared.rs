//! What `content/site.yaml` declares for the statement's gates: providers and their hosts, scripts, mailboxes, the host.
//!
//! It reads and says what is malformed. Whether the statement allows any of it is asked elsewhere.

use statement::diagnostic::Diagnostic;
use statement::period::Period;
use statement::yaml::{Fields, Located};

/// What the settings declare.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// Other companies that browsers may ask for something.
    pub providers: Vec<Provider>,
    /// Scripts that may run, as `sha256-…` (Subresource Integrity, section 3.5).
    pub scripts: Vec<Located<String>>,
    /// Mailboxes that are stores of what visitors send.
    pub mailboxes: Vec<Mailbox>,
    /// Whether the host sends the headers we write, and where that is said.
    pub hosting: Option<Located<Hosting>>,
    /// Facts that the statement declares and the site does not do, known as such.
    pub over_declared: Vec<Located<String>>,
    /// Laws whose wishes are looked after.
    pub lint: Vec<Located<Profile>>,
}

/// Another company that browsers may ask for something.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its name, as the statement has it.
    pub name: Located<String>,
    /// Its hosts, in lower case.
    pub hosts: Vec<Located<String>>,
    /// What may come from there.
    pub loads: Vec<Kind>,
}

/// What may come from a provider: a directive of the browser's policy each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Pictures.
    Images,
    /// Style sheets.
    Styles,
    /// Fonts.
    Fonts,
    /// Sound and film.
    Media,
    /// Pages in frames.
    Frames,
    /// What scripts talk to.
    Connections,
    /// Forms that are sent there.
    Forms,
}

impl Kind {
    const WORDS: [(&'static str, Self); 7] = [
        ("images", Self::Images),
        ("styles", Self::Styles),
        ("fonts", Self::Fonts),
        ("media", Self::Media),
        ("frames", Self::Frames),
        ("connections", Self::Connections),
        ("forms", Self::Forms),
    ];

    /// The word in the settings.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word)
    }
}

/// A mailbox that is a store of what visitors send.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// Its address.
    pub address: Located<String>,
    /// How long it keeps a message at least.
    pub retention: Located<Period>,
}

/// Whether the host sends the headers we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hosting {
    /// It reads `_headers`, or somebody reads `headers.json` for it.
    Headers,
    /// It sends none of ours.
    NoHeaders,
}

/// A law whose wishes are looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// California's Online Privacy Protection Act.
    UsCaloppa,
}

impl Declared {
    /// Reads the keys of the settings that concern the statement.
    pub fn parse(config: &mut Fields<'_, '_>) -> Self {
        let path = config.path();
        let mut declared = Self::default();
        for node in config.sequence("providers").unwrap_or_default() {
            let Some(mut provider) = Fields::new(path, "a provider", node, config.diagnostics) else { continue };
            let name = provider.words("name");
            let name = provider.required("name", name);
            let mut hosts = Vec::new();
            for host in provider.strings("hosts") {
                match parse_host(&host.value) {
                    Ok(value) => hosts.push(Located { value, span: host.span }),
                    Err(fact) => provider.diagnostics.push(Diagnostic::error(path, host.span, fact)),
                }
            }
            let loads = provider.each_of("loads", &Kind::WORDS);
            let loads = loads.into_iter().map(|kind| kind.value).collect();
            provider.finish();
            declared.providers.extend(name.map(|name| Provider { name, hosts, loads }));
        }
        for script in config.strings("scripts") {
            if is_hash(&script.value) {
                declared.scripts.push(script);
            } else {
                config.diagnostics.push(
                    Diagnostic::error(path, script.span, format!("`{}` is not the hash of a script", script.value))
                        .help("write `sha256-` and the hash in base64; the message about the script prints it"),
                );
            }
        }
        for node in config.sequence("mailboxes").unwrap_or_default() {
            let Some(mut mailbox) = Fields::new(path, "a mailbox", node, config.diagnostics) else { continue };
            let address = mailbox.words("address");
            let address = mailbox.required("address", address);
            let retention = mailbox.parsed("retention", Period::parse);
            let retention = mailbox.required("retention", retention);
            mailbox.finish();
            if let (Some(address), Some(retention)) = (address, retention) {
                declared.mailboxes.push(Mailbox { address, retention });
            }
        }
        declared.hosting =
            config.one_of("hosting", &[("headers", Hosting::Headers), ("no-headers", Hosting::NoHeaders)]);
        declared.over_declared = config.strings("over_declared");
        declared.lint = config.each_of("lint", &[("us-caloppa", Profile::UsCaloppa)]);
        declared
    }

    /// Whether the host sends the headers we write.
    #[must_use]
    pub fn sends_headers(&self) -> bool {
        self.hosting.as_ref().is_none_or(|hosting| hosting.value == Hosting::Headers)
    }
}

/// A host is written into a policy, where a wildcard would let in whoever rents a name.
fn parse_host(host: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    if host.contains('.') && host.bytes().all(is_plain) && !host.starts_with(['.', '-']) && !host.ends_with('.') {
        return Ok(host.to_ascii_lowercase());
    }
    Err(format!("`{host}` is not a host: write its name alone, like `fonts.example.org`"))
}

/// 32 bytes in base64 are 43 letters and `=`.
fn is_hash(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
    text.strip_prefix("sha256-")
        .and_then(|hash| hash.strip_suffix('='))
        .is_some_and(|hash| hash.len() == 43 && hash.bytes().all(is_letter))
}
