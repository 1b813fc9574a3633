//! One group in one transaction, in two round trips.
//!
//! The first locks the streams, in the same order on every server, and returns their versions. The second writes and
//! commits. Both send everything at once and then read the answers: joined futures are sent in the order in which they
//! are written down.

use std::{
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

use futures::{join, poll, try_join};
use tokio::time::timeout;
use tokio_postgres::{Row, Statement, types::ToSql};

use super::{
    decide::{Decision, Locked, Names, Needed, decide, needed},
    error::{message, surely_not_committed, unwritten, worth_another_try},
    session::Session,
};
use crate::log::{LogError, group::Work};

const MAKE: &str = "INSERT INTO stream (id, category, version)
    SELECT id, category, 0 FROM unnest($1::text[], $2::text[]) AS named (id, category)
    ORDER BY id COLLATE \"C\", category COLLATE \"C\"
    ON CONFLICT DO NOTHING RETURNING id, category";

// A statement that had to wait for a row lock sees the row as it is then, not as it was when the statement began.

const LOCK: &str = "SELECT id, category, stream.version
    FROM unnest($1::text[], $2::text[]) AS named (id, category) JOIN stream USING (id, category)
    ORDER BY stream.id, stream.category FOR UPDATE OF stream";

const LOCK_WHAT_IS_FREE: &str = "SELECT id, category, stream.version
    FROM unnest($1::text[], $2::text[]) AS named (id, category) JOIN stream USING (id, category)
    ORDER BY stream.id, stream.category FOR UPDATE OF stream SKIP LOCKED";

const WRITE_EVENTS: &str =
    "INSERT INTO event (id, category, version, at_ms, payload, command_key, command_fingerprint)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[], $6::text[], $7::bigint[])";

const ERASE_EVENTS: &str = "DELETE FROM event
    USING unnest($1::text[], $2::text[], $3::bigint[]) AS erased (id, category, up_to)
    WHERE event.id = erased.id AND event.category = erased.category AND event.version <= erased.up_to";

const WRITE_HEADS: &str = "UPDATE stream SET
        version = head.version,
        erased = greatest(stream.erased, head.erased),
        owner = CASE WHEN head.standing_version IS NULL THEN stream.owner ELSE head.owner END,
        closed_at_ms = CASE WHEN head.standing_version IS NULL THEN stream.closed_at_ms ELSE head.closed_at_ms END,
        standing_version = coalesce(head.standing_version, stream.standing_version)
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[])
        AS head (id, category, version, erased, standing_version, owner, closed_at_ms)
    WHERE stream.id = head.id AND stream.category = head.category";

const TAKE_BACK: &str =
    "DELETE FROM stream USING unnest($1::text[], $2::text[]) AS unused (id, category)
    WHERE stream.id = unused.id AND stream.category = unused.category AND stream.version = 0";

/// What to do about streams that other sessions hold locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Locking {
    /// Wait for them.
    Wait,
    /// Leave them out.
    LeaveOut,
}

/// A connection that writes.
pub(super) struct WritingSession {
    pub(super) session: Session,
    statements: Statements,
    patience: Duration,
}

struct Statements {
    make: Statement,
    lock: Statement,
    lock_what_is_free: Statement,
    write_events: Statement,
    erase_events: Statement,
    write_heads: Statement,
    take_back: Statement,
}

/// The streams that a transaction begins with.
struct Rows {
    /// The names of those that it created.
    made: Vec<Row>,
    /// The names and versions of all that it has locked.
    locked: Vec<Row>,
}

/// The result of a group.
pub(super) struct Settled {
    /// One answer for each request.
    pub(super) results: Vec<Result<(), LogError>>,
    /// Whether anything was committed.
    pub(super) written: bool,
    /// Whether anything was erased.
    pub(super) erased: bool,
    /// How long it took until everything was written.
    pub(super) statements: Duration,
    /// How long the commit took after that.
    pub(super) sync: Duration,
}

/// Why a group was not committed, or is not known to be.
pub(super) struct Failure {
    pub(super) error: LogError,
    /// Whether nothing was written and another try may succeed.
    pub(super) try_again: bool,
    /// Whether the server has yet to answer the commit.
    pub(super) unanswered: bool,
}

