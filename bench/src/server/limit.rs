//! A limit as a process of its own: this program again, with another command.

use std::ffi::OsString;

use carrel_faults::process::{Launch, Process};
use tempfile::TempDir;

use super::{Form, Server, Subject, free, settings::unsynced};

pub(super) async fn start(subject: &Subject, folder: TempDir) -> anyhow::Result<Server> {
    let address = free()?;
    let mut arguments: Vec<OsString> = ["limit", "room", "--address"].map(Into::into).into();
    arguments.push(address.to_string().into());
    if subject.form == Form::RawSqlite {
        arguments.push("--file".into());
        arguments.push(folder.path().join("room.db").into());
    }
    let mut process = Process::new(Launch {
        name: "limit".to_owned(),
        program: std::env::current_exe()?,
        arguments,
        environment: unsynced(subject),
        log: folder.path().join("limit.log"),
    });
    process.start().await?;
    Ok(Server {
        form: subject.form,
        protocol: subject.protocol,
        staff: Vec::new(),
        redis: None,
        sockets: vec![address],
        ready_after: None,
        channels: Vec::new(),
        processes: vec![process],
        postgres: None,
        collector: None,
        folder,
    })
}
