//! One winner for each patron (D28, I11).

use carrel_platform::auth::Role;
use futures::future::join_all;
use tonic::Code;

use crate::desk::Desk;
use crate::person::reason;

/// Contended pick-ups on two servers that share the log: exactly one winner, and the losers learn who.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_one_librarian_gets_the_patron() {
    let here = Desk::open().await;
    let there = here.replica().await;
    for round in 0..1_000_usize {
        let session_id = format!("{round:032x}");
        here.patron(&session_id)
            .open("open".into(), "anyone?")
            .await
            .unwrap();
        let contenders = 2 + round % 19;
        let attempts = (0..contenders).map(|number| {
            let desk = if number % 2 == 0 { &here } else { &there };
            let id = format!("librarian-{number}");
            let mut librarian = desk.librarian(&id, "maple", Role::Librarian, &["maple"]);
            let session_id = session_id.clone();
            async move { (id, librarian.pick_up("pick-up".into(), &session_id).await) }
        });
        let outcomes = join_all(attempts).await;
        let winners: Vec<_> = outcomes
            .iter()
            .filter(|(_, outcome)| outcome.is_ok())
            .collect();
        assert_eq!(
            winners.len(),
            1,
            "round {round} with {contenders} contenders"
        );
        let name = format!("Name of {}", winners[0].0);
        for (_, outcome) in &outcomes {
            if let Err(status) = outcome {
                assert_eq!(
                    (status.code(), reason(status).as_str()),
                    (Code::FailedPrecondition, "ALREADY_PICKED_UP")
                );
                let facts = carrel_platform::refusal::Refusal::from(status).metadata;
                assert_eq!(facts.get("picked_up_by"), Some(&name));
            }
        }
        let mut winner = here.librarian(&winners[0].0, "maple", Role::Librarian, &["maple"]);
        assert!(
            winner
                .pick_up("pick-up".into(), &session_id)
                .await
                .unwrap()
                .replayed
        );
    }
}
