//! Two of each service, on a PostgreSQL and a Redis of their own, with a proxy on every link that faults are injected
//! into.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context;
use carrel_testbed::{postgres::Postgres, redis::Redis};
use tempfile::TempDir;
use tokio::task::block_in_place;

use super::{
    Clock, Cluster, Engines, Form, Instance, Link, Plan, Route, Service, directory,
    embedded::{GATEWAY, PRESENCE, port},
    socket_address,
};
use crate::{
    process::{Launch, Process},
    proxy::Proxy,
    seed::Dice,
};

/// How many of each service there are.
const REPLICAS: usize = 2;
/// The key with which everything that goes into Redis is sealed.
const REDIS_KEY: &str = "5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1";

type Settings = Vec<(String, String)>;

pub(super) async fn start(
    plan: &Plan,
    folder: TempDir,
    dice: &mut Dice,
) -> anyhow::Result<Cluster> {
    let postgres = block_in_place(Postgres::start)?;
    let redis = block_in_place(Redis::start)?;
    let mut builder = Builder {
        plan,
        folder: folder.path().to_owned(),
        postgres: socket_address(&postgres.host_and_port())?,
        redis: SocketAddr::from(([127, 0, 0, 1], redis.port())),
        dice,
        instances: Vec::new(),
        links: Vec::new(),
    };
    let staff = directory::staff(plan.librarians);
    builder.prepare(&directory::file(&staff), &postgres.url())?;
    let sessions = builder.replicas(Service::Session, &[], true).await?;
    let presences = builder
        .replicas(Service::Presence, &[("SESSION", &sessions)], false)
        .await?;
    let ims = builder
        .replicas(Service::Im, &[("PRESENCE", &presences)], false)
        .await?;
    let mut reached = Vec::new();
    for session in &sessions {
        reached.push(builder.link(Route::Session, *session).await?);
    }
    let upstream: [(&str, &[SocketAddr]); 3] = [
        ("SESSION", &reached),
        ("PRESENCE", &presences),
        ("IM", &ims),
    ];
    for gateway in builder.replicas(Service::Gateway, &upstream, false).await? {
        builder.link(Route::Client, gateway).await?;
    }
    let Builder {
        mut instances,
        links,
        ..
    } = builder;
    for instance in &mut instances {
        instance.process.start().await?;
    }
    Ok(Cluster {
        form: Form::Distributed,
        instances,
        links,
        sessions,
        staff,
        engines: Some(Engines { postgres, redis }),
        folder,
    })
}

/// The parts built so far.
struct Builder<'a> {
    plan: &'a Plan,
    folder: PathBuf,
    postgres: SocketAddr,
    redis: SocketAddr,
    dice: &'a mut Dice,
    instances: Vec<Instance>,
    links: Vec<Link>,
}

