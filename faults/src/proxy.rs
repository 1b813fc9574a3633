//! A TCP proxy that can do to a link whatever networks do: delay, slice, stall, reset, cut, pass one way only.
//!
//! It is put between two processes and is told by its handle what to do. All chance in it comes from a seed.

mod pipe;
mod weather;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::watch,
    task::AbortHandle,
};

pub use weather::{Flow, Weather};

use crate::seed::Dice;
use pipe::Pipe;

/// A running proxy. Dropping it closes it and all its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

/// What the proxy's tasks follow.
#[derive(Debug)]
struct Shared {
    target: watch::Sender<SocketAddr>,
    weather: watch::Sender<Weather>,
    /// Raised to reset every connection that there is.
    resets: watch::Sender<u64>,
    /// Raised to turn every connection that there is half-open; it stays so until it is reset.
    stalls: watch::Sender<u64>,
    open: AtomicU64,
    carried: AtomicU64,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1 and connects each connection with `target`, in fine weather.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(target: SocketAddr, dice: Dice) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target: watch::Sender::new(target),
            weather: watch::Sender::new(Weather::default()),
            resets: watch::Sender::new(0),
            stalls: watch::Sender::new(0),
            open: AtomicU64::new(0),
            carried: AtomicU64::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared), dice)).abort_handle();
        Ok(Self {
            address,
            shared,
            accepting,
        })
    }

    /// Where to connect to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it connects to.
    #[must_use]
    pub fn target(&self) -> SocketAddr {
        *self.shared.target.borrow()
    }

    /// Changes the weather, for the connections that there are as well.
    pub fn set(&self, weather: Weather) {
        self.shared.weather.send_replace(weather);
    }

    /// Connects new connections with another target from now on.
    pub fn aim(&self, target: SocketAddr) {
        self.shared.target.send_replace(target);
    }

    /// Fine weather from now on.
    pub fn clear(&self) {
        self.set(Weather::default());
    }

    /// Resets every connection that there is.
    pub fn reset(&self) {
        self.shared.resets.send_modify(|count| *count += 1);
    }

    /// Turns every connection that there is half-open: neither side hears anything more, nor that the other has gone,
    /// until [`Proxy::reset`]. New ones pass.
    pub fn stall_existing(&self) {
        self.shared.stalls.send_modify(|count| *count += 1);
    }

    /// How many connections are open.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// How many bytes were carried, both ways.
    #[must_use]
    pub fn carried(&self) -> u64 {
        self.shared.carried.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.reset();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut dice: Dice) {
    loop {
        // A failed accept concerns one connection, or passes when some are closed.
        let Ok((near, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let dice = Dice::new(dice.number());
        tokio::spawn(carry(near, Arc::clone(&shared), dice));
    }
}

/// Carries one connection to its end.
async fn carry(near: TcpStream, shared: Arc<Shared>, mut dice: Dice) {
    let mut resets = shared.resets.subscribe();
    if shared.weather.borrow().refuse {
        reset(&near);
        return;
    }
    let target = *shared.target.borrow();
    let far = select! {
        far = TcpStream::connect(target) => far,
        _ = resets.changed() => return reset(&near),
    };
    let Ok(far) = far else {
        return reset(&near);
    };
    // What is small is to arrive at once, so that delays are those that were asked for.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    shared.open.fetch_add(1, Ordering::Relaxed);
    let stalls = shared.stalls.subscribe();
    let (near, far) = (Arc::new(near), Arc::new(far));
    let spent = Arc::new(AtomicU64::new(0));
    let pipe = |up: bool, from: &Arc<TcpStream>, to: &Arc<TcpStream>, dice: Dice| Pipe {
        up,
        from: Arc::clone(from),
        to: Arc::clone(to),
        weather: shared.weather.subscribe(),
        stalls: stalls.clone(),
        spent: Arc::clone(&spent),
        dice,
    };
    let up = pipe(true, &near, &far, Dice::new(dice.number()));
    let down = pipe(false, &far, &near, Dice::new(dice.number()));
    let carried = async { tokio::try_join!(up.run(), down.run()) };
    let in_order = select! {
        ended = carried => ended.is_ok(),
        _ = resets.changed() => false,
    };
    if !in_order {
        reset(&near);
        reset(&far);
    }
    shared.open.fetch_sub(1, Ordering::Relaxed);
    shared
        .carried
        .fetch_add(spent.load(Ordering::Relaxed), Ordering::Relaxed);
}

/// Makes the end of the connection a reset rather than an orderly close.
fn reset(stream: &TcpStream) {
    // On a connection that is gone already there is nothing to reset.
    let _ = stream.set_zero_linger();
}
