#![allow(clippy::unwrap_used)]

use std::time::Duration;

use carrel_testbed::log::{Answer, FaultyLog};
use futures::{FutureExt as _, future::join_all};

use super::*;
use crate::domain::{audit::AuditAct, people::StaffMember};

fn entry(session_id: &str, expected: u64) -> Audited {
    let note = storage::encode(&"something happened", 1, None).unwrap();
    Audited {
        writes: vec![Write {
            stream: StreamName::new(storage::CONFERENCE, session_id),
            expected,
            events: vec![note],
            index_entry: None,
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

/// Returns the sessions that the audit names, in the order of its chain, which must be whole.
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

/// I17: a supervisor who enters a session does not wait for as many commits as others enter other sessions of the
/// library.
#[tokio::test]
async fn what_comes_while_an_entry_is_written_shares_the_next_append() {
    let log = FaultyLog::in_memory().unwrap();
    let audits = Audits::default();
    log.hold();
    let mut first = Box::pin(audits.append(&*log, "maple", entry("s0", 0), LazySpan::default()));
    until_held(&log, &mut first).await;
    let sessions: Vec<_> = (1..=20).map(|number| format!("s{number}")).collect();
    let others = sessions
        .iter()
        .map(|id| audits.append(&*log, "maple", entry(id, 0), LazySpan::default()));
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

/// Another server may write to the audit, and to any of the sessions: writes that it does not conflict with succeed.
#[tokio::test]
async fn a_conflict_is_only_theirs_whose_session_it_is() {
    let log = FaultyLog::in_memory().unwrap();
    let (here, there) = (Audits::default(), Audits::default());
    assert_eq!(
        here.append(&*log, "maple", entry("a", 0), LazySpan::default())
            .await,
        Ok(())
    );
    assert_eq!(
        there
            .append(&*log, "maple", entry("b", 0), LazySpan::default())
            .await,
        Ok(())
    );

    let stale_audit = here
        .append(&*log, "maple", entry("c", 0), LazySpan::default())
        .await;
    assert!(
        matches!(&stale_audit, Err(LogError::Conflict { stream, .. }) if stream.category == storage::AUDIT)
    );
    let [known, outdated, new] = [("a", 1), ("b", 0), ("c", 0)].map(|(id, expected)| {
        here.append(&*log, "maple", entry(id, expected), LazySpan::default())
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

/// Polls an append until it has reached the log, which holds it.
async fn until_held(log: &FaultyLog, append: impl Future<Output = Result<(), LogError>> + Unpin) {
    let mut append = std::pin::pin!(append);
    while log.held().now_or_never().is_none() {
        assert_eq!(append.as_mut().now_or_never(), None);
        tokio::task::yield_now().await;
    }
}

/// When the task that writes for others stops, what it was writing may be written or not, and what only waited is
/// written by another task.
#[tokio::test]
async fn whoever_writes_for_others_may_stop() {
    let log = FaultyLog::in_memory().unwrap();
    let audits = Audits::default();
    let append = |session_id| {
        Box::pin(audits.append(&*log, "maple", entry(session_id, 0), LazySpan::default()))
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

/// Writes `many` entries of one librarian.
async fn did(audits: &Audits, log: &dyn EventLog, librarian_id: &str, many: usize) {
    let fact = AuditFact {
        act: AuditAct::ConferenceEntered,
        librarian_id: librarian_id.into(),
        librarian_name: "A name".into(),
        session_id: "s".into(),
        detail: "w1".into(),
    };
    let audited = Audited {
        writes: Vec::new(),
        facts: vec![fact; many],
        at_ms: 1,
    };
    let written = audits.append(log, "maple", audited, LazySpan::default());
    assert_eq!(written.await, Ok(()));
}

/// S11: an audit may be long, with most of it by others. What has to be read for a page does not reveal how much that
/// is.
#[tokio::test]
async fn a_page_of_ones_own_entries_reads_nothing_of_others() {
    let member = StaffMember {
        librarian_id: "ask".into(),
        screen_name: "A name".into(),
        institution_id: "maple".into(),
        institution_name: "Maple County Library".into(),
    };
    let mut reads = Vec::new();
    for others in [0, 1, 5_000] {
        let log = FaultyLog::in_memory().unwrap();
        let audits = Audits::default();
        for many in [2, 3] {
            did(&audits, &*log, "ask", many).await;
            did(&audits, &*log, "admin", others).await;
        }
        let before = log.reads();
        let (mut below, mut sizes) = (None, Vec::new());
        loop {
            let page = read_own_page(&*log, &member, below, 2).await.unwrap();
            assert!(
                page.entries
                    .iter()
                    .all(|entry| entry.event.librarian_id == "ask")
            );
            sizes.push(page.entries.len());
            below = page.next_below;
            if below.is_none() {
                break;
            }
        }
        assert_eq!(sizes, [2, 2, 1]);
        reads.push(log.reads() - before);
    }
    assert_eq!(reads, [reads[0]; 3]);
}

/// Two servers write to one audit, and to one librarian's own stream.
#[tokio::test]
async fn what_a_librarian_did_goes_on_on_another_server() {
    let log = FaultyLog::in_memory().unwrap();
    let (here, there) = (Audits::default(), Audits::default());
    did(&here, &*log, "admin", 1).await;
    did(&there, &*log, "admin", 2).await;
    let stale = here.append(&*log, "maple", entry("a", 0), LazySpan::default());
    assert!(matches!(stale.await, Err(LogError::Conflict { .. })));
    did(&here, &*log, "admin", 3).await;
    let stream = own_stream("maple", "admin");
    assert_eq!(end_of(&*log, &stream).await, Ok(6));
    assert_eq!(chain(&*log).await.len(), 6);
}

/// I17, S11: while an administrator reads the audit, a session whose messages wait for an entry goes on, and while an
/// entry is being written the audit can be read.
#[tokio::test]
async fn a_page_is_read_while_an_entry_is_written() {
    let log = FaultyLog::in_memory().unwrap();
    let audits = Audits::default();
    did(&audits, &*log, "ask", 2).await;
    log.hold();
    let mut append = Box::pin(audits.append(&*log, "maple", entry("a", 0), LazySpan::default()));
    until_held(&log, &mut append).await;
    let read = read_page(&*log, "maple", None, 10);
    let page = tokio::time::timeout(Duration::from_secs(60), read).await;
    assert_eq!(page.unwrap().unwrap().entries.len(), 2);
    log.allow(1);
    assert_eq!(append.await, Ok(()));
}

/// I17: sessions wait while the ends are looked up, after a start and whenever another server has written.
#[tokio::test]
async fn finding_the_ends_of_long_audits_takes_one_read() {
    let log = FaultyLog::in_memory().unwrap();
    let here = Audits::default();
    for librarian_id in ["ask", "admin"] {
        did(&Audits::default(), &*log, librarian_id, 1_000).await;
    }
    let append = |session_id, expected| {
        here.append(
            &*log,
            "maple",
            entry(session_id, expected),
            LazySpan::default(),
        )
    };
    let before = log.reads();
    assert_eq!(append("a", 0).await, Ok(()));
    assert_eq!(log.reads() - before, 1, "after a start");
    did(&Audits::default(), &*log, "admin", 1).await;
    let before = log.reads();
    assert!(matches!(
        append("a", 1).await,
        Err(LogError::Conflict { .. })
    ));
    assert_eq!(append("a", 1).await, Ok(()));
    assert_eq!(log.reads() - before, 1, "after another server's entry");
}
