//! The acts that a browser has sent and that are not settled: in order within each session, and repeated until their
//! outcome is known.

use std::time::Duration;

use carrel_proto::gateway::v1::{
    AcceptTransfer, Act, EnterConference, LeaveConference, OfferTransfer, OpenSession, PickUp, act,
    offer_transfer::To,
};
use carrel_proto::session::v1::{EndSession, PostMessage, WriteNote};
use tokio::time::Instant;

use crate::history::Action;

/// How long before an act of unknown outcome is sent again; doubled each time, up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);
/// How many settled acts are remembered, to be replayed when there is mischief.
const REPLAYED: usize = 8;

/// An act that was sent.
#[derive(Debug)]
struct Outgoing {
    act: Act,
    action: Action,
    /// Whether it was sent on the current socket and not refused since.
    under_way: bool,
    again: Option<Instant>,
    attempts: u32,
}

/// All acts that are not settled.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    unsettled: Vec<Outgoing>,
    settled: Vec<Act>,
}

impl Outbox {
    pub(super) fn push(&mut self, act: Act, action: Action) {
        self.unsettled.push(Outgoing {
            act,
            action,
            under_way: false,
            again: None,
            attempts: 0,
        });
    }

    /// Returns whether an act in a session is unsettled.
    pub(super) fn holds(&self, session: &str) -> bool {
        self.count(session) > 0
    }

    pub(super) fn count(&self, session: &str) -> usize {
        let of = self.unsettled.iter();
        of.filter(|out| out.act.session_id == session).count()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.unsettled.is_empty()
    }

    /// Settles a command. Returns what it was; `None` if it was settled before.
    pub(super) fn settle(&mut self, command: &str) -> Option<Action> {
        let place = self.place(command)?;
        let out = self.unsettled.remove(place);
        self.settled.push(out.act);
        if self.settled.len() > REPLAYED {
            self.settled.remove(0);
        }
        Some(out.action)
    }

    /// Makes a command of unknown outcome wait, and with it all later ones in its session.
    pub(super) fn wait(&mut self, command: &str, retry: Option<Duration>, now: Instant) {
        let Some(place) = self.place(command) else {
            return;
        };
        let out = &mut self.unsettled[place];
        let doubled = FIRST * 2_u32.saturating_pow(out.attempts.min(10));
        out.attempts += 1;
        out.under_way = false;
        out.again = Some(now + retry.unwrap_or_else(|| doubled.min(LONGEST)));
    }

    /// Marks acts as not under way, since the socket is new or the session is attended anew. Those that waited are sent
    /// at once.
    pub(super) fn renew(&mut self, session: Option<&str>) {
        for out in &mut self.unsettled {
            if session.is_none_or(|session| out.act.session_id == session) {
                out.under_way = false;
                out.again = None;
            }
        }
    }

    /// Returns what must be sent now, in order. While an act waits, later ones in its session wait too; when it is sent
    /// again, all after it are sent again as well, so that nothing overtakes it. Nothing is sent in a session that is
    /// `held`.
    pub(super) fn due(&mut self, now: Instant, held: impl Fn(&str) -> bool) -> Vec<Act> {
        let mut due = Vec::new();
        let mut sessions: Vec<&str> = Vec::new();
        for out in &self.unsettled {
            let session = out.act.session_id.as_str();
            if !out.under_way && !sessions.contains(&session) && !held(session) {
                sessions.push(session);
            }
        }
        let sessions: Vec<String> = sessions.into_iter().map(str::to_owned).collect();
        for session in sessions {
            let mut again = false;
            let of = self.unsettled.iter_mut();
            for out in of.filter(|out| out.act.session_id == session) {
                if out.again.is_some_and(|at| at > now) {
                    break;
                }
                if again || !out.under_way {
                    again |= out.again.is_some();
                    out.under_way = true;
                    out.again = None;
                    due.push(out.act.clone());
                }
            }
        }
        due
    }

