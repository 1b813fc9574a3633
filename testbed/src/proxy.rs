//! A network between a client and a server that loses what it is told to lose.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// What a server sends and a client does not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// All of it: the connection is half open.
    Everything,
    /// What Redis sends unasked (RESP3 pushes), as if it had forgotten the subscriptions.
    Pushes,
}

/// A port of 127.0.0.1 behind which is another one. Its connections are closed when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    connections: Arc<Mutex<Vec<Connection>>>,
    closed: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Connection {
    lost: Arc<Mutex<Option<Lost>>>,
    ends: [TcpStream; 2],
}

impl Proxy {
    /// Starts passing on to `server` what comes.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start(server: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let proxy = Self {
            port: listener.local_addr()?.port(),
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
                // A server that is away looks like one that closes at once.
                if let Ok(connection) = pass_on(client, server) {
                    let mut all = connections.lock().unwrap_or_else(PoisonError::into_inner);
                    all.push(connection);
                }
            }
        });
        Ok(proxy)
    }

    /// The address as a setting of Redis has it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Loses this on all connections that there are now. Later ones lose nothing.
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
        // Wakes the one who accepts.
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

fn pass_on(client: TcpStream, server: u16) -> std::io::Result<Connection> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let lost = Arc::new(Mutex::new(None));
    let ends = [client.try_clone()?, server.try_clone()?];
    let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || copy(from_client, to_server, |_| false));
    let losing = Arc::clone(&lost);
    thread::spawn(move || {
        copy(server, client, |bytes| {
            match *losing.lock().unwrap_or_else(PoisonError::into_inner) {
                None => false,
                Some(Lost::Everything) => true,
                Some(Lost::Pushes) => bytes.first() == Some(&b'>'),
            }
        });
    });
    Ok(Connection { lost, ends })
}

/// Passes on what comes, as it comes, without what is lost.
fn copy(mut from: TcpStream, mut to: TcpStream, is_lost: impl Fn(&[u8]) -> bool) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        if !is_lost(bytes) && to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
