//! What a version promises, as types: every key of the front matter, each word out of a closed list.
//!
//! Whether the phrases that facts rest on stand in the text is asked elsewhere, and what the software does to keep a
//! promise is not known here.

use crate::country::Country;
use crate::period::Period;
use crate::yaml::Located;

mod reader;
mod vocabulary;

pub(crate) use reader::{Reader, has_provenance};
pub use vocabulary::*;

/// A phrase of the text that a fact rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The fact, as a path of keys: `uses.improve`.
    pub fact: String,
    /// The section's anchor; `top` for what stands before the first heading.
    pub at: Located<String>,
    /// The words.
    pub text: Located<String>,
    /// What the quote is for.
    pub role: QuoteRole,
}

/// What a quote is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuoteRole {
    /// A fact rests on it.
    Says,
    /// It promises nothing.
    Unclaimed(Why),
    /// It is a known defect.
    Defect {
        /// `D1`.
        id: String,
        /// What is wrong.
        kind: DefectKind,
        /// How the software reads it.
        read_as: String,
        /// The section it contradicts.
        against: Option<Located<String>>,
    },
}

/// Where the text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provenance {
    /// Imported or authored.
    pub source: Source,
    /// Kept letter for letter, so that its defects stay.
    pub verbatim: bool,
}

/// Who answers for the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// Its name.
    pub name: String,
    /// What the text calls it.
    pub called: Option<String>,
}

/// What is collected without being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Automated {
    /// Which data.
    pub data: Vec<Datum>,
    /// The only purposes; empty for none stated.
    pub only_for: Vec<Purpose>,
    /// Whether it may stand beside what a visitor typed.
    pub join_with_voluntary: Option<bool>,
}

/// What is said of cookies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookies {
    /// Whether everything works without them.
    pub refusable: Option<bool>,
    /// Each cookie the text speaks of.
    pub declared: Vec<Cookie>,
}

/// A cookie the text speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub key: String,
    /// What it holds.
    pub holds: Vec<Holding>,
    /// What for.
    pub purpose: Option<Purpose>,
    /// Whether the site sets it.
    pub implemented: bool,
}

/// Whether visitors are tracked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tracking {
    /// From page to page of this site.
    pub on_this_site: Option<bool>,
    /// From site to site.
    pub across_sites: Option<bool>,
}

/// A purpose, and the data it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The purpose.
    pub purpose: Purpose,
    /// Which data.
    pub of: Vec<Origin>,
    /// The wider purpose it is a part of.
    pub within: Option<Purpose>,
}

/// A purpose that is ruled out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Never {
    /// The purpose.
    pub purpose: Purpose,
    /// For these fields; empty for all.
    pub of: Vec<String>,
}

/// To whom data goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shares {
    /// Whether it may.
    pub rule: Option<SharingRule>,
    /// When it may all the same.
    pub exceptions: Vec<SharingGround>,
    /// Whether it may be sold.
    pub sale: Option<Sale>,
    /// Everybody who receives it, by name; empty for nobody.
    pub recipients: Vec<String>,
}

/// Who may read registrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// The reader's role.
    pub role: Role,
    /// For whom the reader works.
    pub of: Option<Party>,
    /// What the reader must need the data for.
    pub need: Option<Need>,
}

/// A company that handles data for the controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Processor {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Where it does so.
    pub countries: Vec<Country>,
}

/// Where data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// In these countries only.
    pub countries: Vec<Country>,
    /// Whose databases.
    pub databases: Option<Databases>,
    /// What happens there.
    pub applies_to: Vec<Handling>,
}

/// How data is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Safeguards {
    /// Kinds of protection.
    pub kinds: Vec<Safeguard>,
    /// Whether safety is guaranteed.
    pub warranty: Option<Warranty>,
}

/// How long data is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Not longer than necessary.
    pub necessity: Option<bool>,
    /// At least.
    pub minimum: Option<Located<Period>>,
    /// At most.
    pub maximum: Option<Located<Period>>,
    /// When the period begins.
    pub starts: Option<Start>,
    /// What happens when the minimum has passed.
    pub at_minimum: Option<AtMinimum>,
    /// Whether the periods apply to what was collected under earlier versions too; only to what is new where it is not
    /// said.
    pub applies_to: Option<RetentionScope>,
    /// Why data is kept.
    pub because: Vec<Basis>,
    /// Who may order that it is kept longer, and on what grounds.
    pub holds: Option<Holds>,
}

/// When data is kept longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holds {
    /// Who orders it.
    pub by: Option<HoldAuthority>,
    /// On which grounds.
    pub grounds: Vec<HoldGround>,
}

/// What is said about the signals of browsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signals {
    /// Do Not Track.
    pub dnt: Option<SignalAnswer>,
    /// Global Privacy Control.
    pub gpc: Option<SignalAnswer>,
}

/// How the statement changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// When a change takes effect.
    pub effective: Option<ChangesEffective>,
    /// How long before, and how it is made known; none where no notice is given.
    pub notice: Option<Notice>,
    /// Whether the date stands at the top.
    pub date_at_top: Option<bool>,
    /// What moves the date.
    pub counts: Option<Counts>,
}

/// Notice of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How long before.
    pub period: Located<Period>,
    /// How it is made known.
    pub by: Vec<NoticeBy>,
}

/// Something else the text names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// As the text names it.
    pub name: Located<String>,
    /// Where it is; none where there is no such thing.
    pub url: Option<String>,
    /// What it leads to.
    pub kind: Option<ReferenceKind>,
}

/// Everything a version promises, apart from what every version must say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Promises {
    /// What the version is to the one before it.
    pub kind: Option<Located<Kind>>,
    /// The version a correction corrects.
    pub corrects: Option<String>,
    /// Sections of earlier versions that are gone with their matter, by id.
    pub retired: Vec<String>,
    /// Sections of earlier versions whose matter is in another section now: the old id, and the new one.
    pub moved_to: Vec<(String, Located<String>)>,
    /// Where the text comes from. With it, every fact must quote the text and every promise must be a fact.
    pub provenance: Option<Provenance>,
    /// Who answers for the data.
    pub controller: Option<Controller>,
    /// What the contact is for.
    pub contact_for: Vec<Matter>,
    /// How data covered by the statement arrives; empty for any way.
    pub channels: Vec<Channel>,
    /// What is not covered.
    pub excludes: Vec<Excluded>,
    /// Whether giving information is a choice.
    pub optional: Option<bool>,
    /// What is collected without being typed.
    pub automated: Option<Automated>,
    /// What is said of cookies.
    pub cookies: Option<Cookies>,
    /// Whether visitors are tracked.
    pub tracking: Option<Tracking>,
    /// All purposes.
    pub uses: Vec<Use>,
    /// What is ruled out, whatever the purposes.
    pub never: Vec<Never>,
    /// To whom data goes.
    pub shares: Option<Shares>,
    /// Who may read it.
    pub access: Vec<Access>,
    /// Who handles it for the controller.
    pub processors: Vec<Processor>,
    /// Where it is.
    pub storage: Option<Storage>,
    /// How it is protected.
    pub safeguards: Option<Safeguards>,
    /// How long it is kept.
    pub retention: Option<Retention>,
    /// What a person may demand.
    pub rights: Vec<RightKind>,
    /// What is said about the signals of browsers.
    pub signals: Option<Signals>,
    /// The law that governs.
    pub law: Option<Country>,
    /// How the statement changes.
    pub changes: Option<Changes>,
    /// What else the text names.
    pub references: Vec<Reference>,
    /// Every phrase that is quoted.
    pub quotes: Vec<Quote>,
}
