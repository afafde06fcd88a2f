//! The generator: text in, site out.
//!
//! ```text
//! SourceTree ─parse→ [Page] ─assemble→ Site ─markdown→ Rendered ─template→ bytes ─scan→ output
//! ```
//!
//! Each stage takes its input by shared reference and returns a new, complete value. One module reads the disk
//! ([`source_tree`]), one writes it ([`output`]), one puts URLs together ([`address`]).

pub mod address;
pub mod admin;
pub mod assets;
pub mod author_files;
pub mod build;
pub mod cards;
pub mod contract;
pub mod data;
pub mod declared;
pub mod documents;
pub mod drift;
#[cfg(feature = "external-links")]
pub mod external_links;
pub mod feed;
mod frames;
pub mod gate;
pub mod headers;
pub mod highlight;
pub mod images;
pub mod import;
pub mod language;
pub mod link;
pub mod lint;
pub mod machine_report;
pub mod markdown;
pub mod math;
pub mod moment;
pub mod new_page;
pub mod observe;
pub mod output;
pub mod page;
pub mod policy;
#[cfg(feature = "precompress")]
pub mod precompress;
pub mod publication;
pub mod rebuild;
pub mod report;
pub mod scan;
pub mod search;
pub mod serve;
pub mod shortcode;
pub mod site;
pub mod site_config;
pub mod source_tree;
pub mod starter;
pub mod statement_commands;
pub mod statement_files;
pub mod statement_values;
pub mod stats;
pub mod structured_data;
pub mod summary;
pub mod taxonomy;
pub mod template;
pub mod theme_files;
pub mod well_known;
pub mod words;
pub mod yaml_text;

/// What the machine, not the author, got wrong: a disk, a port, an environment. Ends the run with exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);
