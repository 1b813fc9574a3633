//! What a history takes in, and what it gives.

use carrel_platform::log::{Batch, Write, sqlite::SqliteLog};
use carrel_testbed::log::FaultyLog;
use futures::FutureExt as _;

use super::*;
use crate::domain::{
    erasure::{Erasure, IdentityErasure, Remains},
    event::{Opened, Speaker},
    people::{StaffMember, StaffNaming},
};

fn opened() -> Event {
    Event::Opened(Opened {
        institution_id: "library".to_owned(),
        institution_name: "Library".to_owned(),
        queue_id: "desk".to_owned(),
        staff_naming: StaffNaming::ScreenName,
        patron_name: "Ricky".to_owned(),
        patron_email: String::new(),
        language: String::new(),
        question: "Where?".to_owned(),
        practice: false,
        route: Vec::new(),
    })
}

fn write<E: serde::Serialize>(
    stream: StreamName,
    expected: u64,
    events: &[E],
) -> anyhow::Result<Write> {
    let events = events.iter().map(|event| storage::encode(event, 1, None));
    Ok(Write {
        stream,
        expected,
        events: events.collect::<Result<Vec<_>, _>>()?,
        index_entry: None,
    })
}

/// Events that are written to both streams between the two reads of one look are not taken in by halves.
#[tokio::test]
async fn whoever_left_to_become_the_owner_is_not_neither() -> anyhow::Result<()> {
    let log = FaultyLog::in_memory()?;
    let mut history = History::empty("s".to_owned());
    let (session, conference) = (history.session_stream(), history.conference_stream());
    let by = StaffMember {
        librarian_id: "admin".to_owned(),
        screen_name: "Admin".to_owned(),
        institution_id: "library".to_owned(),
        institution_name: "Library".to_owned(),
    };
    let entered = ConferenceEvent::Entered {
        by: by.clone(),
        warning_version: "w1".to_owned(),
    };
    let writes = vec![
        write(session.clone(), 0, &[opened()])?,
        write(conference.clone(), 0, &[entered])?,
    ];
    log.append(Batch { writes }).await?;
    let news = history.news(&*log).await?;
    for stored in news.session {
        history.record(stored);
    }
    for stored in news.conference {
        history.record_conference(stored);
    }
    let so_far = log.reads();
    let mut news = Box::pin(history.news(&*log));
    while log.reads() < so_far + 2 {
        assert!(news.as_mut().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    let left = ConferenceEvent::Left {
        by: by.clone(),
        how: Departure::BecameOwner,
    };
    let writes = vec![
        write(session, 1, &[Event::PickedUp { by }])?,
        write(conference, 1, &[left])?,
    ];
    log.append(Batch { writes }).await?;
    let news = news.await?;
    assert_eq!((news.session.len(), news.conference.len()), (1, 1));
    Ok(())
}

/// R20: whether a server was there all the time, missed some of it, or reads it afterwards, it knows the same.
#[test]
fn an_erasure_stands_for_all_that_was_before_it() -> anyhow::Result<()> {
    let by = Speaker::Patron;
    let note = Event::NoteWritten {
        by: by.clone(),
        text: "secret".to_owned(),
    };
    let mut events = vec![opened(), note, Event::Ended { by: Some(by) }];
    let staff = events.iter().fold(None, |session, event| {
        Session::apply(session, Audience::Staff, event, 1)
    });
    let remains = staff.as_ref().and_then(Remains::of);
    let remains = remains.ok_or_else(|| anyhow::anyhow!("it has ended"))?;
    events.push(Event::Erased(Erasure { by: None, remains }));
    let stored = |version: usize| Stored {
        version: version as u64,
        at_ms: 1,
        event: events[version - 1].clone(),
        command: Some(Command::of(version.to_string(), b"")),
    };
    for known in 0..=3 {
        let mut history = History::empty("s".to_owned());
        for version in (1..=known).chain([4]) {
            history.record(stored(version));
        }
        assert_eq!(history.session_version(), 4);
        assert_eq!(history.erased_up_to(), Some(3));
        assert_eq!(history.done("1"), None);
        assert_eq!(history.done("4").and_then(|done| done.version), Some(4));
        assert_eq!(history.position_of(4, Audience::Staff), 4);
        assert_eq!(history.position_of(4, Audience::Patron), 3);
        assert_eq!(history.position_of(1, Audience::Patron), 0);
        for (audience, position) in [(Audience::Staff, 4), (Audience::Patron, 3)] {
            let view = history.view(audience);
            assert_eq!(view.position(), position);
            assert_eq!(view.erased_up_to(), position - 1);
            assert_eq!(view.events_after(0).len(), 1);
            assert_eq!(view.events_after(position - 1).len(), 1);
            assert!(view.events_after(position).is_empty());
        }
        // What comes late of before brings nothing back.
        assert!(history.record(stored(2)).is_none());
    }
    Ok(())
}

/// R20: the same when only the name was erased, and nobody who reads or was there all the time knows it. Numbers are as
/// they were (I4).
#[tokio::test]
async fn the_opening_comes_back_without_the_name() -> anyhow::Result<()> {
    let by = Speaker::Patron;
    let said = Event::MessagePosted {
        by: by.clone(),
        text: "Is anybody there?".to_owned(),
    };
    let note = Event::NoteWritten {
        by: by.clone(),
        text: "to staff".to_owned(),
    };
    let events = [opened(), said, note, Event::Ended { by: Some(by) }];
    let log = SqliteLog::in_memory()?;
    let stream = StreamName::new(storage::SESSION, "s");
    for (at, event) in (1..).zip(&events) {
        let command = Command::of(at.to_string(), b"");
        let write = Write {
            stream: stream.clone(),
            expected: at - 1,
            events: vec![storage::encode(event, 1, Some(command))?],
            index_entry: None,
        };
        let writes = vec![write];
        log.append(Batch { writes }).await?;
    }
    let Event::Opened(opened) = opened() else {
        anyhow::bail!("it is the opening");
    };
    let erasure = IdentityErasure {
        opened: Opened {
            patron_name: String::new(),
            ..opened
        },
        opened_at_ms: 1,
    };
    let all: Vec<Stored<Event>> = storage::read_after(&log, &stream, 0).await?;
    let mut there = Vec::new();
    for known in 0..=events.len() {
        let mut history = History::empty("s".to_owned());
        for stored in &all[..known] {
            history.record(stored.clone());
        }
        there.push(history);
    }
    let writes = vec![write(stream.clone(), 4, &[Event::IdentityErased(erasure)])?];
    log.append(Batch { writes }).await?;
    there.push(History::load(&log, "s".to_owned()).await?);
    log.erase(&stream, 1).await?;
    for mut history in there {
        for stored in history.news(&log).await?.session {
            history.record(stored);
        }
        assert_eq!(
            (history.session_version(), history.erased_up_to()),
            (5, None)
        );
        assert_eq!(history.done("1"), None);
        assert_eq!(history.done("2").and_then(|done| done.version), Some(2));
        for (audience, head) in [(Audience::Staff, 5), (Audience::Patron, 4)] {
            let view = history.view(audience);
            let shown = view.transcript()?;
            assert!(shown.iter().map(|event| event.position).eq(1..=head));
            assert!(!format!("{shown:?}").contains("Ricky"));
            assert!(format!("{shown:?}").contains("Where?"));
            let session = view.session();
            assert!(session.is_some_and(|session| session.opened.patron_name.is_empty()));
            assert_eq!(view.events_after(2).len() as u64, head - 2);
            assert_eq!(history.position_of(5, audience), head);
            assert_eq!(history.position_of(1, audience), 1);
        }
        let read = read_for_staff(&log, "s").await?;
        assert_eq!(read.as_ref(), history.view(Audience::Staff).session());
    }
    Ok(())
}

#[tokio::test]
async fn what_is_read_for_a_list_is_what_staff_are_shown() -> anyhow::Result<()> {
    let said = Event::MessagePosted {
        by: Speaker::Patron,
        text: "Is anybody there?".to_owned(),
    };
    let events = [(opened(), 1), (said, 2)]
        .map(|(event, at_ms)| storage::encode(&event, at_ms, None))
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    let log = SqliteLog::in_memory()?;
    let write = Write {
        stream: StreamName::new(storage::SESSION, "s"),
        expected: 0,
        events,
        index_entry: None,
    };
    log.append(Batch {
        writes: vec![write],
    })
    .await?;
    let whole = History::load(&log, "s".to_owned()).await?;
    let read = read_for_staff(&log, "s").await?;
    assert!(read.is_some());
    assert_eq!(read.as_ref(), whole.view(Audience::Staff).session());
    assert_eq!(read_for_staff(&log, "nobody's").await?, None);
    Ok(())
}
