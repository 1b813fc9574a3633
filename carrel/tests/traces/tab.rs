//! A browser's tab: a socket that names a trace for each act of its user, and keeps everything that it received.

use std::net::SocketAddr;

use bytes::Bytes;
use carrel_faults::people::socket::Socket;
use carrel_proto::gateway::v1::{
    Accepted, Act, Refused, act, client_frame::Frame as Request, server_frame::Frame,
};

/// A trace that a browser names for something that it does, told apart by a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BrowserTrace(pub(crate) u8);

impl BrowserTrace {
    /// The beginning of the trace's id, which no random id has.
    const MARK: &str = "c11cc11cc11cc11cc11cc11cc11c00";

    fn traceparent(self) -> String {
        // An unknown parent span, with the flag that asks to keep the trace.
        format!("00-{}{:02x}-00f067aa0ba902b7-01", Self::MARK, self.0)
    }

    /// Returns the trace's id.
    pub(crate) fn trace_id(self) -> Vec<u8> {
        let hexadecimal = format!("{}{:02x}", Self::MARK, self.0);
        (0..hexadecimal.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hexadecimal[at..at + 2], 16).unwrap())
            .collect()
    }
}

/// A tab whose Hello was answered with Welcome.
pub(crate) struct Tab {
    socket: Socket,
    /// All frames received, as their bytes.
    pub(crate) received: Vec<Bytes>,
    commands: u32,
    name: &'static str,
}

impl Tab {
    pub(crate) async fn open(name: &'static str, gateway: SocketAddr, token: &str) -> Self {
        let (socket, _) = Socket::open(gateway, token).await.unwrap();
        Self {
            socket,
            received: Vec::new(),
            commands: 0,
            name,
        }
    }

    pub(crate) async fn send(&mut self, trace: BrowserTrace, frame: Request) {
        self.socket
            .send_traced(frame, &trace.traceparent())
            .await
            .unwrap();
    }

    /// Waits for a frame for which `wanted` returns something, and returns that.
    pub(crate) async fn wait_for<T>(&mut self, wanted: impl Fn(&Frame) -> Option<T>) -> T {
        loop {
            let (frame, bytes) = self.socket.receive().await.unwrap();
            self.received.push(bytes);
            if let Some(found) = wanted(&frame) {
                return found;
            }
        }
    }

    /// Sends an act, and waits until it is accepted or refused.
    pub(crate) async fn try_act(
        &mut self,
        trace: BrowserTrace,
        session_id: &str,
        act: act::Act,
    ) -> Result<Accepted, Refused> {
        self.commands += 1;
        let command_id = format!("{}-{}", self.name, self.commands);
        let act = Act {
            command_id: command_id.clone(),
            session_id: session_id.to_owned(),
            act: Some(act),
        };
        self.send(trace, Request::Act(act)).await;
        self.wait_for(|frame| match frame {
            Frame::Accepted(accepted) if accepted.command_id == command_id => {
                Some(Ok(accepted.clone()))
            }
            Frame::Refused(refused) if refused.command_id == command_id => {
                Some(Err(refused.clone()))
            }
            _ => None,
        })
        .await
    }

    /// Sends an act that must be accepted.
    pub(crate) async fn act(
        &mut self,
        trace: BrowserTrace,
        session_id: &str,
        act: act::Act,
    ) -> Accepted {
        self.try_act(trace, session_id, act).await.unwrap()
    }
}
