//! What a live session shows to callers.

use std::sync::Arc;

use carrel_platform::log::LogError;
use carrel_proto::session::v1 as wire;

use super::{Joined, LiveSession, Look, TRIES, Transcript};
use crate::{
    convert,
    domain::{
        access::{Purpose, Relation, may_see, typing_reach},
        audience::{Audience, Part, show_speaker, show_staff},
        event::Speaker,
        people::Actor,
        refused::Refused,
        transcript::{Granted, TranscriptUse, grant},
    },
    error::Error,
};

impl LiveSession {
    /// Adds a subscriber, and returns the session so far.
    pub(super) async fn join(
        &mut self,
        actor: Arc<Actor>,
        requested: Option<Audience>,
        after: Option<u64>,
    ) -> Result<Joined, Error> {
        self.catch_up_together().await?;
        let situation = self.situation();
        let audience = may_see(&situation, &actor, requested, Purpose::Attend)?;
        let part = match situation.relation(&actor) {
            Some(Relation::Patron) => Part::Patron,
            Some(Relation::Owner) => Part::Owner,
            _ => Part::Colleague,
        };
        let view = self.history.view(audience);
        let head = view.position();
        let erased_up_to = view.erased_up_to();
        let resync = after.is_some_and(|after| after > head || after < erased_up_to);
        let from = if resync { 0 } else { after.unwrap_or(0) };
        let backlog = view.events_after(from).to_vec();
        let session = self.show(audience)?;
        let listening = self
            .subscribers
            .add(actor, audience, self.parts.config.backlog);
        // The participant may have come from the other server. When the last one leaves here, there is another look-up.
        self.attended_elsewhere = false;
        match part {
            Part::Owner => {
                self.keep_lease();
                self.liveness.see_owner_join();
            }
            Part::Patron => {
                self.keep_lease();
                self.note_patron_heard_here().await;
            }
            // A supervisor who joins must not hasten what others are told, here or on other servers, which would begin
            // to miss the owner sooner. The lease names the supervisor from the next look on.
            Part::Colleague => {}
        }
        Ok(Joined {
            session,
            audience,
            part,
            head,
            resync,
            erased_up_to,
            backlog,
            listening,
        })
    }

    /// Returns the session as it stands.
    pub(super) async fn look(&mut self, actor: &Actor) -> Result<Look, Error> {
        self.catch_up_together().await?;
        let audience = may_see(&self.situation(), actor, None, Purpose::Attend)
            .or_else(|_| may_see(&self.situation(), actor, None, Purpose::Transcript))?;
        Ok(Look {
            session: self.show(audience)?,
            head: self.history.view(audience).position(),
        })
    }

    /// Returns the transcript. What the audit records of it is written before (I25).
    pub(super) async fn transcript(
        &mut self,
        actor: &Actor,
        requested: Option<Audience>,
        used_for: TranscriptUse,
    ) -> Result<Transcript, Error> {
        self.catch_up_together().await?;
        for _ in 0..TRIES {
            let Granted { audience, fact } = grant(&self.situation(), actor, requested, used_for)?;
            if let Some(fact) = fact {
                match self.audit(fact).await {
                    // What happened meanwhile may have taken their right.
                    Err(LogError::Conflict { .. }) => {
                        self.catch_up().await?;
                        continue;
                    }
                    written => written?,
                }
            }
            let events = self.history.view(audience).transcript()?;
            return Ok(Transcript {
                session: self.show(audience)?,
                audience,
                events,
            });
        }
        Err(Error::Contended)
    }

    /// Tells the subscribers in reach that the actor is typing.
    pub(super) fn pass_on_typing(&self, actor: &Actor, typed_in: Audience) {
        let Some(reach) = typing_reach(&self.situation(), actor, typed_in) else {
            return;
        };
        self.subscribers.pass_on_typing(actor, reach, |viewer| {
            self.show_typing(actor, reach.relation, typed_in, viewer)
        });
    }

    fn show_typing(
        &self,
        actor: &Actor,
        relation: Relation,
        typed_in: Audience,
        viewer: Audience,
    ) -> wire::Typing {
        let author = self
            .history
            .view(viewer)
            .session()
            .map(|session| match actor {
                Actor::Patron(_) => convert::person_to_wire(show_speaker(
                    &Speaker::Patron,
                    &session.opened.patron_name,
                    viewer,
                    session.opened.staff_naming,
                )),
                Actor::Librarian(librarian) => {
                    let part = if relation == Relation::Owner {
                        Part::Owner
                    } else {
                        Part::Colleague
                    };
                    let naming = session.opened.staff_naming;
                    convert::person_to_wire(show_staff(&librarian.member, part, viewer, naming))
                }
            });
        wire::Typing {
            r#box: convert::audience_to_wire(typed_in).into(),
            author,
        }
    }

    fn show(&self, audience: Audience) -> Result<wire::Session, Error> {
        let session = self
            .history
            .view(audience)
            .session()
            .ok_or(Refused::NotFound)?;
        Ok(convert::session_to_wire(self.history.session_id(), session))
    }
}
