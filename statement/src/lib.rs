//! The privacy statement as data: what both the site generator and the form handler must agree on.
//!
//! Text in, types or diagnostics out. This crate never uses the disk, HTTP, Markdown rendering or templates.

pub mod comparison;
pub mod contract;
pub mod country;
pub mod diagnostic;
pub mod digest;
pub mod dpv;
pub mod explain;
pub mod form;
pub mod front_matter;
pub mod history;
pub mod lock;
pub mod period;
mod plain_yaml;
pub mod promise;
pub mod prose;
pub mod publication;
pub mod quote;
pub mod redline;
pub mod translation;
pub mod version;
pub mod yaml;
