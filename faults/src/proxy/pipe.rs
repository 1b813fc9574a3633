//! One direction of one connection.

use std::{
    collections::VecDeque,
    io::{Error, ErrorKind, Result},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::Interest,
    net::TcpStream,
    select,
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{Flow, Weather};
use crate::seed::Dice;

/// How many bytes may be under way in the proxy before it reads no more, like the buffers of a real link.
const UNDER_WAY: usize = 256 * 1024;
/// The most bytes that are read at once.
const PIECE: usize = 16 * 1024;

/// One direction of one connection.
pub(super) struct Pipe {
    pub(super) up: bool,
    pub(super) from: Arc<TcpStream>,
    pub(super) to: Arc<TcpStream>,
    pub(super) weather: watch::Receiver<Weather>,
    pub(super) stalls: watch::Receiver<u64>,
    /// How many bytes the connection has carried so far, both ways.
    pub(super) spent: Arc<AtomicU64>,
    pub(super) dice: Dice,
}

/// A piece and when it is due. An empty piece is the end.
type Piece = (Instant, Vec<u8>);

impl Pipe {
    /// Passes bytes until the end. An error means that the connection must be reset.
    pub(super) async fn run(mut self) -> Result<()> {
        let mut queue: VecDeque<Piece> = VecDeque::new();
        let mut queued = 0;
        let mut ended = false;
        let mut last_due = Instant::now();
        loop {
            let stalled = self.stalled();
            let due = queue.front().map(|(due, _)| *due);
            select! {
                // Changes of the weather come first, so that they apply to what follows.
                biased;
                changed = self.weather.changed() => {
                    changed.map_err(|_| Error::from(ErrorKind::ConnectionReset))?;
                }
                // From now on this connection is deaf: only a reset ends it.
                _ = self.stalls.changed() => return std::future::pending().await,
                ready = self.from.ready(Interest::READABLE), if !stalled && !ended && queued < UNDER_WAY => {
                    ready?;
                    let Some(bytes) = self.read()? else { continue };
                    ended = bytes.is_empty();
                    queued += bytes.len();
                    last_due = last_due.max(Instant::now() + self.delay());
                    queue.push_back((last_due, bytes));
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if !stalled && due.is_some() => {
                    let Some((_, bytes)) = queue.pop_front() else { continue };
                    if bytes.is_empty() {
                        return self.shut();
                    }
                    queued -= bytes.len();
                    self.write(&bytes).await?;
                }
            }
        }
    }

    fn stalled(&self) -> bool {
        let weather = self.weather.borrow();
        let flow = if self.up { weather.up } else { weather.down };
        flow == Flow::Stalled
    }

    fn delay(&mut self) -> Duration {
        let (latency, jitter) = {
            let weather = self.weather.borrow();
            (weather.latency, weather.jitter)
        };
        latency + jitter.mul_f64(self.dice.fraction())
    }

    /// Reads what there is. Returns `None` if there is nothing after all, and an empty piece at the end.
    fn read(&self) -> Result<Option<Vec<u8>>> {
        let mut bytes = vec![0; PIECE];
        match self.from.try_read(&mut bytes) {
            Ok(length) => {
                bytes.truncate(length);
                Ok(Some(bytes))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn write(&self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let (slice, rate, cut_after) = {
                let weather = self.weather.borrow();
                (weather.slice, weather.bytes_per_second, weather.cut_after)
            };
            let mut length = bytes.len().min(slice.max(1));
            let spent = self.spent.load(Ordering::Relaxed);
            if let Some(limit) = cut_after {
                length = length.min(usize::try_from(limit.saturating_sub(spent)).unwrap_or(length));
                if length == 0 {
                    return Err(ErrorKind::ConnectionReset.into());
                }
            }
            self.to.ready(Interest::WRITABLE).await?;
            let written = match self.to.try_write(&bytes[..length]) {
                Ok(written) => written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            };
            self.spent.fetch_add(written as u64, Ordering::Relaxed);
            bytes = &bytes[written..];
            if let Some(rate) = rate {
                let pause = Duration::from_secs_f64(written as f64 / rate.max(1) as f64);
                tokio::time::sleep(pause).await;
            } else if slice < bytes.len() {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// Passes the end on: closes this direction, while the other goes on.
    fn shut(&self) -> Result<()> {
        use std::os::fd::AsFd as _;
        let copy = self.to.as_fd().try_clone_to_owned()?;
        std::net::TcpStream::from(copy).shutdown(std::net::Shutdown::Write)
    }
}
