//! Sockets at rest.

use tokio::time::sleep;

use super::{Size, complain, rest};
use crate::{
    cost,
    figures::Figures,
    room::{Crowd, Shape},
    server::Server,
};

pub(super) async fn play(server: &Server, size: Size) -> anyhow::Result<Figures> {
    let mut figures = Figures::new();
    // A crowd that comes and leaves, so that everything that is made on first use exists.
    let first = Shape {
        rooms: 2,
        watchers: 1,
    };
    drop(Crowd::gather(server, first).await?);
    rest(size).await;
    let nobody = cost::of_servers()?;
    figures.insert("MiB with nobody".to_owned(), mib(nobody.memory as f64));
    let counts: &[usize] = size.pick(&[1_000, 5_000, 10_000], &[1_000, 5_000], &[30]);
    let mut crowds = Vec::new();
    let mut sockets = 0;
    for count in counts {
        let shape = Shape {
            rooms: (count - sockets) / 3,
            watchers: 1,
        };
        sockets += shape.rooms * 3;
        crowds.push(Crowd::gather(server, shape).await?);
        rest(size).await;
        let before = cost::of_servers()?;
        let time = size.seconds(15, 6, 300);
        sleep(time).await;
        let after = cost::of_servers()?;
        let cpu = (after.cpu - before.cpu).as_secs_f64() / time.as_secs_f64();
        figures.insert(format!("core % at {count}"), 100.0 * cpu);
        let memory = after.memory.saturating_sub(nobody.memory) as f64;
        figures.insert(
            format!("KiB per socket at {count}"),
            memory / 1024.0 / sockets as f64,
        );
    }
    let mut failures = 0.0;
    for crowd in &crowds {
        let of = crowd.ledger.figures();
        failures += of.get("refused").copied().unwrap_or_default();
        crowd
            .ledger
            .words()
            .iter()
            .for_each(|words| complain(words));
    }
    figures.insert("refused".to_owned(), failures);
    Ok(figures)
}

fn mib(bytes: f64) -> f64 {
    bytes / 1024.0 / 1024.0
}
