//! Librarians: race for waiting patrons, answer them, write notes, hand some of them over.

use std::{collections::BTreeMap, sync::Arc};

use carrel_proto::{
    gateway::v1::{client_frame::Frame as Request, server_frame::Frame},
    presence::v1::{Announcement, Goodbye, MonitoredQueues, Status},
    session::v1::{
        SessionEvent, SessionList, SessionRow, WatchSessionsRequest, WatchSessionsResponse,
        session_event::Payload, watch_sessions_response::Change,
    },
};
use tokio::time::Instant;

use super::{
    Phase, SharedState,
    browser::{Browser, News},
    words,
};
use crate::history::{Action, Role, What};

/// How many messages and notes of one librarian in one session may be unsettled.
const PIPELINE: usize = 6;

/// A librarian at the desk.
#[derive(Debug)]
pub struct Librarian {
    browser: Browser,
    librarian_id: String,
    queues: Vec<String>,
    chats: BTreeMap<String, Chat>,
    /// Sessions that the librarian tries to get, and since when.
    reaching: BTreeMap<String, Instant>,
}

/// A session that the librarian owns.
#[derive(Debug)]
struct Chat {
    sent: usize,
    offered: bool,
    next_burst: Instant,
}

impl Librarian {
    /// Creates a librarian with a token, who monitors queues.
    #[must_use]
    pub fn new(
        shared: &Arc<SharedState>,
        who: String,
        librarian_id: String,
        token: String,
        queues: Vec<String>,
    ) -> Self {
        let mut browser = Browser::new(shared, who, Role::Librarian, token);
        browser.record(What::Person {
            role: Role::Librarian,
            librarian_id: librarian_id.clone(),
        });
        browser.greet(Request::Announce(Announcement {
            monitor_id: format!("monitor-{librarian_id}"),
            status: Status::Available.into(),
            queues: Some(MonitoredQueues {
                queue_ids: queues.clone(),
            }),
            returning: false,
        }));
        browser.greet(Request::Watch(WatchSessionsRequest {
            queue_ids: queues.clone(),
            all: false,
        }));
        Self {
            browser,
            librarian_id,
            queues,
            chats: BTreeMap::new(),
            reaching: BTreeMap::new(),
        }
    }

    /// Works until the run is closed and nothing is left to do.
    pub async fn play(mut self) {
        while self.browser.shared.phase() < Phase::Closed
            || !self.chats.is_empty()
            || !self.browser.is_settled()
        {
            match self.browser.next().await {
                News::Tick => self.talk(),
                News::Frame(frame) => self.take(frame).await,
            }
        }
        let librarian_id = self.librarian_id.clone();
        self.browser.record(What::Leaves { librarian_id });
        self.browser.send(Request::Goodbye(Goodbye {})).await;
        self.browser.close();
    }

    async fn take(&mut self, frame: Frame) {
        match frame {
            Frame::Lists(lists) => self.lists(lists),
            Frame::Accepted(accepted) if self.reaching.contains_key(&accepted.session_id) => {
                self.reaching.remove(&accepted.session_id);
                self.begin(&accepted.session_id).await;
            }
            Frame::Refused(refused) if !self.browser.is_busy(&refused.session_id) => {
                self.reaching.remove(&refused.session_id);
            }
            Frame::Event(event) => {
                if let Some(shown) = event.event {
                    self.see(&event.session_id, &shown).await;
                }
            }
            Frame::Detached(detached) if !self.browser.attends(&detached.session_id) => {
                self.chats.remove(&detached.session_id);
            }
            _ => {}
        }
    }

    fn lists(&mut self, lists: WatchSessionsResponse) {
        match lists.change {
            Some(Change::Snapshot(rows)) => rows.rows.iter().for_each(|row| self.row(row)),
            Some(Change::Changed(row)) => self.row(&row),
            _ => {}
        }
    }

    /// Handles a row of the sessions list, which may say that a librarian is needed.
    fn row(&mut self, row: &SessionRow) {
        let session = &row.session_id;
        let full = self.chats.len() + self.reaching.len() >= self.browser.shared.pace.capacity;
        if full || self.chats.contains_key(session) || self.reaching.contains_key(session) {
            return;
        }
        let action = match row.list() {
            SessionList::New => Action::PickUp,
            SessionList::Offered => match &row.transfer_offer {
                Some(offer) => Action::Accept(offer.offer_id.clone()),
                None => return,
            },
            _ => return,
        };
        // The librarian owned it once. A view can't begin anew within one history.
        if self.browser.knows(session) {
            return;
        }
        self.reaching.insert(session.clone(), Instant::now());
        self.browser.act(session, action);
    }

    async fn begin(&mut self, session: &str) {
        let chat = Chat {
            sent: 0,
            offered: false,
            next_burst: Instant::now(),
        };
        self.chats.insert(session.to_owned(), chat);
        self.browser.attend(session).await;
    }

    async fn see(&mut self, session: &str, event: &SessionEvent) {
        match &event.payload {
            Some(Payload::Message(message)) => {
                if let Some(sent) = words::sent_at(&message.text)
                    && event
                        .author
                        .as_ref()
                        .is_some_and(|author| author.librarian_id.is_empty())
                {
                    self.browser.shared.pulse.shown(session, sent);
                }
            }
            Some(Payload::Ended(_)) => {
                self.chats.remove(session);
                self.browser.release(session).await;
            }
            _ => {}
        }
    }

    fn talk(&mut self) {
        let now = Instant::now();
        let pace = self.browser.shared.pace.clone();
        let due = self
            .chats
            .iter_mut()
            .filter(|(_, chat)| chat.next_burst <= now);
        let mut due: Vec<(String, usize, bool)> = due
            .map(|(session, chat)| {
                chat.next_burst = now + self.browser.dice.around(pace.pause);
                (session.clone(), chat.sent, chat.offered)
            })
            .collect();
        for (session, sent, offered) in &mut due {
            if *sent > pace.length / 3 && !*offered && self.browser.dice.once_in(8) {
                *offered = true;
                if let Some(queue) = self.browser.dice.pick(&self.queues).cloned() {
                    self.browser.act(session, Action::Offer(queue));
                }
            }
            for _ in 0..=self.browser.dice.below(pace.burst) {
                if self.browser.unsettled(session) >= PIPELINE || *sent >= pace.length * 2 {
                    break;
                }
                *sent += 1;
                let action = self.say(*sent);
                self.browser.act(session, action);
            }
        }
        for (session, sent, offered) in due {
            if let Some(chat) = self.chats.get_mut(&session) {
                (chat.sent, chat.offered) = (sent, offered);
            }
        }
    }

    fn say(&mut self, number: usize) -> Action {
        let who = format!("{}/{}", self.browser.who, self.librarian_id);
        let at = self.browser.shared.recorder.now();
        if self.browser.dice.once_in(5) {
            Action::Note(words::note(&who, number, at))
        } else {
            Action::Message(words::message(&who, number, at, &mut self.browser.dice))
        }
    }
}
