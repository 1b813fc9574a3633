//! A collector that is away, is slow, or refuses everything does not disturb anyone: people go on, what is given up is
//! counted, one warning reports it, and a stop is over in time.

use std::{fs::File, process::Stdio, time::Duration};

use carrel_platform::{
    serve::{GrpcServer, Services},
    telemetry::metric,
};
use carrel_proto::gateway::v1::{OpenSession, PickUp, act, server_frame::Frame};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;

use crate::{
    access::{Access, command_id},
    exposition::scrape,
    process::Process,
    socket::{Socket, act_and_wait, message},
};

const WARNING: &str = "the collector takes no telemetry";

#[tokio::test(flavor = "multi_thread")]
async fn people_notice_nothing_of_a_collector_that_is_away() {
    let place = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = place.local_addr().unwrap();
    drop(place);
    people_go_on(&format!("http://{address}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_notice_nothing_of_a_collector_that_never_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            held.push(connection);
        }
    });
    people_go_on(&format!("http://{address}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_notice_nothing_of_a_collector_that_refuses_everything() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = GrpcServer::new(Services::new(), false).await.unwrap();
    tokio::spawn(async move {
        let incoming = TcpIncoming::from(listener);
        server
            .serve(incoming, CancellationToken::new(), Duration::ZERO)
            .await
    });
    people_go_on(&format!("http://{address}")).await;
}

async fn people_go_on(endpoint: &str) {
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("lines");
    let settings = [
        ("CARREL_HEALTH__ADDRESS", "127.0.0.1:0"),
        ("CARREL_TELEMETRY__OTLP_ENDPOINT", endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "50"),
    ];
    let written: Stdio = File::create(&lines).unwrap().into();
    let process = Process::launch(&folder.path().join("data"), &settings, written);
    let mut talk = Talk::begin(&process.access).await;
    talk.go_on().await;
    let health = process.health.unwrap();
    loop {
        let shown = scrape(health, false).await;
        let spans = [("carrel_signal", "spans")];
        if shown.value(metric::TELEMETRY_DROPPED.row(), &spans) > Some(0.0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        talk.go_on().await;
    }
    talk.go_on().await;
    assert!(process.terminate().success());
    let written = std::fs::read_to_string(&lines).unwrap();
    assert_eq!(written.matches(WARNING).count(), 1, "{written}");
}

/// A patron and a librarian in one session.
struct Talk {
    session_id: String,
    patron: Socket,
    librarian: Socket,
    number: u64,
}

impl Talk {
    async fn begin(access: &Access) -> Self {
        let admission = access.admit("maple").await;
        let session_id = admission.session_id;
        let mut patron = access.socket(&admission.token).await;
        let question = act::Act::OpenSession(OpenSession {
            question: "Is anybody there?".to_owned(),
            ..OpenSession::default()
        });
        act_and_wait(&mut patron, &session_id, &command_id(), question)
            .await
            .unwrap();
        patron.attend(&session_id, None).await.unwrap();
        let mut librarian = access.socket(&access.log_in("map@harbor").await).await;
        let pick_up = act::Act::PickUp(PickUp {});
        act_and_wait(&mut librarian, &session_id, &command_id(), pick_up)
            .await
            .unwrap();
        Self {
            session_id,
            patron,
            librarian,
            number: 2,
        }
    }

    /// The librarian writes a message, and the patron receives it.
    async fn go_on(&mut self) {
        let post = message("I am.");
        let command_id = command_id();
        act_and_wait(&mut self.librarian, &self.session_id, &command_id, post)
            .await
            .unwrap();
        self.number += 1;
        let number = self.number;
        self.patron
            .wait_for(|frame| match frame {
                Frame::Event(event) => (event.event?.position == number).then_some(()),
                _ => None,
            })
            .await
            .unwrap();
    }
}
