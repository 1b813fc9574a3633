//! The directory's service to its callers: shows libraries, lets patrons and librarians in, renews their tokens.

use std::{net::IpAddr, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use carrel_platform::{
    auth::{
        self, Principal, Role, RouteStep, Who,
        keys::KeyRing,
        statement::{CodeList, sign_code_list},
        token::{self, Issued, Lifetimes},
    },
    clock::Clock,
    log::{
        EventLog,
        newest::{self, Newest},
    },
    refusal::fields::Fields,
    text::without_case,
};

use crate::{
    config::Config,
    directory::latest::Latest,
    directory::password::{MAX_BYTES, Passwords},
    directory::random,
    directory::refusals::{Refusals, RefusedFor},
    directory::role_changes,
    directory::storage::Snapshot,
    directory::throttle::Throttle,
    domain::{
        directory::{Directory, Institution, normal_log_in_name},
        profile::{LibraryPolicy, Profile},
        role_change::RoleEntry,
        rules::MAX_NAME,
        wait::Wait,
    },
    error::Error,
};

/// How many entries a page has if the caller does not say.
const PAGE_SIZE: usize = 50;
/// The most entries that a page has.
const MAX_PAGE_SIZE: usize = 200;

/// How long a signed list of descriptive codes holds: longer than a page takes policies for fresh, so that a librarian
/// who has chosen codes can also set them, and so short that a code which was taken off is soon not given any more.
const CODE_LIST_LASTS: Duration = Duration::from_secs(60 * 60);

/// The directory at work. What another process has changed counts at once, in every answer.
pub struct Service {
    log: Arc<dyn EventLog>,
    latest: Latest,
    clock: Clock,
    keys: KeyRing,
    config: Config,
    throttle: Throttle,
    refusals: Refusals,
    passwords: Passwords,
}

/// A page of libraries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryPage {
    /// The libraries, by name.
    pub libraries: Vec<Institution>,
    /// The token of the next page; empty if this is the last.
    pub next_page_token: String,
}

/// A patron who was let in.
#[derive(Debug)]
pub struct Admission {
    /// The token.
    pub issued: Issued,
    /// The one session that the token is good for.
    pub session_id: String,
}

impl Service {
    /// Reads the directory and prepares the service.
    ///
    /// # Errors
    /// If the directory can't be read, or no password can be hashed.
    pub async fn new(
        config: Config,
        log: Arc<dyn EventLog>,
        clock: Clock,
        keys: KeyRing,
    ) -> Result<Self, Error> {
        Ok(Self {
            latest: Latest::read(Arc::clone(&log)).await?,
            log,
            throttle: Throttle::new(&config),
            refusals: Refusals::new(),
            passwords: tokio::task::spawn_blocking(Passwords::new)
                .await
                .map_err(|_| crate::directory::password::PasswordError::Failed)??,
            clock,
            keys,
            config,
        })
    }

    /// Returns one library.
    ///
    /// # Errors
    /// [`Error::NoSuchLibrary`].
    pub async fn library(&self, institution_id: &str) -> Result<Institution, Error> {
        let now = self.latest.get().await?;
        now.directory
            .institutions
            .get(institution_id)
            .cloned()
            .ok_or(Error::NoSuchLibrary)
    }

    /// Returns a page of libraries, by name.
    ///
    /// # Errors
    /// If the page size or the token is wrong.
    pub async fn libraries(&self, page_size: i32, page_token: &str) -> Result<LibraryPage, Error> {
        let mut fields = Fields::default();
        let size = fields.take(page_of(page_size));
        let after = fields.take(match page_token {
            "" => Ok(None),
            token => Position::decode(token).map(Some),
        });
        fields.check()?;
        let now = self.latest.get().await?;
        let mut libraries: Vec<(Position, &Institution)> = now
            .directory
            .institutions
            .values()
            .map(|institution| (Position::of(institution), institution))
            .filter(|(position, _)| after.as_ref().is_none_or(|after| position > after))
            .collect();
        libraries.sort_by(|(a, _), (b, _)| a.cmp(b));
        let more = libraries.len() > size;
        libraries.truncate(size);
        let next_page_token = match libraries.last() {
            Some((last, _)) if more => last.encode(),
            _ => String::new(),
        };
        Ok(LibraryPage {
            libraries: libraries
                .into_iter()
                .map(|(_, library)| library.clone())
                .collect(),
            next_page_token,
        })
    }

