//! The load that two servers report equals a recount of what the log says, after whatever happens (D4, I18).
//!
//! Nobody attends here and the graces are short, so that owners and patrons are lost in between all the time.

use std::time::Duration;

use carrel_platform::auth::{Patron, Role, RouteStep, StaffNaming, Who};
use carrel_proto::session::v1::{
    PatronConnection, offer_transfer_request::To, session_event::Payload,
};
use carrel_session::Config;
use proptest::prelude::*;

use crate::desk::Desk;
use crate::load::{Amount, Watched, unix_ms};
use crate::person::Person;

/// How long to wait for something that never comes.
const PATIENCE: Duration = Duration::from_secs(10);
const SESSIONS: [&str; 4] = ["a1", "b2", "c3", "d4"];
const LIBRARIANS: [&str; 3] = ["lee", "map", "night"];

/// Something that a participant attempts with a session.
#[derive(Clone, Copy, Debug)]
enum Action {
    Open,
    PickUp,
    OfferToQueue,
    Accept,
    End,
    PatronEnds,
    /// A supervisor enters. That is not counted.
    Enter,
    /// Some waits reach the cooperative.
    TimePasses,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => Just(Action::Open),
        5 => Just(Action::PickUp),
        3 => Just(Action::OfferToQueue),
        3 => Just(Action::Accept),
        1 => Just(Action::End),
        1 => Just(Action::PatronEnds),
        2 => Just(Action::Enter),
        2 => Just(Action::TimePasses),
    ]
}

/// Who attempts what, with which session, at which server.
type Step = (usize, Action, usize, usize);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..LIBRARIANS.len(), action(), 0..SESSIONS.len(), 0..2_usize);
    prop::collection::vec(step, 1..40)
}

fn patron(desk: &Desk, session_id: &str) -> Person {
    desk.person(Who::Patron(Patron {
        session_id: session_id.into(),
        institution_id: "maple".into(),
        institution_name: "Maple County Library".into(),
        queue_id: "maple".into(),
        staff_naming: StaffNaming::ScreenName,
        practice: false,
        route: vec![RouteStep {
            queue_id: "coop".into(),
            after_ms: 40_000,
        }],
    }))
}

/// Counts anew, from the log alone.
async fn recount(desk: &Desk) -> Amount {
    let mut amount = Amount::default();
    for session_id in SESSIONS {
        let mut queues: Vec<String> = Vec::new();
        let mut waiting_since = None;
        let mut is_lost = false;
        let mut owner = None;
        for event in desk.recorded(session_id).await {
            let at_ms = event.time.as_ref().map(unix_ms);
            let author = event.author.map(|author| author.librarian_id);
            match event.payload {
                Some(Payload::Opened(_)) => {
                    queues.push("maple".to_owned());
                    waiting_since = at_ms;
                }
                Some(Payload::Escalated(step)) => queues.push(step.queue_id),
                Some(Payload::PickedUp(_) | Payload::Transferred(_)) => {
                    (waiting_since, owner) = (None, author);
                }
                Some(Payload::Returned(_)) => (waiting_since, owner) = (at_ms, None),
                Some(Payload::PatronConnection(change)) => {
                    is_lost = change.connection() == PatronConnection::Lost;
                }
                Some(Payload::Ended(_)) => (waiting_since, owner) = (None, None),
                _ => {}
            }
        }
        // A patron who has gone is not waited for.
        let waited_for_since = waiting_since.filter(|_| !is_lost);
        for queue_id in waited_for_since.map_or(Vec::new(), |_| queues) {
            let since = waited_for_since.unwrap_or_default();
            let waiting = amount.waiting.entry(queue_id).or_insert((0, since));
            *waiting = (waiting.0 + 1, waiting.1.min(since));
        }
        if let Some(owner) = owner {
            *amount.active.entry(owner).or_default() += 1;
        }
    }
    amount
}

/// Waits until a watcher holds what a recount gives. More may happen meanwhile; then it is counted again.
async fn settle(desk: &Desk, watched: &mut Watched) -> Result<(), TestCaseError> {
    let settled = async {
        while watched.amount != recount(desk).await {
            watched.hear().await;
        }
    };
    let came = tokio::time::timeout(PATIENCE, settled).await.is_ok();
    let counted = recount(desk).await;
    prop_assert!(came, "told {:?}, counted {:?}", watched.amount, counted);
    Ok(())
}

async fn last_offer(desk: &Desk, session_id: &str) -> String {
    let events = desk.recorded(session_id).await;
    let mut offers = events.into_iter().filter_map(|event| match event.payload {
        Some(Payload::TransferOffered(offered)) => offered.offer,
        _ => None,
    });
    offers
        .next_back()
        .map_or_else(|| "none".to_owned(), |offer| offer.offer_id)
}

/// Attempts something. Whether it was taken or refused, the log says what came of it.
async fn attempt(desk: &Desk, (who, action, session, _): Step, command_id: String) {
    let session_id = SESSIONS[session];
    let mut librarian = desk.librarian(
        LIBRARIANS[who],
        "harbor",
        Role::Librarian,
        &["maple", "coop"],
    );
    match action {
        Action::Open => drop(patron(desk, session_id).open(command_id, "anyone?").await),
        Action::PickUp => drop(librarian.pick_up(command_id, session_id).await),
        Action::OfferToQueue => {
            let to = To::QueueId("maple".to_owned());
            drop(librarian.offer(command_id, session_id, to).await);
        }
        Action::Accept => {
            let offer_id = last_offer(desk, session_id).await;
            drop(librarian.accept(command_id, session_id, &offer_id).await);
        }
        Action::End => drop(librarian.end(command_id, session_id).await),
        Action::PatronEnds => drop(patron(desk, session_id).end(command_id, session_id).await),
        Action::Enter => {
            let mut admin = desk.librarian("admin", "maple", Role::Administrator, &["maple"]);
            drop(admin.enter(command_id, session_id).await);
        }
        Action::TimePasses => desk.clock.advance_ms(15_000),
    }
}

async fn tell(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let config = Config {
        owner_grace: Duration::from_millis(30).into(),
        patron_away: Duration::from_millis(30).into(),
        patron_lost: Duration::from_millis(60).into(),
        heartbeat: Duration::from_millis(20).into(),
        ..Config::default()
    };
    let one = Desk::with(config).await;
    let other = one.replica().await;
    let servers = [one, other];
    let mut watches = [
        Watched::open(&servers[0]).await,
        Watched::open(&servers[1]).await,
    ];
    for (number, step) in steps.into_iter().enumerate() {
        attempt(&servers[step.3], step, format!("c{number}")).await;
        for watched in &mut watches {
            settle(&servers[0], watched).await?;
        }
    }
    // A watch that begins now is told the same.
    settle(&servers[0], &mut Watched::open(&servers[1]).await).await
}

fn recounts() -> u32 {
    let asked = std::env::var("CARREL_RECOUNTS").ok();
    asked.and_then(|asked| asked.parse().ok()).unwrap_or(24)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: recounts(),
        failure_persistence: None,
        // Each failing case waits for something that never comes.
        max_shrink_iters: 6,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_load_equals_a_recount_after_whatever_happens(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(tell(steps))?;
    }
}
