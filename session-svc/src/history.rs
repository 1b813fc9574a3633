//! The history of one session, in memory: the events in the log, folded, and as each audience is shown them.

use std::collections::HashMap;

use carrel_platform::log::{Command, EventLog, LogError, StreamName};
use carrel_proto::{
    encoded::Encoded,
    session::v1::{self as wire, attend_response::Response},
};

use crate::{
    convert,
    domain::{
        access::{Situation, Times},
        audience::Audience,
        conference::{Conference, ConferenceEvent, Departure},
        event::Event,
        session::Session,
    },
    storage::{self, Stored},
};

/// One session's past and present.
#[derive(Clone, Debug)]
pub struct History {
    session_id: String,
    staff: View,
    patron: View,
    conference: Conference,
    /// The version of the last event that was erased; 0 if none was, or only the opening because of a name.
    erased_up_to: u64,
    /// The position in the patron's view after each later version, so that a repeated command gets its first answer.
    patron_positions: Vec<u64>,
    conference_version: u64,
    commands: HashMap<String, Done>,
}

/// What one audience was shown: the session folded from it, and the events as they are sent.
#[derive(Clone, Debug)]
pub struct View {
    audience: Audience,
    session: Option<Session>,
    /// The position of the last event that was erased; 0 if none was.
    erased_up_to: u64,
    /// The events after that.
    events: Vec<EncodedEvent>,
}

/// A command that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// A digest of its content.
    pub fingerprint: u64,
    /// The version of the last session event that it caused, if any.
    pub version: Option<u64>,
}

/// Events that a history has not taken in yet.
#[derive(Clone, Debug)]
pub struct News {
    /// Events of the session.
    pub session: Vec<Stored<Event>>,
    /// Events of its conference.
    pub conference: Vec<Stored<ConferenceEvent>>,
}

impl News {
    /// Returns whether a supervisor left the conference to become the owner, but the event that made them the owner is
    /// missing.
    fn lacks_new_owner(&self) -> bool {
        let became_owner = |librarian_id: &str| {
            let mut new_owners = self.session.iter().filter_map(|one| one.event.new_owner());
            new_owners.any(|owner| owner.librarian_id == librarian_id)
        };
        self.conference.iter().any(|one| match &one.event {
            ConferenceEvent::Left {
                by,
                how: Departure::BecameOwner,
            } => !became_owner(&by.librarian_id),
            ConferenceEvent::Left { .. } | ConferenceEvent::Entered { .. } => false,
        })
    }
}

/// An event as it is sent to each subscriber of an audience. It is encoded once, however often it is sent.
pub type EncodedEvent = Encoded<wire::AttendResponse>;

/// An event as one audience is shown it.
#[derive(Clone, Debug)]
pub struct ShownEvent {
    /// Its position for the audience.
    pub position: u64,
    /// The encoded event.
    pub encoded: EncodedEvent,
}

/// An event as each audience is shown it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// To staff.
    pub staff: ShownEvent,
    /// To the patron, if the event is for them.
    pub patron: Option<ShownEvent>,
}

impl Shown {
    /// Returns the event as one audience is shown it.
    #[must_use]
    pub fn to(&self, audience: Audience) -> Option<&ShownEvent> {
        match audience {
            Audience::Staff => Some(&self.staff),
            Audience::Patron => self.patron.as_ref(),
        }
    }
}

impl View {
    fn new(audience: Audience) -> Self {
        Self {
            audience,
            session: None,
            erased_up_to: 0,
            events: Vec::new(),
        }
    }

    fn take_in(&mut self, event: &Event, at_ms: i64) -> Option<ShownEvent> {
        let before = self.position();
        Session::apply_to(&mut self.session, self.audience, event, at_ms);
        let session = self
            .session
            .as_ref()
            .filter(|session| session.position > before)?;
        match event {
            Event::Erased(erasure) => {
                self.erased_up_to = erasure.remains.head(self.audience);
                self.events.clear();
            }
            Event::IdentityErased(_) => self.events.iter_mut().for_each(forget_patron),
            _ => {}
        }
        let happened = convert::event_to_wire(session, event, at_ms);
        let encoded = Encoded::of(&wire::AttendResponse {
            response: Some(Response::Event(happened)),
            trace_parent: String::new(),
        });
        self.events.push(encoded.clone());
        Some(ShownEvent {
            position: session.position,
            encoded,
        })
    }

