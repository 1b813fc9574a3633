//! Supervisors: enter running sessions of their library silently, watch, and leave. They never write a word.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use carrel_proto::{
    gateway::v1::{client_frame::Frame as Request, server_frame::Frame},
    presence::v1::{WatchDeskRequest, WatchDeskResponse, watch_desk_response::Change as Desk},
    session::v1::{
        SessionList, SessionRow, WatchSessionsRequest, session_event::Payload,
        watch_sessions_response::Change,
    },
};
use tokio::time::Instant;

use super::{
    Phase, SharedState,
    browser::{Browser, News},
};
use crate::history::{Action, Role, What};

/// How many sessions a supervisor watches at once.
const AT_ONCE: usize = 2;
/// How long they stay on average.
const STAY: Duration = Duration::from_secs(10);

/// A supervisor.
#[derive(Debug)]
pub struct Supervisor {
    browser: Browser,
    /// Sessions that the supervisor is inside of, or is entering, and until when.
    inside: BTreeMap<String, Stay>,
    /// Sessions that the supervisor was inside of before.
    left: BTreeSet<String>,
    desk: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stay {
    Entering,
    Until(Instant),
    Leaving,
}

impl Supervisor {
    /// Creates a supervisor with a token.
    #[must_use]
    pub fn new(
        shared: &Arc<SharedState>,
        who: String,
        librarian_id: String,
        token: String,
    ) -> Self {
        let mut browser = Browser::new(shared, who, Role::Supervisor, token);
        browser.record(What::Person {
            role: Role::Supervisor,
            librarian_id,
        });
        browser.greet(Request::Watch(WatchSessionsRequest {
            queue_ids: Vec::new(),
            all: true,
        }));
        browser.greet(Request::WatchDesk(WatchDeskRequest {}));
        Self {
            browser,
            inside: BTreeMap::new(),
            left: BTreeSet::new(),
            desk: BTreeSet::new(),
        }
    }

    /// Watches until the run is closed and everything is settled.
    pub async fn play(mut self) {
        while self.browser.shared.phase() < Phase::Closed
            || !self.inside.is_empty()
            || !self.browser.is_settled()
        {
            match self.browser.next().await {
                News::Tick => self.leave_in_time(),
                News::Frame(frame) => self.take(frame).await,
            }
        }
        self.browser.close();
    }

    async fn take(&mut self, frame: Frame) {
        match frame {
            Frame::Lists(lists) => match lists.change {
                Some(Change::Snapshot(rows)) => rows.rows.iter().for_each(|row| self.row(row)),
                Some(Change::Changed(row)) => self.row(&row),
                _ => {}
            },
            Frame::Desk(desk) => self.desk(desk),
            Frame::Accepted(accepted) => {
                let session = accepted.session_id;
                match self.inside.get(&session) {
                    Some(Stay::Entering) => {
                        let until = Instant::now() + self.browser.dice.around(STAY);
                        self.inside.insert(session.clone(), Stay::Until(until));
                        self.browser.attend(&session).await;
                    }
                    Some(Stay::Leaving) => self.out(&session).await,
                    _ => {}
                }
            }
            Frame::Refused(refused) if !self.browser.is_busy(&refused.session_id) => {
                self.out(&refused.session_id).await;
            }
            Frame::Detached(detached) if !self.browser.attends(&detached.session_id) => {
                self.out(&detached.session_id).await;
            }
            Frame::Event(event) => {
                if let Some(Payload::Ended(_)) = event.event.and_then(|event| event.payload) {
                    self.out(&event.session_id).await;
                }
            }
            _ => {}
        }
    }

    fn row(&mut self, row: &SessionRow) {
        let session = &row.session_id;
        let may_enter = row.list() == SessionList::All
            && self.browser.shared.phase() == Phase::Open
            && self.inside.len() < AT_ONCE
            && !self.inside.contains_key(session);
        if may_enter && self.left.insert(session.clone()) {
            self.inside.insert(session.clone(), Stay::Entering);
            self.browser.act(session, Action::Enter);
        }
    }

    fn leave_in_time(&mut self) {
        let now = Instant::now();
        let over = self.browser.shared.phase() > Phase::Open;
        for (session, stay) in &mut self.inside {
            if matches!(stay, Stay::Until(until) if over || *until <= now) {
                *stay = Stay::Leaving;
                self.browser.act(session, Action::Leave);
            }
        }
    }

    async fn out(&mut self, session: &str) {
        self.inside.remove(session);
        self.browser.release(session).await;
    }

    fn desk(&mut self, desk: WatchDeskResponse) {
        match desk.change {
            Some(Desk::Snapshot(snapshot)) => {
                let rows = snapshot.librarians.into_iter();
                self.desk = rows.map(|row| row.librarian_id).collect();
            }
            Some(Desk::Librarian(row)) => {
                if !self.desk.insert(row.librarian_id) {
                    return;
                }
            }
            Some(Desk::LibrarianGone(gone)) => {
                let librarian_id = gone.librarian_id;
                self.desk.remove(&librarian_id);
                return self.browser.record(What::Gone { librarian_id });
            }
            _ => return,
        }
        let present = self.desk.iter().cloned().collect();
        self.browser.record(What::Desk { present });
    }
}