    /// Lets a patron in at a library, for one new session, which may be for practice.
    ///
    /// # Errors
    /// [`Error::LibrarianAsPatron`], [`Error::TooManyAttempts`], [`Error::NoSuchLibrary`], [`Error::NoPracticeQueue`].
    pub async fn admit_patron(
        &self,
        caller: Option<&Principal>,
        address: Option<IpAddr>,
        institution_id: &str,
        practice: bool,
    ) -> Result<Admission, Error> {
        if caller.is_some_and(|caller| matches!(caller.who, Who::Librarian(_))) {
            return Err(Error::LibrarianAsPatron);
        }
        self.throttle.admit(address)?;
        let Snapshot { directory, .. } = &*self.latest.get().await?;
        let institution = directory
            .institutions
            .get(institution_id)
            .ok_or(Error::NoSuchLibrary)?;
        let wait = wait(directory, institution, practice).ok_or(Error::NoPracticeQueue)?;
        let session_id = random::hex::<16>().map_err(|_| Error::NoEntropy)?;
        let who = patron(session_id.clone(), institution, wait, practice);
        let issued = self.issue(&who, self.config.patron_lifetimes())?;
        Ok(Admission { issued, session_id })
    }

    /// Logs a librarian in.
    ///
    /// # Errors
    /// [`Error::WrongCredentials`], in the same time for an unknown name; [`Error::TooManyAttempts`].
    pub async fn log_in(
        &self,
        address: Option<IpAddr>,
        log_in_name: &str,
        password: String,
    ) -> Result<(Issued, Profile), Error> {
        let log_in_name = normal_log_in_name(log_in_name);
        let mut fields = Fields::default();
        fields.take(check_length("log_in_name", &log_in_name, MAX_NAME));
        fields.take(check_length("password", &password, MAX_BYTES));
        fields.check()?;
        let entered = self
            .check_credentials(address, &log_in_name, password)
            .await;
        if let Err(error) = &entered {
            self.refusals.note_error(error);
        }
        let profile = entered?;
        let issued = self.issue(&librarian_of(&profile), self.config.librarian_lifetimes())?;
        Ok((issued, profile))
    }

    async fn check_credentials(
        &self,
        address: Option<IpAddr>,
        log_in_name: &str,
        password: String,
    ) -> Result<Profile, Error> {
        self.throttle
            .log_in(log_in_name, address)
            .inspect_err(|too_often| self.refusals.note(RefusedFor::Attempts(too_often.whose)))?;
        let now = self.latest.get().await?;
        let librarian = now.directory.librarian_by_log_in_name(log_in_name);
        let hash = librarian.map(|librarian| librarian.password_hash.clone());
        if !self.passwords.verify(password, hash).await? {
            return Err(Error::WrongCredentials);
        }
        librarian
            .and_then(|librarian| now.directory.profile(&librarian.id))
            .ok_or(Error::WrongCredentials)
    }

    /// Exchanges a token for a fresh one of the same person, with what the directory says about them now.
    ///
    /// # Errors
    /// [`Error::Token`] if it is not one of ours or can't be renewed any more, [`Error::AccountRemoved`].
    pub async fn renew(&self, access_token: &str) -> Result<Issued, Error> {
        let now_ms = self.clock.unix_ms();
        let (principal, renew_until_ms) =
            token::verify_renewable(&self.keys, access_token, now_ms)?;
        let now = self.latest.get().await?;
        let who = match principal.who {
            Who::Patron(known) => {
                let directory = &now.directory;
                let practice = known.practice;
                directory
                    .institutions
                    .get(&known.institution_id)
                    .and_then(|institution| {
                        let wait = wait(directory, institution, practice)?;
                        Some(patron(known.session_id, institution, wait, practice))
                    })
            }
            Who::Librarian(known) => now
                .directory
                .profile(&known.librarian_id)
                .map(|profile| librarian_of(&profile)),
        }
        .ok_or(Error::AccountRemoved)?;
        let left = u64::try_from(renew_until_ms.saturating_sub(now_ms)).unwrap_or(0);
        let lifetimes = Lifetimes {
            access: self.config.token_lifetime.into(),
            renewal: Duration::from_millis(left),
        };
        Ok(token::issue(&self.keys, &who, now_ms, lifetimes)?)
    }

    /// Returns the caller's own profile and, if it is asked for, what they should know of each library whose patrons
    /// they may answer, each with the signed list by which session-svc knows that library's descriptive codes; it is
    /// empty if there are none.
    ///
    /// # Errors
    /// [`Error::PatronWithoutProfile`], [`Error::AccountRemoved`], and [`Error::Token`] if a list can't be signed.
    pub async fn profile(
        &self,
        caller: &Principal,
        with_policies: bool,
    ) -> Result<(Profile, Vec<(LibraryPolicy, String)>), Error> {
        let Who::Librarian(librarian) = &caller.who else {
            return Err(Error::PatronWithoutProfile);
        };
        let now = self.latest.get().await?;
        let profile = now.directory.profile(&librarian.librarian_id);
        let profile = profile.ok_or(Error::AccountRemoved)?;
        let policies = match with_policies {
            true => now.directory.policies_for(&profile.institution.id),
            false => Vec::new(),
        };
        let policies = policies.into_iter().map(|policy| {
            let code_list = self.code_list(&policy)?;
            Ok::<_, Error>((policy, code_list))
        });
        Ok((profile, policies.collect::<Result<_, _>>()?))
    }

