//! An operator's changes to the directory: load a file, add and remove a librarian.
//!
//! Each is an append to the log, so it may be done while servers run: they read what is new before they answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read},
    path::{Path, PathBuf},
};

use carrel_platform::{
    auth::Role,
    clock::Clock,
    log::{EventLog, LogError},
};

use crate::{
    directory::file::{Credential, DirectoryFile, FileLibrarian},
    directory::password::{self, PasswordError, Passwords},
    directory::random,
    directory::storage::{self, Snapshot},
    domain::{
        directory::{Directory, Event, Librarian, Origin, normal_log_in_name},
        role_change::Means,
        rules::{self, Problem},
    },
};

pub use super::changes::{Changes, Tally};

/// The largest directory file, in bytes, wherever it is read from.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// How many times a change is decided, at most, when others keep writing in between.
const TRIES: usize = 16;

/// Why the directory was not changed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The file can't be read.
    #[error("the directory file {} can't be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is too large to be a directory.
    #[error("the directory file {} is larger than {MAX_FILE} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The directory would break a rule. Nothing was changed.
    #[error("the directory was not changed, because of {}:\n{}", count(.0.len()), .0.join("\n"))]
    Problems(Vec<String>),
    /// There is an account with this log-in name already.
    #[error("there is a librarian with the log-in name \"{0}\" already")]
    NameTaken(String),
    /// There is no account with this log-in name.
    #[error("there is no librarian with the log-in name \"{0}\"")]
    NoSuchLibrarian(String),
    /// The account came with a directory file and would come back with it.
    #[error("\"{0}\" is in the directory file; remove the entry there and load the file again")]
    InFile(String),
    /// A password could not be hashed.
    #[error("a password could not be hashed: {0}")]
    Password(#[from] PasswordError),
    /// The system gave no random numbers.
    #[error("the system gave no random numbers")]
    NoEntropy,
    /// The log could not be read or written.
    #[error("the log did not take the change: {0}")]
    Log(#[from] LogError),
}

fn count(problems: usize) -> String {
    match problems {
        1 => "a problem".to_owned(),
        n => format!("{n} problems"),
    }
}

/// A librarian to be added.
#[derive(Clone)]
pub struct NewLibrarian {
    /// The name with which they will log in.
    pub log_in_name: String,
    /// The name that others will see.
    pub screen_name: String,
    /// Their real name, for administrators of their library only. May be empty.
    pub real_name: String,
    /// The id of their library.
    pub institution_id: String,
    /// What they may do.
    pub role: Role,
    /// Their password: [`password::MIN_CHARACTERS`] characters or more.
    pub password: String,
}

/// Reads a directory file and checks it by itself, without a directory that it would change.
///
/// # Errors
/// [`CommandError::Problems`] lists everything that is wrong with the file, each problem with its line.
pub async fn read_directory_file(path: &Path) -> Result<DirectoryFile, CommandError> {
    let named = path.to_owned();
    checked(&read_text(path, move || std::fs::File::open(named)).await?)
}

/// Like [`read_directory_file`], with the text read from a source that is not a file, such as standard input. Errors
/// call it `name`.
///
/// # Errors
/// As [`read_directory_file`].
pub async fn read_directory_from(
    source: impl Read + Send + 'static,
    name: &Path,
) -> Result<DirectoryFile, CommandError> {
    checked(&read_text(name, move || Ok(source)).await?)
}

/// Makes the directory what a file says, as one batch: all of it, or nothing if anything is wrong.
///
/// The file decides alone about institutions, queues and the librarians that came with a file; what it no longer has is
/// removed. Librarians who were added with a command stay. Loading the same file again changes nothing.
///
/// # Errors
/// [`CommandError::Problems`] lists everything that is wrong with the file, by itself or with those librarians, each
/// problem with its line.
pub async fn load(
    log: &dyn EventLog,
    file: &DirectoryFile,
    clock: &Clock,
) -> Result<Changes, CommandError> {
    let mut accounts = Accounts::new()?;
    change(log, clock, Means::DirectoryFile, async |now: &Directory| {
        let wanted = wanted(file, now, &mut accounts).await?;
        refuse_problems(file, &wanted)?;
        Ok(now.changes_to(&wanted))
    })
    .await
}

/// Reads a directory file and loads it, as [`load`] does.
///
/// # Errors
/// As [`read_directory_file`] and [`load`].
pub async fn load_directory_file(
    log: &dyn EventLog,
    path: &Path,
    clock: &Clock,
) -> Result<Changes, CommandError> {
    load(log, &read_directory_file(path).await?, clock).await
}

/// Like [`load_directory_file`], with the file's text.
///
/// # Errors
/// As [`load_directory_file`].
pub async fn load_directory(
    log: &dyn EventLog,
    text: &str,
    clock: &Clock,
) -> Result<Changes, CommandError> {
    load(log, &DirectoryFile::parse(text), clock).await
}

/// Adds a librarian's account and returns the librarian's id.
///
/// # Errors
/// [`CommandError::NameTaken`], and [`CommandError::Problems`] if the account would break a rule.
pub async fn add_librarian(
    log: &dyn EventLog,
    new: NewLibrarian,
    clock: &Clock,
) -> Result<String, CommandError> {
    let log_in_name = normal_log_in_name(&new.log_in_name);
    if let Some(what) = password::problem_with(&new.password, false) {
        return Err(CommandError::Problems(vec![format!("password: {what}")]));
    }
    let librarian = Librarian {
        id: new_librarian_id()?,
        log_in_name: log_in_name.clone(),
        screen_name: new.screen_name,
        real_name: new.real_name,
        institution_id: new.institution_id,
        role: new.role,
        password_hash: Passwords::new()?.hash(new.password).await?,
        origin: Origin::Command,
    };
    let id = librarian.id.clone();
    change(log, clock, Means::Command, async |now: &Directory| {
        if now.librarians.contains_key(&log_in_name) {
            return Err(CommandError::NameTaken(log_in_name.clone()));
        }
        let event = Event::LibrarianSet(librarian.clone());
        let mut wanted = now.clone();
        wanted.apply(event.clone());
        let problems = rules::problems(&wanted);
        if problems.is_empty() {
            Ok(vec![event])
        } else {
            let problems = problems.iter().map(ToString::to_string).collect();
            Err(CommandError::Problems(problems))
        }
    })
    .await?;
    Ok(id)
}

/// Removes a librarian's account that was added with [`add_librarian`].
///
/// Their tokens can't be renewed from then on, and those that they hold are good for minutes at the most.
///
/// # Errors
/// [`CommandError::NoSuchLibrarian`], and [`CommandError::InFile`] for one who came with a directory file.
pub async fn remove_librarian(
    log: &dyn EventLog,
    log_in_name: &str,
    clock: &Clock,
) -> Result<(), CommandError> {
    let log_in_name = normal_log_in_name(log_in_name);
    change(
        log,
        clock,
        Means::Command,
        async |now: &Directory| match now.librarians.get(&log_in_name) {
            None => Err(CommandError::NoSuchLibrarian(log_in_name.clone())),
            Some(librarian) if librarian.origin == Origin::File => {
                Err(CommandError::InFile(log_in_name.clone()))
            }
            Some(_) => Ok(vec![Event::LibrarianRemoved {
                log_in_name: log_in_name.clone(),
            }]),
        },
    )
    .await?;
    Ok(())
}

/// Decides on the directory as it is and writes the result; decides again if somebody else wrote in between.
async fn change(
    log: &dyn EventLog,
    clock: &Clock,
    means: Means,
    mut decide: impl AsyncFnMut(&Directory) -> Result<Vec<Event>, CommandError>,
) -> Result<Changes, CommandError> {
    let mut known = storage::read(log).await?;
    for _ in 1..TRIES {
        match try_change(log, clock, means, &known, &mut decide).await {
            Err(CommandError::Log(LogError::Conflict { .. })) => known = storage::read(log).await?,
            settled => return settled,
        }
    }
    try_change(log, clock, means, &known, &mut decide).await
}

async fn try_change(
    log: &dyn EventLog,
    clock: &Clock,
    means: Means,
    known: &Snapshot,
    decide: &mut impl AsyncFnMut(&Directory) -> Result<Vec<Event>, CommandError>,
) -> Result<Changes, CommandError> {
    let events = decide(&known.directory).await?;
    if !events.is_empty() {
        storage::append(log, known, &events, means, clock.unix_ms()).await?;
    }
    Ok(Changes::count(&known.directory, &events))
}

/// Reads a text that may be a directory, on a blocking thread.
async fn read_text<R: Read>(
    name: &Path,
    open: impl FnOnce() -> io::Result<R> + Send + 'static,
) -> Result<String, CommandError> {
    let failed = |source| CommandError::File {
        path: name.to_owned(),
        source,
    };
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        // How much a pipe holds is not known before it was read. One byte too many shows that it is too much.
        open()?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    let bytes = read
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(CommandError::TooLarge {
            path: name.to_owned(),
        });
    }
    String::from_utf8(bytes)
        .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error)))
}

