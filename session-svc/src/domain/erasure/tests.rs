#![allow(clippy::unwrap_used)]

use super::{
    super::{
        conference::Conference,
        decide::{Command, decide},
        people::{Actor, PatronActor, Role},
        samples::opened,
    },
    *,
};

fn member(institution_id: &str) -> StaffMember {
    StaffMember {
        librarian_id: "lee".to_owned(),
        screen_name: "Mr Lee".to_owned(),
        institution_id: institution_id.to_owned(),
        institution_name: institution_id.to_uppercase(),
    }
}

/// A session with something of everything that is to go, and its events' times from 1 on.
fn events() -> Vec<Event> {
    let owner = || Speaker::Owner(member("harbor"));
    vec![
        Event::Opened(Opened {
            patron_name: "Ricky".to_owned(),
            patron_email: "ricky@example.org".to_owned(),
            language: "pt-BR".to_owned(),
            ..opened()
        }),
        Event::Escalated {
            queue_id: "coop".to_owned(),
        },
        Event::PickedUp {
            by: member("harbor"),
        },
        Event::NoteWritten {
            by: owner(),
            text: "a secret".to_owned(),
        },
        Event::MessagePosted {
            by: owner(),
            text: "a secret".to_owned(),
        },
        Event::Ended { by: Some(owner()) },
    ]
}

fn fold(events: &[Event], audience: Audience) -> Option<Session> {
    (1..).zip(events).fold(None, |session, (at_ms, event)| {
        Session::apply(session, audience, event, at_ms)
    })
}

