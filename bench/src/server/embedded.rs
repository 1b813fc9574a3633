//! All of Carrel in one process.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::Instant,
};

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
    data: Option<&Path>,
    collector: Option<Collector>,
) -> anyhow::Result<Server> {
    let path = folder.path();
    if let Some(prepared) = data {
        copy(prepared, &data_of(path))?;
    }
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
    let began = Instant::now();
    process.start().await?;
    let ready_after = Some(began.elapsed());
    Ok(Server {
        form: subject.form,
        protocol: subject.protocol,
        staff,
        redis: None,
        sockets: vec![http],
        ready_after,
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
    settings.push(setting("DATA_DIR", &data_of(folder).to_string_lossy()));
    settings.push(setting("TELEMETRY__LOG_FILTER", "warn"));
    settings
}

/// Returns the data folder within a server's folder.
pub(super) fn data_of(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// Copies all files of a data folder, which contains no folders.
pub(super) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        fs::copy(entry.path(), &copy)?;
        // Otherwise the system would write it to the disk while a server is measured.
        File::open(copy)?.sync_all()?;
    }
    Ok(())
}