/// Returns the directory that a file asks for, with the accounts that were added with a command.
async fn wanted(
    file: &DirectoryFile,
    now: &Directory,
    accounts: &mut Accounts,
) -> Result<Directory, CommandError> {
    let mut wanted = Directory {
        institutions: file.institutions.clone(),
        queues: file.queues.clone(),
        librarians: now
            .librarians
            .iter()
            .filter(|(_, librarian)| librarian.origin == Origin::Command)
            .map(|(name, librarian)| (name.clone(), librarian.clone()))
            .collect(),
    };
    // A file that will be refused is not worth hashing for.
    let sound = file.problems.is_empty();
    for (log_in_name, entry) in &file.librarians {
        let known = now.librarians.get(log_in_name);
        let id = match known {
            Some(known) => known.id.clone(),
            None => accounts.id(log_in_name)?,
        };
        let password_hash = if sound {
            accounts.hash(log_in_name, &entry.credential, known).await?
        } else {
            String::new()
        };
        let librarian = librarian(entry, id, password_hash);
        wanted.librarians.insert(log_in_name.clone(), librarian);
    }
    Ok(wanted)
}

fn librarian(entry: &FileLibrarian, id: String, password_hash: String) -> Librarian {
    Librarian {
        id,
        log_in_name: entry.log_in_name.clone(),
        screen_name: entry.screen_name.clone(),
        real_name: entry.real_name.clone(),
        institution_id: entry.institution_id.clone(),
        role: entry.role,
        password_hash,
        origin: Origin::File,
    }
}

