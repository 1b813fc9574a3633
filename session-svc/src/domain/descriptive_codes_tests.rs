use super::{
    super::{
        decide::Command,
        event::Speaker,
        people::Role,
        samples::{World, librarian, member},
    },
    *,
};

fn codes(codes: &[&str]) -> Vec<String> {
    codes.iter().map(|&code| code.to_owned()).collect()
}

/// A session of a patron of Maple that Night of Harbor has ended.
fn ended() -> World {
    World::ended(&member("night", "harbor"))
}

impl World {
    /// Sets codes as an ask administrator, with the list of a library that has these, and says how many events came of
    /// it.
    fn describe(
        &mut self,
        (id, institution_id): (&str, &str),
        wanted: &[&str],
        list: Option<(&str, &[&str])>,
    ) -> Result<usize, Refused> {
        let actor = librarian(id, institution_id, Role::AskAdministrator);
        let command = Command::SetDescriptiveCodes {
            codes: codes(wanted),
            list: list.map(|(of, has)| CodeList::new(of, &codes(has))),
        };
        self.command(&actor, &command)
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
    let mut world = ended();
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
        assert_eq!(world.describe(ASK, wanted, list), Ok(events), "{wanted:?}");
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
    let mut world = ended();
    let no_list = Err(Refused::BadCodeList);
    assert_eq!(world.describe(own, &["Maps"], None), no_list);
    assert_eq!(
        world.describe(own, &["Maps"], Some(("harbor", &["Maps"]))),
        no_list
    );
    assert_eq!(world.describe(own, &["Maps"], Some(MAPLES)), Ok(1));
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
        assert_eq!(world.describe(own, wanted, Some(MAPLES)), Err(refused));
    }
    let long = "x".repeat(1_000);
    let Err(Refused::UnknownCode { code }) = world.describe(own, &[&long], Some(MAPLES)) else {
        unreachable!("it is in no list");
    };
    assert_eq!(code.len(), CODE_LIMIT, "a refusal is short");
    assert_eq!(world.codes(), ["Maps"], "a refusal changes nothing");
}

/// D65: a code that was taken off the list stays where it is, also when others are added; and all can be taken off.
#[test]
fn a_code_that_left_the_list_may_stay() {
    let mut world = ended();
    assert_eq!(world.describe(ASK, &["Fines", "Maps"], Some(MAPLES)), Ok(1));
    let without: (&str, &[&str]) = ("maple", &["Maps", "Ships"]);
    assert_eq!(
        world.describe(ASK, &["Fines", "Ships"], Some(without)),
        Ok(1)
    );
    assert_eq!(
        world.describe(ASK, &["Fines"], None),
        Ok(1),
        "nothing is new"
    );
    assert_eq!(world.describe(ASK, &[], None), Ok(1));
    let gone = Refused::UnknownCode {
        code: "Fines".to_owned(),
    };
    assert_eq!(world.describe(ASK, &["Fines"], Some(without)), Err(gone));
}

/// S21, I26: the patron's picture is the same, and corrections have an end.
#[test]
fn the_patron_knows_nothing_of_them_and_corrections_have_an_end() {
    ended().correct_until_full(|world, n| {
        let wanted = [&["Maps"][..], &["Ships", "Maps"]][n % 2];
        world.describe(ASK, wanted, Some(MAPLES))
    });
}
