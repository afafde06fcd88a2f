//! The identity of whoever reads sealed registrations: a file of theirs, as `age-keygen` writes it, maybe behind a passphrase.

use std::path::PathBuf;

use clap::Args;
use form_handler::seal::{Identities, SealError};

/// Whose identity opens what is sealed.
#[derive(Args)]
pub(crate) struct IdentityArguments {
    /// The file of your identity, which opens sealed registrations
    #[arg(long, value_name = "FILE", env = "CANDOR_IDENTITY")]
    identity: Option<PathBuf>,
}

impl IdentityArguments {
    /// Reads the file, and asks for its passphrase where it has one.
    #[expect(clippy::disallowed_methods, reason = "the program reads its user's identity")]
    pub(crate) fn read(&self) -> Result<Option<Identities>, String> {
        let Some(path) = &self.identity else { return Ok(None) };
        let said = |fact: String| format!("the identity `{}`: {fact}", path.display());
        let file = std::fs::read(path).map_err(|error| said(format!("cannot read it: {error}")))?;
        let ask = || rpassword::prompt_password(format!("Passphrase of {}: ", path.display())).ok();
        Identities::parse(&file, ask).map(Some).map_err(said)
    }
}

/// Why a registration cannot be read, and what to do about it.
pub(crate) fn explained(error: SealError) -> String {
    match error {
        SealError::NoIdentity => {
            format!("{error}\n  = help: name the file of yours with `--identity FILE` or in CANDOR_IDENTITY")
        }
        SealError::OtherKeys => {
            format!("{error}\n  = help: whoever can read it lets you in: `registrations keys add`, then `reencrypt`")
        }
        SealError::Destroyed | SealError::Damaged => error.to_string(),
    }
}
