//! Logs on a PostgreSQL server that all tests share, each in a schema of its own.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use carrel_platform::{
    config::{HumanDuration, Secret},
    log::{
        Figures,
        postgres::{PostgresConfig, PostgresLog, migrate},
    },
};
use carrel_testbed::postgres::Postgres;
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

use crate::{
    Place,
    strangers::{self, Reachable},
};

/// Returns the shared server, without any disturbance, for tests that do it no harm.
pub(crate) async fn shared() -> &'static Postgres {
    static SERVER: OnceCell<Postgres> = OnceCell::const_new();
    SERVER.get_or_init(async || own(&[]).await).await
}

/// Starts a server for one test alone.
pub(crate) async fn own(settings: &'static [(&'static str, &'static str)]) -> Postgres {
    tokio::task::spawn_blocking(|| Postgres::start_with(settings).unwrap())
        .await
        .unwrap()
}

/// Returns the settings for reaching a log on a server.
pub(crate) fn config(server: &Postgres) -> PostgresConfig {
    PostgresConfig {
        url: Secret::new(server.url()),
        ..PostgresConfig::default()
    }
}

/// One log among many on the shared server.
pub(crate) struct PostgresSchema(pub(crate) PostgresConfig);

impl PostgresSchema {
    pub(crate) async fn open_with(&self, change: impl FnOnce(&mut PostgresConfig)) -> PostgresLog {
        let mut config = self.0.clone();
        change(&mut config);
        PostgresLog::open(&config).await.unwrap()
    }
}

impl Place for PostgresSchema {
    type Log = PostgresLog;

    async fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let schema = format!("log_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let server = shared().await;
        // A stranger can then tell the connections of this log from others.
        let url = format!("{}?application_name={schema}", server.url());
        let mut config = PostgresConfig {
            url: Secret::new(url),
            schema,
            ..PostgresConfig::default()
        };
        patient(&mut config);
        migrate(&config).await.unwrap();
        Self(config)
    }

    async fn open(&self) -> PostgresLog {
        PostgresLog::open(&self.0).await.unwrap()
    }
}

/// Settings for tests in which nothing must time out.
fn patient(config: &mut PostgresConfig) {
    config.connect_timeout = HumanDuration::from_secs(60);
    config.lock_timeout = HumanDuration::from_secs(60);
    config.statement_timeout = HumanDuration::from_secs(61);
    config.answer_timeout = HumanDuration::from_secs(62);
}

/// Settings for tests in which something times out. Everything else that they do has to finish within these times,
/// on a machine that has other work.
pub(crate) fn impatient(config: &mut PostgresConfig) {
    config.lock_timeout = HumanDuration::from_secs(1);
    config.statement_timeout = HumanDuration::from_secs(3);
    config.answer_timeout = HumanDuration::from_secs(5);
}

/// A stranger's connection.
pub(crate) struct Stranger {
    client: Client,
}

impl Stranger {
    pub(crate) async fn connect(config: &PostgresConfig) -> Self {
        let mut server: tokio_postgres::Config = config.url.reveal().parse().unwrap();
        server.application_name("stranger");
        let (client, connection) = server.connect(NoTls).await.unwrap();
        // It ends with the client, or because a test ended the server.
        tokio::spawn(connection);
        let stranger = Self { client };
        stranger
            .run(&format!("SET search_path = {}", config.schema))
            .await;
        stranger
    }

    pub(crate) async fn run(&self, statements: &str) {
        self.client.batch_execute(statements).await.unwrap();
    }

    pub(crate) async fn count(&self, query: &str) -> i64 {
        self.client.query_one(query, &[]).await.unwrap().get(0)
    }
}

impl PostgresSchema {
    pub(crate) async fn stranger(&self) -> Stranger {
        Stranger::connect(&self.0).await
    }
}

impl Reachable for PostgresSchema {
    type Stranger = Stranger;

    const WRITERS: usize = 2;

    async fn visit(&self) -> Stranger {
        self.stranger().await
    }

    async fn open_narrow(&self) -> PostgresLog {
        self.open_with(|config| {
            config.queue = 8;
            config.queue_timeout = HumanDuration::from(Duration::from_millis(20));
        })
        .await
    }

    fn figures(log: &PostgresLog) -> Figures {
        log.figures()
    }
}

impl strangers::Stranger for Stranger {
    async fn lock(&self) {
        self.run("BEGIN; LOCK TABLE stream IN EXCLUSIVE MODE").await;
    }

    async fn unlock(&self) {
        self.run("ROLLBACK").await;
    }

    async fn set_trap(&self) {
        self.run(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
             CREATE TRIGGER before_commit BEFORE INSERT ON event FOR EACH ROW WHEN (NEW.payload = 'refuse')
                 EXECUTE FUNCTION fail()",
        )
        .await;
    }

    async fn remove_second_events(&self) {
        self.run("DELETE FROM event WHERE version = 2").await;
    }
}
