//! What every log promises, run on every log there is. See `carrel_platform::log::EventLog`.
//!
//! `promises`, `finding`, `erasing`, `strangers` and `model` know no engine. An engine joins by a [`Place`] and one
//! line here; promises of a single engine are tested in modules of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod erasing;
mod finding;
mod model;
mod postgres_contention;
mod postgres_engine;
mod postgres_failures;
mod postgres_opening;
mod postgres_place;
mod promises;
mod sentences;
mod sqlite_engine;
mod sqlite_erasing;
mod sqlite_files;
mod sqlite_kill;
mod sqlite_place;
mod sqlite_versions;
mod strangers;

use std::future::Future;

use carrel_platform::log::EventLog;

/// A place for one log, empty at first.
pub(crate) trait Place: Sync + Sized {
    /// The kind of log.
    type Log: EventLog + Clone;

    /// Makes a place that nothing else uses.
    fn new() -> impl Future<Output = Self> + Send;

    /// Opens the log in this place. Called again after all clones of the log were dropped, it opens the same one.
    fn open(&self) -> impl Future<Output = Self::Log> + Send;
}

macro_rules! contract {
    ($engine:ident, $place:ty, $module:ident: [$($promise:ident),+ $(,)?]) => {
        mod $engine {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $promise() {
                    crate::$module::$promise::<$place>().await;
                }
            )+
        }
    };
}

macro_rules! whole_contract {
    ($engine:ident, $place:ty) => {
        mod $engine {
            contract!(while_open, $place, promises: [
                a_batch_is_written_whole_over_all_its_streams,
                a_conflict_writes_nothing_of_its_batch,
                batches_beside_a_conflict_are_not_disturbed,
                concurrent_writers_make_a_dense_order_that_never_changes,
                an_append_is_seen_by_every_later_read,
                a_page_of_a_stream_is_read_after_a_version,
                the_versions_of_many_streams_are_told_in_their_order,
                a_write_without_events_only_checks,
                commands_come_back_as_they_were_given,
                payloads_of_every_size_come_back_byte_for_byte,
                names_are_compared_byte_for_byte,
                a_batch_that_names_a_stream_twice_is_refused,
                extreme_numbers_are_no_trouble,
                a_cancelled_append_leaves_a_working_log,
            ]);
            contract!(finding, $place, finding: [
                open_streams_are_found_page_by_page,
                closed_streams_are_found_the_last_closed_first,
            ]);
            contract!(beside_strangers, $place, strangers: [
                appends_that_arrive_together_share_a_commit,
                a_full_queue_refuses_instead_of_growing,
                what_fails_before_the_commit_is_not_written_and_over,
                a_missing_event_is_damage_and_not_silence,
            ]);
            contract!(erasing, $place, erasing: [
                a_read_begins_with_the_first_event_that_is_left,
                versions_go_on_after_everything_was_erased,
                erasing_again_or_nothing_changes_nothing,
                more_than_there_is_is_not_erased,
                an_erased_command_is_forgotten,
                erasures_disturb_nobody_who_appends_or_reads,
            ]);
            contract!(erasing_over_restarts, $place, erasing: [what_was_erased_stays_erased]);
            contract!(over_restarts, $place, promises: [
                everything_is_there_after_each_reopening,
                the_epoch_names_one_history,
            ]);
            contract!(model, $place, model: [agrees_with_the_reference_model]);
        }
    };
}

whole_contract!(sqlite, crate::sqlite_place::SqliteFile);
whole_contract!(postgres, crate::postgres_place::PostgresSchema);

contract!(sqlite_in_memory, crate::sqlite_place::SqliteMemory, promises: [
    a_batch_is_written_whole_over_all_its_streams,
    a_conflict_writes_nothing_of_its_batch,
    batches_beside_a_conflict_are_not_disturbed,
    concurrent_writers_make_a_dense_order_that_never_changes,
    an_append_is_seen_by_every_later_read,
]);

contract!(sqlite_in_memory_finding, crate::sqlite_place::SqliteMemory, finding: [
    open_streams_are_found_page_by_page,
    closed_streams_are_found_the_last_closed_first,
]);

contract!(sqlite_in_memory_erasing, crate::sqlite_place::SqliteMemory, erasing: [
    a_read_begins_with_the_first_event_that_is_left,
    versions_go_on_after_everything_was_erased,
    erasing_again_or_nothing_changes_nothing,
    more_than_there_is_is_not_erased,
    an_erased_command_is_forgotten,
    erasures_disturb_nobody_who_appends_or_reads,
]);
