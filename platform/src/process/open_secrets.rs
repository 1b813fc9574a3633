//! Files with secrets that everybody on the machine may read.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

/// The permissions of everybody.
const EVERYBODY: u32 = 0o007;

/// Returns a warning for each of these files that everybody on the machine may read or write, each given with the setting
/// that names it. It is no error: there may be nobody else on the machine, as in a container.
pub fn open_secrets<'a>(files: impl IntoIterator<Item = (&'static str, &'a Path)>) -> Vec<String> {
    let warning = |(setting, file): (&str, &Path)| {
        // What can't be looked at is told of when it is used.
        let mode = fs::metadata(file).ok()?.permissions().mode() & 0o777;
        (mode & EVERYBODY != 0).then(|| {
            format!(
                "{setting}: {file} has mode {mode:03o}, so everybody on this machine has access to what is secret in it; \
                 run: chmod o-rwx {file}",
                file = file.display()
            )
        })
    };
    files.into_iter().filter_map(warning).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_what_everybody_may_read_or_write_is_warned_of() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let told = |mode| {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            open_secrets([
                ("grpc.tls.key", file.path()),
                ("x", Path::new("/nowhere/x")),
            ])
        };
        assert!(told(0o600).is_empty());
        assert!(told(0o440).is_empty());
        for mode in [0o644, 0o602] {
            let warnings = told(mode);
            assert_eq!(warnings.len(), 1);
            let name = file.path().display();
            let begins = format!("grpc.tls.key: {name} has mode {mode:03o}, ");
            assert!(warnings[0].starts_with(&begins), "{warnings:?}");
            let ends = format!("chmod o-rwx {name}");
            assert!(warnings[0].ends_with(&ends), "{warnings:?}");
        }
    }
}
