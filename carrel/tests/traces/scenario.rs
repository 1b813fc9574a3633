//! What happens at the desk: a patron asks at one gateway, a librarian answers at the other, a supervisor looks in, and
//! everything that anybody can write contains a canary.

use std::{net::SocketAddr, time::Duration};

use carrel_faults::people::http;
use carrel_proto::{
    gateway::v1::{
        AcceptTransfer, Attend, EnterConference, OfferTransfer, OpenSession, PickUp, act,
        client_frame::Frame as Request, offer_transfer, server_frame::Frame,
    },
    im::v1::{
        SendMessageRequest, WatchConversationsRequest, send_message_request,
        watch_conversations_response::Change,
    },
    presence::v1::{Announcement, MonitoredQueues, WatchDeskRequest, watch_desk_response},
    session::v1::{Position, PostMessage, PushPage, WriteNote, session_event::Payload as Event},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    fixture::Fixture,
    otlp::{Collector, ReceivedSpan},
    spans::Traces,
    tab::{BrowserTrace, Tab},
};

/// Longer than any machine needs.
const LONG: Duration = Duration::from_secs(60);

pub(crate) const MESSAGE: BrowserTrace = BrowserTrace(1);
pub(crate) const NOTE: BrowserTrace = BrowserTrace(2);
pub(crate) const PICK_UP: BrowserTrace = BrowserTrace(3);
pub(crate) const OFFER: BrowserTrace = BrowserTrace(4);
pub(crate) const ACCEPT: BrowserTrace = BrowserTrace(5);
pub(crate) const ENTER: BrowserTrace = BrowserTrace(6);
pub(crate) const LOOK_IN: BrowserTrace = BrowserTrace(7);
pub(crate) const IM: BrowserTrace = BrowserTrace(8);
pub(crate) const SECOND_IM: BrowserTrace = BrowserTrace(9);
pub(crate) const REFILL: BrowserTrace = BrowserTrace(10);
/// The trace of acts whose traces the test does not look at.
const OTHER: BrowserTrace = BrowserTrace(0xff);

