//! What each of the separate processes shows operators while people talk across all of them. D80, I31, PR8.
//!
//! The programs are those of the workspace; `cargo test --workspace` builds them.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use carrel_faults::{
    cluster::{Cluster, Form, PASSWORD, Plan, Service},
    people::http,
    seed::Dice,
};
use carrel_platform::telemetry::{metric, registry::Instrument};
use carrel_proto::{
    gateway::v1::{OpenSession, PickUp, act, client_frame::Frame as Request, server_frame::Frame},
    presence::v1::{Announcement, MonitoredQueues},
};

use crate::{
    access::command_id,
    exposition::{Exposition, scrape},
    socket::{Socket, act_and_wait, message},
};

/// How long it may take until everything is shown.
const WITHIN: Duration = Duration::from_secs(60);

/// Part of every text that the people in the test can write.
const CANARY: &str = "canary-in-a-coal-mine";

#[tokio::test(flavor = "multi_thread")]
async fn each_process_shows_what_it_has_a_part_in() {
    let programs = Path::new(env!("CARGO_BIN_EXE_carrel")).parent().unwrap();
    let plan = Plan {
        form: Form::Distributed,
        programs: programs.to_owned(),
        librarians: 1,
        keep: false,
    };
    let cluster = Cluster::start(&plan, &mut Dice::new(7)).await.unwrap();
    let secrets = talk(&cluster).await;

    let until = Instant::now() + WITHIN;
    loop {
        let missing = missing(&cluster).await;
        if missing.is_empty() {
            break;
        }
        assert!(Instant::now() < until, "not shown in time: {missing:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for instance in &cluster.instances {
        for open in [false, true] {
            let shown = scrape(instance.health.unwrap(), open).await;
            shown.is_declared(metric::ALL);
            stands_on(&shown, instance.service);
            for secret in &secrets {
                let name = instance.process.name();
                assert!(
                    !shown.text.contains(secret),
                    "{secret:?} is shown by {name}"
                );
            }
        }
    }
    let folder = cluster.folder().to_owned();
    let mut lines = String::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "log") {
            lines += &std::fs::read_to_string(path).unwrap();
        }
    }
    for secret in &secrets {
        assert!(
            !lines.contains(secret),
            "{secret:?} is in the lines {lines}"
        );
    }
    cluster.stop().await.unwrap();
}

/// Returns the metrics that a process does not show although it takes part in them, and those that no process shows.
async fn missing(cluster: &Cluster) -> Vec<String> {
    let mut missing = Vec::new();
    // Those of a data folder, which only a Carrel in one process has.
    let whole = [metric::LOG_SIZE.row(), metric::DATA_FOLDER_FREE.row()];
    let mut shown_by_none: Vec<_> = metric::ALL.to_vec();
    shown_by_none.retain(|row| whole.iter().all(|other| other.name != row.name));
    for instance in &cluster.instances {
        let shown = scrape(instance.health.unwrap(), false).await;
        let part = part_of(instance.service);
        let lacks = part.iter().filter(|row| shown.of(row).is_empty());
        missing.extend(lacks.map(|row| format!("{} of {}", row.name, instance.process.name())));
        shown_by_none.retain(|row| shown.of(row).is_empty());
    }
    missing.extend(
        shown_by_none
            .iter()
            .map(|row| format!("{} of anybody", row.name)),
    );
    missing
}

/// Returns what a service must have measured once people have talked.
fn part_of(service: Service) -> Vec<&'static Instrument> {
    let own: &[&Instrument] = match service {
        Service::Gateway => &[
            metric::RPC_CLIENT_CALL_DURATION.row(),
            metric::HTTP_SERVER_REQUEST_DURATION.row(),
            metric::FRAME_DURATION.row(),
            metric::DELIVERY_DURATION.row(),
            metric::SOCKETS.row(),
            metric::SOCKET_CLOSES.row(),
        ],
        Service::Session => &[
            metric::RPC_SERVER_CALL_DURATION.row(),
            metric::BUS_MISSED.row(),
            metric::BUS_LAG.row(),
            metric::SESSION_REFILLS.row(),
            metric::SESSION_RESYNCS.row(),
            metric::PATRONS_WAITING.row(),
            metric::PATRONS_LONGEST_WAIT.row(),
            metric::SESSIONS_RUNNING.row(),
            metric::KEYS.row(),
            metric::KEYS_NEWEST_AGE.row(),
        ],
        Service::Presence => &[
            metric::RPC_SERVER_CALL_DURATION.row(),
            metric::RPC_CLIENT_CALL_DURATION.row(),
            metric::QUEUES_STAFFED.row(),
            metric::QUEUES_UNSTAFFED_WAITING.row(),
            metric::LIBRARIANS.row(),
            metric::PRESENCE_AGE.row(),
            metric::LOG_IN_REFUSALS.row(),
            metric::KEYS.row(),
            metric::KEYS_NEWEST_AGE.row(),
        ],
        Service::Im | Service::Whole => &[metric::BUS_MISSED.row()],
    };
    let all = [
        metric::DEPENDENCY_UP.row(),
        metric::TELEMETRY_DROPPED.row(),
        metric::BUILD_INFO.row(),
        metric::CONFIG_INFO.row(),
        metric::PROCESS_START_TIME.row(),
        metric::PROCESS_CPU_TIME.row(),
        metric::PROCESS_MEMORY_USAGE.row(),
        metric::PROCESS_OPEN_FILE_DESCRIPTORS.row(),
    ];
    all.into_iter().chain(own.iter().copied()).collect()
}

