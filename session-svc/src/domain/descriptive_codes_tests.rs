use super::{
    super::{
        access::Times,
        audience::Audience,
        conference::Conference,
        decide::{Command, decide},
        event::Speaker,
        people::{Actor, Role, StaffMember},
        samples::opened,
    },
    *,
};

fn member(id: &str, institution_id: &str) -> StaffMember {
    StaffMember {
        librarian_id: id.to_owned(),
        screen_name: id.to_uppercase(),
        institution_id: institution_id.to_owned(),
        institution_name: institution_id.to_owned(),
    }
}

fn codes(codes: &[&str]) -> Vec<String> {
    codes.iter().map(|&code| code.to_owned()).collect()
}

/// A session of a patron of Maple that Night of Harbor has ended.
struct World {
    session: Option<Session>,
    events: Vec<Event>,
}

impl World {
    fn ended() -> Self {
        let by = member("night", "harbor");
        let mut world = Self {
            session: None,
            events: Vec::new(),
        };
        for event in [
            Event::Opened(opened()),
            Event::PickedUp { by: by.clone() },
            Event::Ended {
                by: Some(Speaker::Owner(by)),
            },
        ] {
            world.take(event);
        }
        world
    }

    fn take(&mut self, event: Event) {
        self.session = Session::apply(self.session.take(), Audience::Staff, &event, 0);
        self.events.push(event);
    }

    /// Sets codes as a librarian, with the list of a library that has these, and says how many events came of it.
    fn set(
        &mut self,
        (id, institution_id): (&str, &str),
        wanted: &[&str],
        list: Option<(&str, &[&str])>,
    ) -> Result<usize, Refused> {
        let actor = Actor::Librarian(LibrarianActor {
            member: member(id, institution_id),
            role: Role::AskAdministrator,
            queues: Default::default(),
            practice_queues: Default::default(),
            warning_version: String::new(),
        });
        let situation = Situation {
            session_id: "5e55",
            session: self.session.as_ref(),
            conference: &Conference::default(),
            now_ms: 0,
            times: Times {
                wrap_up_ms: 1_000,
                ..Times::default()
            },
        };
        let command = Command::SetDescriptiveCodes {
            codes: codes(wanted),
            list: list.map(|(of, has)| CodeList::new(of, &codes(has))),
        };
        let decision = decide(&situation, &actor, &command)?;
        assert_eq!((decision.conference.len(), decision.audit.len()), (0, 0));
        let count = decision.session.len();
        decision
            .session
            .into_iter()
            .for_each(|event| self.take(event));
        Ok(count)
    }

    fn codes(&self) -> &[String] {
        (self.session.as_ref()).map_or(&[], |session| &session.descriptive_codes)
    }
}

const ASK: (&str, &str) = ("ask", "maple");
const MAPLES: (&str, &[&str]) = (
    "maple",
    &["Maps", "Ships", "Cards", "Printing", "Straße", "Fines"],
);

/// D65: they are corrected with history, and what is so already is no event.
#[test]
fn they_are_corrected_with_history() {
    let mut world = World::ended();
    assert!(world.codes().is_empty());
    let before = world.events.len();
    let list = Some(MAPLES);
    for (wanted, events) in [
        (&[][..], 0),
        (&["Maps", "Ships"], 1),
        (&["Ships", "Maps"], 0),
        (&["Ships"], 1),
        (&["Maps", "Ships", "Cards", "Printing"], 1),
        (&[], 1),
    ] {
        assert_eq!(world.set(ASK, wanted, list), Ok(events), "{wanted:?}");
        if events == 1 {
            assert_eq!(world.codes(), wanted);
        }
    }
    let history = world.events[before..].iter().map(|event| match event {
        Event::DescriptiveCodesSet { by, codes } => {
            assert_eq!(*by, Speaker::Colleague(member("ask", "maple")));
            codes.len()
        }
        _ => usize::MAX,
    });
    assert_eq!(history.collect::<Vec<_>>(), [2, 1, 4, 0]);
}

/// D41, D65: whoever answered, it is the list of the patron's library that counts.
#[test]
fn they_are_from_the_list_of_the_patrons_library() {
    let own = ("night", "harbor");
    let mut world = World::ended();
    let no_list = Err(Refused::BadCodeList);
    assert_eq!(world.set(own, &["Maps"], None), no_list);
    assert_eq!(
        world.set(own, &["Maps"], Some(("harbor", &["Maps"]))),
        no_list
    );
    assert_eq!(world.set(own, &["Maps"], Some(MAPLES)), Ok(1));
    for (wanted, refused) in [
        (
            &["Maps", "maps"][..],
            Refused::RepeatedCode {
                code: "maps".to_owned(),
            },
        ),
        (
            &["Maps", "Ships", "Cards", "Printing", "Fines"],
            Refused::TooManyCodes { count: 5 },
        ),
        (
            &["Ships", "Whales", "Owls"],
            Refused::UnknownCode {
                code: "Whales".to_owned(),
            },
        ),
        (
            &["ships"],
            Refused::UnknownCode {
                code: "ships".to_owned(),
            },
        ),
    ] {
        assert_eq!(world.set(own, wanted, Some(MAPLES)), Err(refused));
    }
    let long = "x".repeat(1_000);
    let Err(Refused::UnknownCode { code }) = world.set(own, &[&long], Some(MAPLES)) else {
        unreachable!("it is in no list");
    };
    assert_eq!(code.len(), CODE_LIMIT, "a refusal is short");
    assert_eq!(world.codes(), ["Maps"], "a refusal changes nothing");
}

/// D65: a code that was taken off the list stays where it is, also when others are added; and all can be taken off.
#[test]
fn a_code_that_left_the_list_may_stay() {
    let mut world = World::ended();
    assert_eq!(world.set(ASK, &["Fines", "Maps"], Some(MAPLES)), Ok(1));
    let without: (&str, &[&str]) = ("maple", &["Maps", "Ships"]);
    assert_eq!(world.set(ASK, &["Fines", "Ships"], Some(without)), Ok(1));
    assert_eq!(world.set(ASK, &["Fines"], None), Ok(1), "nothing is new");
    assert_eq!(world.set(ASK, &[], None), Ok(1));
    let gone = Refused::UnknownCode {
        code: "Fines".to_owned(),
    };
    assert_eq!(world.set(ASK, &["Fines"], Some(without)), Err(gone));
}

/// S21, I26: the patron's picture is the same, and corrections have an end.
#[test]
fn the_patron_knows_nothing_of_them_and_corrections_have_an_end() {
    let mut world = World::ended();
    let as_patron = |events: &[Event]| {
        events.iter().fold(None, |session, event| {
            Session::apply(session, Audience::Patron, event, 0)
        })
    };
    let before = as_patron(&world.events);
    let mut corrections = 0;
    let refused = loop {
        let wanted = [&["Maps"][..], &["Ships", "Maps"]][corrections % 2];
        match world.set(ASK, wanted, Some(MAPLES)) {
            Ok(_) => corrections += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, Refused::Full);
    assert!(corrections > 1_000, "{corrections}");
    assert_eq!(as_patron(&world.events), before);
}
