//! The directory file: TOML as an operator writes it.
//!
//! It is read entry by entry rather than by a derived parser, because a derived one stops at the first thing that is
//! wrong, and an operator wants to see all of them, each with its line.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use carrel_platform::auth::{Role, StaffNaming};
use serde::de::{
    DeserializeOwned, IntoDeserializer as _,
    value::{Error as ValueError, StrDeserializer},
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    domain::{
        directory::{ConferenceWarning, Institution, Queue, normal_log_in_name},
        rules::{Place, Problem},
    },
    password,
};

/// What a directory file says.
#[derive(Debug, Default)]
pub struct DirectoryFile {
    /// The institutions, by id.
    pub institutions: BTreeMap<String, Institution>,
    /// The queues, by id.
    pub queues: BTreeMap<String, Queue>,
    /// The librarians, by log-in name.
    pub librarians: BTreeMap<String, FileLibrarian>,
    /// What is wrong already, each with its line.
    pub problems: Vec<(usize, Problem)>,
    /// Where each entry (field "") and each of its fields is.
    lines: BTreeMap<(Place, Cow<'static, str>), usize>,
}

/// A librarian as a file has them.
#[derive(Clone)]
pub struct FileLibrarian {
    /// The name with which they log in, in lower case.
    pub log_in_name: String,
    /// The name that others see.
    pub screen_name: String,
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
    /// Reads the text of a directory file. What is wrong is in [`DirectoryFile::problems`].
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut file = Self::default();
        let lines = Lines::new(text);
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let line = error.span().map_or(1, |span| lines.of(span.start));
            // A broken line may hold a password, so the parser's picture of it is left out.
            file.wrong_at(
                line,
                Place::Directory,
                "",
                format!("not TOML: {}", error.message()),
            );
        }
        if !errors.is_empty() {
            // What the parser could save of a broken text would only bring follow-up complaints.
            return file;
        }

        let mut top = Entry::new(&lines, document.get_ref(), Place::Directory);
        let weak_passwords = top.optional_flag(&mut file, "weak_passwords");
        let institutions = top.entries(&mut file, "institution");
        let queues = top.entries(&mut file, "queue");
        let librarians = top.entries(&mut file, "librarian");
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

    /// The line of a problem, if it is the file's.
    #[must_use]
    pub fn line_of(&self, problem: &Problem) -> Option<usize> {
        self.lines
            .get(&(problem.place.clone(), problem.field.clone()))
            .or_else(|| self.lines.get(&(problem.place.clone(), Cow::Borrowed(""))))
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
        };
        if let Some(text) = entry.optional_text(self, "conference_warning.text") {
            institution.conference_warning.text = text;
        }
        if let Some(address) = entry.optional_text(self, "conference_warning.rule_address") {
            institution.conference_warning.rule_address = address;
        }
        entry.finish(self);
        self.institutions.insert(id, institution);
    }

    fn read_queue(&mut self, lines: &Lines, line: usize, table: &DeTable<'_>) {
        let id = string(table, "id").unwrap_or_default();
        let place = Place::Queue(id.clone());
        self.begin(line, &place);
        let mut entry = Entry::new(lines, table, place);
        entry.text(self, "id");
        let queue = Queue {
            id: id.clone(),
            name: entry.text(self, "name"),
            patrons_of: entry.ids(self, "patrons_of"),
            staffed_by: entry.ids(self, "staffed_by"),
        };
        entry.finish(self);
        self.queues.insert(id, queue);
    }

    fn read_librarian(&mut self, lines: &Lines, line: usize, table: &DeTable<'_>, weak: bool) {
        let log_in_name = normal_log_in_name(&string(table, "log_in_name").unwrap_or_default());
        let place = Place::Librarian(log_in_name.clone());
        self.begin(line, &place);
        let mut entry = Entry::new(lines, table, place.clone());
        entry.text(self, "log_in_name");
        let screen_name = entry.text(self, "screen_name");
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
            institution_id,
            role: role.unwrap_or(Role::Librarian),
            credential,
        };
        self.librarians.insert(log_in_name, librarian);
    }

    /// Notes where an entry begins, and whether there was one like it.
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

/// One table of the file, from which fields are taken until nothing unknown is left.
struct Entry<'t, 'd> {
    lines: &'t Lines,
    table: &'t DeTable<'d>,
    place: Place,
    known: BTreeSet<&'static str>,
}

impl<'t, 'd> Entry<'t, 'd> {
    fn new(lines: &'t Lines, table: &'t DeTable<'d>, place: Place) -> Self {
        Self {
            lines,
            table,
            place,
            known: BTreeSet::new(),
        }
    }

