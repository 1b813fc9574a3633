#![allow(clippy::unwrap_used)]

use carrel_platform::lease::memory::MemoryLeases;
use futures::FutureExt as _;

use super::*;
use crate::{
    domain::{
        audience::Audience,
        people::{Actor, PatronActor, StaffNaming},
    },
    subscribers::{Listening, Subscribers},
};

const EVERY: Duration = Duration::from_millis(7_500);

/// A server's quiet sessions, and the task that looks at them.
struct Server {
    quiet: QuietSessions,
    leases: MemoryLeases,
    clock: Clock,
    _stops: tokio_util::sync::DropGuard,
}

impl Server {
    fn new() -> Self {
        let (quiet, leases) = (
            QuietSessions::new(EVERY, Moments::from_now()),
            MemoryLeases::default(),
        );
        let (clock, stop) = (Clock::manual(0), CancellationToken::new());
        let store = Arc::new(leases.clone()) as Arc<dyn Leases>;
        tokio::spawn(quiet.clone().look(clock.clone(), store, stop.clone()));
        Self {
            quiet,
            leases,
            clock,
            _stops: stop.drop_guard(),
        }
    }

    /// Takes in a session with one who listens, who was just seen there.
    async fn take_in(&self, session_id: &str) -> Quiet {
        let mut subscribers = Subscribers::default();
        let listening = subscribers.add(Arc::new(patron(session_id)), Audience::Patron, 1);
        let lease = Arc::new(Lease {
            space: session_id.to_owned(),
            key: "here".to_owned(),
            incarnation: 1,
            value: "patron".into(),
        });
        let began = Instant::now();
        let one = [Arc::clone(&lease)];
        self.leases
            .hold_all(&one, lease_lasts(EVERY))
            .await
            .unwrap();
        let writing = Arc::default();
        let place = self
            .quiet
            .take_in(subscribers.endings(), (&lease, &writing), began);
        Quiet {
            place: Some(place),
            listening: Some(listening),
            writing,
            began,
        }
    }

    async fn is_attended(&self, session_id: &str) -> bool {
        !self.leases.active(session_id).await.unwrap().is_empty()
    }

    fn len(&self) -> (usize, usize) {
        let sessions = self.quiet.shared.sessions();
        (sessions.by_id.len(), sessions.looks.len())
    }
}

struct Quiet {
    place: Option<Place>,
    listening: Option<Listening>,
    writing: Arc<tokio::sync::Mutex<()>>,
    began: Instant,
}

impl Quiet {
    fn is_called(&self) -> bool {
        Place::called(&self.place).now_or_never().is_some()
    }

    /// Returns how long after the beginning it was looked last.
    fn leave(&mut self) -> Duration {
        self.place.take().and_then(Place::leave).unwrap() - self.began
    }
}

fn patron(session_id: &str) -> Actor {
    Actor::Patron(PatronActor {
        session_id: session_id.to_owned(),
        institution_id: "maple".to_owned(),
        institution_name: "Maple".to_owned(),
        queue_id: "maple".to_owned(),
        staff_naming: StaffNaming::ScreenName,
        practice: false,
        route: Vec::new(),
    })
}

/// I15: who is there never seems gone, for as long as the session stays quiet.
#[tokio::test(start_paused = true)]
async fn a_lease_stands_as_long_as_the_session_has_its_place() {
    let server = Server::new();
    let mut quiet = server.take_in("a").await;
    for _ in 0..1_000 {
        tokio::time::sleep(EVERY / 5).await;
        assert!(server.is_attended("a").await && !quiet.is_called());
    }
    let looked_at = quiet.leave();
    assert!(looked_at <= EVERY * 200 && looked_at > EVERY * 198);
    assert_eq!(server.len(), (0, 0));
    tokio::time::sleep(lease_lasts(EVERY)).await;
    assert!(!server.is_attended("a").await, "nobody renews it now");
}

/// R8, I17: a session looks by itself when it would have looked, whatever has happened before in others.
#[tokio::test(start_paused = true)]
async fn a_session_is_called_at_its_next_look_once_somebody_has_gone() {
    let server = Server::new();
    let mut first = server.take_in("a").await;
    // Moments are a tenth of a second apart.
    tokio::time::sleep(Duration::from_millis(3_700)).await;
    let mut second = server.take_in("b").await;
    tokio::time::sleep(EVERY * 3).await;
    drop(first.listening.take());
    tokio::time::sleep(EVERY / 4).await;
    assert!(!first.is_called(), "this is no time to look");
    Place::called(&first.place).await;
    assert_eq!(first.began.elapsed(), EVERY * 4);
    tokio::time::sleep(EVERY * 2).await;
    assert!(!second.is_called());
    // As if it had looked by itself before: the look at which somebody is missed is still to come.
    assert_eq!(first.leave(), EVERY * 3);
    assert_eq!(second.leave(), EVERY * 5);
}

/// A clock that jumps, as after a machine has slept, is noticed as well.
#[tokio::test(start_paused = true)]
async fn a_session_is_called_when_a_token_has_expired() {
    let server = Server::new();
    let quiet = server.take_in("a").await;
    // Set after the session has gone quiet, as it may be just after joining.
    quiet.listening.as_ref().unwrap().ending.expire_at(1_000);
    server.clock.advance_ms(999);
    tokio::time::sleep(EVERY * 2).await;
    assert!(!quiet.is_called());
    server.clock.advance_ms(1);
    tokio::time::sleep(EVERY).await;
    assert!(quiet.is_called());
}

/// A write that is still under way must not be followed by an older one.
#[tokio::test(start_paused = true)]
async fn a_lease_that_is_being_written_is_left_alone() {
    let server = Server::new();
    let quiet = server.take_in("a").await;
    let writing = quiet.writing.lock().await;
    tokio::time::sleep(EVERY * 2).await;
    server.leases.release("a", "here", 1).await.unwrap();
    tokio::time::sleep(EVERY * 2).await;
    assert!(!server.is_attended("a").await);
    drop(writing);
    tokio::time::sleep(EVERY).await;
    assert!(server.is_attended("a").await);
}

#[tokio::test(start_paused = true)]
async fn all_are_looked_at_however_many_there_are() {
    let server = Server::new();
    let mut all = Vec::new();
    for number in 0..3 * TOGETHER + 1 {
        all.push(server.take_in(&number.to_string()).await);
    }
    for quiet in &mut all {
        drop(quiet.listening.take());
    }
    for quiet in &all {
        Place::called(&quiet.place).await;
    }
    assert_eq!(server.len(), (all.len(), 0));
    drop(all);
    assert_eq!(server.len(), (0, 0));
}
