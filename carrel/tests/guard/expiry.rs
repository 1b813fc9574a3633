//! What happens to a browser's socket when its token expires (F29).

use std::time::Duration;

use carrel_proto::gateway::v1::{RenewToken, client_frame::Frame as Asked, server_frame::Frame};

use crate::{
    access::command_id,
    bad_frames::{PROTO, Wire, act, message, try_to_attend},
    case::Case,
    fixture::Fixture,
    table::Stage,
};

/// F29: a socket whose token is not renewed is closed; one whose token is renewed goes on.
#[tokio::test]
async fn a_socket_ends_with_its_token() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    // If the token expires before the sockets are ready, this tries again with a longer lifetime.
    let mut lasts = Duration::from_secs(2);
    let (mut ends, mut goes_on) = loop {
        let short = fixture.token_for(&case.patron, lasts);
        match one_that_renews(&fixture, &short, &case).await {
            Ok(both) => break both,
            Err(code) => assert_eq!(code, 4401),
        }
        lasts *= 2;
        assert!(lasts < Duration::from_secs(60), "never done in time");
    };
    assert_eq!(ends.closed().await, 4401);
    // The other socket began with the same token, which has expired too.
    goes_on
        .ask(act(
            &case.session_id,
            &command_id(),
            Some(message("Still here")),
        ))
        .await;
    goes_on
        .wait_for(|frame| matches!(frame, Frame::Accepted(_)).then_some(()))
        .await;
    fixture.close().await;
}

/// Opens two sockets with the same token that attend a session, and renews the token of the second. Fails with the
/// close code if either was closed before that.
async fn one_that_renews(fixture: &Fixture, token: &str, case: &Case) -> Result<(Wire, Wire), u16> {
    let mut ends = Wire::try_welcomed(fixture, PROTO, token).await?;
    try_to_attend(&mut ends, case).await?;
    let mut goes_on = Wire::try_welcomed(fixture, PROTO, token).await?;
    try_to_attend(&mut goes_on, case).await?;
    goes_on.ask(Asked::RenewToken(RenewToken {})).await;
    goes_on
        .try_wait_for(|frame| matches!(frame, Frame::Renewed(_)).then_some(()))
        .await?;
    Ok((ends, goes_on))
}
