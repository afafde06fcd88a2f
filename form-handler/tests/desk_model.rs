//! Whatever staff do in whatever order, in a file of SQLite.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where something is not as it should be"
)]

mod desk_model_suite;
mod office;
mod sample;
mod servers;

use desk_model_suite::{run, step};
use office::Office;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_destroyed_early_and_nothing_kept_late(steps in prop::collection::vec(step(), 1..24)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run(Office::new(), steps));
    }
}
