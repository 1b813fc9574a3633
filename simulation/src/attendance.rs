//! A browser window with one session open: it attends the session, resumes from its last position whenever its stream
//! breaks, and sends unsettled acts again.

use std::{collections::VecDeque, time::Duration};

use carrel_platform::refusal::Refusal;
use carrel_proto::{
    encoded::Encoded,
    session::v1::{
        self as wire, act::Act, attend_request::Request as Ask, attend_response::Response,
        session_service_client::SessionServiceClient,
    },
};
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::{
    commands::{self, Answer, Given, Kind},
    database::EPOCH,
    person::{PATIENCE, Person},
    projection,
    shared_state::{CANARY, SILENT},
};

/// How long a stream may be silent before it counts as lost. Heartbeats come every five seconds.
const SILENCE: Duration = Duration::from_secs(12);
/// How many requests may be queued on a stream.
const WAITING: usize = 1024;
/// How many events a reader that has stopped reading may get on one stream before it must be let go: those queued in
/// the session, in the stream and in the connection's windows, and some to spare.
const STANDSTILL: u64 = 140;

/// Something that happens in the window.
#[derive(Debug)]
pub(crate) enum Work {
    /// An act is sent.
    Act(Kind, Act),
    /// The window hangs for this long.
    Hang(Duration),
    /// The connection is lost, and comes back after this long.
    Offline(Duration),
}

/// Opens a window. It closes by itself when its person may no longer see the session.
pub(crate) fn open(
    person: Person,
    viewer: String,
    session_id: String,
    audience: wire::Audience,
) -> mpsc::Sender<Work> {
    let (work, coming) = mpsc::channel(WAITING);
    let position = person.shared.begin_view(&viewer, &session_id, audience);
    let window = Window {
        person,
        viewer,
        session_id,
        audience,
        position,
        unsettled: VecDeque::new(),
    };
    tokio::task::spawn_local(window.stay(coming));
    work
}

struct Window {
    person: Person,
    viewer: String,
    session_id: String,
    audience: wire::Audience,
    position: u64,
    unsettled: VecDeque<Sent>,
}

struct Sent {
    id: String,
    given: Given,
    act: Act,
}

/// Why a stream ended.
enum Over {
    /// It broke, or the server went away.
    Broken,
    /// The connection was lost and stays away for this long.
    Offline(Duration),
    /// The person may not see the session any more, or nobody has work for the window.
    SentAway,
}

/// One stream.
struct Stream {
    asks: mpsc::Sender<wire::AttendRequest>,
    told: Streaming<Encoded<wire::AttendResponse>>,
    /// Once the window has hung: the session's head at that time, and how many of the events up to it came since.
    hung: Option<(u64, u64)>,
}

impl Window {
    async fn stay(mut self, mut coming: mpsc::Receiver<Work>) {
        loop {
            let over = match self.connect().await {
                Ok(stream) => self.listen(stream, &mut coming).await,
                Err(over) => over,
            };
            for sent in &self.unsettled {
                self.answered(&sent.given, Answer::Unknown("the stream is over".into()));
            }
            match over {
                Over::SentAway => break,
                Over::Offline(pause) => {
                    let pause = pause.min(self.person.shared.storm_left());
                    self.person.note(&format!("is offline for {pause:?}"));
                    tokio::time::sleep(pause).await;
                }
                Over::Broken => self.person.note("lost its stream"),
            }
            self.person.turn_to_another_server();
            self.person.pause(50, 500).await;
        }
        self.person.shared.end_view(&self.viewer, &self.session_id);
    }

    async fn connect(&mut self) -> Result<Stream, Over> {
        let (asks, requests) = mpsc::channel(WAITING);
        let join = wire::Join {
            session_id: self.session_id.clone(),
            after: (self.position > 0).then(|| wire::Position {
                epoch: EPOCH.into(),
                number: self.position,
            }),
            audience: self.audience.into(),
            trace: false,
            only_new_heads: false,
        };
        let _ = asks.try_send(asking(Ask::Join(join)));
        let channel = self.person.channel().ok_or(Over::Broken)?;
        let mut client = SessionServiceClient::new(channel);
        let request = self.person.request(ReceiverStream::new(requests));
        let answer = tokio::time::timeout(PATIENCE, async {
            let mut told = client.attend(request).await?.into_inner();
            let first = next(&mut told).await?;
            Ok::<_, Status>((told, first))
        })
        .await;
        match answer {
            Err(_) => Err(Over::Broken),
            Ok(Err(status)) => Err(self.hear_end(&status)),
            Ok(Ok((told, first))) => {
                self.check_joined(first.as_ref());
                self.person.note(&format!(
                    "attends {} after {}",
                    self.session_id, self.position
                ));
                Ok(Stream {
                    asks,
                    told,
                    hung: None,
                })
            }
        }
    }

    fn check_joined(&self, first: Option<&wire::AttendResponse>) {
        let joined = match first.and_then(|first| first.response.as_ref()) {
            Some(Response::Joined(joined)) => joined,
            other => return self.violation("I6", &format!("a stream begins with {other:?}")),
        };
        self.check_secrets(first);
        if joined.resync {
            self.violation(
                "I6",
                "was told to begin again, though the history is the same",
            );
        }
        if joined.audience() != self.audience {
            self.violation("I17", &format!("joined as {:?}", joined.audience()));
        }
    }

