//! The directory file: TOML as an operator writes it.
//!
//! It is read entry by entry rather than by a derived parser, because a derived one stops at the first error, and an
//! operator wants to see all of them, each with its line.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use carrel_platform::{
    auth::{Role, StaffNaming},
    config::HumanDuration,
};
use toml::de::DeTable;

use self::entry::{Entry, Lines, string};
use crate::{
    directory::password,
    domain::{
        directory::{
            ConferenceWarning, EscalationStep, Institution, Policy, Queue, Script, WaitingMessage,
            normal_log_in_name,
        },
        hours::{Hours, HoursError},
        rules::{Place, Problem},
    },
};

mod entry;
mod languages;

/// After how long a wait reaches the first and the second further queue, unless the file says otherwise (R17).
const AFTER: [HumanDuration; 2] = [HumanDuration::from_secs(40), HumanDuration::from_secs(120)];

/// The contents of a directory file.
#[derive(Debug, Default)]
pub struct DirectoryFile {
    /// The institutions, by id.
    pub institutions: BTreeMap<String, Institution>,
    /// The queues, by id.
    pub queues: BTreeMap<String, Queue>,
    /// The librarians, by log-in name.
    pub librarians: BTreeMap<String, FileLibrarian>,
    /// The problems found so far, each with its line.
    pub problems: Vec<(usize, Problem)>,
    /// The line of each entry (field "") and of each of its fields.
    lines: BTreeMap<(Place, Cow<'static, str>), usize>,
}

/// A librarian as a file describes them.
#[derive(Clone)]
pub struct FileLibrarian {
    /// The name with which they log in, in lower case.
    pub log_in_name: String,
    /// The name that others see.
    pub screen_name: String,
    /// Their real name. May be empty.
    pub real_name: String,
    /// Their library.
    pub institution_id: String,
    /// What they may do.
    pub role: Role,
    /// How they prove who they are.
    pub credential: Credential,
}

/// A password or its hash.
#[derive(Clone)]
pub enum Credential {
    /// The password itself.
    Password(String),
    /// Its hash, made elsewhere.
    Hash(String),
}

impl std::fmt::Debug for FileLibrarian {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileLibrarian")
            .field("log_in_name", &self.log_in_name)
            .field("credential", &"(hidden)")
            .finish_non_exhaustive()
    }
}