    /// Returns the session as the audience knows it.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Returns the position of the last event that the audience was shown.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.session.as_ref().map_or(0, |session| session.position)
    }

    /// Returns the position of the last event that was erased; 0 if none was.
    #[must_use]
    pub fn erased_up_to(&self) -> u64 {
        self.erased_up_to
    }

    /// Returns the events after a position, in order. Erased ones are left out.
    #[must_use]
    pub fn events_after(&self, position: u64) -> &[EncodedEvent] {
        let from = usize::try_from(position.saturating_sub(self.erased_up_to))
            .unwrap_or(usize::MAX)
            .min(self.events.len());
        &self.events[from..]
    }

    /// Decodes all events that the audience was shown.
    ///
    /// # Errors
    /// [`LogError::Damaged`] when an event that was encoded here can't be decoded.
    pub fn transcript(&self) -> Result<Vec<wire::SessionEvent>, LogError> {
        let damaged = |problem: String| LogError::Damaged(format!("an event: {problem}"));
        let read = |event: &EncodedEvent| match event.read() {
            Ok(wire::AttendResponse {
                response: Some(Response::Event(event)),
                ..
            }) => Ok(event),
            Ok(_) => Err(damaged("it is something else".to_owned())),
            Err(error) => Err(damaged(error.to_string())),
        };
        self.events.iter().map(read).collect()
    }
}

/// Reads a session as staff know it, and keeps none of its events: a list of sessions needs no more.
///
/// # Errors
/// Those of the log.
pub async fn read_for_staff(
    log: &dyn EventLog,
    session_id: &str,
) -> Result<Option<Session>, LogError> {
    let stream = StreamName::new(storage::SESSION, session_id);
    let events = with_opening(storage::read_after(log, &stream, 0).await?);
    Ok(events.iter().fold(None, |session, stored| {
        Session::apply(session, Audience::Staff, &stored.event, stored.at_ms)
    }))
}

/// Takes the patron's name out of an event, if they are its author.
fn forget_patron(event: &mut EncodedEvent) {
    let Ok(mut response) = event.read() else {
        // It was encoded here, so this is a defect, of which somebody must hear.
        tracing::error!(
            "an event can't be read, and may keep a patron's name until the session rests"
        );
        return;
    };
    if let Some(Response::Event(wire::SessionEvent {
        author: Some(author),
        ..
    })) = &mut response.response
        && author.part() == wire::Part::Patron
        && !author.name.is_empty()
    {
        author.name.clear();
        *event = Encoded::of(&response);
    }
}

/// Puts the opening back in front of a session's events, as it is without the patron's name and e-mail address, if it
/// was erased because of these (see [`Event::IdentityErased`]).
fn with_opening(mut events: Vec<Stored<Event>>) -> Vec<Stored<Event>> {
    let is_missing = events.first().is_some_and(|first| first.version == 2);
    let opening = events.iter().find_map(|stored| match &stored.event {
        Event::IdentityErased(erasure) if is_missing => Some(Stored {
            version: 1,
            at_ms: erasure.opened_at_ms,
            event: Event::Opened(erasure.opened.clone()),
            command: None,
        }),
        _ => None,
    });
    events.splice(0..0, opening);
    events
}

impl History {
    /// Creates the history of a session in which nothing has happened.
    #[must_use]
    pub fn empty(session_id: String) -> Self {
        Self {
            session_id,
            staff: View::new(Audience::Staff),
            patron: View::new(Audience::Patron),
            conference: Conference::default(),
            erased_up_to: 0,
            patron_positions: Vec::new(),
            conference_version: 0,
            commands: HashMap::new(),
        }
    }

    /// Reads a session from the log.
    ///
    /// # Errors
    /// Those of the log.
    pub async fn load(log: &dyn EventLog, session_id: String) -> Result<Self, LogError> {
        let mut history = Self::empty(session_id);
        let news = history.news(log).await?;
        for stored in news.conference {
            history.record_conference(stored);
        }
        for stored in news.session {
            history.record(stored);
        }
        Ok(history)
    }

    /// Reads the events that the log has and this history lacks.
    ///
    /// The session is read before the conference, so no session event is newer than what is known of the conference:
    /// otherwise a supervisor who has left could receive it. Events that were written to both streams at once may be
    /// separated by this. That matters only for a supervisor who left to become the owner, who would then be neither. A
    /// second read has both events.
    ///
    /// # Errors
    /// Those of the log.
    pub async fn news(&self, log: &dyn EventLog) -> Result<News, LogError> {
        let news = self.look(log).await?;
        match news.lacks_new_owner() {
            true => self.look(log).await,
            false => Ok(news),
        }
    }

    async fn look(&self, log: &dyn EventLog) -> Result<News, LogError> {
        let (happened, conferred) = (self.session_stream(), self.conference_stream());
        let known = self.session_version();
        let session = storage::read_after(log, &happened, known).await?;
        Ok(News {
            session: match known {
                0 => with_opening(session),
                _ => session,
            },
            conference: storage::read_after(log, &conferred, self.conference_version).await?,
        })
    }

