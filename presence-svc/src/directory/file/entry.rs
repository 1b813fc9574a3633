//! One table of a directory file, and where it is in the file.

use std::{borrow::Cow, collections::BTreeSet};

use serde::de::{
    DeserializeOwned, IntoDeserializer as _,
    value::{Error as ValueError, StrDeserializer},
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::DirectoryFile;
use crate::domain::rules::Place;

/// One table of the file, from which known fields are taken; the rest is unknown.
pub(super) struct Entry<'t, 'd> {
    lines: &'t Lines,
    table: &'t DeTable<'d>,
    place: Place,
    known: BTreeSet<&'static str>,
}

impl<'t, 'd> Entry<'t, 'd> {
    pub(super) fn new(lines: &'t Lines, table: &'t DeTable<'d>, place: Place) -> Self {
        Self {
            lines,
            table,
            place,
            known: BTreeSet::new(),
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Takes a list of institution ids, which must be there.
    pub(super) fn ids(
        &mut self,
        file: &mut DirectoryFile,
        field: &'static str,
    ) -> BTreeSet<String> {
        let ids = self.texts(file, field, "a list of institution ids");
        ids.into_iter().collect()
    }

    /// Takes a field by its path: one dot leads into a nested table.
    pub(super) fn take(
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

    pub(super) fn optional_text(
        &mut self,
        file: &mut DirectoryFile,
        field: &'static str,
    ) -> Option<String> {
        let value = self.take(file, field)?.get_ref();
        if value.as_str().is_none() {
            self.not_a("a text in quotation marks", file, field, value);
        }
        value.as_str().map(str::to_owned)
    }

    pub(super) fn text(&mut self, file: &mut DirectoryFile, field: &'static str) -> String {
        if self.take(file, field).is_none() {
            self.missing(file, field);
        }
        self.optional_text(file, field).unwrap_or_default()
    }

    pub(super) fn optional_flag(
        &mut self,
        file: &mut DirectoryFile,
        field: &'static str,
    ) -> Option<bool> {
        let value = self.take(file, field)?.get_ref();
        if value.as_bool().is_none() {
            self.not_a("true or false", file, field, value);
        }
        value.as_bool()
    }

    pub(super) fn optional_choice<T: DeserializeOwned>(
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

    pub(super) fn choice<T: DeserializeOwned>(
        &mut self,
        file: &mut DirectoryFile,
        field: &'static str,
    ) -> Option<T> {
        if self.take(file, field).is_none() {
            self.missing(file, field);
        }
        self.optional_choice(file, field)
    }

    /// Takes a list of texts, if it is there.
    pub(super) fn optional_texts(
        &mut self,
        file: &mut DirectoryFile,
        field: &'static str,
        wanted: &str,
    ) -> Option<Vec<String>> {
        let value = self.take(file, field)?.get_ref();
        let texts: Option<Vec<String>> = value.as_array().and_then(|array| {
            array
                .iter()
                .map(|text| text.get_ref().as_str().map(str::to_owned))
                .collect()
        });
        if texts.is_none() {
            self.not_a(wanted, file, field, value);
        }
        texts
    }

    /// Takes a list of texts, which must be there.
    pub(super) fn texts(
        &mut self,
        file: &mut DirectoryFile,
        field: &'static str,
        wanted: &str,
    ) -> Vec<String> {
        if self.take(file, field).is_none() {
            self.missing(file, field);
        }
        self.optional_texts(file, field, wanted).unwrap_or_default()
    }

    /// Whether there is a nested table, from which fields may be taken.
    pub(super) fn has_table(&mut self, file: &mut DirectoryFile, field: &'static str) -> bool {
        let Some(value) = self.table.get(field) else {
            return false;
        };
        file.lines.insert(
            (self.place.clone(), Cow::Borrowed(field)),
            self.lines.of(value.span().start),
        );
        let there = value.get_ref().as_table().is_some();
        if !there {
            self.known.insert(field);
            self.not_a("a table", file, field, value.get_ref());
        }
        there
    }

    /// Takes the tables of an array of tables, each with its line.
    pub(super) fn entries(
        &mut self,
        file: &mut DirectoryFile,
        field: &'static str,
        advice: &str,
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
            file.wrong(self.place.clone(), field, advice);
        }
        tables.unwrap_or_default()
    }

    pub(super) fn missing(&self, file: &mut DirectoryFile, field: &'static str) {
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

    /// Reports every field that was not taken.
    pub(super) fn finish(self, file: &mut DirectoryFile) {
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

/// Returns the text in a field, without reporting a value that is not text.
pub(super) fn string(table: &DeTable<'_>, field: &str) -> Option<String> {
    table.get(field)?.get_ref().as_str().map(str::to_owned)
}

/// Where the lines of a text begin.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn new(text: &str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(ends).collect())
    }

    /// Returns the number of the line that a byte is in.
    pub(super) fn of(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset)
    }
}
