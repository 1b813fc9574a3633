//! What is hidden from a participant makes no difference to what they receive (I17, I18; R4, S11, S21, S29).
//!
//! Each case plays the same open scenario in two worlds. In one of them hidden things happen besides; everything that
//! an observer received is the same in both, byte for byte. Only two things are masked: the log's epoch, which is
//! random for each log, and the transport's `date` header.

use std::time::Duration;

use carrel_platform::auth::Role;
use carrel_proto::session::v1::{self as wire, act::Act, attend_response::Response};
use proptest::prelude::*;

use crate::{
    desk::Desk,
    observer::{Observer, Record, SESSION},
    person::{Attending, Person, Watching},
};

/// What everyone may know of.
#[derive(Clone, Debug)]
enum Open {
    PatronSays,
    OwnerSays,
    OwnerPushes,
    OwnerNotes,
    PatronTypes,
    OwnerTypes,
    PatronIsRefused,
    PatronLooks,
    OwnerLooks,
    PatronReconnects,
    OwnerReconnects,
    PatronReads,
}

/// What is hidden from the patron; the silent part is hidden from the chatting librarian too.
#[derive(Clone, Debug)]
enum Hidden {
    OwnerNotes,
    OwnerTypesNote,
    OwnerOffers,
    LeeDeclines,
    AdminNotes,
    Enters(Supervisor),
    Leaves(Supervisor),
    Attends(Supervisor),
    Types(Supervisor, wire::Audience),
    Watches(Supervisor),
    IsRefused(Supervisor),
    /// They save the transcript, if they are inside.
    Exports(Supervisor),
    OwnerExports,
    /// The owner says how the session came out, once it has ended: as often as this happens, each time otherwise.
    OwnerSetsResolution,
    /// The owner says what it was about, once it has ended, in the same way.
    OwnerSetsCodes,
}

/// What happened before the scenario. Everyone may know of it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Beginning {
    /// The patron has spoken to nobody but the chatting librarian.
    Alone,
    /// A supervisor wrote to the patron, who remembers them, and left.
    AdminSpokeAndLeft,
}

#[derive(Clone, Copy, Debug)]
enum Supervisor {
    Admin,
    Ask,
}

fn open() -> impl Strategy<Value = Open> {
    prop_oneof![
        4 => Just(Open::PatronSays),
        4 => Just(Open::OwnerSays),
        1 => Just(Open::OwnerPushes),
        2 => Just(Open::PatronTypes),
        3 => Just(Open::OwnerTypes),
        1 => Just(Open::PatronIsRefused),
        1 => Just(Open::PatronLooks),
        1 => Just(Open::PatronReconnects),
        1 => Just(Open::PatronReads),
    ]
}

fn open_to_staff() -> impl Strategy<Value = Open> {
    prop_oneof![
        5 => open(),
        2 => Just(Open::OwnerNotes),
        1 => Just(Open::OwnerLooks),
        1 => Just(Open::OwnerReconnects),
    ]
}

fn typed_in() -> impl Strategy<Value = wire::Audience> {
    prop_oneof![Just(wire::Audience::Patron), Just(wire::Audience::Staff)]
}

fn silent() -> impl Strategy<Value = Hidden> {
    let who = || prop_oneof![Just(Supervisor::Admin), Just(Supervisor::Ask)];
    prop_oneof![
        5 => who().prop_map(Hidden::Enters),
        3 => who().prop_map(Hidden::Leaves),
        3 => who().prop_map(Hidden::Attends),
        3 => (who(), typed_in()).prop_map(|(who, typed_in)| Hidden::Types(who, typed_in)),
        1 => who().prop_map(Hidden::Watches),
        1 => who().prop_map(Hidden::IsRefused),
        2 => who().prop_map(Hidden::Exports),
    ]
}

fn hidden_from_patron() -> impl Strategy<Value = Hidden> {
    prop_oneof![
        3 => Just(Hidden::OwnerNotes),
        4 => Just(Hidden::OwnerTypesNote),
        3 => Just(Hidden::OwnerOffers),
        2 => Just(Hidden::LeeDeclines),
        3 => Just(Hidden::AdminNotes),
        2 => Just(Hidden::OwnerSetsResolution),
        2 => Just(Hidden::OwnerSetsCodes),
        1 => Just(Hidden::OwnerExports),
        3 => typed_in().prop_map(|typed_in| Hidden::Types(Supervisor::Admin, typed_in)),
        4 => silent(),
    ]
}

