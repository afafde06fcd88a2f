//! The generator: text in, site out.
//!
//! ```text
//! SourceTree ─parse→ [Page] ─assemble→ Site ─markdown→ Rendered ─template→ bytes ─scan→ output
//! ```
//!
//! Each stage takes its input by shared reference and returns a new, complete value. One module reads the disk
//! ([`source_tree`]), one writes it ([`output`]), one puts URLs together ([`address`]).

pub mod address;
pub mod build;
pub mod contract;
pub mod data;
pub mod feed;
pub mod highlight;
pub mod link;
pub mod markdown;
pub mod math;
pub mod moment;
pub mod output;
pub mod page;
pub mod report;
pub mod scan;
pub mod serve;
pub mod shortcode;
pub mod site;
pub mod site_config;
pub mod source_tree;
pub mod structured_data;
pub mod summary;
pub mod taxonomy;
pub mod template;
pub mod well_known;

/// What the machine, not the author, got wrong: a disk, a port, an environment. Ends the run with exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);