    /// Takes in the session's next event, and returns it as it is shown. An event that is not the next one is ignored,
    /// except for an erasure: it stands for all events before it, which may be gone from the log before they were read
    /// here.
    pub fn record(&mut self, stored: Stored<Event>) -> Option<Shown> {
        let next = self.session_version() + 1;
        let is_erasure = matches!(stored.event, Event::Erased(_));
        if stored.version != next && !(is_erasure && stored.version > next) {
            return None;
        }
        let patron = self.patron.take_in(&stored.event, stored.at_ms);
        let staff = self.staff.take_in(&stored.event, stored.at_ms);
        if is_erasure {
            self.forget(stored.version - 1);
        } else if matches!(stored.event, Event::IdentityErased(_)) {
            self.forget_command_of(1);
        }
        self.patron_positions.push(self.patron.position());
        self.file(stored.command, Some(stored.version));
        Some(Shown {
            staff: staff?,
            patron,
        })
    }

    /// Forgets what is known, beside the views, of the events up to this version. Their commands are forgotten as well,
    /// as by a server that reads the session after the erasure.
    fn forget(&mut self, up_to: u64) {
        self.erased_up_to = up_to;
        self.patron_positions = Vec::new();
        self.commands
            .retain(|_, done| done.version.is_none_or(|version| version > up_to));
    }

    /// Forgets the command that caused an event which is erased, as by a server that reads the session after that.
    fn forget_command_of(&mut self, version: u64) {
        self.commands
            .retain(|_, done| done.version != Some(version));
    }

    /// Takes in the conference's next event. An event that is not the next one is ignored.
    pub fn record_conference(&mut self, stored: Stored<ConferenceEvent>) {
        if stored.version == self.conference_version + 1 {
            self.conference_version = stored.version;
            self.conference.apply(&stored.event);
            self.file(stored.command, None);
        }
    }

    fn file(&mut self, command: Option<Command>, version: Option<u64>) {
        if let Some(Command { key, fingerprint }) = command {
            self.commands.insert(
                key,
                Done {
                    fingerprint,
                    version,
                },
            );
        }
    }

    /// Returns the session's id.
    #[must_use]
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// Returns the name of the session's stream.
    #[must_use]
    pub fn session_stream(&self) -> StreamName {
        StreamName::new(storage::SESSION, self.session_id.clone())
    }

    /// Returns the name of the conference's stream.
    #[must_use]
    pub fn conference_stream(&self) -> StreamName {
        StreamName::new(storage::CONFERENCE, self.session_id.clone())
    }

    /// Returns the version of the session's stream that is known here.
    #[must_use]
    pub fn session_version(&self) -> u64 {
        self.erased_up_to + self.patron_positions.len() as u64
    }

    /// Returns the version of the last event that was erased, if any was. The log may still have to erase it.
    #[must_use]
    pub fn erased_up_to(&self) -> Option<u64> {
        (self.erased_up_to > 0).then_some(self.erased_up_to)
    }

    /// Returns the version of the conference's stream that is known here.
    #[must_use]
    pub fn conference_version(&self) -> u64 {
        self.conference_version
    }

    /// Returns what an audience was shown, and nothing of what only others were.
    #[must_use]
    pub fn view(&self, audience: Audience) -> &View {
        match audience {
            Audience::Staff => &self.staff,
            Audience::Patron => &self.patron,
        }
    }

    /// Returns the supervisors who are inside in conference mode.
    #[must_use]
    pub fn conference(&self) -> &Conference {
        &self.conference
    }

    /// Returns what is known of a command that was carried out before and changed something.
    #[must_use]
    pub fn done(&self, key: &str) -> Option<Done> {
        self.commands.get(key).copied()
    }

    /// Returns the position of a version's event in an audience's view; 0 if the audience was not shown it.
    #[must_use]
    pub fn position_of(&self, version: u64, audience: Audience) -> u64 {
        match audience {
            Audience::Staff => version,
            Audience::Patron => {
                let after = |version: u64| {
                    let index = version.checked_sub(self.erased_up_to)?.checked_sub(1)?;
                    let index = usize::try_from(index).ok()?;
                    self.patron_positions.get(index).copied()
                };
                let before = after(version.saturating_sub(1));
                let before = before.unwrap_or(self.patron.erased_up_to);
                after(version).filter(|after| *after > before).unwrap_or(0)
            }
        }
    }

    /// Returns the session as the rules see it.
    #[must_use]
    pub fn situation(&self, now_ms: i64, times: Times) -> Situation<'_> {
        Situation {
            session_id: &self.session_id,
            session: self.staff.session(),
            conference: &self.conference,
            now_ms,
            times,
        }
    }
}

#[cfg(test)]
mod tests;
