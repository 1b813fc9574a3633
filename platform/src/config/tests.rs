#![allow(clippy::unwrap_used)]

use std::{net::SocketAddr, num::NonZeroU32};

use serde::Deserialize;

use super::*;

const DEFAULTS: &str = r#"
    # Where to listen.
    address = "127.0.0.1:8080"
    origins = []
    [session]
    heartbeat = "5s"
    limit = 10
    ratio = 0.5
    strict = true
    format = "text"
"#;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    address: SocketAddr,
    origins: Vec<String>,
    password: Option<Secret<String>>,
    session: Session,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Session {
    heartbeat: HumanDuration,
    limit: NonZeroU32,
    ratio: f64,
    strict: bool,
    format: Format,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    Text,
    Json,
}

#[derive(Default, Serialize)]
struct Flags {
    address: Option<String>,
    session: Option<SessionFlags>,
}

#[derive(Default, Serialize)]
struct SessionFlags {
    limit: Option<u32>,
    strict: Option<bool>,
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn read(
    file: Option<&Path>,
    environment: &[(&str, &str)],
    flags: Flags,
) -> Result<Settings, ConfigError> {
    let environment = environment.iter().map(|(k, v)| (k.into(), v.into()));
    load_with(DEFAULTS, file, "CARREL_", environment, flags)
}

fn error(environment: &[(&str, &str)]) -> String {
    read(None, environment, Flags::default())
        .unwrap_err()
        .to_string()
}

#[test]
fn each_layer_lies_over_the_one_before() {
    let file =
        file("address = \"0.0.0.0:1\"\n[session]\nheartbeat = \"7s\"\nlimit = 20\nratio = 1.0\n");
    let environment = [
        ("CARREL_SESSION__LIMIT", "30"),
        ("CARREL_SESSION__RATIO", "0.25"),
        ("CARREL_SESSION__STRICT", "false"),
        (
            "CARREL_ORIGINS",
            r#"["https://a.example", "https://b.example"]"#,
        ),
        ("CARRELS_ARE_DESKS", "yes"),
        ("PATH", "/bin"),
    ];
    let flags = Flags {
        address: None,
        session: Some(SessionFlags {
            limit: Some(40),
            strict: None,
        }),
    };
    let settings = read(Some(file.path()), &environment, flags).unwrap();
    assert_eq!(settings.address.to_string(), "0.0.0.0:1");
    assert_eq!(settings.session.heartbeat, HumanDuration::from_secs(7));
    assert_eq!(settings.session.limit.get(), 40);
    assert!((settings.session.ratio - 0.25).abs() < f64::EPSILON);
    assert!(!settings.session.strict);
    assert_eq!(settings.session.format, Format::Text);
    assert_eq!(settings.origins, ["https://a.example", "https://b.example"]);
}

#[test]
fn a_variable_is_read_as_its_setting_asks() {
    let settings = read(None, &[("CARREL_PASSWORD", "007")], Flags::default()).unwrap();
    assert_eq!(settings.password, Some(Secret::new("007".to_owned())));
}

#[test]
fn an_unknown_key_is_an_error_wherever_it_is_set() {
    assert_eq!(
        error(&[("CARREL_SESSION__HARTBEAT", "5s")]),
        "the environment variable CARREL_SESSION__HARTBEAT: there is no setting session.hartbeat; known there: \
         heartbeat, limit, ratio, strict, format"
    );
    assert!(error(&[("CARREL_SESION__LIMIT", "5")]).contains("there is no setting sesion;"));
    let file = file("[session]\nlimits = 3\n");
    let error = read(Some(file.path()), &[], Flags::default()).unwrap_err();
    let ConfigError::UnknownKey { key, origin, .. } = error else {
        unreachable!("{error}");
    };
    assert_eq!(key, "session.limits");
    assert_eq!(origin, file.path().display().to_string());
}

#[test]
fn a_bad_value_names_its_key_its_source_and_what_is_right() {
    assert_eq!(
        error(&[("CARREL_SESSION__HEARTBEAT", "5 minutes")]),
        "the environment variable CARREL_SESSION__HEARTBEAT: session.heartbeat: \"5 minutes\" is not a length of \
         time; write a whole number and its unit, for example 500ms, 5s, 10m, 24h or 30d"
    );
    for (variable, value, right) in [
        (
            "CARREL_SESSION__LIMIT",
            "many",
            "it must be a whole number of 1 or more",
        ),
        (
            "CARREL_SESSION__LIMIT",
            "0",
            "0 is not right; it must be a whole number of 1 or more",
        ),
        (
            "CARREL_SESSION__RATIO",
            "half",
            "it must be a number, for example 0.5",
        ),
        (
            "CARREL_SESSION__STRICT",
            "maybe",
            "it must be true or false",
        ),
        (
            "CARREL_SESSION__FORMAT",
            "xml",
            "it must be `text` or `json`",
        ),
        (
            "CARREL_ADDRESS",
            "localhost",
            "it must be an IP address and a port, for example 127.0.0.1:8080",
        ),
        (
            "CARREL_SESSION",
            "x",
            "it must be a section with keys of its own",
        ),
    ] {
        let error = error(&[(variable, value)]);
        assert!(error.contains(variable) && error.contains(right), "{error}");
    }
    let file = file("[session]\nlimit = \"many\"\n");
    let error = read(Some(file.path()), &[], Flags::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&file.path().display().to_string()),
        "{error}"
    );
    assert!(error.contains("session.limit"), "{error}");
}

#[test]
fn two_variables_can_not_set_one_key() {
    assert!(
        error(&[("CARREL_SESSION", "{}"), ("CARREL_SESSION__LIMIT", "1")])
            .contains("session is both a value and a section")
    );
}

#[test]
fn what_is_not_set_is_named_with_its_variable() {
    let missing = load_with::<Settings>("", None, "CARREL_", [], ()).unwrap_err();
    assert!(missing.to_string().contains("CARREL_ADDRESS"), "{missing}");
    let defaults = "address = \"[::1]:1\"\norigins = []\n[session]\nheartbeat = \"5s\"";
    let missing = load_with::<Settings>(defaults, None, "CARREL_", [], ()).unwrap_err();
    assert!(missing.to_string().contains("session.limit"), "{missing}");
    assert!(
        missing.to_string().contains("CARREL_SESSION__LIMIT"),
        "{missing}"
    );
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_an_error_without_its_content() {
    let error = read(
        Some(Path::new("/nowhere/carrel.toml")),
        &[],
        Flags::default(),
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("/nowhere/carrel.toml"),
        "{error}"
    );
    let file = file("origins = []\npassword = \"sesame\n");
    let error = read(Some(file.path()), &[], Flags::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("line 2"), "{error}");
    assert!(!error.contains("sesame"), "{error}");
}

#[test]
fn secrets_are_never_shown() {
    let settings = read(None, &[("CARREL_PASSWORD", "sesame")], Flags::default()).unwrap();
    assert!(!format!("{settings:?}").contains("sesame"));
    let shown = render(&settings).unwrap();
    assert!(shown.contains("password = \"(hidden)\""), "{shown}");
    assert!(shown.contains("heartbeat = \"5s\""), "{shown}");
    let error = error(&[("CARREL_PASSWORD", r#"["sesame"]"#)]);
    assert!(
        error.contains("CARREL_PASSWORD") && !error.contains("sesame"),
        "{error}"
    );
}
