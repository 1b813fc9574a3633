//! The directory of the simulated world: one library, its queues, and its librarians.

use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use bytes::Bytes;
use carrel_platform::log::{RecordedEvent, StreamName};

use crate::{
    database::{Database, ServersLog},
    observations::Observations,
    time,
};

/// The accounts: id and role.
pub(crate) const STAFF: [(&str, &str); 6] = [
    ("lee", "librarian"),
    ("map", "librarian"),
    ("oak", "librarian"),
    ("ask", "ask_administrator"),
    ("slow", "ask_administrator"),
    ("silent", "ask_administrator"),
];

const PLACES: &str = r#"
[[institution]]
id = "maple"
name = "Maple County Library"
privacy_notice = "We keep it."
primary_queue = "maple"

[[queue]]
id = "maple"
name = "Maple"
patrons_of = ["maple"]
staffed_by = ["maple"]

[[queue]]
id = "coop"
name = "Cooperative"
patrons_of = ["maple"]
staffed_by = ["maple"]
"#;

/// A password hash that is never checked: nobody logs in here.
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQxMjM0NTY3OA$HwlUhvUxyTgA8mdsb5ov1cZkAMsIXNyGIbFkTnNvLWg";

/// Puts the directory into a database.
///
/// # Errors
/// If presence-svc does not accept it.
pub(crate) fn restore(database: &Database) -> anyhow::Result<()> {
    static LOADED: OnceLock<Vec<RecordedEvent>> = OnceLock::new();
    let events = match LOADED.get() {
        Some(events) => events,
        None => {
            let loaded = load()?;
            LOADED.get_or_init(|| loaded)
        }
    };
    database.restore(stream(), events.clone());
    Ok(())
}

fn stream() -> StreamName {
    StreamName::new("directory", "all")
}

/// Has presence-svc load the directory, then gives the accounts ids that are the same each time.
fn load() -> anyhow::Result<Vec<RecordedEvent>> {
    let database = Arc::new(Database::new(0, Arc::new(Observations::default())));
    let log = ServersLog {
        database: Arc::clone(&database),
        host: "the operator",
    };
    let accounts = STAFF.map(|(id, role)| {
        format!(
            "[[librarian]]\nlog_in_name = \"{id}@maple\"\nscreen_name = \"Name of {id}\"\n\
             institution = \"maple\"\nrole = \"{role}\"\npassword_hash = \"{HASH}\"\n"
        )
    });
    let text = format!("{PLACES}\n{}", accounts.concat());
    let clock = time::clock(0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    runtime
        .block_on(carrel_presence::commands::load_directory(
            &log, &text, &clock,
        ))
        .context("the directory is not taken")?;
    let events = database.events_after("directory", "all", 0);
    events.into_iter().map(with_own_ids).collect()
}

/// Replaces the accounts' random ids with their log-in names without the library.
fn with_own_ids(event: RecordedEvent) -> anyhow::Result<RecordedEvent> {
    let mut json: serde_json::Value = serde_json::from_slice(&event.payload)?;
    rename(&mut json);
    Ok(RecordedEvent {
        payload: Bytes::from(serde_json::to_vec(&json)?),
        ..event
    })
}

fn rename(json: &mut serde_json::Value) {
    use serde_json::Value;
    match json {
        Value::Array(values) => values.iter_mut().for_each(rename),
        Value::Object(fields) => {
            let name = fields.get("log_in_name").and_then(Value::as_str);
            let id = name
                .and_then(|name| name.split('@').next())
                .map(str::to_owned);
            if let Some(id) = id {
                fields.insert("id".to_owned(), Value::from(id));
            }
            fields.values_mut().for_each(rename);
        }
        _ => {}
    }
}