/// A scenario that is over.
pub(crate) struct Scenario {
    /// The texts that must not be in any span.
    pub(crate) canaries: Vec<String>,
    /// Everything that the patron's and the librarian's browsers received.
    pub(crate) received: Vec<(&'static str, Vec<u8>)>,
}

/// Makes canaries, and remembers them.
#[derive(Default)]
struct Canaries(Vec<String>);

impl Canaries {
    fn next(&mut self, place: &str) -> String {
        let canary = format!("canary-{place}-{}", self.0.len());
        self.0.push(canary.clone());
        canary
    }
}

impl Scenario {
    /// Runs it with a Carrel that exports to this collector.
    pub(crate) async fn run(collector: &Collector) -> Self {
        let fixture = Fixture::open(collector.endpoint()).await;
        let [near, far] = fixture.gateways;
        let mut canaries = Canaries::default();
        visit(near, &mut canaries).await;

        let admission = http::admit(near, "maple").await.unwrap();
        let session_id = admission.session_id;
        let patron_token = admission.token.unwrap().access_token;
        canaries
            .0
            .extend([session_id.clone(), patron_token.clone()]);
        let mut patron = Tab::open("patron", near, &patron_token).await;
        let question = OpenSession {
            question: canaries.next("question"),
            patron_name: canaries.next("name"),
            patron_email: format!("{}@example.org", canaries.next("mail")),
            language: String::new(),
        };
        let question = act::Act::OpenSession(question);
        patron.act(OTHER, &session_id, question).await;
        let epoch = attend(&mut patron, OTHER, &session_id, None).await;
        hear(collector, "session.refill", 1).await;

        let mut librarian = staff("map@harbor", far, &mut canaries).await;
        let mut colleague = staff("lee@maple", near, &mut canaries).await;
        let colleague_id = id_of(&mut librarian, "Mr Lee").await;
        let pick_up = act::Act::PickUp(PickUp {});
        librarian.act(PICK_UP, &session_id, pick_up).await;
        attend(&mut librarian, OTHER, &session_id, None).await;
        hear(collector, "session.refill", 2).await;
        patron
            .wait_for(|frame| event(frame, |event| matches!(event, Event::PickedUp(_))))
            .await;

        let text = canaries.next("message");
        patron.act(MESSAGE, &session_id, message(&text)).await;
        read(&mut librarian, &text).await;
        let text = canaries.next("answer");
        librarian.act(OTHER, &session_id, message(&text)).await;
        read(&mut patron, &text).await;
        let page = PushPage {
            address: format!(
                "https://example.org/{}?q={}",
                canaries.next("page"),
                canaries.next("query")
            ),
        };
        librarian
            .act(OTHER, &session_id, act::Act::PushPage(page))
            .await;
        let number = patron
            .wait_for(|frame| event(frame, |event| matches!(event, Event::Page(_))))
            .await;
        let last = Position { epoch, number };

        let mut supervisor = look_in(near, &session_id, &mut canaries).await;
        let text = canaries.next("note");
        let note = act::Act::WriteNote(WriteNote { text: text.clone() });
        librarian.act(NOTE, &session_id, note).await;
        read(&mut supervisor, &text).await;

        // Each im-svc subscribes to its librarian's conversations, and to that of the queue's staff.
        let heard = [(IM, 4), (SECOND_IM, 6)];
        for (trace, topics) in heard {
            hear(collector, "im.refill", topics).await;
            let text = canaries.next("im");
            write_im(&mut librarian, trace, &colleague_id, &text).await;
            read_im(&mut colleague, &text).await;
        }

        // The patron's connection breaks, and the librarian goes on.
        let mut received = std::mem::take(&mut patron.received);
        drop(patron);
        let mut missed = String::new();
        for _ in 0..2 {
            missed = canaries.next("missed");
            librarian.act(OTHER, &session_id, message(&missed)).await;
            read(&mut supervisor, &missed).await;
        }
        let mut patron = Tab::open("patron again", near, &patron_token).await;
        attend(&mut patron, REFILL, &session_id, Some(last)).await;
        read(&mut patron, &missed).await;

        let offer = OfferTransfer {
            to: Some(offer_transfer::To::QueueId("maple".to_owned())),
            message: canaries.next("offer"),
        };
        let offer = act::Act::OfferTransfer(offer);
        librarian.act(OFFER, &session_id, offer).await;
        let offered = |frame: &Frame| match session_event(frame)?.1 {
            Event::TransferOffered(offered) => Some(offered.offer.as_ref()?.offer_id.clone()),
            _ => None,
        };
        let offer_id = supervisor.wait_for(offered).await;
        let accept = act::Act::AcceptTransfer(AcceptTransfer { offer_id });
        colleague.act(ACCEPT, &session_id, accept).await;
        let transferred =
            |frame: &Frame| event(frame, |event| matches!(event, Event::Transferred(_)));
        librarian.wait_for(transferred).await;
        patron.wait_for(transferred).await;

        received.extend(std::mem::take(&mut patron.received));
        let received = [
            ("the patron", received),
            ("the librarian", librarian.received),
        ];
        // The export at the very end is given up after a second, so wait before the stop. If this times out, the test
        // says what is missing.
        let complete =
            collector.wait_until(|spans| Traces(spans.to_vec()).have_come_as_far_as(ACCEPT));
        let _ = timeout(LONG, complete).await;
        fixture.close().await;
        Self {
            canaries: canaries.0,
            received: received
                .map(|(who, frames)| (who, frames.concat()))
                .to_vec(),
        }
    }
}

/// Requests the patron page, with canaries in the query and in the user agent.
async fn visit(gateway: SocketAddr, canaries: &mut Canaries) {
    let request = format!(
        "GET /ask/maple?{}=1 HTTP/1.1\r\nhost: {gateway}\r\nuser-agent: {}\r\nconnection: close\r\n\r\n",
        canaries.next("parameter"),
        canaries.next("agent")
    );
    let mut stream = TcpStream::connect(gateway).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "the page");
}

/// Opens a tab of a librarian with an announced monitor.
async fn staff(name: &'static str, gateway: SocketAddr, canaries: &mut Canaries) -> Tab {
    let logged_in = http::log_in(gateway, name, "demo").await.unwrap();
    let token = logged_in.token.unwrap().access_token;
    let mut tab = Tab::open(name, gateway, &token).await;
    canaries.0.extend([name.to_owned(), token]);
    let announcement = Announcement {
        monitor_id: canaries.next("monitor"),
        queues: Some(MonitoredQueues {
            queue_ids: vec!["maple".to_owned()],
        }),
        ..Announcement::default()
    };
    tab.send(OTHER, Request::Announce(announcement)).await;
    tab.wait_for(|frame| matches!(frame, Frame::OwnPresence(_)).then_some(()))
        .await;
    let watch = WatchConversationsRequest::default();
    tab.send(OTHER, Request::WatchConversations(watch)).await;
    tab.wait_for(|frame| matches!(frame, Frame::Conversations(_)).then_some(()))
        .await;
    tab
}

