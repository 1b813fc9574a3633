//! A websocket room server that does nothing else: a message goes to all others in the room, and the speaker gets an
//! acknowledgement. With a file, both happen after one synced SQLite transaction for all waiting messages.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc as blocking},
};

use anyhow::Context;
use futures::{FutureExt, SinkExt, StreamExt};
use rusqlite::Connection;
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async_with_config,
    tungstenite::{
        Bytes, Message,
        handshake::server::{ErrorResponse, Request, Response},
        http::HeaderValue,
        protocol::WebSocketConfig,
    },
};

use crate::client::{Kind, frame, parse};

/// How many messages one transaction takes at most.
const GROUP: usize = 1024;

/// All rooms.
#[derive(Clone, Default)]
struct Rooms(Arc<Mutex<HashMap<u64, Room>>>);

#[derive(Default)]
struct Room {
    position: u64,
    members: Vec<(u64, UnboundedSender<Bytes>)>,
    entered: u64,
}

/// A message that is not passed on yet.
struct Saying {
    room: u64,
    member: u64,
    number: u64,
    text: Bytes,
}

/// Serves rooms until the process is killed. With `file`, messages are kept in it.
///
/// # Errors
/// If the address or the file can't be used.
pub async fn serve(address: SocketAddr, file: Option<&Path>) -> anyhow::Result<()> {
    let rooms = Rooms::default();
    let log = match file {
        Some(file) => Some(keep(file, rooms.clone())?),
        None => None,
    };
    let listener = TcpListener::bind(address).await?;
    #[expect(clippy::print_stdout, reason = "it says that it serves")]
    {
        println!("serving on {address}");
    }
    loop {
        let (stream, _) = listener.accept().await?;
        let (rooms, log) = (rooms.clone(), log.clone());
        tokio::spawn(async move {
            // A member who disconnects without closing has left all the same.
            let _ = member(stream, rooms, log).await;
        });
    }
}

async fn member(
    stream: TcpStream,
    rooms: Rooms,
    log: Option<blocking::Sender<Saying>>,
) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut socket = accept_hdr_async_with_config(stream, choose_protocol, Some(buffers())).await?;
    let first = socket.next().await.context("nothing said")??;
    let Some((Kind::Join, room, _)) = parse(&first.into_data()) else {
        return Ok(());
    };
    let (outbox, mut queue) = unbounded_channel();
    let member = rooms.enter(room, outbox);
    let talked = talk(&mut socket, &mut queue, &rooms, log, room, member).await;
    rooms.leave(room, member);
    talked
}

async fn talk(
    socket: &mut WebSocketStream<TcpStream>,
    queue: &mut UnboundedReceiver<Bytes>,
    rooms: &Rooms,
    log: Option<blocking::Sender<Saying>>,
    room: u64,
    member: u64,
) -> anyhow::Result<()> {
    loop {
        select! {
            biased;
            Some(first) = queue.recv() => {
                socket.feed(Message::Binary(first)).await?;
                while let Ok(next) = queue.try_recv() {
                    socket.feed(Message::Binary(next)).await?;
                }
                socket.flush().await?;
            }
            message = socket.next() => {
                let mut next = Some(message);
                // Messages that arrived together are taken together.
                while let Some(message) = next.take() {
                    let Some(Ok(message)) = message else { return Ok(()) };
                    if let Message::Binary(bytes) = message {
                        hear(rooms, log.as_ref(), room, member, &bytes);
                    }
                    next = socket.next().now_or_never();
                }
            }
        }
    }
}

fn hear(
    rooms: &Rooms,
    log: Option<&blocking::Sender<Saying>>,
    room: u64,
    member: u64,
    bytes: &Bytes,
) {
    match parse(bytes) {
        Some((Kind::Say, number, text)) => {
            let saying = Saying {
                room,
                member,
                number,
                text: bytes.slice_ref(text),
            };
            match log {
                // The writer lives as long as the process.
                Some(log) => drop(log.send(saying)),
                None => rooms.pass_on(&[saying]),
            }
        }
        Some((Kind::Typing, ..)) => rooms.typing(room, member),
        _ => {}
    }
}

impl Rooms {
    fn all(&self) -> MutexGuard<'_, HashMap<u64, Room>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, room: u64, outbox: UnboundedSender<Bytes>) -> u64 {
        let mut rooms = self.all();
        let room = rooms.entry(room).or_default();
        let _ = outbox.send(frame(Kind::Join, room.position, b""));
        room.entered += 1;
        room.members.push((room.entered, outbox));
        room.entered
    }

    fn leave(&self, room: u64, member: u64) {
        if let Some(room) = self.all().get_mut(&room) {
            room.members.retain(|(id, _)| *id != member);
        }
    }

    /// Gives each message its position, sends it to the others and acknowledges it.
    fn pass_on(&self, sayings: &[Saying]) {
        let mut rooms = self.all();
        for saying in sayings {
            let Some(room) = rooms.get_mut(&saying.room) else {
                continue;
            };
            room.position += 1;
            let said = frame(Kind::Say, room.position, &saying.text);
            for (id, outbox) in &room.members {
                let frame = if *id == saying.member {
                    frame(Kind::Accepted, saying.number, b"")
                } else {
                    said.clone()
                };
                let _ = outbox.send(frame);
            }
        }
    }

    fn typing(&self, room: u64, member: u64) {
        let typing = frame(Kind::Typing, 0, b"");
        if let Some(room) = self.all().get(&room) {
            for (id, outbox) in &room.members {
                if *id != member {
                    let _ = outbox.send(typing.clone());
                }
            }
        }
    }
}

/// Opens the file and starts the writer.
fn keep(file: &Path, rooms: Rooms) -> anyhow::Result<blocking::Sender<Saying>> {
    let mut connection = open(file)?;
    let (log, sayings) = blocking::channel::<Saying>();
    std::thread::Builder::new().spawn(move || {
        let mut group = Vec::new();
        while let Ok(first) = sayings.recv() {
            group.push(first);
            while group.len() < GROUP
                && let Ok(next) = sayings.try_recv()
            {
                group.push(next);
            }
            // A message that is not on the disk is not passed on, and the bench sees that it is missing.
            if commit(&mut connection, &group).is_ok() {
                rooms.pass_on(&group);
            }
            group.clear();
        }
    })?;
    Ok(log)
}

/// Opens a file with the settings of an embedded Carrel's log, and a table of its own.
///
/// # Errors
/// If it can't be used.
pub(super) fn open(file: &Path) -> anyhow::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(
        "CREATE TABLE said (room INTEGER NOT NULL, number INTEGER NOT NULL, text BLOB NOT NULL)",
    )?;
    Ok(connection)
}

fn commit(connection: &mut Connection, group: &[Saying]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare_cached("INSERT INTO said VALUES (?1, ?2, ?3)")?;
        for saying in group {
            insert.execute((
                saying.room.cast_signed(),
                saying.number.cast_signed(),
                saying.text.as_ref(),
            ))?;
        }
    }
    transaction.commit()
}

/// Returns buffers as small as the gateway's, so that the memory of a quiet socket can be compared.
fn buffers() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(16 * 1024)
}

#[expect(clippy::result_large_err, reason = "the library asks for it")]
fn choose_protocol(_: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    response
        .headers_mut()
        .insert("sec-websocket-protocol", HeaderValue::from_static("raw"));
    Ok(response)
}
