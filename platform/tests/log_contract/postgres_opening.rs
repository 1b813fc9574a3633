//! How a database that can't be used is reported, and how one is made ready.

use carrel_platform::{
    config::Secret,
    log::{
        EventLog,
        postgres::{Migration, OpenError, PostgresConfig, PostgresLog, TlsMode, migrate, status},
    },
};
use carrel_testbed::port;
use futures::future::join_all;

use crate::{
    Place,
    postgres_place::{PostgresSchema, Stranger, config, own, shared},
    sentences::{batch, goes_on, payloads, write},
};

const MIGRATE: &str = "carrel-session migrate";

async fn refusal(config: &PostgresConfig) -> OpenError {
    PostgresLog::open(config).await.unwrap_err()
}

fn at(url: String) -> PostgresConfig {
    PostgresConfig {
        url: Secret::new(url),
        ..PostgresConfig::default()
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    let port = port::free().unwrap();
    let error = refusal(&at(format!(
        "postgres://carrel:pa55word@127.0.0.1:{port}/carrel"
    )))
    .await;
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
    let said = error.to_string();
    assert!(said.contains("postgres.url") && said.contains(&format!("127.0.0.1:{port}")));
    assert!(!said.contains("pa55word"), "{said}");
}

#[tokio::test]
async fn a_wrong_user_password_or_database_is_a_refusal() {
    let server = shared().await;
    Stranger::connect(&config(server))
        .await
        .run("CREATE USER guarded PASSWORD 'right'")
        .await;
    let place = server.host_and_port();
    for url in [
        format!("postgres://guarded:pa55word@{place}/carrel"),
        format!("postgres://guarded@{place}/carrel"),
        format!("postgres://nobody@{place}/carrel"),
        format!("postgres://carrel@{place}/nothing"),
    ] {
        let error = refusal(&at(url)).await;
        assert!(matches!(error, OpenError::Refused { .. }), "{error:?}");
        let said = error.to_string();
        assert!(said.contains("postgres.url"), "{said}");
        assert!(!said.contains("pa55word"), "{said}");
    }
    let right = at(format!("postgres://guarded:right@{place}/carrel"));
    let error = refusal(&right).await;
    assert!(matches!(error, OpenError::Missing { .. }), "{error:?}");
}

#[tokio::test]
async fn tables_of_another_version_are_refused_with_the_command_that_mends_it() {
    let place = PostgresSchema::new().await;
    let missing = PostgresConfig {
        schema: format!("{}_not", place.0.schema),
        ..place.0.clone()
    };
    let error = refusal(&missing).await;
    assert!(matches!(error, OpenError::Missing { .. }), "{error:?}");
    assert!(error.to_string().contains(MIGRATE), "{error}");

    let stranger = place.stranger().await;
    stranger
        .run("UPDATE meta SET value = '0' WHERE name = 'tables'")
        .await;
    let error = refusal(&place.0).await;
    assert_eq!(error, OpenError::Older { found: 0, known: 1 });
    assert!(error.to_string().contains(MIGRATE), "{error}");

    stranger
        .run("UPDATE meta SET value = '9' WHERE name = 'tables'")
        .await;
    let error = refusal(&place.0).await;
    assert_eq!(error, OpenError::Newer { found: 9, known: 1 });
    assert!(error.to_string().contains(MIGRATE), "{error}");
    assert_eq!(migrate(&place.0).await, Err(error));
}

/// The tables of a version never change without a new version, whatever the columns are called in Rust.
#[tokio::test]
async fn a_log_of_version_1_goes_on_as_it_was() {
    let place = PostgresSchema::new().await;
    let stranger = place.stranger().await;
    stranger
        .run(&format!(
            "DROP SCHEMA {0} CASCADE; CREATE SCHEMA {0}",
            place.0.schema
        ))
        .await;
    stranger.run(include_str!("postgres_version_1.sql")).await;
    migrate(&place.0).await.unwrap();
    goes_on(&place.open().await).await;
    assert_eq!(payloads(&place.open().await, "a").await, ["a2", "a3", "a4"]);
}

#[tokio::test]
async fn many_migrations_at_once_make_the_tables_once() {
    let place = PostgresSchema::new().await;
    let fresh = PostgresConfig {
        schema: format!("{}_fresh", place.0.schema),
        ..place.0.clone()
    };
    let before = status(&fresh).await.unwrap();
    assert_eq!((before.found, before.known, before.epoch), (0, 1, None));
    let results = join_all((0..4).map(|_| migrate(&fresh))).await;
    let made = results.into_iter().map(Result::unwrap);
    let (first, later): (Vec<_>, Vec<_>) = made.partition(|migration| migration.from == 0);
    assert_eq!(first, [Migration { from: 0, to: 1 }]);
    assert_eq!(later, [Migration { from: 1, to: 1 }; 3]);
    let log = PostgresLog::open(&fresh).await.unwrap();
    let after = status(&fresh).await.unwrap();
    assert_eq!(after.epoch.as_deref(), Some(log.epoch()));
    assert_eq!(after.found, 1);
    assert!(after.server.starts_with(char::is_numeric), "{after:?}");
}

#[tokio::test]
async fn a_server_that_does_not_sync_is_refused_unless_that_is_allowed() {
    let server = own(&[("fsync", "off"), ("synchronous_commit", "off")]).await;
    let config = config(&server);
    migrate(&config).await.unwrap();
    let error = refusal(&config).await;
    assert!(
        matches!(
            &error,
            OpenError::Unsafe {
                setting: "fsync",
                ..
            }
        ),
        "{error:?}"
    );
    let allowed = PostgresConfig {
        allow_unsafe_fsync_off: true,
        ..config
    };
    // Each connection corrects the server's setting to answer commits before they are on the disk.
    let log = PostgresLog::open(&allowed).await.unwrap();
    log.append(batch([write("s", 0, ["e"])])).await.unwrap();
}

/// Makes a certificate for 127.0.0.1 and its key in a folder.
fn make_certificate(folder: &std::path::Path, name: &str) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.join(format!("{name}.crt")), made.cert.pem()).unwrap();
    let key = made.signing_key.serialize_pem();
    std::fs::write(folder.join(format!("{name}.key")), key).unwrap();
}