    fn code_list(&self, policy: &LibraryPolicy) -> Result<String, Error> {
        if policy.descriptive_codes.is_empty() {
            return Ok(String::new());
        }
        let list = CodeList::new(&policy.institution_id, &policy.descriptive_codes);
        let now_ms = self.clock.unix_ms();
        Ok(sign_code_list(&self.keys, &list, now_ms, CODE_LIST_LASTS)?)
    }

    /// Returns a page of the changes of roles in the caller's library, newest first (R21).
    ///
    /// # Errors
    /// [`Error::NotAdministrator`], and if the page size or the token is wrong.
    pub async fn role_changes(
        &self,
        caller: &Principal,
        page_size: i32,
        page_token: &str,
    ) -> Result<Newest<RoleEntry>, Error> {
        let library = match &caller.who {
            Who::Librarian(librarian) if librarian.role == Role::Administrator => {
                &librarian.institution_id
            }
            Who::Librarian(_) | Who::Patron(_) => return Err(Error::NotAdministrator),
        };
        let mut fields = Fields::default();
        let size = fields.take(page_of(page_size)) as u64;
        let below = fields.take(newest::below(page_token));
        fields.check()?;
        Ok(role_changes::read_page(&*self.log, library, below, size).await?)
    }

    fn issue(&self, who: &Who, lifetimes: Lifetimes) -> Result<Issued, Error> {
        Ok(token::issue(
            &self.keys,
            who,
            self.clock.unix_ms(),
            lifetimes,
        )?)
    }
}

/// Returns how many entries the page has at most, of which this many were asked for.
fn page_of(asked: i32) -> Result<usize, Error> {
    match usize::try_from(asked) {
        Ok(0) => Ok(PAGE_SIZE),
        Ok(size) => Ok(size.min(MAX_PAGE_SIZE)),
        Err(_) => Err(Error::BadPageSize(asked)),
    }
}

fn wait(directory: &Directory, institution: &Institution, practice: bool) -> Option<Wait> {
    if practice {
        directory.practice_wait(institution)
    } else {
        Some(directory.wait(institution))
    }
}

fn patron(session_id: String, institution: &Institution, wait: Wait, practice: bool) -> Who {
    let route = wait
        .steps
        .into_iter()
        .map(|step| RouteStep {
            queue_id: step.to,
            after_ms: step.after_ms,
        })
        .collect();
    Who::Patron(auth::Patron {
        session_id,
        institution_id: institution.id.clone(),
        institution_name: institution.name.clone(),
        queue_id: wait.queue_id,
        staff_naming: institution.staff_naming,
        practice,
        route,
    })
}

fn librarian_of(profile: &Profile) -> Who {
    let queues = |practice| {
        let queues = profile.queues.iter();
        let queues = queues.filter(move |queue| queue.practice == practice);
        queues.map(|queue| queue.id.clone()).collect()
    };
    Who::Librarian(auth::Librarian {
        librarian_id: profile.librarian.id.clone(),
        screen_name: profile.librarian.screen_name.clone(),
        institution_id: profile.institution.id.clone(),
        institution_name: profile.institution.name.clone(),
        role: profile.librarian.role,
        queues: queues(false),
        practice_queues: queues(true),
        warning_version: profile.institution.conference_warning.version(),
    })
}

fn check_length(field: &'static str, text: &str, limit: usize) -> Result<(), Error> {
    if text.is_empty() {
        Err(Error::Empty(field))
    } else if text.len() > limit {
        Err(Error::TooLong { field, limit })
    } else {
        Ok(())
    }
}

/// The place of a library in the list: by its name in any case, then by its id, which distinguishes equal names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Position(String, String);

impl Position {
    fn of(institution: &Institution) -> Self {
        Self(without_case(&institution.name), institution.id.clone())
    }

    /// Encodes the position as a page token. An id never contains a line feed.
    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}\n{}", self.1, self.0))
    }

    fn decode(token: &str) -> Result<Self, Error> {
        let bytes = URL_SAFE_NO_PAD
            .decode(token)
            .map_err(|_| Error::BadPageToken)?;
        let text = String::from_utf8(bytes).map_err(|_| Error::BadPageToken)?;
        let (id, name) = text.split_once('\n').ok_or(Error::BadPageToken)?;
        Ok(Self(name.to_owned(), id.to_owned()))
    }
}
