//! How much there is to do, as other services are told (I18).

use std::{collections::BTreeMap, time::Duration};

use carrel_platform::auth::{Role, statement::issue_service};
use carrel_proto::session::v1::{
    self as wire, PatronConnection, load_service_client::LoadServiceClient,
    watch_load_response::Change,
};
use carrel_session::Config;
use pbjson_types::Timestamp;
use tonic::{Code, Request, Streaming};

use crate::desk::{Desk, NOON_MS};
use crate::person::reason;

/// How long to wait for something that never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// How much there is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// By queue: how many patrons wait, and since when the longest-waiting one has, in Unix milliseconds.
    pub waiting: BTreeMap<String, (u32, i64)>,
    /// By librarian: how many running sessions they own.
    pub active: BTreeMap<String, u32>,
}

/// Another service that watches the load.
pub struct Watched {
    changes: Streaming<wire::WatchLoadResponse>,
    /// The load that it was told.
    pub amount: Amount,
}

impl Watched {
    pub async fn open(desk: &Desk) -> Self {
        let lasts = Duration::from_secs(600);
        let token = issue_service(&desk.keys, "presence-svc", desk.clock.unix_ms(), lasts).unwrap();
        let mut request = Request::new(wire::WatchLoadRequest {});
        request
            .metadata_mut()
            .insert("authorization", format!("Bearer {token}").parse().unwrap());
        let mut client = LoadServiceClient::new(desk.channel.clone());
        Self {
            changes: client.watch_load(request).await.unwrap().into_inner(),
            amount: Amount::default(),
        }
    }

    /// Takes in changes until the load is as given. If that never comes, it fails rather than waits.
    async fn until(&mut self, waiting: &[(&str, u32)], active: &[(&str, u32)]) {
        let waiting = waiting.iter();
        let active = active.iter();
        let wanted = Amount {
            waiting: waiting
                .map(|(id, count)| ((*id).to_owned(), (*count, NOON_MS)))
                .collect(),
            active: active
                .map(|(id, count)| ((*id).to_owned(), *count))
                .collect(),
        };
        let comes = async {
            while self.amount != wanted {
                self.hear().await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, comes).await.is_ok();
        assert!(came, "waiting for {wanted:?}, but it is {:?}", self.amount);
    }

    /// Takes in the next response.
    pub async fn hear(&mut self) {
        let Amount { waiting, active } = &mut self.amount;
        let told = self.changes.message().await.unwrap().unwrap();
        match told.change.unwrap() {
            Change::Snapshot(all) => {
                let queues = all.queues.into_iter();
                let librarians = all.librarians.into_iter();
                *waiting = queues.map(|one| (one.queue_id.clone(), of(&one))).collect();
                *active = librarians
                    .map(|one| (one.librarian_id, one.active))
                    .collect();
            }
            Change::Queue(queue) if queue.waiting == 0 => {
                assert_eq!(queue.oldest_time, None, "nobody has waited longest");
                waiting.remove(&queue.queue_id);
            }
            Change::Queue(queue) => {
                waiting.insert(queue.queue_id.clone(), of(&queue));
            }
            Change::Librarian(one) if one.active == 0 => {
                active.remove(&one.librarian_id);
            }
            Change::Librarian(one) => {
                active.insert(one.librarian_id, one.active);
            }
            Change::Heartbeat(_) => {}
        }
    }
}

fn of(queue: &wire::QueueLoad) -> (u32, i64) {
    (queue.waiting, unix_ms(queue.oldest_time.as_ref().unwrap()))
}

/// Converts a time on the wire.
pub fn unix_ms(time: &Timestamp) -> i64 {
    time.seconds * 1_000 + i64::from(time.nanos) / 1_000_000
}

#[tokio::test]
async fn the_load_is_what_waits_and_what_is_in_hand() {
    let desk = Desk::open().await;
    let mut load = Watched::open(&desk).await;
    load.until(&[], &[]).await;
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &["maple"]);
    for session_id in ["a1", "a2"] {
        desk.patron(session_id)
            .open(desk.command_id(), "hello?")
            .await
            .unwrap();
    }
    load.until(&[("maple", 2)], &[]).await;
    map.pick_up(desk.command_id(), "a1").await.unwrap();
    // A supervisor inside is not counted.
    admin.enter(desk.command_id(), "a1").await.unwrap();
    map.pick_up(desk.command_id(), "a2").await.unwrap();
    load.until(&[], &[("map", 2)]).await;
    map.end(desk.command_id(), "a1").await.unwrap();
    load.until(&[], &[("map", 1)]).await;
    let mut later = Watched::open(&desk).await;
    later.until(&[], &[("map", 1)]).await;
}

/// R8: a patron who has gone is not counted as waiting. Librarians see them all the same, and a patron who comes back
/// waits again.
#[tokio::test]
async fn a_lost_patron_is_not_waited_for() {
    let config = Config {
        patron_away: Duration::from_millis(200).into(),
        patron_lost: Duration::from_millis(600).into(),
        ..Config::default()
    };
    let desk = Desk::with(config).await;
    let mut load = Watched::open(&desk).await;
    let mut ricky = desk.patron("a1");
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    let there = ricky.attend("a1", None).await.unwrap();
    load.until(&[("maple", 1)], &[]).await;
    drop(there);
    load.until(&[], &[]).await;
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let mut list = map.watch(&["maple"], false).await.unwrap();
    list.until(|rows| rows.len() == 1 && rows[0].patron_connection() == PatronConnection::Lost)
        .await;
    let _there = ricky.attend("a1", None).await.unwrap();
    load.until(&[("maple", 1)], &[]).await;
}

#[tokio::test]
async fn the_load_is_for_services_only() {
    let desk = Desk::open().await;
    let mut client = LoadServiceClient::new(desk.channel.clone());
    let nobody = client
        .watch_load(wire::WatchLoadRequest {})
        .await
        .unwrap_err();
    assert_eq!(nobody.code(), Code::Unauthenticated);
    let admin = desk.librarian("admin", "maple", Role::Administrator, &["maple"]);
    let person = client
        .watch_load(admin.ask(wire::WatchLoadRequest {}))
        .await
        .unwrap_err();
    assert_eq!(
        (person.code(), reason(&person).as_str()),
        (Code::PermissionDenied, "ROLE_NOT_ALLOWED")
    );
    // Nor is a service a person.
    let token = issue_service(
        &desk.keys,
        "presence-svc",
        desk.clock.unix_ms(),
        Duration::from_secs(60),
    )
    .unwrap();
    let mut service = admin.clone();
    service.token = token;
    assert_eq!(
        service.watch(&[], false).await.err().unwrap().code(),
        Code::Unauthenticated
    );
}