impl WritingSession {
    pub(super) async fn new(
        session: Session,
        patience: Duration,
    ) -> Result<Self, tokio_postgres::Error> {
        let client = &session.client;
        let (make, lock, lock_what_is_free, write_events, erase_events, write_heads, take_back) = try_join!(
            client.prepare(MAKE),
            client.prepare(LOCK),
            client.prepare(LOCK_WHAT_IS_FREE),
            client.prepare(WRITE_EVENTS),
            client.prepare(ERASE_EVENTS),
            client.prepare(WRITE_HEADS),
            client.prepare(TAKE_BACK),
        )?;
        Ok(Self {
            session,
            statements: Statements {
                make,
                lock,
                lock_what_is_free,
                write_events,
                erase_events,
                write_heads,
                take_back,
            },
            patience,
        })
    }

    /// Does the work of a group. Afterwards the transaction is committed or rolled back, or the connection is closed,
    /// or the commit is unanswered.
    pub(super) async fn commit(
        &self,
        group: &[&Work],
        locking: Locking,
    ) -> Result<Settled, Failure> {
        let started = Instant::now();
        let needed = needed(group);
        let mut rows = self.lock(&needed, locking).await?;
        let mut locked = self.locked(&rows, locking).await?;
        if locked.lacks_new_ones(&needed) {
            // Somebody deleted a row between its look-up and its lock. Nobody will the next time: it is then created
            // here. No server does that any more, but one of an earlier version may still run.
            self.roll_back().await;
            rows = self.lock(&needed, locking).await?;
            locked = self.locked(&rows, locking).await?;
        }
        let decision = decide(group, &needed, &locked);
        if decision.changes_nothing() {
            // Streams that were created to be locked go with it, and there is nothing to sync.
            self.roll_back().await;
            return Ok(Settled {
                results: decision.results,
                written: false,
                erased: false,
                statements: started.elapsed(),
                sync: Duration::ZERO,
            });
        }
        let written = self.write(&decision).await?;
        Ok(Settled {
            erased: decision.erases(),
            results: decision.results,
            written: true,
            statements: written - started,
            sync: written.elapsed(),
        })
    }

