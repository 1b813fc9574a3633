//! Thousands of sockets that lose their gateways at the same moment (F5): all must come back, each must catch up, and
//! nobody else may suffer.

mod member;
mod memory;
mod report;
mod tally;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use carrel_proto::session::v1::{PostMessageRequest, session_service_client::SessionServiceClient};
use futures::{StreamExt, TryStreamExt, future, stream};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};
use tonic::{
    Request,
    transport::{Channel, Endpoint},
};

use self::{
    member::{Member, Patron},
    memory::Memory,
    tally::{Counts, Tally},
};
use crate::{
    cluster::{Cluster, LIBRARIES, Plan, Route, Service},
    open_files,
    people::http,
    proxy::Proxy,
    report::tell,
    seed::Dice,
};

pub use report::{Report, Writes};

/// How many sockets each patron has. What has been read from the log for one need not be read again for the others.
const PER_PATRON: usize = 5;
/// How many sockets connect at once in the beginning.
const DOOR: usize = 64;
/// How many messages are written concurrently while the swarm is away.
const PENS: usize = 16;
/// How long all may take to connect.
const COME_WITHIN: Duration = Duration::from_secs(300);
/// How long to wait for sockets that do not come back.
const PATIENCE: Duration = Duration::from_secs(90);
/// Files that the programs need besides the sockets.
const SPARE_FILES: u64 = 1_024;

/// The settings of a swarm.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many sockets.
    pub sockets: usize,
    /// The seed of all random decisions.
    pub seed: u64,
    /// The cluster to run against.
    pub plan: Plan,
    /// The command line, for the report.
    pub command: String,
}

/// Connects a swarm, restarts all gateways at once, and reports the result.
///
/// # Errors
/// If the harness itself fails. What is wrong with Carrel is in the report.
pub async fn run(settings: Settings) -> anyhow::Result<Report> {
    // Enough for any one program: this one, or a gateway that all sockets come back to.
    open_files::allow(settings.sockets as u64 + SPARE_FILES)?;
    let dice = Dice::new(settings.seed);
    let mut cluster = Cluster::start(&settings.plan, &mut dice.apart("cluster")).await?;
    // Without the proxies, which would only take memory.
    let gateways: Vec<_> = cluster.proxies(Route::Client).map(Proxy::target).collect();
    let patrons = admit(&gateways, settings.sockets.div_ceil(PER_PATRON)).await?;
    let tally = Arc::new(Tally::default());
    let door = Arc::new(Semaphore::new(DOOR));
    let mut swarm = JoinSet::new();
    for number in 0..settings.sockets {
        let patron = &patrons[number / PER_PATRON];
        let member = Member {
            patron: Arc::clone(patron),
            gateways: gateways.clone(),
            dice: dice.apart(&format!("member {number}")),
            tally: Arc::clone(&tally),
            door: Arc::clone(&door),
            position: None,
        };
        swarm.spawn(member.stay());
    }
    let all_there = |counts: &Counts| counts.there == settings.sockets;
    let counts = tally.wait_for(all_there, COME_WITHIN).await;
    ensure!(
        all_there(&counts),
        "of {} sockets only {} came in within {COME_WITHIN:?}; see {}",
        settings.sockets,
        counts.there,
        cluster.folder().display()
    );
    let before = Memory::of(&cluster)?;
    tell(&format!("{} sockets are there", counts.there));

    let writing = tokio::spawn(write(cluster.sessions.clone(), patrons));
    restart_gateways(&mut cluster).await?;
    let writes = writing.await??;
    let all_back = |counts: &Counts| {
        counts.returned.len() >= settings.sockets
            && counts.caught_up == settings.sockets
            && all_there(counts)
    };
    let counts = tally.wait_for(all_back, PATIENCE).await;
    let after = Memory::of(&cluster)?;
    swarm.shutdown().await;
    cluster.stop().await?;
    Ok(Report::new(settings, counts, writes, before, after))
}

/// Lets patrons in, who have not asked yet.
async fn admit(gateways: &[SocketAddr], count: usize) -> anyhow::Result<Vec<Arc<Patron>>> {
    let gateway = *gateways.first().context("no gateway")?;
    stream::iter(0..count)
        .map(|number| async move {
            let library = LIBRARIES[number % LIBRARIES.len()];
            let admitted = http::admit(gateway, library).await?;
            anyhow::Ok(Arc::new(Patron {
                token: admitted.token.unwrap_or_default().access_token,
                session: admitted.session_id,
                news: format!("news {number}"),
            }))
        })
        .buffer_unordered(DOOR)
        .try_collect()
        .await
}

/// Stops all gateways at once, in order, and starts them again.
async fn restart_gateways(cluster: &mut Cluster) -> anyhow::Result<()> {
    let gateways = cluster.instances.iter_mut();
    let gateways = gateways.filter(|instance| instance.service == Service::Gateway);
    let restarts = gateways.map(async |gateway| {
        gateway.process.stop().await?;
        gateway.process.start().await?;
        gateway.ready().await
    });
    future::try_join_all(restarts).await?;
    Ok(())
}

/// Writes to every patron, bypassing the gateways, while the swarm is away and comes back.
async fn write(sessions: Vec<SocketAddr>, patrons: Vec<Arc<Patron>>) -> anyhow::Result<Writes> {
    let mut clients = Vec::new();
    for address in sessions {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
        clients.push(SessionServiceClient::new(endpoint.connect().await?));
    }
    let outcomes: Vec<Result<Duration, String>> = stream::iter(patrons.into_iter().enumerate())
        .map(|(number, patron)| post(clients[number % clients.len()].clone(), patron))
        .buffer_unordered(PENS)
        .collect()
        .await;
    Ok(Writes::of(outcomes))
}

async fn post(
    mut client: SessionServiceClient<Channel>,
    patron: Arc<Patron>,
) -> Result<Duration, String> {
    let mut request = Request::new(PostMessageRequest {
        command_id: "news".to_owned(),
        session_id: patron.session.clone(),
        text: patron.news.clone(),
    });
    let bearer = format!("Bearer {}", patron.token).parse();
    let bearer = bearer.map_err(|_| "no header can hold the token".to_owned())?;
    request.metadata_mut().insert("authorization", bearer);
    let began = Instant::now();
    let answer = client.post_message(request).await;
    answer.map_err(|status| format!("{:?}: {}", status.code(), status.message()))?;
    Ok(began.elapsed())
}
