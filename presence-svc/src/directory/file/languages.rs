//! What a directory file says of a library's languages (D84).

use toml::de::DeTable;

use super::{
    DirectoryFile,
    entry::{Entry, Lines, string},
};
use crate::domain::{directory::Translation, language, rules::Place};

impl DirectoryFile {
    /// Reads the codes of a library's languages.
    pub(super) fn read_languages(&mut self, entry: &mut Entry<'_, '_>) -> Vec<String> {
        let field = "languages";
        if entry.take(self, field).is_none() {
            return language::only_english();
        }
        entry.texts(self, field, "a list of codes, for example [\"en\", \"es\"]")
    }

    /// Reads what a library says itself in one of its further languages.
    pub(super) fn read_translation(
        &mut self,
        lines: &Lines,
        line: usize,
        table: &DeTable<'_>,
        institution_id: &str,
    ) -> Translation {
        let place = Place::Translation {
            institution: institution_id.to_owned(),
            language: string(table, "language").unwrap_or_default(),
        };
        self.begin(line, &place);
        let mut entry = Entry::new(lines, table, place);
        let language = entry.text(self, "language");
        let mut text = |field| entry.optional_text(self, field).unwrap_or_default();
        let translation = Translation {
            language,
            welcome: text("welcome"),
            privacy_notice: text("privacy_notice"),
            privacy_address: text("privacy_address"),
        };
        entry.finish(self);
        translation
    }
}