    async fn listen(&mut self, mut stream: Stream, coming: &mut mpsc::Receiver<Work>) -> Over {
        for sent in &self.unsettled {
            self.person.shared.commands.sent(&sent.given);
            let _ = stream.asks.try_send(acting(sent));
        }
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                biased;
                told = next(&mut stream.told) => {
                    heard = Instant::now();
                    match told {
                        Ok(Some(told)) => self.hear(&told, &mut stream),
                        Ok(None) => return Over::Broken,
                        Err(status) => return self.hear_end(&status),
                    }
                }
                work = coming.recv() => match work {
                    None => return Over::SentAway,
                    Some(Work::Act(kind, act)) => self.act(kind, act, &stream),
                    Some(Work::Offline(pause)) => return Over::Offline(pause),
                    Some(Work::Hang(pause)) => {
                        tokio::time::sleep(pause).await;
                        heard = Instant::now();
                        let head = self.person.shared.head(&self.session_id, self.audience);
                        stream.hung = Some((head, 0));
                    }
                },
                () = tokio::time::sleep_until(heard + SILENCE) => return Over::Broken,
            }
        }
    }

    fn act(&mut self, kind: Kind, act: Act, stream: &Stream) {
        let (id, given) = self.person.command(kind);
        let shared = &self.person.shared;
        shared.say(&self.viewer, &self.session_id, &given.key);
        shared.commands.sent(&given);
        let sent = Sent { id, given, act };
        let _ = stream.asks.try_send(acting(&sent));
        self.unsettled.push_back(sent);
    }

    fn hear(&mut self, told: &wire::AttendResponse, stream: &mut Stream) {
        self.check_secrets(Some(told));
        match &told.response {
            Some(Response::Event(event)) => self.see(event, stream),
            Some(Response::ActAccepted(accepted)) => {
                self.settle(&accepted.command_id, Answer::Accepted);
            }
            Some(Response::ActRefused(refused)) => {
                let refusal = refused.refusal.clone().unwrap_or_default();
                let answer = commands::judge(&Refusal::new(
                    Code::from(refusal.code),
                    &refusal.reason,
                    &refusal.message,
                ));
                self.settle(&refused.command_id, answer);
            }
            Some(Response::Heartbeat(heartbeat)) if heartbeat.head < self.position => {
                self.violation(
                    "I8",
                    &format!(
                        "a heartbeat says {} to one who was shown {}",
                        heartbeat.head, self.position
                    ),
                );
            }
            Some(Response::Joined(_)) => self.violation("I6", "joined twice on one stream"),
            _ => {}
        }
    }

    fn see(&mut self, event: &wire::SessionEvent, stream: &mut Stream) {
        let shared = &self.person.shared;
        shared.take_in(&self.viewer, &self.session_id, event);
        self.position = event.position;
        let kind = projection::shown(event).kind;
        self.person.note(&format!(
            "sees {} of {}: {kind}",
            event.position, self.session_id
        ));
        if let Some((head, since)) = &mut stream.hung
            && event.position <= *head
        {
            *since += 1;
            if *since == STANDSTILL {
                self.violation("I26", "stood still and was kept all that time");
            }
        }
    }

    /// Records an answer. An act that its answer does not settle is sent again on the next stream, with everything sent
    /// after it: the server ends this stream.
    fn settle(&mut self, id: &str, answer: Answer) {
        let Some(place) = self.unsettled.iter().position(|sent| sent.id == id) else {
            return;
        };
        self.person.note(&format!("{id} → {answer:?}"));
        let settled = !matches!(answer, Answer::Unknown(_));
        if let Some(sent) = self.unsettled.get(place) {
            self.answered(&sent.given, answer);
        }
        if settled {
            self.unsettled.remove(place);
        }
    }

    fn answered(&self, given: &Given, answer: Answer) {
        let shared = &self.person.shared;
        shared
            .commands
            .answered(given, answer, &shared.database, &shared.observations);
    }

    fn hear_end(&self, status: &Status) -> Over {
        let refusal = Refusal::from(status);
        self.person.note(&format!(
            "is let go of: {:?}/{}",
            refusal.code, refusal.reason
        ));
        match commands::judge(&refusal) {
            Answer::Refused(_) => Over::SentAway,
            _ => Over::Broken,
        }
    }

    /// I17, I18: hidden things must not show even in a name or a number of what is sent.
    fn check_secrets(&self, told: Option<&wire::AttendResponse>) {
        let text = format!("{told:?}");
        if self.audience == wire::Audience::Patron && text.contains(CANARY) {
            self.violation("I17", "a note reached the patron");
        }
        if !self.viewer.contains(SILENT) && text.contains(SILENT) {
            self.violation("I18", "who never said a word was shown");
        }
    }

    fn violation(&self, invariant: &str, what: &str) {
        let what = format!("{} in {}: {what}", self.viewer, self.session_id);
        self.person.shared.observations.violation(invariant, &what);
    }
}

/// Waits for the next response. Cancel-safe.
async fn next(
    told: &mut Streaming<Encoded<wire::AttendResponse>>,
) -> Result<Option<wire::AttendResponse>, Status> {
    let response = told.message().await?;
    let read = response.map(|response| response.read()).transpose();
    read.map_err(|error| Status::internal(error.to_string()))
}

fn asking(request: Ask) -> wire::AttendRequest {
    wire::AttendRequest {
        request: Some(request),
        trace_parent: String::new(),
    }
}

fn acting(sent: &Sent) -> wire::AttendRequest {
    asking(Ask::Act(wire::Act {
        command_id: sent.id.clone(),
        act: Some(sent.act.clone()),
    }))
}
