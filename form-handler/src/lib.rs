//! The form handler: one function from a request to an answer, on http types.
//!
//! ```text
//! request ─body→ pairs ─fields→ values ─statement→ registration ─store→ durable ─mail→ answer
//! ```
//!
//! It obeys the contract that the site was built with, and knows neither the site's generator nor its host: AWS Lambda
//! and `candor serve` are doors in front of [`Handler::handle`].

mod answer;
mod body;
mod content;
#[cfg(feature = "staff")]
pub mod correction;
mod delivery;
mod dkim;
pub mod doctor;
mod door;
#[cfg(feature = "staff")]
pub mod export;
mod fields;
mod handler;
mod index;
mod letter;
mod mail;
pub mod metrics;
mod page;
mod place;
mod private;
mod proof;
mod proxy;
pub mod purpose;
pub mod receipt;
#[cfg(feature = "staff")]
pub mod records;
mod refusal;
pub mod registration;
mod request_id;
pub mod seal;
#[cfg(feature = "server")]
mod server;
mod settings;
mod signing;
pub mod store;
mod webhook;

pub use delivery::{Delivery, OpenError, Redelivered};
pub use handler::Handler;
pub use index::IndexKey;
pub use place::check_place;
pub use private::Private;
pub use proxy::ProxySecret;
#[cfg(feature = "server")]
pub use server::serve;
pub use settings::{LocalDefaults, Settings, SettingsErrors};
