//! What staff do with records in a file of SQLite.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where something is not as it should be"
)]

mod desk_suite;
mod office;
mod sample;
mod servers;

use office::Office;

macro_rules! in_a_file {
    ($($name:ident,)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                desk_suite::$name(&Office::new).await;
            }
        )*
    };
}

in_a_file! {
    what_is_due_is_erased_and_the_rest_is_kept,
    nothing_is_destroyed_before_its_minimum_whoever_calls,
    a_hold_placed_after_the_plan_wins,
    the_end_of_a_hold_resumes_what_it_deferred,
    a_request_before_the_minimum_is_over_restricts_and_a_law_erases,
    what_the_statement_or_the_role_does_not_allow_is_refused_and_written_down,
    longer_takes_a_reason_an_end_and_beyond_two_years_legal,
    a_clock_that_was_set_back_is_refused,
    a_plan_of_yesterday_is_refused,
    two_who_apply_one_plan_erase_each_record_once,
    what_was_cut_short_is_ended_by_whoever_comes_next,
    a_hold_of_which_nobody_knows_whether_it_was_placed_is_placed,
    what_a_store_says_it_has_not_done_was_not_done,
    no_address_leaves_a_trace_in_the_ledger,
    what_is_released_from_suspicion_is_so_after_a_restore_too,
    a_lost_extension_is_missed_before_a_plan,
    no_two_holds_have_one_name_whatever_became_of_the_ledger,
    after_a_restore_nothing_erased_is_back_and_no_hold_is_missing,
    a_damaged_registration_is_named_and_nothing_is_erased,
    an_altered_ledger_stops_every_plan,
}
