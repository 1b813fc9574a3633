//! The desk with Redis, and the same desk after Redis was killed.

use anyhow::Context;

use super::{Size, desk, rest};
use crate::{figures::Figures, server::Server};

pub(super) async fn play(server: &mut Server, size: Size) -> anyhow::Result<Figures> {
    let mut figures = Figures::new();
    // One crowd each: a ledger knows of one window only.
    let crowd = desk::gather(server, size).await?;
    keep(&mut figures, "with", desk::talk(&crowd, size).await?);
    drop(crowd);
    let crowd = desk::gather(server, size).await?;
    server
        .redis
        .as_mut()
        .context("only the distributed form has a Redis")?
        .kill();
    rest(size).await;
    keep(&mut figures, "without", desk::talk(&crowd, size).await?);
    Ok(figures)
}

/// Adds figures under names that say whether Redis was there; what must be zero, under its own.
fn keep(figures: &mut Figures, redis: &str, of: Figures) {
    for (name, value) in of {
        if crate::figures::MUST_BE_ZERO.contains(&name.as_str()) {
            *figures.entry(name).or_default() += value;
        } else {
            figures.insert(format!("{redis} Redis: {name}"), value);
        }
    }
}