impl DirectoryFile {
    /// Reads the text of a directory file. Errors are in [`DirectoryFile::problems`].
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut file = Self::default();
        let lines = Lines::new(text);
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let line = error.span().map_or(1, |span| lines.of(span.start));
            // A broken line may hold a password, so the parser's rendering of it is left out.
            file.wrong_at(
                line,
                Place::Directory,
                "",
                format!("not TOML: {}", error.message()),
            );
        }
        if !errors.is_empty() {
            // What the parser recovered from a broken text would only cause further problems.
            return file;
        }

        let mut top = Entry::new(&lines, document.get_ref(), Place::Directory);
        let weak_passwords = top
            .optional_flag(&mut file, "weak_passwords")
            .unwrap_or(false);
        let institutions = top.entries(
            &mut file,
            "institution",
            "write each one under its own [[institution]]",
        );
        let queues = top.entries(&mut file, "queue", "write each one under its own [[queue]]");
        let librarians = top.entries(
            &mut file,
            "librarian",
            "write each one under its own [[librarian]]",
        );
        top.finish(&mut file);

        for (line, table) in institutions {
            file.read_institution(&lines, line, table);
        }
        for (line, table) in queues {
            file.read_queue(&lines, line, table);
        }
        for (line, table) in librarians {
            file.read_librarian(&lines, line, table, weak_passwords);
        }
        file
    }

    /// Returns the line of a problem, if it is in the file.
    #[must_use]
    pub fn line_of(&self, problem: &Problem) -> Option<usize> {
        let line_of = |field: Cow<'static, str>| self.lines.get(&(problem.place.clone(), field));
        // A missing field belongs to the table that should have it.
        let table = problem.field.split('.').next().unwrap_or_default();
        line_of(problem.field.clone())
            .or_else(|| line_of(Cow::Owned(table.to_owned())))
            .or_else(|| line_of(Cow::Borrowed("")))
            .copied()
    }

    fn read_institution(&mut self, lines: &Lines, line: usize, table: &DeTable<'_>) {
        let id = string(table, "id").unwrap_or_default();
        let place = Place::Institution(id.clone());
        self.begin(line, &place);
        let mut entry = Entry::new(lines, table, place);
        entry.text(self, "id");
        let mut institution = Institution {
            id: id.clone(),
            name: entry.text(self, "name"),
            welcome: entry.optional_text(self, "welcome").unwrap_or_default(),
            privacy_notice: entry.text(self, "privacy_notice"),
            privacy_address: entry
                .optional_text(self, "privacy_address")
                .unwrap_or_default(),
            staff_naming: entry
                .optional_choice::<StaffNaming>(self, "staff_naming")
                .unwrap_or_default(),
            primary_queue: entry.text(self, "primary_queue"),
            conference_warning: ConferenceWarning::default(),
            question_form_address: entry
                .optional_text(self, "question_form_address")
                .unwrap_or_default(),
            survey_address: entry
                .optional_text(self, "survey_address")
                .unwrap_or_default(),
            waiting_messages: Vec::new(),
            practice_queue: entry.optional_text(self, "practice_queue"),
            remember_chats: entry.optional_flag(self, "remember_chats").unwrap_or(true),
            languages: self.read_languages(&mut entry),
            translations: Vec::new(),
            policy: Policy::default(),
            scripts: Vec::new(),
            descriptive_codes: entry
                .optional_texts(
                    self,
                    "descriptive_codes",
                    "a list of texts, for example [\"Opening hours\", \"Printing\"]",
                )
                .unwrap_or_default(),
        };
        if entry.has_table(self, "conference_warning") {
            let warning = &mut institution.conference_warning;
            if let Some(text) = entry.optional_text(self, "conference_warning.text") {
                warning.text = text;
            }
            if let Some(address) = entry.optional_text(self, "conference_warning.rule_address") {
                warning.rule_address = address;
            }
        }
        if entry.has_table(self, "policy") {
            let mut text = |field| entry.optional_text(self, field).unwrap_or_default();
            institution.policy = Policy {
                text: text("policy.text"),
                address: text("policy.address"),
                contact: text("policy.contact"),
            };
        }
        let scripts = entry.entries(
            self,
            "script",
            "write each one under its own [[institution.script]]",
        );
        let waiting_messages = entry.entries(
            self,
            "waiting_message",
            "write each one under its own [[institution.waiting_message]]",
        );
        let translations = entry.entries(
            self,
            "translation",
            "write each one under its own [[institution.translation]]",
        );
        entry.finish(self);
        for (line, table) in translations {
            let translation = self.read_translation(lines, line, table, &id);
            institution.translations.push(translation);
        }
        for (number, (line, table)) in (1..).zip(waiting_messages) {
            let message = self.read_waiting_message(lines, line, table, &id, number);
            institution.waiting_messages.push(message);
        }
        for (line, table) in scripts {
            let script = self.read_script(lines, line, table, &id);
            institution.scripts.push(script);
        }
        self.institutions.insert(id, institution);
    }

    fn read_waiting_message(
        &mut self,
        lines: &Lines,
        line: usize,
        table: &DeTable<'_>,
        institution_id: &str,
        number: usize,
    ) -> WaitingMessage {
        let place = Place::WaitingMessage {
            institution: institution_id.to_owned(),
            number,
        };
        self.begin(line, &place);
        let mut entry = Entry::new(lines, table, place.clone());
        let written = entry.text(self, "after");
        let text = entry.text(self, "text");
        let language = entry.optional_text(self, "language");
        entry.finish(self);
        WaitingMessage {
            language,
            after_ms: self.read_after(place, &written),
            text,
        }
    }

    fn read_script(
        &mut self,
        lines: &Lines,
        line: usize,
        table: &DeTable<'_>,
        institution_id: &str,
    ) -> Script {
        let place = Place::Script {
            institution: institution_id.to_owned(),
            name: string(table, "name").unwrap_or_default(),
        };
        self.begin(line, &place);
        let mut entry = Entry::new(lines, table, place);
        let script = Script {
            name: entry.text(self, "name"),
            text: entry.text(self, "text"),
        };
        entry.finish(self);
        script
    }

    fn read_queue(&mut self, lines: &Lines, line: usize, table: &DeTable<'_>) {
        let id = string(table, "id").unwrap_or_default();
        let place = Place::Queue(id.clone());
        self.begin(line, &place);
        let mut entry = Entry::new(lines, table, place);
        entry.text(self, "id");
        let mut queue = Queue {
            id: id.clone(),
            name: entry.text(self, "name"),
            patrons_of: entry.ids(self, "patrons_of"),
            staffed_by: entry.ids(self, "staffed_by"),
            escalate: Vec::new(),
            hours: self.read_hours(&mut entry),
            practice: entry.optional_flag(self, "practice").unwrap_or(false),
        };
        let steps = entry.entries(
            self,
            "escalate",
            "write a list of steps, for example [{ to = \"coop\", after = \"40s\" }]",
        );
        entry.finish(self);
        for (number, (line, table)) in (1..).zip(steps) {
            let step = self.read_step(lines, line, table, &id, number);
            queue.escalate.push(step);
        }
        self.queues.insert(id, queue);
    }

    fn read_hours(&mut self, entry: &mut Entry<'_, '_>) -> Option<Hours> {
        if !entry.has_table(self, "hours") {
            return None;
        }
        let (time_zone_field, open_field) = ("hours.time_zone", "hours.open");
        let told = self.problems.len();
        let time_zone = entry.text(self, time_zone_field);
        let open = entry.texts(
            self,
            open_field,
            "a list of ranges, for example [\"Mon-Fri 09:00-21:00\"]",
        );
        let already: BTreeSet<_> = self.problems[told..]
            .iter()
            .map(|(_, problem)| problem.field.clone())
            .collect();
        let errors = match Hours::new(&time_zone, &open) {
            Ok(hours) => return Some(hours),
            Err(errors) => errors,
        };
        for error in errors {
            let field = match error {
                HoursError::TimeZone(_) => time_zone_field,
                HoursError::Range(..) | HoursError::Overlap(..) => open_field,
            };
            if !already.contains(field) {
                self.wrong(entry.place().clone(), field, error.to_string());
            }
        }
        None
    }

    fn read_step(
        &mut self,
        lines: &Lines,
        line: usize,
        table: &DeTable<'_>,
        queue_id: &str,
        number: usize,
    ) -> EscalationStep {
        let place = Place::Step {
            queue: queue_id.to_owned(),
            number,
        };
        self.begin(line, &place);
        let mut entry = Entry::new(lines, table, place.clone());
        let to = entry.text(self, "to");
        let written = entry.optional_text(self, "after");
        entry.finish(self);
        let after_ms = match (written, AFTER.get(number - 1)) {
            (Some(written), _) => self.read_after(place, &written),
            (None, Some(usual)) => milliseconds(*usual),
            (None, None) => {
                let what = "is missing; only the first two steps may leave it out";
                self.wrong(place, "after", what);
                0
            }
        };
        EscalationStep { to, after_ms }
    }

    /// Reads how long after the beginning of a wait something happens, in milliseconds.
    fn read_after(&mut self, place: Place, written: &str) -> u64 {
        match written.parse::<HumanDuration>() {
            Ok(after) => milliseconds(after),
            Err(error) => {
                // What is missing is told already.
                if !written.is_empty() {
                    self.wrong(place, "after", error.to_string());
                }
                0
            }
        }
    }

    fn read_librarian(&mut self, lines: &Lines, line: usize, table: &DeTable<'_>, weak: bool) {
        let log_in_name = normal_log_in_name(&string(table, "log_in_name").unwrap_or_default());
        let place = Place::Librarian(log_in_name.clone());
        self.begin(line, &place);
        let mut entry = Entry::new(lines, table, place.clone());
        entry.text(self, "log_in_name");
        let screen_name = entry.text(self, "screen_name");
        let real_name = entry.optional_text(self, "real_name").unwrap_or_default();
        let institution_id = entry.text(self, "institution");
        let role = entry.choice::<Role>(self, "role");
        let password = entry.optional_text(self, "password");
        let hash = entry.optional_text(self, "password_hash");
        entry.finish(self);
        let credential = match (password, hash) {
            (Some(password), None) => {
                if let Some(what) = password::problem_with(&password, weak) {
                    self.wrong(place.clone(), "password", what);
                }
                Credential::Password(password)
            }
            (None, Some(hash)) => {
                if let Some(what) = password::problem_with_hash(&hash) {
                    self.wrong(place.clone(), "password_hash", what);
                }
                Credential::Hash(hash)
            }
            (given, _) => {
                let what = if given.is_some() {
                    "give either password or password_hash, not both"
                } else {
                    "give a password or a password_hash"
                };
                self.wrong(place, "password", what);
                Credential::Hash(String::new())
            }
        };
        let librarian = FileLibrarian {
            log_in_name: log_in_name.clone(),
            screen_name,
            real_name,
            institution_id,
            role: role.unwrap_or(Role::Librarian),
            credential,
        };
        self.librarians.insert(log_in_name, librarian);
    }

    /// Records where an entry begins, and reports one that is there twice.
    fn begin(&mut self, line: usize, place: &Place) {
        let before = self.lines.insert((place.clone(), Cow::Borrowed("")), line);
        if let Some(before) = before {
            let what = format!("is there already, in line {before}");
            self.wrong_at(line, place.clone(), "", what);
        }
    }

    fn wrong(
        &mut self,
        place: Place,
        field: impl Into<Cow<'static, str>>,
        what: impl Into<String>,
    ) {
        let problem = Problem {
            place,
            field: field.into(),
            what: what.into(),
        };
        let line = self.line_of(&problem).unwrap_or(1);
        self.problems.push((line, problem));
    }

    fn wrong_at(
        &mut self,
        line: usize,
        place: Place,
        field: impl Into<Cow<'static, str>>,
        what: impl Into<String>,
    ) {
        let problem = Problem {
            place,
            field: field.into(),
            what: what.into(),
        };
        self.problems.push((line, problem));
    }
}

fn milliseconds(time: HumanDuration) -> u64 {
    u64::try_from(time.get().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