    /// Takes a field, by its path: one dot leads into a table below.
    fn take(
        &mut self,
        file: &mut DirectoryFile,
        field: &'static str,
    ) -> Option<&'t Spanned<DeValue<'d>>> {
        self.known.insert(field);
        let value = match field.split_once('.') {
            None => self.table.get(field),
            Some((outer, inner)) => self
                .table
                .get(outer)
                .and_then(|table| table.get_ref().as_table())
                .and_then(|table| table.get(inner)),
        }?;
        file.lines.insert(
            (self.place.clone(), Cow::Borrowed(field)),
            self.lines.of(value.span().start),
        );
        Some(value)
    }

    fn optional_text(&mut self, file: &mut DirectoryFile, field: &'static str) -> Option<String> {
        let value = self.take(file, field)?.get_ref();
        if value.as_str().is_none() {
            self.not_a("a text in quotation marks", file, field, value);
        }
        value.as_str().map(str::to_owned)
    }

    fn text(&mut self, file: &mut DirectoryFile, field: &'static str) -> String {
        if self.take(file, field).is_none() {
            self.missing(file, field);
        }
        self.optional_text(file, field).unwrap_or_default()
    }

    fn optional_flag(&mut self, file: &mut DirectoryFile, field: &'static str) -> bool {
        let Some(value) = self.take(file, field).map(Spanned::get_ref) else {
            return false;
        };
        if value.as_bool().is_none() {
            self.not_a("true or false", file, field, value);
        }
        value.as_bool().unwrap_or(false)
    }

    fn optional_choice<T: DeserializeOwned>(
        &mut self,
        file: &mut DirectoryFile,
        field: &'static str,
    ) -> Option<T> {
        let name = self.optional_text(file, field)?;
        let deserializer: StrDeserializer<'_, ValueError> = name.as_str().into_deserializer();
        match T::deserialize(deserializer) {
            Ok(choice) => Some(choice),
            Err(error) => {
                file.wrong(self.place.clone(), field, error.to_string());
                None
            }
        }
    }

    fn choice<T: DeserializeOwned>(
        &mut self,
        file: &mut DirectoryFile,
        field: &'static str,
    ) -> Option<T> {
        if self.take(file, field).is_none() {
            self.missing(file, field);
        }
        self.optional_choice(file, field)
    }

    fn ids(&mut self, file: &mut DirectoryFile, field: &'static str) -> BTreeSet<String> {
        let Some(value) = self.take(file, field).map(Spanned::get_ref) else {
            self.missing(file, field);
            return BTreeSet::new();
        };
        let ids: Option<BTreeSet<String>> = value.as_array().and_then(|array| {
            array
                .iter()
                .map(|id| id.get_ref().as_str().map(str::to_owned))
                .collect()
        });
        if ids.is_none() {
            self.not_a("a list of institution ids", file, field, value);
        }
        ids.unwrap_or_default()
    }

    /// The tables of an array of tables, each with its line.
    fn entries(
        &mut self,
        file: &mut DirectoryFile,
        field: &'static str,
    ) -> Vec<(usize, &'t DeTable<'d>)> {
        let Some(value) = self.take(file, field).map(Spanned::get_ref) else {
            return Vec::new();
        };
        let tables: Option<Vec<_>> = value.as_array().and_then(|array| {
            array
                .iter()
                .map(|entry| {
                    let line = self.lines.of(entry.span().start);
                    entry.get_ref().as_table().map(|table| (line, table))
                })
                .collect()
        });
        if tables.is_none() {
            file.wrong(
                self.place.clone(),
                field,
                format!("write each one under its own [[{field}]]"),
            );
        }
        tables.unwrap_or_default()
    }

    fn missing(&self, file: &mut DirectoryFile, field: &'static str) {
        file.wrong(self.place.clone(), field, "is missing");
    }

    fn not_a(
        &self,
        wanted: &str,
        file: &mut DirectoryFile,
        field: &'static str,
        value: &DeValue<'_>,
    ) {
        let got = value.type_str();
        file.wrong(
            self.place.clone(),
            field,
            format!("must be {wanted}; it is of type {got}"),
        );
    }

    /// Complains of every field that was not taken.
    fn finish(self, file: &mut DirectoryFile) {
        self.finish_table(file, self.table, "");
    }

    fn finish_table(&self, file: &mut DirectoryFile, table: &DeTable<'_>, within: &str) {
        for (key, value) in table {
            let path = format!("{within}{}", key.get_ref());
            if self.known.contains(path.as_str()) {
                continue;
            }
            let below = format!("{path}.");
            match value.get_ref().as_table() {
                Some(inner) if self.known.iter().any(|known| known.starts_with(&below)) => {
                    self.finish_table(file, inner, &below);
                }
                _ => {
                    let line = self.lines.of(key.span().start);
                    file.wrong_at(line, self.place.clone(), path, "is not known here");
                }
            }
        }
    }
}

fn string(table: &DeTable<'_>, field: &str) -> Option<String> {
    table.get(field)?.get_ref().as_str().map(str::to_owned)
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(ends).collect())
    }

    /// The number of the line that a byte is in.
    fn of(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset)
    }
}

#[cfg(test)]
mod tests;
