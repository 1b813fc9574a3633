//! The desk with Redis, and the same desk after Redis was killed.

use anyhow::Context;

use super::{Size, add, desk::Desk, rest};
use crate::{figures::Figures, server::Server};

pub(super) async fn play(server: &mut Server, size: Size) -> anyhow::Result<Figures> {
    let mut figures = Figures::new();
    // One crowd each: a ledger has one window only.
    let desk = Desk::of(size);
    let crowd = desk.gather(server).await?;
    add(&mut figures, "with Redis", desk.talk(&crowd).await?);
    drop(crowd);
    let crowd = desk.gather(server).await?;
    server
        .redis
        .as_mut()
        .context("only the distributed form has a Redis")?
        .kill();
    rest(size).await;
    add(&mut figures, "without Redis", desk.talk(&crowd).await?);
    Ok(figures)
}
