//! A proxy between a client and a server that loses data on demand.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
    thread,
};

/// What is lost of the data that a server sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Everything: the connection is half open.
    Everything,
    /// What Redis sends unasked (RESP3 pushes), as if it had forgotten the subscriptions. Answers to commands arrive.
    Pushes,
}

/// A port of 127.0.0.1 that forwards to another one. Its connections are closed when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    server: Arc<AtomicU16>,
    connections: Arc<Mutex<Vec<Connection>>>,
    closed: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Connection {
    lost: Arc<Mutex<Option<Lost>>>,
    ends: [TcpStream; 2],
}

impl Proxy {
    /// Starts to forward connections to the port `server`.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start(server: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let server = Arc::new(AtomicU16::new(server));
        let proxy = Self {
            port: listener.local_addr()?.port(),
            server: Arc::clone(&server),
            connections: Arc::default(),
            closed: Arc::default(),
        };
        let connections = Arc::clone(&proxy.connections);
        let closed = Arc::clone(&proxy.closed);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if closed.load(Ordering::SeqCst) {
                    return;
                }
                // If the server can't be reached, the client sees a connection that is closed at once.
                let _ = pass_on(client, server.load(Ordering::SeqCst), &connections);
            }
        });
        Ok(proxy)
    }

    /// Returns the address in the form of a Redis setting.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Forwards new connections to another server, as if a name now resolved to it. Existing ones stay where they are.
    pub fn turn_to(&self, server: u16) {
        self.server.store(server, Ordering::SeqCst);
    }

    /// Loses this on all existing connections. Later connections lose nothing.
    pub fn lose(&self, lost: Lost) {
        let all = self
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for connection in all.iter() {
            *connection
                .lost
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(lost);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts connections.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        let all = self
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for end in all.iter().flat_map(|connection| &connection.ends) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

fn pass_on(
    client: TcpStream,
    server: u16,
    connections: &Mutex<Vec<Connection>>,
) -> std::io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let lost = Arc::new(Mutex::new(None));
    let ends = [client.try_clone()?, server.try_clone()?];
    let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
    let losing = Arc::clone(&lost);
    // Registered before anything is forwarded: once a client has heard from the server through this connection, `lose`
    // reaches it.
    let mut all = connections.lock().unwrap_or_else(PoisonError::into_inner);
    all.push(Connection { lost, ends });
    drop(all);
    thread::spawn(move || copy(from_client, to_server, std::mem::take));
    thread::spawn(move || {
        copy(server, client, |bytes| {
            match *losing.lock().unwrap_or_else(PoisonError::into_inner) {
                None => std::mem::take(bytes),
                Some(Lost::Everything) => Vec::new(),
                Some(Lost::Pushes) => without_pushes(bytes),
            }
        });
    });
    Ok(())
}

/// Forwards what `pass` takes out of the bytes received so far.
fn copy(mut from: TcpStream, mut to: TcpStream, pass: impl Fn(&mut Vec<u8>) -> Vec<u8>) {
    let mut buffer = vec![0; 64 * 1024];
    let mut come = Vec::new();
    while let Ok(length) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        come.extend_from_slice(bytes);
        if to.write_all(&pass(&mut come)).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// Takes out all complete answers, and returns those that are not pushes.
fn without_pushes(come: &mut Vec<u8>) -> Vec<u8> {
    let mut kept = Vec::new();
    while let Some(length) = answer_length(come) {
        let answer: Vec<u8> = come.drain(..length).collect();
        if answer.first() != Some(&b'>') {
            kept.extend(answer);
        }
    }
    kept
}

/// Returns the length of the first answer, in the part of RESP3 that subscriptions and their tests use. `None` if the
/// answer is not complete yet.
fn answer_length(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|end| end == b"\r\n")?;
    let head = std::str::from_utf8(bytes.get(1..line)?).ok()?;
    let mut length = line + 2;
    match bytes.first()? {
        b'>' | b'*' => {
            for _ in 0..head.parse::<usize>().ok()? {
                length += answer_length(bytes.get(length..)?)?;
            }
        }
        b'$' => length += head.parse::<usize>().ok()? + 2,
        _ => {}
    }
    (length <= bytes.len()).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushes_are_taken_out_as_a_whole() {
        let mut come = b">2\r\n$3\r\na\r\n\r\n:1\r\n+PONG\r\n>1\r\n$9\r\nhal".to_vec();
        assert_eq!(without_pushes(&mut come), b"+PONG\r\n");
        come.extend(b"f past\r\n:7\r\n");
        assert_eq!(without_pushes(&mut come), b":7\r\n");
        assert!(come.is_empty());
    }
}
