//! All of Carrel in one process, on a data folder of its own.

use std::net::{Ipv4Addr, SocketAddr};

use tempfile::TempDir;

use super::{Clock, Cluster, Form, Instance, Link, Plan, Route, Service, directory};
use crate::{
    process::{Launch, Process},
    proxy::Proxy,
    seed::Dice,
};

/// Raises limits that scripted people would run into, and shortens the silence after which a peer counts as gone, since
/// a run can't wait a minute for that.
pub(super) const GATEWAY: [(&str, &str); 6] = [
    ("SOCKET__FRAMES_PER_SECOND", "100000"),
    ("SOCKET__FRAMES_BURST", "100000"),
    ("SOCKET__PER_ADDRESS", "100000"),
    ("SOCKET__PER_PERSON", "1000"),
    ("SOCKET__SILENCE_LIMIT", "12s"),
    ("SOCKET__PING_INTERVAL", "4s"),
];

/// All people come from one address.
pub(super) const PRESENCE: [(&str, &str); 4] = [
    ("LOG_IN_PER_ACCOUNT_AND_ADDRESS", "{burst=1,every=\"0s\"}"),
    ("LOG_IN_PER_ACCOUNT", "{burst=1,every=\"0s\"}"),
    ("LOG_IN_PER_ADDRESS", "{burst=1,every=\"0s\"}"),
    ("ADMIT_PER_ADDRESS", "{burst=1,every=\"0s\"}"),
];

pub(super) async fn start(
    plan: &Plan,
    folder: TempDir,
    dice: &mut Dice,
) -> anyhow::Result<Cluster> {
    let path = folder.path();
    let [http, grpc] = [port()?, port()?];
    let clock = Clock::new(path, "carrel")?;
    let mut environment = vec![
        (
            "CARREL_DATA_DIR".to_owned(),
            path.join("data").display().to_string(),
        ),
        ("CARREL_HTTP__ADDRESS".to_owned(), http.to_string()),
        ("CARREL_GRPC__ADDRESS".to_owned(), grpc.to_string()),
        ("CARREL_TELEMETRY__LOG_FILTER".to_owned(), "warn".to_owned()),
    ];
    let section = |section: &str, settings: &[(&str, &str)]| {
        let settings = settings.iter();
        settings
            .map(|(name, value)| (format!("CARREL_{section}__{name}"), (*value).to_owned()))
            .collect::<Vec<_>>()
    };
    environment.extend(section("GATEWAY", &GATEWAY));
    environment.extend(section("PRESENCE", &PRESENCE));
    let launch = |arguments: &[&str], environment: Vec<(String, String)>| Launch {
        name: "carrel".to_owned(),
        program: plan.programs.join("carrel"),
        arguments: arguments.iter().map(Into::into).collect(),
        environment,
        log: path.join("carrel.log"),
    };
    let staff = directory::staff(plan.librarians);
    let file = path.join("directory.toml");
    std::fs::write(&file, directory::file(&staff))?;
    launch(
        &["directory", "load", &file.to_string_lossy()],
        environment.clone(),
    )
    .run()?;
    environment.extend(clock.iter().flat_map(Clock::environment));
    let mut process = Process::new(launch(&["serve"], environment));
    process.start().await?;
    let instance = Instance {
        service: Service::Whole,
        process,
        health: None,
        clock,
    };
    let proxy = Proxy::start(http, Dice::new(dice.number())).await?;
    Ok(Cluster {
        form: Form::Embedded,
        instances: vec![instance],
        links: vec![Link {
            route: Route::Client,
            proxy,
        }],
        sessions: vec![grpc],
        staff,
        engines: None,
        folder,
    })
}

/// Returns an address that is free now.
pub(super) fn port() -> std::io::Result<SocketAddr> {
    let port = carrel_testbed::port::free()?;
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}