type Slots<H> = Vec<(usize, H)>;

/// A scenario: its beginning, what everyone may know of, and what is hidden in between.
fn scenario<O: std::fmt::Debug, H: std::fmt::Debug>(
    open: impl Strategy<Value = O>,
    hidden: impl Strategy<Value = H>,
) -> impl Strategy<Value = (Beginning, Vec<O>, Slots<H>)> {
    (
        prop_oneof![Just(Beginning::Alone), Just(Beginning::AdminSpokeAndLeft)],
        prop::collection::vec(open, 1..12),
        prop::collection::vec((0..12_usize, hidden), 1..12),
    )
}

/// One run of the scenario.
struct World {
    desk: Desk,
    patron: Observer,
    owner: Observer,
    /// Another librarian of the queue, who may not supervise.
    lists: Watching,
    owners_lists: Watching,
    admin: Person,
    ask: Person,
    inside: Vec<Attending>,
    hidden_commands: usize,
    /// The last offer that the owner made.
    offer_id: String,
    /// How often the resolution is to be set after the end.
    resolutions: usize,
    /// How often the descriptive codes are to be set after the end.
    code_changes: usize,
}

/// What the observers received in one world.
#[derive(Debug)]
struct Records {
    patron: Record,
    owner: Record,
    lists: Record,
}

impl World {
    async fn begin(beginning: Beginning) -> Self {
        let config = carrel_session::Config {
            heartbeat: Duration::from_secs(3_600).into(),
            ..carrel_session::Config::default()
        };
        let desk = Desk::with(config).await;
        let mut patron = desk.patron(SESSION);
        let mut owner = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
        patron
            .open("open".into(), "Where are the maps?")
            .await
            .unwrap();
        owner.pick_up("pick-up".into(), SESSION).await.unwrap();
        let mut admin = desk.librarian("admin", "maple", Role::Administrator, &["maple"]);
        if beginning == Beginning::AdminSpokeAndLeft {
            admin.enter("enter".into(), SESSION).await.unwrap();
            let said = admin.post("speak".into(), SESSION, "Hello Ricky").await;
            said.unwrap();
            admin.leave("leave".into(), SESSION).await.unwrap();
        }
        let mut other = desk.librarian("lee", "maple", Role::Librarian, &["maple"]);
        Self {
            lists: other.watch(&["maple"], false).await.unwrap(),
            owners_lists: owner.watch(&["maple"], false).await.unwrap(),
            patron: Observer::new(patron).await,
            owner: Observer::new(owner).await,
            admin,
            ask: desk.librarian("ask", "maple", Role::AskAdministrator, &["maple"]),
            inside: Vec::new(),
            hidden_commands: 0,
            offer_id: String::new(),
            resolutions: 0,
            code_changes: 0,
            desk,
        }
    }

    async fn play(mut self, scenario: &[Open], hidden: &[(usize, Hidden)]) -> Records {
        for (at, step) in scenario.iter().enumerate() {
            self.desk.clock.advance_ms(1_000);
            for (_, secret) in hidden.iter().filter(|(when, _)| *when == at) {
                self.hide(secret).await;
            }
            self.show(step).await;
        }
        self.end().await
    }

