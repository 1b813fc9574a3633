//! Carrel's wire types: what travels over gRPC and over a browser's socket. No logic.
//!
//! The modules mirror the packages of the `.proto` files beside this crate, which are the reference manual: every
//! service, message and field is documented there, and rustdoc shows the same text. Every message also reads and
//! writes proto3 JSON through serde.
#![allow(missing_docs, clippy::all, clippy::pedantic)]

pub mod codec;
pub mod encoded;

/// How Carrel says no where a gRPC status would end more than the one act.
pub mod refusal {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("carrel.refusal.v1");
        include!(concat!(env!("OUT_DIR"), "/carrel.refusal.v1.serde.rs"));
    }
}

/// Patrons' sessions.
pub mod session {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("carrel.session.v1");
        include!(concat!(env!("OUT_DIR"), "/carrel.session.v1.serde.rs"));
    }
}

/// Institutions, queues, librarians, log-in and tokens.
pub mod directory {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("carrel.directory.v1");
        include!(concat!(env!("OUT_DIR"), "/carrel.directory.v1.serde.rs"));
    }
}

/// Who is here: librarians at their monitors, and how each queue stands.
pub mod presence {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("carrel.presence.v1");
        include!(concat!(env!("OUT_DIR"), "/carrel.presence.v1.serde.rs"));
    }
}

/// Conversations between librarians.
pub mod im {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("carrel.im.v1");
        include!(concat!(env!("OUT_DIR"), "/carrel.im.v1.serde.rs"));
    }
}

/// What travels on a browser's websocket.
pub mod gateway {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("carrel.gateway.v1");
        include!(concat!(env!("OUT_DIR"), "/carrel.gateway.v1.serde.rs"));
    }
}

/// The encoded `google.protobuf.FileDescriptorSet` of all packages, for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.binpb"));

/// Shows a message that holds a secret without what it holds, so that no log line and no failing test can.
macro_rules! hide {
    ($($message:path),+ $(,)?) => {
        $(impl std::fmt::Debug for $message {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($message), " { (hidden) }"))
            }
        })+
    };
}

hide!(
    directory::v1::Token,
    directory::v1::LogInRequest,
    directory::v1::RenewTokenRequest,
    session::v1::Renew,
    presence::v1::RenewPresence,
    gateway::v1::Hello,
);

#[cfg(test)]
mod tests {
    #[test]
    fn secrets_do_not_show() {
        let token = crate::directory::v1::Token {
            access_token: "s3cret".into(),
            ..Default::default()
        };
        let answer = crate::directory::v1::LogInResponse {
            token: Some(token),
            profile: None,
        };
        let shown = format!("{answer:?}");
        assert!(
            shown.contains("(hidden)") && !shown.contains("s3cret"),
            "{shown}"
        );
    }
}
