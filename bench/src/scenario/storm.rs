//! All watchers come back at once.

use std::time::Duration;

use tokio::time::sleep;

use super::{Size, complain, rest};
use crate::{
    cost,
    figures::Figures,
    member::Order,
    moment::Moment,
    room::{Crowd, Seated, Shape},
    server::Server,
};

/// How long it may take until all are back.
const WITHIN: Duration = Duration::from_secs(60);
/// How many messages of each speaker are unacknowledged at once while the watchers are away.
const WINDOW: usize = 8;

pub(super) async fn play(server: &Server, size: Size) -> anyhow::Result<Figures> {
    let shape = Shape {
        rooms: size.pick(100, 100, 2),
        watchers: size.pick(20, 20, 4),
    };
    let crowd = Crowd::gather(server, shape).await?;
    rest(size).await;
    let mut figures = Figures::new();
    // First in silence: all watchers are cut off, and those who talk stay.
    storm(&crowd, size, "back", 0, &mut figures).await?;
    // The limits keep nothing, so there is nothing to catch up on.
    if !server.is_limit() {
        let missed = size.pick(500, 500, 20);
        storm(
            &crowd,
            size,
            &format!("back, {missed} missed"),
            missed,
            &mut figures,
        )
        .await?;
    }
    crowd.settle().await;
    for words in crowd.ledger.words() {
        complain(&words);
    }
    let mut checked = crowd.ledger.figures();
    if server.is_limit() {
        // The watchers who were away have missed what was said.
        checked.remove("lost");
    }
    checked.retain(|name, _| crate::figures::MUST_BE_ZERO.contains(&name.as_str()));
    figures.extend(checked);
    Ok(figures)
}

async fn storm(
    crowd: &Crowd,
    size: Size,
    name: &str,
    missed: u32,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let cut: Vec<&Seated> = crowd.watchers().collect();
    Crowd::tell(cut.iter().copied(), Order::Cut);
    sleep(size.seconds(2, 1, 200)).await;
    let each = missed / 2;
    let talkers = crowd.talkers().count() as u64;
    let all = crowd.ledger.count_sent() + u64::from(each) * talkers;
    let order = Order::Flood {
        window: WINDOW,
        limit: each,
    };
    Crowd::tell(crowd.talkers(), order);
    crowd
        .wait_for(WITHIN, |ledger| {
            ledger.count_sent() >= all && ledger.is_acknowledged()
        })
        .await;
    rest(size).await;
    let (before, back) = (cost::of_servers()?, crowd.ledger.count_back());
    let began = Moment::now();
    Crowd::tell(cut.iter().copied(), Order::Return(began));
    let all = back + cut.len() as u64;
    let done = crowd
        .wait_for(WITHIN, |ledger| ledger.count_back() >= all)
        .await;
    let took = Moment::now().since(began);
    let cpu = cost::of_servers()?.cpu - before.cpu;
    figures.insert(format!("{name}: all after s"), took.as_secs_f64());
    figures.insert(
        format!("{name}: server CPU ms each"),
        cpu.as_secs_f64() * 1e3 / cut.len() as f64,
    );
    if !done {
        crowd
            .ledger
            .failed(format!("not all were {name} within {WITHIN:?}"));
    }
    Ok(())
}