    async fn show(&mut self, step: &Open) {
        let text = "The maps are on the second floor".to_owned();
        match step {
            Open::PatronSays => {
                self.patron
                    .act(Act::PostMessage(wire::PostMessage { text }))
                    .await
            }
            Open::OwnerSays => {
                self.owner
                    .act(Act::PostMessage(wire::PostMessage { text }))
                    .await
            }
            Open::OwnerNotes => {
                self.owner
                    .act(Act::WriteNote(wire::WriteNote { text }))
                    .await
            }
            Open::OwnerPushes => {
                self.owner
                    .act(Act::PushPage(wire::PushPage {
                        address: "https://example.org/".into(),
                    }))
                    .await;
            }
            Open::PatronIsRefused => {
                self.patron
                    .act(Act::PostMessage(wire::PostMessage {
                        text: String::new(),
                    }))
                    .await;
                self.patron
                    .act(Act::WriteNote(wire::WriteNote { text: "hm".into() }))
                    .await;
            }
            Open::PatronTypes => {
                self.patron.attends.types_in(wire::Audience::Patron).await;
                self.owner.until_typing(wire::Part::Patron).await;
            }
            Open::OwnerTypes => {
                self.owner.attends.types_in(wire::Audience::Patron).await;
                self.patron.until_typing(wire::Part::Owner).await;
            }
            Open::PatronLooks => self.patron.look().await,
            Open::OwnerLooks => self.owner.look().await,
            Open::PatronReconnects => self.patron.reconnect().await,
            Open::OwnerReconnects => self.owner.reconnect().await,
            Open::PatronReads => self.patron.read(wire::Audience::Patron).await,
        }
    }

    async fn hide(&mut self, secret: &Hidden) {
        self.hidden_commands += 1;
        let id = format!("hidden-{}", self.hidden_commands);
        match secret {
            Hidden::OwnerNotes => {
                let mut owner = self.owner.person.clone();
                owner
                    .note(
                        id,
                        SESSION,
                        "a note of some length, which the patron never sees",
                    )
                    .await
                    .unwrap();
            }
            Hidden::OwnerTypesNote => {
                self.desk.clock.advance_ms(0);
                self.owner.attends.types_in(wire::Audience::Staff).await;
                // It is surely passed on by now, since the owner's next act on the same stream was answered.
                self.owner
                    .attends
                    .act(
                        id.clone(),
                        Act::WriteNote(wire::WriteNote {
                            text: String::new(),
                        }),
                    )
                    .await;
                self.owner.until(|told| matches!(told, Response::ActRefused(refused) if refused.command_id == id)).await;
            }
            Hidden::OwnerOffers => {
                let to = self.desk.introduction("lee", &["maple"]);
                let offer = self.owner.person.offer(id, SESSION, to).await.unwrap();
                self.offer_id = offer.offer_id;
            }
            Hidden::LeeDeclines => {
                let lee = self
                    .desk
                    .librarian("lee", "maple", Role::Librarian, &["maple"]);
                let _ = lee.decline(id, SESSION, &self.offer_id).await;
            }
            Hidden::AdminNotes => {
                let _ = self.admin.enter(format!("{id}-enter"), SESSION).await;
                self.admin
                    .note(id, SESSION, "look in the atlas case")
                    .await
                    .unwrap();
            }
            Hidden::Enters(who) => drop(self.supervisor(*who).enter(id, SESSION).await),
            Hidden::Leaves(who) => drop(self.supervisor(*who).leave(id, SESSION).await),
            Hidden::Attends(who) => {
                let attending = self.supervisor(*who).attend(SESSION, None).await;
                self.inside.extend(attending);
            }
            Hidden::Types(who, typed_in) => {
                if let Ok(attending) = self.supervisor(*who).attend(SESSION, None).await {
                    attending.types_in(*typed_in).await;
                    self.inside.push(attending);
                    let _ = self.supervisor(*who).note(id, SESSION, "").await;
                }
            }
            Hidden::Exports(who) => {
                let widest = wire::Audience::Unspecified;
                drop(self.supervisor(*who).export(SESSION, widest).await);
            }
            Hidden::OwnerExports => {
                let mut owner = self.owner.person.clone();
                owner.export(SESSION, wire::Audience::Staff).await.unwrap();
            }
            Hidden::Watches(who) => drop(self.supervisor(*who).watch(&[], true).await),
            Hidden::IsRefused(who) => {
                assert!(
                    self.supervisor(*who)
                        .end(id.clone(), SESSION)
                        .await
                        .is_err()
                );
                assert!(self.supervisor(*who).post(id, SESSION, "").await.is_err());
            }
            Hidden::OwnerSetsResolution => self.resolutions += 1,
            Hidden::OwnerSetsCodes => self.code_changes += 1,
        }
    }

    fn supervisor(&mut self, who: Supervisor) -> &mut Person {
        match who {
            Supervisor::Admin => &mut self.admin,
            Supervisor::Ask => &mut self.ask,
        }
    }