#[tokio::test]
async fn a_connection_is_encrypted_or_there_is_none() {
    let server = own(&[]).await;
    let plain = config(&server);
    migrate(&plain).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["right", "wrong"] {
        make_certificate(folder.path(), name);
    }
    let encrypted = |name: &str| PostgresConfig {
        tls: TlsMode::Require,
        ca_file: Some(folder.path().join(name)),
        ..plain.clone()
    };
    let error = refusal(&encrypted("right.crt")).await;
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
    for unreadable in ["none.crt", "right.key"] {
        let error = refusal(&encrypted(unreadable)).await.to_string();
        assert!(error.contains("postgres.ca_file"), "{error}");
    }

    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let stranger = Stranger::connect(&plain).await;
    for (name, setting) in [
        ("right.crt", "ssl_cert_file"),
        ("right.key", "ssl_key_file"),
    ] {
        // Written by the server itself, which has to own the file.
        let data = server.data_dir().join(name);
        stranger
            .run(&format!(
                "COPY (SELECT unnest(string_to_array('{}', E'\\n'))) TO PROGRAM 'umask 077; cat > {}'",
                read(name).trim(),
                data.display()
            ))
            .await;
        stranger
            .run(&format!("ALTER SYSTEM SET {setting} = '{name}'"))
            .await;
    }
    stranger.run("ALTER SYSTEM SET ssl = on").await;
    stranger.run("SELECT pg_reload_conf()").await;

    let log = loop {
        match PostgresLog::open(&encrypted("right.crt")).await {
            Ok(log) => break log,
            // It takes a moment until the server has read its settings again.
            Err(OpenError::Unreachable { problem }) => {
                assert!(problem.contains("does not support TLS"), "{problem}");
            }
            Err(error) => panic!("{error}"),
        }
    };
    log.append(batch([write("s", 0, ["e"])])).await.unwrap();
    assert_eq!(payloads(&log, "s").await, ["e"]);
    let plain_ones = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE application_name = 'carrel' AND NOT ssl";
    assert_eq!(stranger.count(plain_ones).await, 0);
    let error = refusal(&encrypted("wrong.crt")).await.to_string();
    assert!(error.contains("certificate"), "{error}");
}
