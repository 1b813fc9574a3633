//! Patrons: each asks, talks for a while with the librarian who picks them up, and ends the session; then the next one
//! comes.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use carrel_proto::{gateway::v1::server_frame::Frame, session::v1::session_event::Payload};
use tokio::time::{Instant, sleep};

use super::{
    Phase, SharedState,
    browser::{Browser, News},
    http, words,
};
use crate::history::{Action, Role, What};

/// How many messages of one patron in one session may be unsettled.
const PIPELINE: usize = 6;

/// Runs one patron after the other at a library, until the run closes.
pub async fn play(shared: Arc<SharedState>, place: usize, institution_id: String) {
    let mut dice = shared.dice(&format!("door of patron {place}"));
    let mut round = 0;
    while shared.phase() == Phase::Open {
        let Some(gateway) = dice.pick(&shared.gateways).copied() else {
            return;
        };
        let Ok(admitted) = http::admit(gateway, &institution_id).await else {
            sleep(dice.around(Duration::from_millis(300))).await;
            continue;
        };
        let Some(token) = admitted.token else {
            continue;
        };
        round += 1;
        let who = format!("patron-{place}.{round}");
        let browser = Browser::new(&shared, who, Role::Patron, token.access_token);
        shared.patrons.fetch_add(1, Ordering::Relaxed);
        Patron::new(browser, admitted.session_id).play().await;
        shared.patrons.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Patron {
    browser: Browser,
    session: String,
    picked_up: bool,
    ended: bool,
    ending: bool,
    sent: usize,
    next_burst: Instant,
}

impl Patron {
    fn new(browser: Browser, session: String) -> Self {
        browser.record(What::Person {
            role: Role::Patron,
            librarian_id: String::new(),
        });
        Self {
            browser,
            session,
            picked_up: false,
            ended: false,
            ending: false,
            sent: 0,
            next_burst: Instant::now(),
        }
    }

    /// Runs the patron's whole visit.
    async fn play(mut self) {
        let question = format!("A question of {}", self.browser.who);
        self.browser.act(&self.session, Action::Open(question));
        let mut attending = false;
        while !(self.ended && self.browser.is_settled()) {
            match self.browser.next().await {
                News::Tick => self.talk(),
                News::Frame(Frame::Accepted(_)) if !attending => {
                    attending = true;
                    self.browser.attend(&self.session).await;
                }
                News::Frame(Frame::Event(event)) => {
                    self.see(event.event.and_then(|event| event.payload))
                }
                News::Frame(_) => {}
            }
        }
        self.browser.shared.pulse.end(&self.session);
        self.browser.close();
    }

    fn see(&mut self, payload: Option<Payload>) {
        match payload {
            Some(Payload::PickedUp(_)) => {
                self.picked_up = true;
                if !self.ending {
                    self.browser.shared.pulse.begin(&self.session);
                }
            }
            // There is no librarian whom anything could be shown to.
            Some(Payload::Returned(_)) => self.browser.shared.pulse.end(&self.session),
            Some(Payload::Ended(_)) => self.ended = true,
            _ => {}
        }
    }

    fn talk(&mut self) {
        let pace = self.browser.shared.pace.clone();
        let closing = self.browser.shared.phase() > Phase::Open;
        let has_to_wait = !self.picked_up && !closing;
        if has_to_wait || self.ending || Instant::now() < self.next_burst {
            return;
        }
        self.next_burst = Instant::now() + self.browser.dice.around(pace.pause);
        let enough = self.sent >= pace.length || closing;
        if enough && !self.browser.is_busy(&self.session) {
            self.ending = true;
            self.browser.shared.pulse.end(&self.session);
            self.browser.act(&self.session, Action::End);
        }
        let burst = 1 + self.browser.dice.below(pace.burst);
        for _ in 0..burst {
            if enough || self.browser.unsettled(&self.session) >= PIPELINE {
                break;
            }
            self.sent += 1;
            let at = self.browser.shared.recorder.now();
            let text = words::message(&self.browser.who, self.sent, at, &mut self.browser.dice);
            self.browser.act(&self.session, Action::Message(text));
        }
    }
}