    /// Has the patron end the session, and takes in everything that the observers still receive.
    async fn end(mut self) -> Records {
        self.patron.act(Act::EndSession(wire::EndSession {})).await;
        self.owner.until(|told| matches!(told, Response::Event(event) if matches!(event.payload, Some(wire::session_event::Payload::Ended(_))))).await;
        for number in 0..self.resolutions {
            let id = format!("resolution-{number}");
            let resolution = [wire::Resolution::Answered, wire::Resolution::LostCall][number % 2];
            let mut owner = self.owner.person.clone();
            let set = owner.set_resolution(id, SESSION, resolution).await;
            assert!(!set.unwrap().replayed);
        }
        let list = self.desk.code_list("maple", &["Maps", "Ships"]);
        for number in 0..self.code_changes {
            let id = format!("codes-{number}");
            let codes = [&["Maps", "Ships"][..], &["Ships"]][number % 2];
            let mut owner = self.owner.person.clone();
            let set = owner.set_descriptive_codes(id, SESSION, codes, &list).await;
            assert!(!set.unwrap().replayed);
        }
        self.patron.reconnect().await;
        self.patron.read(wire::Audience::Unspecified).await;
        self.patron.look().await;
        self.owner.read(wire::Audience::Staff).await;
        self.owners_lists.until(<[_]>::is_empty).await;
        let mut lists = Record::default();
        for heard in [&self.lists.heard, &self.owners_lists.heard] {
            heard.iter().for_each(|change| lists.message(change));
        }
        drop(self.desk);
        Records {
            patron: self.patron.read_to_the_end().await,
            owner: self.owner.read_to_the_end().await,
            lists,
        }
    }
}

/// Fails at the first line where two records differ.
fn same(plain: &Record, other: &Record) -> Result<(), TestCaseError> {
    let longer = plain.0.len().max(other.0.len());
    for line in 0..longer {
        prop_assert_eq!(plain.0.get(line), other.0.get(line), "reply {}", line);
    }
    Ok(())
}

fn pairs() -> u32 {
    std::env::var("CARREL_PAIRS")
        .ok()
        .and_then(|pairs| pairs.parse().ok())
        .unwrap_or(150)
}

/// Runs the scenario in one world. Waiting for something that never comes is a difference as well.
fn run<T>(playing: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let guarded = async { tokio::time::timeout(Duration::from_secs(20), playing).await };
    runtime
        .block_on(guarded)
        .expect("everything that is waited for comes")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: pairs(), failure_persistence: None, ..ProptestConfig::default() })]

    /// I17: notes, typing in the notes box, and supervisors, silent or known to staff, make no difference to the
    /// patron.
    #[test]
    fn the_patron_cannot_tell(case in scenario(open(), hidden_from_patron())) {
        let (beginning, scenario, hidden) = case;
        let plain = run(async { World::begin(beginning).await.play(&scenario, &[]).await });
        let full = run(async { World::begin(beginning).await.play(&scenario, &hidden).await });
        same(&plain.patron, &full.patron)?;
    }

    /// I18: supervisors who stay silent make no difference to the chatting librarian, nor to other librarians' lists.
    #[test]
    fn the_chatting_librarian_cannot_tell(case in scenario(open_to_staff(), silent())) {
        let (beginning, scenario, hidden) = case;
        let plain = run(async { World::begin(beginning).await.play(&scenario, &[]).await });
        let watched = run(async { World::begin(beginning).await.play(&scenario, &hidden).await });
        same(&plain.owner, &watched.owner)?;
        same(&plain.lists, &watched.lists)?;
        same(&plain.patron, &watched.patron)?;
    }
}

/// The owner is told of two people typing and must wait for the patron's notice: otherwise the scenario would go on
/// while that is still on its way, and the patron's next typing would come too soon after it to be passed on.
#[test]
fn a_supervisors_typing_is_not_taken_for_the_patrons() {
    let scenario = [Open::PatronTypes, Open::PatronTypes];
    let hidden = [
        (0, Hidden::AdminNotes),
        (0, Hidden::Types(Supervisor::Admin, wire::Audience::Staff)),
        (1, Hidden::OwnerTypesNote),
    ];
    run(async {
        World::begin(Beginning::Alone)
            .await
            .play(&scenario, &hidden)
            .await
    });
}