/// Does something with the situation of a session, some time after its end.
fn in_situation<T>(session: Option<&Session>, act: impl FnOnce(&Situation<'_>) -> T) -> T {
    act(&Situation {
        session_id: "5e55",
        session,
        conference: &Conference::default(),
        now_ms: 100,
        times: Default::default(),
    })
}

fn try_to(
    session: Option<&Session>,
    actor: &Actor,
    command: &Command,
) -> Result<Decision, Refused> {
    in_situation(session, |situation| decide(situation, actor, command))
}

fn try_erase(
    session: Option<&Session>,
    role: Role,
    institution: &str,
) -> Result<Decision, Refused> {
    let actor = Actor::Librarian(LibrarianActor {
        member: member(institution),
        role,
        queues: Default::default(),
        practice_queues: Default::default(),
        warning_version: String::new(),
    });
    try_to(session, &actor, &Command::Erase)
}

/// The erasure of these events by an administrator of Maple.
fn erasure(events: &[Event]) -> Event {
    let session = fold(events, Audience::Staff);
    let mut decision = try_erase(session.as_ref(), Role::Administrator, "maple").unwrap();
    decision.session.remove(0)
}

/// R20: role, then object, then state.
#[test]
fn only_an_administrator_of_the_patrons_library_erases_and_only_what_has_ended() {
    let ended = fold(&events(), Audience::Staff);
    let running = fold(&events()[..5], Audience::Staff);
    for session in [None, running.as_ref(), ended.as_ref()] {
        for role in [Role::Librarian, Role::AskAdministrator] {
            assert_eq!(try_erase(session, role, "maple"), Err(Refused::NotAllowed));
        }
        // Lee of Harbor owned it.
        let foreign = try_erase(session, Role::Administrator, "harbor");
        assert_eq!(foreign, Err(Refused::NotFound));
    }
    let own = |session| try_erase(session, Role::Administrator, "maple");
    assert_eq!(own(None), Err(Refused::NotFound));
    assert_eq!(own(running.as_ref()), Err(Refused::NotEnded));
    let erased = own(ended.as_ref()).unwrap();
    assert_eq!((erased.session.len(), erased.conference.len()), (1, 0));
    let facts: Vec<_> = erased
        .audit
        .iter()
        .map(|fact| (fact.act, &*fact.librarian_id, &*fact.detail))
        .collect();
    assert_eq!(facts, [(AuditAct::SessionErased, "lee", REQUESTED)]);
}

/// Nobody's patron may, whatever the session.
#[test]
fn a_patron_does_not_erase() {
    let session = fold(&events(), Audience::Staff);
    let patron = Actor::Patron(PatronActor {
        session_id: "5e55".to_owned(),
        institution_id: "maple".to_owned(),
        institution_name: "Maple".to_owned(),
        queue_id: "maple".to_owned(),
        staff_naming: StaffNaming::ScreenName,
        practice: false,
        route: Vec::new(),
    });
    let refused = try_to(session.as_ref(), &patron, &Command::Erase);
    assert_eq!(refused, Err(Refused::NotAllowed));
}

/// R20: who has read the erasure alone knows the same as who has read all, and nobody knows what was said.
#[test]
fn what_stays_follows_from_the_erasure_alone() {
    let mut all = events();
    let before = fold(&all, Audience::Staff).unwrap();
    all.push(erasure(&events()));
    for (audience, position) in [(Audience::Staff, 7), (Audience::Patron, 5)] {
        let whole = fold(&all, audience).unwrap();
        let alone = Session::apply(None, audience, &all[6], 7).unwrap();
        assert_eq!(whole, alone);
        assert_eq!((whole.position, whole.patron_position), (position, 5));
        assert_eq!(whole.queues, before.queues);
        assert_eq!(whole.opened_at_ms, 1);
        let owner = whole.owner.unwrap();
        assert_eq!(
            (owner.picked_up_at_ms, &*owner.member.institution_id),
            (3, "harbor")
        );
        let end = whole.end.unwrap();
        assert!(matches!(end.by, Some(Speaker::Owner(_))) && end.at_ms == 6);
        let by = whole.erased.unwrap().by;
        assert_eq!(by.is_some(), audience == Audience::Staff);
    }
    let written = serde_json::to_string(&all[6]).unwrap();
    for gone in ["Ricky", "example.org", "pt-BR", "Where?", "secret"] {
        assert!(!written.contains(gone), "{gone}: {written}");
    }
}

/// An erased session stays as it is: erasing it again changes nothing, and nothing is added to it.
#[test]
fn an_erased_session_is_erased_once() {
    let mut all = events();
    all.push(erasure(&events()));
    let session = fold(&all, Audience::Staff);
    let again = try_erase(session.as_ref(), Role::Administrator, "maple");
    assert_eq!(again, Ok(Decision::default()));
    let expired = in_situation(session.as_ref(), |situation| expire(situation, i64::MAX));
    assert_eq!(expired, Decision::default());
    let reviewer = Actor::Librarian(LibrarianActor {
        member: member("maple"),
        role: Role::Administrator,
        queues: Default::default(),
        practice_queues: Default::default(),
        warning_version: String::new(),
    });
    let note = Command::WriteNote {
        text: "late".to_owned(),
    };
    let resolution = Command::SetResolution {
        resolution: Resolution::LostCall,
    };
    let codes = Command::SetDescriptiveCodes {
        codes: Vec::new(),
        list: None,
    };
    for late in [note, resolution, codes] {
        let refused = try_to(session.as_ref(), &reviewer, &late);
        assert_eq!(refused, Err(Refused::Erased));
    }
}

/// R16, R20: how a session came out stays, for staff. Who said so does not.
#[test]
fn the_resolution_stays_for_staff() {
    let mut all = events();
    all.push(Event::ResolutionSet {
        by: Speaker::Owner(member("harbor")),
        resolution: Resolution::Answered,
    });
    all.push(erasure(&all));
    let resolved = |audience| fold(&all, audience).unwrap().resolved;
    let stays = Resolved {
        by: None,
        resolution: Resolution::Answered,
    };
    assert_eq!(resolved(Audience::Staff), Some(stays));
    assert_eq!(resolved(Audience::Patron), None);
}

/// D65, R20: what a session was about stays too, for staff: it was chosen from a list, and the patron wrote none of it.
#[test]
fn the_descriptive_codes_stay_for_staff() {
    let mut all = events();
    all.push(Event::DescriptiveCodesSet {
        by: Speaker::Owner(member("harbor")),
        codes: vec!["Maps".to_owned(), "Ships".to_owned()],
    });
    all.push(erasure(&all));
    let codes = |audience| fold(&all, audience).unwrap().descriptive_codes;
    assert_eq!(codes(Audience::Staff), ["Maps", "Ships"]);
    assert!(codes(Audience::Patron).is_empty());
}

/// R20: a session is erased by itself when its time is over, and the audit says that nobody did it.
#[test]
fn the_time_of_a_session_counts_from_its_end() {
    let expired = |events: &[Event], ended_by_ms| {
        let session = fold(events, Audience::Staff);
        in_situation(session.as_ref(), |situation| expire(situation, ended_by_ms))
    };
    assert_eq!(expired(&events()[..5], i64::MAX), Decision::default());
    assert_eq!(expired(&events(), 5), Decision::default());
    let decision = expired(&events(), 6);
    assert!(matches!(&*decision.session, [Event::Erased(erasure)] if erasure.by.is_none()));
    let facts: Vec<_> = decision
        .audit
        .iter()
        .map(|fact| (&*fact.librarian_id, &*fact.detail))
        .collect();
    assert_eq!(facts, [("", RETENTION)]);
}

/// What follows when it is time for names of sessions that ended at a moment or before.
fn due(events: &[Event], ended_by_ms: i64) -> Decision {
    let session = fold(events, Audience::Staff);
    in_situation(session.as_ref(), |situation| {
        expire_identity(situation, ended_by_ms)
    })
}

/// R20: a name goes by itself when its time is over, once, and only if there is one; the audit says that nobody did it.
#[test]
fn the_time_of_a_name_counts_from_the_end() {
    assert_eq!(due(&events()[..5], i64::MAX), Decision::default());
    assert_eq!(due(&events(), 5), Decision::default());
    let decision = due(&events(), 6);
    let facts: Vec<_> = decision
        .audit
        .iter()
        .map(|fact| (fact.act, &*fact.librarian_id, &*fact.detail))
        .collect();
    assert_eq!(facts, [(AuditAct::IdentityErased, "", RETENTION)]);
    let mut all = events();
    all.extend(decision.session);
    assert_eq!(all.len(), 7);
    assert_eq!(due(&all, i64::MAX), Decision::default(), "it is done");
    all.push(erasure(&all));
    assert_eq!(due(&all, i64::MAX), Decision::default(), "all is erased");
    let mut nameless = events();
    nameless[0] = Event::Opened(opened());
    assert_eq!(due(&nameless, i64::MAX), Decision::default());
}

/// R20, I4: with what took the place of the opening, everybody knows the session as before, without the name and one
/// event on; and it is erased as any other.
#[test]
fn nothing_but_the_name_is_lost_with_the_name() {
    let mut all = events();
    all.extend(due(&events(), 6).session);
    let erased = all.iter().find_map(|event| match event {
        Event::IdentityErased(erased) => Some(erased),
        _ => None,
    });
    let erased = erased.unwrap();
    let written = serde_json::to_string(erased).unwrap();
    assert!(written.contains("Where?"), "{written}");
    for gone in ["Ricky", "example.org", "pt-BR"] {
        assert!(!written.contains(gone), "{gone}: {written}");
    }
    let mut read = all.clone();
    read[0] = Event::Opened(erased.opened.clone());
    for audience in [Audience::Staff, Audience::Patron] {
        let before = fold(&events(), audience).unwrap();
        let after = Session {
            position: before.position + 1,
            patron_position: before.patron_position + 1,
            opened: Arc::new(Opened {
                patron_name: String::new(),
                patron_email: String::new(),
                language: String::new(),
                ..(*before.opened).clone()
            }),
            identity_erased_at_ms: Some(7),
            ..before
        };
        assert_eq!(fold(&all, audience), Some(after.clone()));
        assert_eq!(fold(&read, audience), Some(after));
    }
    assert_eq!(erasure(&all), erasure(&read));
    all.push(erasure(&all));
    let session = fold(&all, Audience::Staff).unwrap();
    assert_eq!((session.position, session.identity_erased_at_ms), (8, None));
}
