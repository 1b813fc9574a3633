//! The channels by which the parts of one process call each other: real gRPC, without a socket.

use carrel_platform::pipe::{PipeIncoming, pipe};
use futures::stream::{self, SelectAll};
use tonic::transport::Channel;

/// The servers' end of all channels.
pub(super) type Incoming = SelectAll<PipeIncoming>;

/// The clients' end of all channels. Each is a connection of its own, so that none waits behind another's load.
pub(super) struct Outgoing {
    /// From the gateway to session-svc.
    pub(super) session: Channel,
    /// From the gateway to presence-svc.
    pub(super) presence: Channel,
    /// From the gateway to im-svc.
    pub(super) im: Channel,
    /// From presence-svc to session-svc, which tells it how much there is to do.
    pub(super) load: Channel,
    /// From im-svc to presence-svc, which it asks on behalf of its callers who their colleagues are.
    pub(super) colleagues: Channel,
}

/// Lays all channels. What is called on one waits until the other end is served.
pub(super) fn lay() -> (Outgoing, Incoming) {
    let (session, to_session) = pipe();
    let (presence, to_presence) = pipe();
    let (im, to_im) = pipe();
    let (load, to_load) = pipe();
    let (colleagues, to_colleagues) = pipe();
    let outgoing = Outgoing {
        session,
        presence,
        im,
        load,
        colleagues,
    };
    let incoming = [to_session, to_presence, to_im, to_load, to_colleagues];
    (outgoing, stream::select_all(incoming))
}