impl Builder<'_> {
    /// Makes the keys, the schema and the directory.
    fn prepare(&self, directory: &str, postgres: &str) -> anyhow::Result<()> {
        let keys = self.path("keys.json");
        let keys = keys.to_string_lossy();
        self.command("carrel-presence", &["keys", "create", &keys], Vec::new())
            .run()?;
        let public = self
            .command("carrel-presence", &["keys", "public", &keys], Vec::new())
            .run()?;
        std::fs::write(self.path("keys.public.json"), public)?;
        let mut settings = vec![setting("POSTGRES__URL", postgres)];
        settings.extend(self.redis_settings(self.redis));
        settings.push(setting(
            "KEYS__FILE",
            &self.path("keys.public.json").to_string_lossy(),
        ));
        self.command("carrel-session", &["migrate"], settings.clone())
            .run()?;
        let file = self.path("directory.toml");
        std::fs::write(&file, directory)?;
        settings.pop();
        settings.push(setting("KEYS__FILE", &keys));
        let load = ["directory", "load", &file.to_string_lossy()];
        self.command("carrel-presence", &load, settings).run()?;
        Ok(())
    }

    /// Adds all replicas of a service, without starting them. Returns the address at which each answers its callers.
    async fn replicas(
        &mut self,
        service: Service,
        upstream: &[(&str, &[SocketAddr])],
        has_clock: bool,
    ) -> anyhow::Result<Vec<SocketAddr>> {
        let mut addresses = Vec::new();
        for number in 0..REPLICAS {
            let name = format!("{}-{number}", program(service));
            let (address, health) = (port()?, port()?);
            addresses.push(address);
            let mut settings = vec![
                setting("HEALTH__ADDRESS", &health.to_string()),
                setting("TELEMETRY__LOG_FILTER", "warn"),
            ];
            for (of, at) in upstream {
                settings.push(setting(&format!("UPSTREAM__{of}"), &list(at)));
            }
            if service == Service::Gateway {
                settings.push(setting("HTTP__ADDRESS", &address.to_string()));
                let limits = GATEWAY.iter();
                settings.extend(
                    limits.map(|(name, value)| setting(&format!("GATEWAY__{name}"), value)),
                );
            } else {
                settings.push(setting("GRPC__ADDRESS", &address.to_string()));
                settings.extend(self.engines(service).await?);
            }
            if service == Service::Presence {
                let limits = PRESENCE.iter();
                settings.extend(
                    limits.map(|(name, value)| setting(&format!("PRESENCE__{name}"), value)),
                );
            }
            // It is enough that one clock is wrong beside one that is right.
            let clock = if has_clock && number == 0 {
                Clock::new(&self.folder, &name)?
            } else {
                None
            };
            settings.extend(clock.iter().flat_map(Clock::environment));
            let mut launch = self.command(program(service), &[], settings);
            launch.log = self.path(&format!("{name}.log"));
            launch.name = name;
            self.instances.push(Instance {
                service,
                process: Process::new(launch),
                health: Some(health),
                clock,
            });
        }
        Ok(addresses)
    }

    /// Returns a service's settings for its engines and keys. session-svc reaches its engines through proxies of its
    /// own.
    async fn engines(&mut self, service: Service) -> anyhow::Result<Settings> {
        let postgres = self.link(Route::Postgres, self.postgres).await?;
        let redis = match service {
            Service::Session => self.link(Route::Redis, self.redis).await?,
            _ => self.redis,
        };
        let keys = match service {
            Service::Presence => "keys.json",
            _ => "keys.public.json",
        };
        let mut settings = self.redis_settings(redis);
        settings.push(setting(
            "POSTGRES__URL",
            &format!("postgres://carrel@{postgres}/carrel"),
        ));
        settings.push(setting("KEYS__FILE", &self.path(keys).to_string_lossy()));
        Ok(settings)
    }

    fn redis_settings(&self, redis: SocketAddr) -> Settings {
        vec![
            setting("REDIS__URLS", &format!("[\"redis://{redis}\"]")),
            setting("REDIS__KEY", REDIS_KEY),
        ]
    }

    /// Puts a proxy before `target` and returns the proxy's address.
    async fn link(&mut self, route: Route, target: SocketAddr) -> anyhow::Result<SocketAddr> {
        let dice = Dice::new(self.dice.number());
        let proxy = Proxy::start(target, dice)
            .await
            .context("no port for a proxy")?;
        let address = proxy.address();
        self.links.push(Link { route, proxy });
        Ok(address)
    }

    fn command(&self, program: &str, arguments: &[&str], environment: Settings) -> Launch {
        Launch {
            name: program.to_owned(),
            program: self.plan.programs.join(program),
            arguments: arguments.iter().map(Into::into).collect(),
            environment,
            log: self.path(&format!("{program}.log")),
        }
    }

    fn path(&self, file: &str) -> PathBuf {
        Path::new(&self.folder).join(file)
    }
}

fn setting(name: &str, value: &str) -> (String, String) {
    (format!("CARREL_{name}"), value.to_owned())
}

fn list(addresses: &[SocketAddr]) -> String {
    let urls: Vec<String> = addresses
        .iter()
        .map(|address| format!("\"http://{address}\""))
        .collect();
    format!("[{}]", urls.join(", "))
}

fn program(service: Service) -> &'static str {
    match service {
        Service::Whole => "carrel",
        Service::Session => "carrel-session",
        Service::Presence => "carrel-presence",
        Service::Im => "carrel-im",
        Service::Gateway => "carrel-gateway",
    }
}
