//! A librarian's monitor: it announces that its librarian is there, and watches who else is.

use std::{collections::BTreeMap, time::Duration};

use carrel_proto::presence::v1::{
    self as wire, announce_request::Request as Say, presence_service_client::PresenceServiceClient,
    watch_desk_response::Change,
};
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::{
    person::{PATIENCE, Person},
    shared_state::QUEUES,
    time,
};

/// How often a monitor sends a sign of life.
const HERE: Duration = Duration::from_secs(4);
/// How long a stream may be silent before it counts as lost.
const SILENCE: Duration = Duration::from_secs(12);

/// Announces that a librarian is there until `leaves_at_ms`; then sends nothing more, not even a goodbye.
pub(crate) async fn announce(mut me: Person, id: String, leaves_at_ms: u64) {
    me.shared.set_present(&id, true);
    while time::now_ms() < leaves_at_ms {
        if let Some((say, hear)) = connect(&me, &id).await {
            me.note("announces");
            stay(&say, hear, leaves_at_ms).await;
        }
        me.turn_to_another_server();
        me.pause(50, 500).await;
    }
    me.note("is gone without a word");
    me.shared.set_present(&id, false);
}

type Responses = Streaming<wire::AnnounceResponse>;

async fn connect(
    me: &Person,
    id: &str,
) -> Option<(mpsc::Sender<wire::AnnounceRequest>, Responses)> {
    let (say, requests) = mpsc::channel(16);
    let announcement = wire::Announcement {
        monitor_id: format!("monitor-of-{id}"),
        status: wire::Status::Available.into(),
        queues: Some(wire::MonitoredQueues {
            queue_ids: QUEUES.map(str::to_owned).into(),
        }),
        returning: false,
    };
    let _ = say.try_send(saying(Say::Announcement(announcement)));
    let mut client = PresenceServiceClient::new(me.channel()?);
    let request = me.request(ReceiverStream::new(requests));
    let answer = tokio::time::timeout(PATIENCE, client.announce(request)).await;
    Some((say, answer.ok()?.ok()?.into_inner()))
}

async fn stay(say: &mpsc::Sender<wire::AnnounceRequest>, mut hear: Responses, leaves_at_ms: u64) {
    let left = Duration::from_millis(leaves_at_ms.saturating_sub(time::now_ms()));
    let leaves = Instant::now() + left;
    let mut here = tokio::time::interval(HERE);
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(leaves) => return,
            told = hear.message() => match told {
                Ok(Some(_)) => heard = Instant::now(),
                _ => return,
            },
            _ = here.tick() => {
                if say.try_send(saying(Say::Here(wire::Here {}))).is_err() {
                    return;
                }
            }
            () = tokio::time::sleep_until(heard + SILENCE) => return,
        }
    }
}

fn saying(request: Say) -> wire::AnnounceRequest {
    wire::AnnounceRequest {
        request: Some(request),
    }
}

/// Watches who is there.
pub(crate) async fn watch(mut me: Person, id: String) {
    loop {
        if let Some(stream) = open_watch(&me).await {
            follow(&me, &id, stream).await;
        }
        me.turn_to_another_server();
        me.pause(50, 500).await;
    }
}

async fn open_watch(me: &Person) -> Option<Streaming<wire::WatchDeskResponse>> {
    let mut client = PresenceServiceClient::new(me.channel()?);
    let request = me.request(wire::WatchDeskRequest {});
    let answer = tokio::time::timeout(PATIENCE, client.watch_desk(request)).await;
    Some(answer.ok()?.ok()?.into_inner())
}

async fn follow(me: &Person, id: &str, mut stream: Streaming<wire::WatchDeskResponse>) {
    let mut shown = BTreeMap::new();
    let key = |row: wire::LibrarianRow| (row.librarian_id.clone(), row.status());
    while let Ok(Ok(Some(told))) = tokio::time::timeout(SILENCE, stream.message()).await {
        match told.change {
            Some(Change::Snapshot(snapshot)) => {
                shown = snapshot.librarians.into_iter().map(key).collect();
            }
            Some(Change::Librarian(row)) => {
                let (librarian_id, status) = key(row);
                shown.insert(librarian_id, status);
            }
            Some(Change::LibrarianGone(gone)) => {
                shown.remove(&gone.librarian_id);
            }
            _ => continue,
        }
        me.note(&format!("sees at the desk: {:?}", shown.keys()));
        me.shared.show_desk(id, shown.keys().cloned().collect());
    }
}
