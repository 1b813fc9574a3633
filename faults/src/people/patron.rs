//! Patrons: each asks, talks for a while with the librarian who picks them up, and ends the session; then the next one
//! comes.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use carrel_proto::{gateway::v1::server_frame::Frame, session::v1::session_event::Payload};
use tokio::time::{Instant, sleep};

use super::{
    Curtain, Scene,
    browser::{Browser, News},
    http, words,
};
use crate::history::{Deed, Role, What};

/// How many messages of one patron in one session may be unsettled.
const PIPELINE: usize = 6;

/// Runs one patron after the other at a library, until the curtain falls.
pub async fn play(scene: Arc<Scene>, place: usize, institution_id: String) {
    let mut dice = scene.dice(&format!("door of patron {place}"));
    let mut round = 0;
    while scene.curtain() == Curtain::Up {
        let Some(gateway) = dice.pick(&scene.gateways).copied() else {
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
        let browser = Browser::new(&scene, who, Role::Patron, token.access_token);
        scene.patrons.fetch_add(1, Ordering::Relaxed);
        Patron::new(browser, admitted.session_id).play().await;
        scene.patrons.fetch_sub(1, Ordering::Relaxed);
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
        self.browser.act(&self.session, Deed::Open(question));
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
        self.browser.scene.pulse.end(&self.session);
        self.browser.close();
    }

    fn see(&mut self, payload: Option<Payload>) {
        match payload {
            Some(Payload::PickedUp(_)) => {
                self.picked_up = true;
                if !self.ending {
                    self.browser.scene.pulse.begin(&self.session);
                }
            }
            // There is no librarian whom anything could be shown to.
            Some(Payload::Returned(_)) => self.browser.scene.pulse.end(&self.session),
            Some(Payload::Ended(_)) => self.ended = true,
            _ => {}
        }
    }

    fn talk(&mut self) {
        let pace = self.browser.scene.pace.clone();
        let falling = self.browser.scene.curtain() > Curtain::Up;
        let has_to_wait = !self.picked_up && !falling;
        if has_to_wait || self.ending || Instant::now() < self.next_burst {
            return;
        }
        self.next_burst = Instant::now() + self.browser.dice.around(pace.pause);
        let enough = self.sent >= pace.length || falling;
        if enough && !self.browser.is_busy(&self.session) {
            self.ending = true;
            self.browser.scene.pulse.end(&self.session);
            self.browser.act(&self.session, Deed::End);
        }
        let burst = 1 + self.browser.dice.below(pace.burst);
        for _ in 0..burst {
            if enough || self.browser.unsettled(&self.session) >= PIPELINE {
                break;
            }
            self.sent += 1;
            let at = self.browser.scene.recorder.now();
            let text = words::message(&self.browser.who, self.sent, at, &mut self.browser.dice);
            self.browser.act(&self.session, Deed::Message(text));
        }
    }
}