/// Waits until a colleague is in the Librarians list, and returns their id.
async fn id_of(tab: &mut Tab, screen_name: &str) -> String {
    let watch = WatchDeskRequest::default();
    tab.send(OTHER, Request::WatchDesk(watch)).await;
    tab.wait_for(|frame| {
        let Frame::Desk(change) = frame else {
            return None;
        };
        let rows = match change.change.as_ref()? {
            watch_desk_response::Change::Snapshot(snapshot) => snapshot.librarians.clone(),
            watch_desk_response::Change::Librarian(row) => vec![row.clone()],
            _ => return None,
        };
        let row = rows
            .into_iter()
            .find(|row| row.screen_name == screen_name)?;
        Some(row.librarian_id)
    })
    .await
}

/// Lets an administrator of the patron's library enter conference mode and attend, silently.
async fn look_in(gateway: SocketAddr, session_id: &str, canaries: &mut Canaries) -> Tab {
    let logged_in = http::log_in(gateway, "admin@maple", "demo").await.unwrap();
    let token = logged_in.token.unwrap().access_token;
    let mut tab = Tab::open("admin", gateway, &token).await;
    canaries.0.push(token);
    let enter = |warning_version: &str| {
        act::Act::EnterConference(EnterConference {
            warning_version: warning_version.to_owned(),
        })
    };
    let refused = tab.try_act(OTHER, session_id, enter("none")).await;
    let refusal = refused.unwrap_err().refusal.unwrap();
    let version = &refusal.metadata["warning_version"];
    tab.act(ENTER, session_id, enter(version)).await;
    attend(&mut tab, LOOK_IN, session_id, None).await;
    tab
}

/// Waits for this many spans of the name `look`: a server reads the log once it has subscribed to a topic.
async fn hear(collector: &Collector, look: &str, servers: usize) {
    let heard = |received: &[ReceivedSpan]| {
        received
            .iter()
            .filter(|received| received.span.name == look)
            .count()
    };
    collector
        .wait_until(|received| heard(received) >= servers)
        .await;
}

/// Attends a session. Returns the epoch of its positions.
async fn attend(
    tab: &mut Tab,
    trace: BrowserTrace,
    session_id: &str,
    after: Option<Position>,
) -> String {
    let session_id = session_id.to_owned();
    tab.send(trace, Request::Attend(Attend { session_id, after }))
        .await;
    tab.wait_for(|frame| match frame {
        Frame::Attending(attending) => Some(attending.joined.clone()?.head?.epoch),
        Frame::Detached(detached) => panic!("not attended: {detached:?}"),
        _ => None,
    })
    .await
}

fn message(text: &str) -> act::Act {
    act::Act::PostMessage(PostMessage {
        text: text.to_owned(),
    })
}

/// Returns the position and the payload of an event.
fn session_event(frame: &Frame) -> Option<(u64, &Event)> {
    match frame {
        Frame::Event(event) => {
            let event = event.event.as_ref()?;
            Some((event.position, event.payload.as_ref()?))
        }
        _ => None,
    }
}

/// Returns the position of an event for which `wanted` holds.
fn event(frame: &Frame, wanted: impl Fn(&Event) -> bool) -> Option<u64> {
    let (number, event) = session_event(frame)?;
    wanted(event).then_some(number)
}

/// Waits until the tab receives a text.
async fn read(tab: &mut Tab, text: &str) {
    tab.wait_for(|frame| {
        event(frame, |event| match event {
            Event::Message(message) => message.text == text,
            Event::Note(note) => note.text == text,
            _ => false,
        })
    })
    .await;
}

async fn write_im(tab: &mut Tab, trace: BrowserTrace, to: &str, text: &str) {
    let request = SendMessageRequest {
        command_id: text.to_owned(),
        to: Some(send_message_request::To::LibrarianId(to.to_owned())),
        text: text.to_owned(),
    };
    tab.send(trace, Request::ImSend(request)).await;
    tab.wait_for(|frame| match frame {
        Frame::ImSent(sent) => (sent.command_id == text).then_some(()),
        Frame::Refused(refused) => panic!("{refused:?}"),
        _ => None,
    })
    .await;
}

async fn read_im(tab: &mut Tab, text: &str) {
    tab.wait_for(|frame| match frame {
        Frame::Conversations(change) => match change.change.as_ref()? {
            Change::Arrived(arrived) => (arrived.message.as_ref()?.text == text).then_some(()),
            _ => None,
        },
        _ => None,
    })
    .await;
}
