#![allow(clippy::unwrap_used)]

use carrel_testbed::log::{Answer, FaultyLog};
use futures::{FutureExt as _, future::join_all};

use super::*;
use crate::domain::audit::AuditAct;

fn entry(session_id: &str, expected: u64) -> Audited {
    let note = storage::encode(&"something happened", 1, None).unwrap();
    Audited {
        writes: vec![Write {
            stream: StreamName::new(storage::CONFERENCE, session_id),
            expected,
            events: vec![note],
            standing: None,
        }],
        facts: vec![AuditFact {
            act: AuditAct::ConferenceEntered,
            librarian_id: "admin".into(),
            librarian_name: "Admin".into(),
            session_id: session_id.into(),
            detail: "w1".into(),
        }],
        at_ms: 1,
    }
}

/// The sessions that the audit names, in the order of its chain, which is whole.
async fn chain(log: &dyn EventLog) -> Vec<String> {
    let stream = StreamName::new(storage::AUDIT, "maple");
    let entries = storage::read_after::<AuditEntry>(log, &stream, 0).await;
    let mut before = CHAIN_START.to_owned();
    let mut sessions = Vec::new();
    for entry in entries.unwrap() {
        assert!(entry.event.follows(entry.at_ms, &before), "{sessions:?}");
        before = entry.event.chain_hash;
        sessions.push(entry.event.fact.session_id);
    }
    sessions
}

/// I17: who enters a session does not wait for as many commits as others enter other sessions of the library.
#[tokio::test]
async fn what_comes_while_an_entry_is_written_shares_the_next_append() {
    let log = FaultyLog::in_memory().unwrap();
    let audits = Audits::default();
    log.hold();
    let mut first = Box::pin(audits.append(&*log, "maple", entry("s0", 0), NotedSpan::default()));
    until_held(&log, &mut first).await;
    let sessions: Vec<_> = (1..=20).map(|number| format!("s{number}")).collect();
    let others = sessions
        .iter()
        .map(|id| audits.append(&*log, "maple", entry(id, 0), NotedSpan::default()));
    let mut others = Box::pin(join_all(others));
    assert!(others.as_mut().now_or_never().is_none());

    log.allow(2);
    assert_eq!(first.await, Ok(()));
    assert_eq!(
        others.await,
        vec![Ok(()); 20],
        "no third append was allowed"
    );
    assert_eq!(chain(&*log).await[1..], sessions);
}

/// A library's audit may be written by another server, and any of the sessions as well: who is not concerned is written.
#[tokio::test]
async fn a_conflict_is_only_theirs_whose_session_it_is() {
    let log = FaultyLog::in_memory().unwrap();
    let (here, there) = (Audits::default(), Audits::default());
    assert_eq!(
        here.append(&*log, "maple", entry("a", 0), NotedSpan::default())
            .await,
        Ok(())
    );
    assert_eq!(
        there
            .append(&*log, "maple", entry("b", 0), NotedSpan::default())
            .await,
        Ok(())
    );

    let stale_audit = here
        .append(&*log, "maple", entry("c", 0), NotedSpan::default())
        .await;
    assert!(
        matches!(&stale_audit, Err(LogError::Conflict { stream, .. }) if stream.category == storage::AUDIT)
    );
    let [known, outdated, new] = [("a", 1), ("b", 0), ("c", 0)].map(|(id, expected)| {
        here.append(&*log, "maple", entry(id, expected), NotedSpan::default())
    });
    let outcomes = tokio::join!(known, outdated, new);
    assert_eq!((outcomes.0, outcomes.2), (Ok(()), Ok(())));
    assert!(
        matches!(&outcomes.1, Err(LogError::Conflict { stream, .. }) if stream.id == "b"),
        "{:?}",
        outcomes.1
    );
    assert_eq!(chain(&*log).await, ["a", "b", "a", "c"]);
}

/// An append that has reached the log, which holds it.
async fn until_held(log: &FaultyLog, append: impl Future<Output = Result<(), LogError>> + Unpin) {
    let mut append = std::pin::pin!(append);
    while log.held().now_or_never().is_none() {
        assert_eq!(append.as_mut().now_or_never(), None);
        tokio::task::yield_now().await;
    }
}

/// What is written together with one who stops may be written or not, and what only waited is written by another.
#[tokio::test]
async fn whoever_writes_for_others_may_stop() {
    let log = FaultyLog::in_memory().unwrap();
    let audits = Audits::default();
    let append = |session_id| {
        Box::pin(audits.append(&*log, "maple", entry(session_id, 0), NotedSpan::default()))
    };
    log.hold();
    let mut first = append("a");
    until_held(&log, &mut first).await;
    let (mut second, mut third, mut gives_up) = (append("b"), append("c"), append("d"));
    for waits in [&mut second, &mut third, &mut gives_up] {
        assert_eq!(waits.now_or_never(), None);
    }
    drop((first, gives_up));
    until_held(&log, &mut second).await;
    drop(second);
    assert!(matches!(third.await, Err(LogError::Unknown(_))));
    log.allow(10);
    assert_eq!(append("e").await, Ok(()));
    assert_eq!(chain(&*log).await, ["e"]);

    log.answer(Answer::Unknown);
    assert!(matches!(append("f").await, Err(LogError::Unknown(_))));
    log.answer(Answer::Truly);
    assert_eq!(append("g").await, Ok(()));
    assert_eq!(chain(&*log).await, ["e", "f", "g"]);
}