/// Returns the file with this text if nothing is wrong with it by itself.
fn checked(text: &str) -> Result<DirectoryFile, CommandError> {
    let file = DirectoryFile::parse(text);
    let alone = Directory {
        institutions: file.institutions.clone(),
        queues: file.queues.clone(),
        librarians: file
            .librarians
            .iter()
            .map(|(name, entry)| (name.clone(), librarian(entry, String::new(), String::new())))
            .collect(),
    };
    refuse_problems(&file, &alone)?;
    Ok(file)
}

fn refuse_problems(file: &DirectoryFile, wanted: &Directory) -> Result<(), CommandError> {
    let mut problems: Vec<(Option<usize>, Problem)> = file
        .problems
        .iter()
        .map(|(line, problem)| (Some(*line), problem.clone()))
        .collect();
    let told: BTreeSet<_> = problems
        .iter()
        .map(|(_, problem)| (problem.place.clone(), problem.field.clone()))
        .collect();
    problems.extend(
        rules::problems(wanted)
            .into_iter()
            .filter(|problem| !told.contains(&(problem.place.clone(), problem.field.clone())))
            .map(|problem| (file.line_of(&problem), problem)),
    );
    if problems.is_empty() {
        return Ok(());
    }
    problems.sort();
    let described = problems
        .into_iter()
        .map(|(line, problem)| match line {
            Some(line) => format!("line {line}: {problem}"),
            None => problem.to_string(),
        })
        .collect();
    Err(CommandError::Problems(described))
}

/// What was made for the accounts of a file, kept so that a second try makes nothing new.
struct Accounts {
    passwords: Passwords,
    ids: BTreeMap<String, String>,
    hashes: BTreeMap<String, String>,
}

impl Accounts {
    fn new() -> Result<Self, CommandError> {
        Ok(Self {
            passwords: Passwords::new()?,
            ids: BTreeMap::new(),
            hashes: BTreeMap::new(),
        })
    }

    fn id(&mut self, log_in_name: &str) -> Result<String, CommandError> {
        if let Some(id) = self.ids.get(log_in_name) {
            return Ok(id.clone());
        }
        let id = new_librarian_id()?;
        self.ids.insert(log_in_name.to_owned(), id.clone());
        Ok(id)
    }

    /// Returns the hash that the account already has if the file's password matches it, otherwise a new one.
    async fn hash(
        &mut self,
        log_in_name: &str,
        credential: &Credential,
        known: Option<&Librarian>,
    ) -> Result<String, CommandError> {
        let password = match credential {
            Credential::Hash(hash) => return Ok(hash.clone()),
            Credential::Password(password) => password.clone(),
        };
        if let Some(known) = known {
            let hash = known.password_hash.clone();
            if self
                .passwords
                .verify(password.clone(), Some(hash.clone()))
                .await?
            {
                return Ok(hash);
            }
        }
        if let Some(hash) = self.hashes.get(log_in_name) {
            return Ok(hash.clone());
        }
        let hash = self.passwords.hash(password).await?;
        self.hashes.insert(log_in_name.to_owned(), hash.clone());
        Ok(hash)
    }
}

fn new_librarian_id() -> Result<String, CommandError> {
    random::hex::<8>().map_err(|_| CommandError::NoEntropy)
}
