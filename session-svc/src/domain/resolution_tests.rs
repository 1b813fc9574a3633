use super::{
    super::{
        decide::Command,
        people::{Actor, PatronActor, Role, StaffMember},
        samples::{SESSION, WRAP_UP_MS, World, librarian, member, opened},
    },
    *,
};

const CODES: [Resolution; 5] = [
    Resolution::Answered,
    Resolution::FollowUpByMe,
    Resolution::FollowUpByLibrary,
    Resolution::LostCall,
    Resolution::Practice,
];

fn patron(session_id: &str) -> Actor {
    Actor::Patron(PatronActor {
        session_id: session_id.to_owned(),
        institution_id: "maple".to_owned(),
        institution_name: "Maple".to_owned(),
        queue_id: "maple".to_owned(),
        staff_naming: Default::default(),
        practice: false,
        route: Vec::new(),
    })
}

impl World {
    /// Sets a resolution, and says how many events came of it.
    fn resolve(&mut self, actor: &Actor, resolution: Resolution) -> Result<usize, Refused> {
        self.command(actor, &Command::SetResolution { resolution })
    }

    fn resolution(&self) -> Option<Resolution> {
        let resolved = self.session.as_ref()?.resolved.as_ref()?;
        Some(resolved.resolution)
    }
}

/// R16: who may set it, before the end, after it, and when the owner's time to wrap up is over.
#[test]
fn the_last_owner_and_the_reviewers_set_it_after_the_end() {
    use Refused::{NotAllowed, NotEnded, NotFound};
    let own = member("lee", "maple");
    let foreign = member("night", "harbor");
    let gone = |owner: &StaffMember| Refused::NoLongerOwner {
        owner: Some(owner.clone()),
    };
    let owner = |member: &StaffMember| {
        librarian(
            &member.librarian_id,
            &member.institution_id,
            Role::Librarian,
        )
    };
    let set = || Ok(1);
    #[rustfmt::skip]
    let table = [
        // owner, who, while it runs, after the end, after the time to wrap up
        (&own, owner(&own), Err(NotEnded), set(), set()),
        (&foreign, owner(&foreign), Err(NotEnded), set(), Err(NotFound)),
        (&own, librarian("ask", "maple", Role::AskAdministrator), Err(NotEnded), set(), set()),
        (&own, librarian("admin", "maple", Role::Administrator), Err(NotEnded), set(), set()),
        // Owned it before.
        (&own, librarian("map", "harbor", Role::Librarian), Err(gone(&own)), Err(NotFound), Err(NotFound)),
        // A colleague without a role; administrators of another library, also of the owner's.
        (&own, librarian("idle", "maple", Role::Librarian), Err(NotFound), Err(NotFound), Err(NotFound)),
        (&own, librarian("far", "harbor", Role::Administrator), Err(NotFound), Err(NotFound), Err(NotFound)),
        (&foreign, librarian("far", "harbor", Role::Administrator), Err(NotFound), Err(NotFound), Err(NotFound)),
        (&own, patron(SESSION), Err(NotAllowed), Err(NotAllowed), Err(NotAllowed)),
        (&own, patron("another"), Err(NotAllowed), Err(NotAllowed), Err(NotAllowed)),
    ];
    for (owner, who, running, ended, later) in table {
        for resolution in CODES {
            assert_eq!(World::running(owner).resolve(&who, resolution), running);
            assert_eq!(
                World::ended(owner).resolve(&who, resolution),
                ended,
                "{who:?} just after the end"
            );
            let mut world = World::ended(owner);
            world.now_ms += WRAP_UP_MS;
            assert_eq!(world.resolve(&who, resolution), later, "{who:?} later");
        }
    }
}

/// R16: the chat with a patron who left before anybody came has no owner.
#[test]
fn a_session_that_nobody_picked_up_is_the_reviewers_to_code() {
    let mut world = World::default();
    let admin = librarian("admin", "maple", Role::Administrator);
    assert_eq!(
        world.resolve(&admin, Resolution::LostCall),
        Err(Refused::NotFound)
    );
    world.take(Event::Opened(opened()));
    world.take(Event::Ended {
        by: Some(Speaker::Patron),
    });
    let idle = librarian("idle", "maple", Role::Librarian);
    assert_eq!(
        world.resolve(&idle, Resolution::LostCall),
        Err(Refused::NotFound)
    );
    assert_eq!(world.resolve(&admin, Resolution::LostCall), Ok(1));
}

/// R16
#[test]
fn it_is_corrected_with_history_and_what_is_so_already_is_no_event() {
    let own = member("lee", "maple");
    let lee = librarian("lee", "maple", Role::Librarian);
    let admin = librarian("admin", "maple", Role::Administrator);
    let mut world = World::ended(&own);
    assert_eq!(world.resolution(), None, "not coded yet");
    let before = world.events.len();
    for (who, resolution, events) in [
        (&lee, Resolution::Answered, 1),
        (&lee, Resolution::Answered, 0),
        (&admin, Resolution::Answered, 0),
        (&admin, Resolution::FollowUpByMe, 1),
        (&admin, Resolution::FollowUpByMe, 0),
        // Now it is another who follows up.
        (&lee, Resolution::FollowUpByMe, 1),
        (&lee, Resolution::LostCall, 1),
    ] {
        assert_eq!(world.resolve(who, resolution), Ok(events), "{resolution:?}");
        assert_eq!(world.resolution(), Some(resolution));
    }
    let colleague = Speaker::Colleague(member("admin", "maple"));
    let history = [
        (Speaker::Owner(own.clone()), Resolution::Answered),
        (colleague, Resolution::FollowUpByMe),
        (Speaker::Owner(own.clone()), Resolution::FollowUpByMe),
        (Speaker::Owner(own), Resolution::LostCall),
    ]
    .map(|(by, resolution)| Event::ResolutionSet { by, resolution });
    assert_eq!(world.events[before..], history);
}

/// S21, I17, I26
#[test]
fn the_patron_knows_nothing_of_it_and_corrections_have_an_end() {
    let own = member("lee", "maple");
    let admin = librarian("admin", "maple", Role::Administrator);
    World::ended(&own).correct_until_full(|world, n| world.resolve(&admin, CODES[n % 2]));
}
