//! Every word that a fact may be said in, in closed lists.
//!
//! What the software does for a word is not known here.

/// A closed list of words, and what each stands for.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = concat!("`", $word, "`")] $variant),+
        }

        impl $name {
            /// Every word, and what it stands for.
            pub const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];

            /// The word in the front matter.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}

vocabulary! {
    /// What a version is to the one before it.
    Kind { Original = "original", Revision = "revision", Correction = "correction" }
}
vocabulary! {
    /// Where the text comes from.
    Source { Imported = "imported", Authored = "authored" }
}
vocabulary! {
    /// What is wrong with an imported text.
    DefectKind {
        Typo = "typo", EmptyList = "empty-list", BadPractice = "bad-practice", MissingTopic = "missing-topic",
        Contradiction = "contradiction", DanglingReference = "dangling-reference", NoMaximum = "no-maximum",
    }
}
vocabulary! {
    /// What a visitor may write to the contact for.
    Matter {
        Questions = "questions", Concerns = "concerns", Complaints = "complaints", Access = "access",
        Correction = "correction", Deletion = "deletion",
    }
}
vocabulary! {
    /// How data reaches the organisation.
    Channel { Web = "web", Phone = "phone", Email = "email", Post = "post", InPerson = "in-person" }
}
vocabulary! {
    /// What a statement may say it does not cover.
    Excluded {
        Phone = "phone", Email = "email", Post = "post", InPerson = "in-person",
        DirectClientRelationship = "direct-client-relationship", LinkedSites = "linked-sites",
    }
}
vocabulary! {
    /// How a datum comes to be held.
    Origin { Voluntary = "voluntary", Automated = "automated" }
}
vocabulary! {
    /// What is collected without being typed.
    Datum {
        IpAddress = "ip-address", PacketAddresses = "packet-addresses", Technical = "technical", Browser = "browser",
        PagesVisited = "pages-visited", TimeOfVisit = "time-of-visit", Location = "location",
    }
}
vocabulary! {
    /// What data is used for.
    Purpose {
        SupportServices = "support-services", Administer = "administer", Improve = "improve",
        Personalize = "personalize", NetworkSecurity = "network-security",
        NetworkPerformance = "network-performance", CyberDefence = "cyber-defence",
        ComplyAndEnforce = "comply-and-enforce", Convenience = "convenience", Marketing = "marketing",
        Profiling = "profiling", Research = "research", Statistics = "statistics",
    }
}
vocabulary! {
    /// What a cookie holds.
    Holding {
        Username = "username", Password = "password", Preferences = "preferences", Session = "session",
        Identifier = "identifier",
    }
}
vocabulary! {
    /// Whether data may be passed on.
    SharingRule { ConsentRequired = "consent-required", Never = "never", AsListed = "as-listed" }
}
vocabulary! {
    /// When data may be passed on all the same.
    SharingGround {
        RequiredByLaw = "required-by-law", YourInstructions = "your-instructions", StatedHere = "stated-here",
        Emergency = "emergency", Succession = "succession",
    }
}
vocabulary! {
    /// Whether data may be sold.
    Sale { Never = "never", NeverWithoutConsent = "never-without-consent", Allowed = "allowed" }
}
vocabulary! {
    /// Who may read registrations.
    Role {
        Employee = "employee", AffiliateEmployee = "affiliate-employee", ServiceProvider = "service-provider",
        Volunteer = "volunteer",
    }
}
vocabulary! {
    /// For whom a reader works.
    Party { Controller = "controller", Affiliate = "affiliate" }
}
vocabulary! {
    /// What a reader must need the data for.
    Need { ProvideSiteOrServices = "provide-site-or-services" }
}
vocabulary! {
    /// Whose databases hold the data.
    Databases { CompanyControlled = "company-controlled", ProviderControlled = "provider-controlled" }
}
vocabulary! {
    /// What happens in the countries named.
    Handling { Collection = "collection", Storage = "storage", Processing = "processing" }
}
vocabulary! {
    /// Kinds of protection.
    Safeguard { Physical = "physical", Administrative = "administrative", Technical = "technical" }
}
vocabulary! {
    /// Whether safety is guaranteed.
    Warranty { None = "none", Given = "given" }
}
vocabulary! {
    /// When a period begins.
    Start { Submitted = "submitted", LastContact = "last-contact" }
}
vocabulary! {
    /// What happens when the minimum has passed.
    AtMinimum { Delete = "delete", Review = "review" }
}
vocabulary! {
    /// To which registrations the periods of a version apply.
    RetentionScope { NewRecords = "new-records", AllRecords = "all-records" }
}
vocabulary! {
    /// Why data is kept.
    Basis {
        TaxReporting = "tax-reporting", EmploymentRegulations = "employment-regulations",
        BusinessPractice = "business-practice", Contract = "contract",
    }
}
vocabulary! {
    /// Who may order that data be kept longer.
    HoldAuthority { LegalDepartment = "legal-department", Management = "management" }
}
vocabulary! {
    /// On what ground data is kept longer.
    HoldGround {
        LitigationHold = "litigation-hold", CompanyInterest = "company-interest", RequiredByLaw = "required-by-law",
    }
}
vocabulary! {
    /// What a person may demand.
    RightKind {
        Access = "access", Correction = "correction", Deletion = "deletion", Portability = "portability",
        Objection = "objection", OptOut = "opt-out", WithdrawConsent = "withdraw-consent",
    }
}
vocabulary! {
    /// What is said about a browser's signal.
    SignalAnswer { Unstated = "unstated", Honoured = "honoured", Ignored = "ignored" }
}
vocabulary! {
    /// When a change takes effect.
    ChangesEffective { OnPosting = "on-posting", Scheduled = "scheduled" }
}
vocabulary! {
    /// How a change is made known.
    NoticeBy { Feed = "feed", Page = "page", Email = "email" }
}
vocabulary! {
    /// What moves the date at the top.
    Counts { AnyChange = "any-change", Substantive = "substantive" }
}
vocabulary! {
    /// Why a sentence promises nothing.
    Why {
        Disclaimer = "disclaimer", Advice = "advice", Explanation = "explanation", Scope = "scope",
        Reservation = "reservation",
    }
}
vocabulary! {
    /// What a reference leads to.
    ReferenceKind { Document = "document", OutboundLink = "outbound-link" }
}
