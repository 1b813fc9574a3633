//! A TCP proxy that makes a link misbehave as networks do: it delays, slices, stalls, resets, cuts, or passes one way
//! only.
//!
//! It sits between two processes and is controlled by its handle. All randomness in it comes from a seed.

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

/// The state that the proxy's tasks follow.
#[derive(Debug)]
struct Shared {
    target: watch::Sender<SocketAddr>,
    weather: watch::Sender<Weather>,
    /// Incremented to reset every existing connection.
    resets: watch::Sender<u64>,
    /// Incremented to make every existing connection half-open. It stays so until it is reset.
    stalls: watch::Sender<u64>,
    open: AtomicU64,
    carried: AtomicU64,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1 and forwards each connection to `target`, in fine weather.
    ///
    /// # Errors
    /// If no port is free.
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

    /// Returns the address to connect to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address that it forwards to.
    #[must_use]
    pub fn target(&self) -> SocketAddr {
        *self.shared.target.borrow()
    }

    /// Changes the weather, for existing connections as well.
    pub fn set(&self, weather: Weather) {
        self.shared.weather.send_replace(weather);
    }

    /// Forwards new connections to another target from now on.
    pub fn aim(&self, target: SocketAddr) {
        self.shared.target.send_replace(target);
    }

    /// Sets fine weather.
    pub fn clear(&self) {
        self.set(Weather::default());
    }

    /// Resets every existing connection.
    pub fn reset(&self) {
        self.shared.resets.send_modify(|count| *count += 1);
    }

    /// Makes every existing connection half-open: until [`Proxy::reset`], neither side hears anything more, nor that
    /// the other has gone. New connections are not affected.
    pub fn stall_existing(&self) {
        self.shared.stalls.send_modify(|count| *count += 1);
    }

    /// Returns how many connections are open.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// Returns how many bytes were carried, both ways, by connections that have ended.
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
        // A failed accept concerns only one connection, or succeeds again once some are closed.
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
    // Small pieces must arrive at once, so that delays are only those that were asked for.
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

/// Makes the connection end with a reset rather than an orderly close.
fn reset(stream: &TcpStream) {
    // A connection that is already gone need not be reset.
    let _ = stream.set_zero_linger();
}
