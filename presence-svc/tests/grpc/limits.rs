//! How often a caller may try, and whose address counts.

use std::time::Duration;

use carrel_presence::{Config, config::Rate};
use tonic::{Code, Request};
use tonic_types::StatusExt as _;

use crate::{
    admit,
    desk::{DEMO, Desk, refusal, unlimited},
};

#[tokio::test]
async fn too_many_attempts_are_told_when_to_come_back() {
    let three_an_hour = Rate {
        burst: 3,
        every: Duration::from_secs(3600).into(),
    };
    let desk = Desk::with(Config {
        log_in_per_account_and_address: three_an_hour,
        log_in_per_address: unlimited(),
        admit_per_address: three_an_hour,
        trust_forwarded_for: true,
        ..Config::default()
    })
    .await;
    desk.load(DEMO).await;
    for _ in 0..3 {
        assert_eq!(
            refusal(desk.try_log_in("lee@maple", "wrong").await).1,
            "WRONG_CREDENTIALS"
        );
    }
    // Even the right password, and however the name is written.
    let answer = desk.try_log_in("LEE@maple", "demo").await;
    let wait = answer
        .as_ref()
        .unwrap_err()
        .get_error_details()
        .retry_info()
        .unwrap()
        .retry_delay;
    assert!(wait.unwrap() > Duration::from_secs(3000));
    assert_eq!(
        refusal(answer),
        (Code::ResourceExhausted, "TOO_MANY_ATTEMPTS".into())
    );
    assert!(desk.try_log_in("map@harbor", "demo").await.is_ok());

    // Each browser has its own allowance, by the address that the gateway names.
    let from = |address: &str| {
        let mut request = Request::new(admit("maple"));
        request
            .metadata_mut()
            .insert("x-forwarded-for", address.parse().unwrap());
        request
    };
    let mut client = desk.client.clone();
    for _ in 0..3 {
        client.admit_patron(from("192.0.2.1")).await.unwrap();
    }
    for again in ["192.0.2.1", "203.0.113.9, 192.0.2.1"] {
        assert_eq!(
            refusal(client.admit_patron(from(again)).await),
            (Code::ResourceExhausted, "TOO_MANY_ATTEMPTS".into())
        );
    }
    client.admit_patron(from("192.0.2.2")).await.unwrap();
    // If the address is not valid, the connection's own counts.
    for nonsense in ["", "x", "192.0.2.1:80"] {
        client.admit_patron(from(nonsense)).await.unwrap();
    }
    assert_eq!(
        refusal(client.admit_patron(admit("maple")).await).1,
        "TOO_MANY_ATTEMPTS"
    );
}

// T14
#[tokio::test]
async fn a_stranger_can_not_pass_the_limits_by_naming_addresses_and_a_gateway_in_the_process_can_name_them()
 {
    let config = Config {
        admit_per_address: Rate {
            burst: 1,
            every: Duration::from_secs(3600).into(),
        },
        ..Config::default()
    };
    let from = |address: &str| {
        let mut request = Request::new(admit("maple"));
        request
            .metadata_mut()
            .insert("x-forwarded-for", address.parse().unwrap());
        request
    };
    let stranger = Desk::with(config.clone()).await;
    // Connections that were lost before their address was asked for.
    let nobody = Desk::without_addresses(config.clone()).await;
    let gateway = Desk::in_process(config).await;
    for desk in [&stranger, &nobody, &gateway] {
        desk.load(DEMO).await;
        let mut client = desk.client.clone();
        client.admit_patron(from("192.0.2.1")).await.unwrap();
    }
    for desk in [&stranger, &nobody] {
        let mut client = desk.client.clone();
        assert_eq!(
            refusal(client.admit_patron(from("192.0.2.2")).await).1,
            "TOO_MANY_ATTEMPTS"
        );
    }
    let mut client = gateway.client.clone();
    client.admit_patron(from("192.0.2.2")).await.unwrap();
    assert_eq!(
        refusal(client.admit_patron(from("192.0.2.1")).await).1,
        "TOO_MANY_ATTEMPTS"
    );
}
