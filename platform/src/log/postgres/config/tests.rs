#![allow(clippy::unwrap_used)]

use super::*;

fn with(change: impl FnOnce(&mut PostgresConfig)) -> Result<Target, OpenError> {
    let mut config = PostgresConfig {
        url: Secret::new("postgres://carrel:pa55word@db1:6000/carrel".to_owned()),
        ..PostgresConfig::default()
    };
    change(&mut config);
    Target::new(&config)
}

#[test]
fn servers_are_named_without_the_password() {
    let places = |url: &str| {
        let url = Secret::new(url.to_owned());
        let target = with(move |c| c.url = url).ok().unwrap();
        let servers = target.servers.into_iter();
        servers.map(|server| server.place).collect::<Vec<_>>()
    };
    assert_eq!(places("postgres://u:pa55word@h/d"), ["h:5432"]);
    assert_eq!(
        places("postgres://u:pa55word@db1:6000,db2:6001/d"),
        ["db1:6000", "db2:6001"]
    );
}

#[test]
fn what_can_not_be_used_is_named_without_the_password() {
    let url = |url: &str| {
        let url = url.to_owned();
        with(move |c| c.url = Secret::new(url))
    };
    for (result, key) in [
        (url(""), "postgres.url"),
        (url("postgres://u:pa55word@h:port/d"), "postgres.url"),
        (url("user=u password=pa55word and more"), "postgres.url"),
        (url("dbname=d password=pa55word"), "postgres.url"),
        (with(|c| c.schema = "Carrel".to_owned()), "postgres.schema"),
        (with(|c| c.schema = "a\"; --".to_owned()), "postgres.schema"),
        (
            with(|c| c.schema = "pg_catalog".to_owned()),
            "postgres.schema",
        ),
        (with(|c| c.schema = String::new()), "postgres.schema"),
        (with(|c| c.writers = 0), "postgres.writers"),
        (
            with(|c| c.statement_timeout = c.lock_timeout),
            "postgres.statement_timeout",
        ),
        (
            with(|c| c.answer_timeout = c.statement_timeout),
            "postgres.answer_timeout",
        ),
        (with(|c| c.tls = TlsMode::Require), "postgres.ca_file"),
    ] {
        let error = result.err().unwrap().to_string();
        assert!(error.starts_with(&format!("{key}: ")), "{error}");
        assert!(!error.contains("pa55word"), "{error}");
    }
}

// What stops a start is told before, and all of it at once.
#[test]
fn all_that_can_not_be_used_is_told_before_anything_is_reached() {
    let config = PostgresConfig {
        url: Secret::new("postgres://u:pa55word@h:port/d".to_owned()),
        schema: "Carrel".to_owned(),
        tls: TlsMode::Require,
        ca_file: Some("/nowhere/ca.crt".into()),
        writers: 0,
        readers: 0,
        lock_timeout: HumanDuration::default(),
        answer_timeout: HumanDuration::from_secs(1),
        ..PostgresConfig::default()
    };
    let told = config.check().unwrap_err().to_string();
    for key in [
        "url",
        "schema",
        "ca_file",
        "writers",
        "readers",
        "lock_timeout",
        "answer_timeout",
    ] {
        assert!(told.contains(&format!("\n  postgres.{key}: ")), "{told}");
    }
    assert!(!told.contains("pa55word"), "{told}");
    let usable = PostgresConfig {
        url: Secret::new("postgres://u@db.example.org/d".to_owned()),
        ..PostgresConfig::default()
    };
    assert_eq!(usable.check(), Ok(()));
}