    /// Returns the acts that were settled last, to be replayed.
    pub(super) fn settled(&self) -> Vec<Act> {
        self.settled.clone()
    }

    fn place(&self, command: &str) -> Option<usize> {
        let mut unsettled = self.unsettled.iter();
        unsettled.position(|out| out.act.command_id == command)
    }
}

/// Returns the act for an action. `warning_version` is the version that a supervisor accepted.
pub(super) fn act(command: &str, session: &str, action: &Action, warning_version: &str) -> Act {
    let act = match action.clone() {
        Action::Open(question) => act::Act::OpenSession(OpenSession {
            question,
            ..OpenSession::default()
        }),
        Action::Message(text) => act::Act::PostMessage(PostMessage { text }),
        Action::Note(text) => act::Act::WriteNote(WriteNote { text }),
        Action::PickUp => act::Act::PickUp(PickUp {}),
        Action::Offer(queue) => act::Act::OfferTransfer(OfferTransfer {
            to: Some(To::QueueId(queue)),
            message: String::new(),
        }),
        Action::Accept(offer_id) => act::Act::AcceptTransfer(AcceptTransfer { offer_id }),
        Action::Enter => act::Act::EnterConference(EnterConference {
            warning_version: warning_version.to_owned(),
        }),
        Action::Leave => act::Act::LeaveConference(LeaveConference {}),
        Action::End => act::Act::EndSession(EndSession {}),
    };
    Act {
        command_id: command.to_owned(),
        session_id: session.to_owned(),
        act: Some(act),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(commands: &[(&str, &str)]) -> Outbox {
        let mut outbox = Outbox::default();
        for (command, session) in commands {
            let action = Action::Message((*command).to_owned());
            outbox.push(act(command, session, &action, ""), action);
        }
        outbox
    }

    fn due(outbox: &mut Outbox, now: Instant) -> Vec<String> {
        let due = outbox.due(now, |_| false).into_iter();
        due.map(|act| act.command_id).collect()
    }

    #[test]
    fn everything_goes_once_and_again_on_a_new_socket_until_it_is_settled() {
        let now = Instant::now();
        let mut outbox = outbox(&[("1", "s"), ("2", "s")]);
        assert_eq!(due(&mut outbox, now), ["1", "2"]);
        assert!(due(&mut outbox, now).is_empty());
        assert_eq!(outbox.settle("1"), Some(Action::Message("1".to_owned())));
        assert_eq!(outbox.settle("1"), None);
        outbox.renew(None);
        assert_eq!(due(&mut outbox, now), ["2"]);
        assert_eq!((outbox.count("s"), outbox.is_empty()), (1, false));
    }

    #[test]
    fn nothing_overtakes_what_waits_in_its_session() {
        let now = Instant::now();
        let mut outbox = outbox(&[("1", "s"), ("2", "s"), ("3", "t")]);
        assert_eq!(due(&mut outbox, now), ["1", "2", "3"]);
        outbox.wait("1", Some(Duration::from_secs(1)), now);
        for (command, session) in [("4", "s"), ("5", "t")] {
            let action = Action::PickUp;
            outbox.push(act(command, session, &action, ""), action);
        }
        assert_eq!(due(&mut outbox, now), ["5"]);
        let later = now + Duration::from_secs(1);
        assert_eq!(due(&mut outbox, later), ["1", "2", "4"]);
    }

    #[test]
    fn what_was_settled_last_can_be_replayed() {
        let commands: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        let pairs: Vec<(&str, &str)> = commands
            .iter()
            .map(|command| (command.as_str(), "s"))
            .collect();
        let mut outbox = outbox(&pairs);
        for command in &commands {
            outbox.settle(command);
        }
        let settled = outbox.settled();
        assert_eq!(settled.len(), REPLAYED);
        assert_eq!(settled[REPLAYED - 1].command_id, "19");
    }
}
