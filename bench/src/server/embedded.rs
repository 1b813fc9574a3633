//! All of Carrel in one process.

use std::path::Path;

use carrel_faults::{
    cluster::{directory_file, staff},
    process::{Launch, Process},
};
use tempfile::TempDir;

use super::{
    Server, Subject, channels,
    collector::Collector,
    free,
    settings::{Settings, limits, setting, unsynced},
};

pub(super) async fn start(
    subject: &Subject,
    folder: TempDir,
    librarians: usize,
    collector: Option<Collector>,
) -> anyhow::Result<Server> {
    let path = folder.path();
    let (http, grpc) = (free()?, free()?);
    let mut settings = limits_of(subject, path);
    settings.extend(collector.iter().flat_map(Collector::settings));
    settings.push(setting("HTTP__ADDRESS", &http.to_string()));
    settings.push(setting("GRPC__ADDRESS", &grpc.to_string()));
    let launch = |arguments: &[&str]| Launch {
        name: "carrel".to_owned(),
        program: subject.programs.join("carrel"),
        arguments: arguments.iter().map(Into::into).collect(),
        environment: settings.clone(),
        log: path.join("carrel.log"),
    };
    let staff = staff(librarians);
    let file = path.join("directory.toml");
    std::fs::write(&file, directory_file(&staff))?;
    launch(&["directory", "load", &file.to_string_lossy()]).run()?;
    let mut process = Process::new(launch(&["serve"]));
    process.start().await?;
    Ok(Server {
        form: subject.form,
        door: subject.door,
        staff,
        redis: None,
        sockets: vec![http],
        channels: channels(&[grpc])?,
        processes: vec![process],
        postgres: None,
        collector,
        folder,
    })
}

fn limits_of(subject: &Subject, folder: &Path) -> Settings {
    let mut settings = limits();
    settings.extend(unsynced(subject));
    let data = folder.join("data");
    settings.push(setting("DATA_DIR", &data.to_string_lossy()));
    settings.push(setting("TELEMETRY__LOG_FILTER", "warn"));
    settings
}