fn stands_on(shown: &Exposition, service: Service) {
    let [log, bus] = match service {
        Service::Gateway => ["none", "none"],
        _ => ["postgresql", "redis"],
    };
    let engines = [("db_system_name", log), ("messaging_system", bus)];
    let row = metric::CONFIG_INFO.row();
    assert_eq!(shown.value(row, &engines), Some(1.0));
    for up in shown.of(metric::DEPENDENCY_UP.row()) {
        assert_eq!(up.value, 1.0, "{up:?}");
    }
}

/// A patron asks and talks at one gateway, and a librarian answers at the other; then with the gateways swapped.
/// Returns what must not be shown.
async fn talk(cluster: &Cluster) -> Vec<String> {
    let mut secrets = vec![CANARY.to_owned()];
    let gateways = cluster.gateways();
    let (near, far) = (gateways[0], gateways[1]);
    for (patrons, librarians) in [(near, far), (far, near)] {
        let admission = http::admit(patrons, "maple").await.unwrap();
        let (token, session_id) = (admission.token.unwrap(), admission.session_id);
        let mut patron = Socket::open(patrons, &token.access_token).await.unwrap().0;
        let question = act::Act::OpenSession(OpenSession {
            question: CANARY.to_owned(),
            patron_name: CANARY.to_owned(),
            patron_email: format!("{CANARY}@example.org"),
            language: String::new(),
        });
        act_and_wait(&mut patron, &session_id, &command_id(), question)
            .await
            .unwrap();
        attend(&mut patron, &session_id).await;

        let somebody = cluster.staff.iter().find(|staff| !staff.supervises);
        let name = &somebody.unwrap().log_in_name;
        let logged_in = http::log_in(librarians, name, PASSWORD).await.unwrap();
        let staff_token = logged_in.token.unwrap().access_token;
        let mut librarian = Socket::open(librarians, &staff_token).await.unwrap().0;
        let announcement = Announcement {
            monitor_id: CANARY.to_owned(),
            queues: Some(MonitoredQueues {
                queue_ids: vec!["maple".to_owned()],
            }),
            ..Announcement::default()
        };
        librarian
            .send(Request::Announce(announcement))
            .await
            .unwrap();
        let pick_up = act::Act::PickUp(PickUp {});
        act_and_wait(&mut librarian, &session_id, &command_id(), pick_up)
            .await
            .unwrap();
        attend(&mut librarian, &session_id).await;
        tell(&mut patron, &mut librarian, &session_id, 3).await;
        tell(&mut librarian, &mut patron, &session_id, 4).await;
        secrets.extend([name.clone(), token.access_token, staff_token, session_id]);
    }
    secrets
}

async fn attend(socket: &mut Socket, session_id: &str) {
    socket.attend(session_id, None).await.unwrap();
    socket
        .wait_for(|frame| matches!(frame, Frame::Attending(_)).then_some(()))
        .await
        .unwrap();
}

/// Writes a message on one socket, and waits until it arrives at the other as the event with this number.
async fn tell(from: &mut Socket, to: &mut Socket, session_id: &str, number: u64) {
    act_and_wait(from, session_id, &command_id(), message(CANARY))
        .await
        .unwrap();
    to.wait_for(|frame| match frame {
        Frame::Event(event) => (event.event?.position == number).then_some(()),
        _ => None,
    })
    .await
    .unwrap();
}