    /// Begins the transaction, and locks and returns the streams, which then stay as they are until its end.
    async fn lock(&self, needed: &Needed<'_>, locking: Locking) -> Result<Rows, Failure> {
        let (client, statements) = (&self.session.client, &self.statements);
        let new = &needed.perhaps_new;
        let make = async {
            if new.is_empty() {
                return Ok(Vec::new());
            }
            client
                .query(&statements.make, &[&new.ids, &new.categories])
                .await
        };
        let lock = match locking {
            Locking::Wait => &statements.lock,
            Locking::LeaveOut => &statements.lock_what_is_free,
        };
        let all: [&(dyn ToSql + Sync); 2] = [&needed.all.ids, &needed.all.categories];
        let trip = async {
            let begin = client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
            let (_, made, locked) = try_join!(begin, make, client.query(lock, &all))?;
            Ok(Rows { made, locked })
        };
        match timeout(self.patience, trip).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => {
                self.roll_back().await;
                Err(Failure::unwritten(&error))
            }
            Err(_) => {
                self.session.give_up();
                Err(Failure {
                    error: LogError::Unavailable(format!(
                        "the database did not answer within {:?}; nothing was written",
                        self.patience
                    )),
                    try_again: false,
                    unanswered: false,
                })
            }
        }
    }

    /// Reads the answer to [`Self::lock`], or rolls the transaction back if it makes no sense.
    async fn locked<'a>(&self, rows: &'a Rows, locking: Locking) -> Result<Locked<'a>, Failure> {
        match locked(rows, locking) {
            Ok(locked) => Ok(locked),
            Err(error) => {
                self.roll_back().await;
                Err(Failure::unwritten(&error))
            }
        }
    }

    /// Writes everything and commits. Returns when everything was written.
    async fn write(&self, decision: &Decision<'_>) -> Result<Instant, Failure> {
        let client = &self.session.client;
        self.session.was_warned();
        let mut statements = pin!(self.statements_of(decision));
        // Sends the statements. If they can't even be sent, no commit must follow.
        let first_look = poll!(statements.as_mut());
        if let Poll::Ready(Err(error)) = &first_look {
            self.roll_back().await;
            return Err(Failure::unwritten(error));
        }
        let statements = async {
            match first_look {
                Poll::Ready(done) => done,
                Poll::Pending => statements.await,
            }
        };
        let trip = async { join!(statements, client.batch_execute("COMMIT")) };
        match timeout(self.patience, trip).await {
            Ok((Ok(written), Ok(()))) if !self.session.was_warned() => Ok(written),
            Ok((Ok(_), Ok(()))) => Err(Failure::unknown(
                "the server committed, but warned that a standby may not have it".to_owned(),
            )),
            // After a refused statement, the server treats the commit as a roll-back.
            Ok((Err(error), _)) if error.as_db_error().is_some() => Err(Failure::unwritten(&error)),
            Ok((Ok(_), Err(error))) if surely_not_committed(&error) => {
                Err(Failure::unwritten(&error))
            }
            Ok((Err(error), _) | (_, Err(error))) => {
                self.session.give_up();
                Err(Failure::unknown(message(&error)))
            }
            Err(_) => Err(Failure {
                unanswered: true,
                ..Failure::unknown(format!(
                    "the database did not answer the commit within {:?}",
                    self.patience
                ))
            }),
        }
    }

    async fn statements_of(
        &self,
        decision: &Decision<'_>,
    ) -> Result<Instant, tokio_postgres::Error> {
        let statements = &self.statements;
        let Decision {
            events,
            heads,
            erasures,
            unused,
            ..
        } = decision;
        let write_events = self.execute(
            &statements.write_events,
            [
                &events.streams.ids,
                &events.streams.categories,
                &events.versions,
                &events.times,
                &events.payloads,
                &events.keys,
                &events.fingerprints,
            ],
            &events.streams,
        );
        let erase_events = self.execute(
            &statements.erase_events,
            [
                &erasures.streams.ids,
                &erasures.streams.categories,
                &erasures.up_to,
            ],
            &erasures.streams,
        );
        let take_back = self.execute(
            &statements.take_back,
            [&unused.ids, &unused.categories],
            unused,
        );
        let write_heads = self.execute(
            &statements.write_heads,
            [
                &heads.streams.ids,
                &heads.streams.categories,
                &heads.versions,
                &heads.erased,
                &heads.index_versions,
                &heads.owners,
                &heads.closed,
            ],
            &heads.streams,
        );
        try_join!(write_events, erase_events, take_back, write_heads)?;
        Ok(Instant::now())
    }

    /// Runs a statement on columns of rows that belong to these streams, unless there are none.
    async fn execute<const N: usize>(
        &self,
        statement: &Statement,
        columns: [&(dyn ToSql + Sync); N],
        streams: &Names<'_>,
    ) -> Result<(), tokio_postgres::Error> {
        if !streams.is_empty() {
            self.session.client.execute(statement, &columns).await?;
        }
        Ok(())
    }

    /// Rolls the transaction back, or closes the connection if that fails.
    async fn roll_back(&self) {
        let roll_back = self.session.client.batch_execute("ROLLBACK");
        if !matches!(timeout(self.patience, roll_back).await, Ok(Ok(()))) {
            self.session.give_up();
        }
    }
}

fn locked(rows: &Rows, locking: Locking) -> Result<Locked<'_>, tokio_postgres::Error> {
    fn name(row: &Row) -> Result<(&str, &str), tokio_postgres::Error> {
        Ok((row.try_get(0)?, row.try_get(1)?))
    }
    let versions = rows
        .locked
        .iter()
        .map(|row| Ok((name(row)?, row.try_get(2)?)));
    Ok(Locked {
        versions: versions.collect::<Result<_, _>>()?,
        made: rows.made.iter().map(name).collect::<Result<_, _>>()?,
        some_left_out: locking == Locking::LeaveOut,
    })
}

impl Failure {
    fn unwritten(error: &tokio_postgres::Error) -> Self {
        Self {
            error: unwritten(error),
            try_again: worth_another_try(error),
            unanswered: false,
        }
    }

    pub(super) fn unknown(problem: String) -> Self {
        Self {
            error: LogError::Unknown(problem),
            try_again: false,
            unanswered: false,
        }
    }
}
