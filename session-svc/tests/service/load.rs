//! How much there is to do, as other services are told (I18).

use std::{collections::BTreeMap, time::Duration};

use carrel_platform::auth::{Role, statement::issue_service};
use carrel_proto::session::v1::{
    self as wire, load_service_client::LoadServiceClient, watch_load_response::Change,
};
use tonic::{Code, Request, Streaming};

use crate::desk::Desk;
use crate::person::reason;

struct Watched {
    changes: Streaming<wire::WatchLoadResponse>,
    waiting: BTreeMap<String, u32>,
    active: BTreeMap<String, u32>,
}

impl Watched {
    async fn open(desk: &Desk) -> Self {
        let lasts = Duration::from_secs(600);
        let token = issue_service(&desk.keys, "presence-svc", desk.clock.unix_ms(), lasts).unwrap();
        let mut request = Request::new(wire::WatchLoadRequest {});
        request
            .metadata_mut()
            .insert("authorization", format!("Bearer {token}").parse().unwrap());
        let mut client = LoadServiceClient::new(desk.channel.clone());
        let changes = client.watch_load(request).await.unwrap().into_inner();
        Self {
            changes,
            waiting: BTreeMap::new(),
            active: BTreeMap::new(),
        }
    }

    /// Takes in changes until the load is so. One that never comes is a failure, not a wait.
    async fn until(&mut self, waiting: &[(&str, u32)], active: &[(&str, u32)]) {
        let patience = Duration::from_secs(20);
        let comes = self.hear_until(waiting, active);
        let came = tokio::time::timeout(patience, comes).await.is_ok();
        assert!(
            came,
            "waiting for {waiting:?} and {active:?}, but it is {:?} and {:?}",
            self.waiting, self.active
        );
    }

    async fn hear_until(&mut self, waiting: &[(&str, u32)], active: &[(&str, u32)]) {
        let wanted = |pairs: &[(&str, u32)]| -> BTreeMap<String, u32> {
            pairs
                .iter()
                .map(|(id, count)| ((*id).to_owned(), *count))
                .collect()
        };
        while self.waiting != wanted(waiting) || self.active != wanted(active) {
            match self
                .changes
                .message()
                .await
                .unwrap()
                .unwrap()
                .change
                .unwrap()
            {
                Change::Snapshot(all) => {
                    self.waiting = all
                        .queues
                        .into_iter()
                        .map(|queue| (queue.queue_id, queue.waiting))
                        .collect();
                    self.active = all
                        .librarians
                        .into_iter()
                        .map(|one| (one.librarian_id, one.active))
                        .collect();
                }
                Change::Queue(queue) if queue.waiting == 0 => {
                    self.waiting.remove(&queue.queue_id);
                }
                Change::Queue(queue) => drop(self.waiting.insert(queue.queue_id, queue.waiting)),
                Change::Librarian(one) if one.active == 0 => {
                    self.active.remove(&one.librarian_id);
                }
                Change::Librarian(one) => drop(self.active.insert(one.librarian_id, one.active)),
                Change::Heartbeat(_) => {}
            }
        }
    }
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
    // Whoever is inside counts nowhere.
    admin.enter(desk.command_id(), "a1").await.unwrap();
    map.pick_up(desk.command_id(), "a2").await.unwrap();
    load.until(&[], &[("map", 2)]).await;
    map.end(desk.command_id(), "a1").await.unwrap();
    load.until(&[], &[("map", 1)]).await;
    let mut later = Watched::open(&desk).await;
    later.until(&[], &[("map", 1)]).await;
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
