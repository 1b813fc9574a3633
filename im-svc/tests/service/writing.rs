//! Writing, reading back and marking as read.

use tonic::Code;

use crate::desk::{Desk, Person, conversation, librarian, queue, reason};

async fn texts(reader: &mut Person, id: &str, window: (u64, u64), size: i32) -> (Vec<u64>, bool) {
    let page = reader.list(id, window, size).await.unwrap();
    let positions = page.messages.iter().map(|message| message.position);
    (positions.collect(), page.more)
}

/// S36, I2, I4: messages are numbered 1, 2, 3 … for both, whoever writes and however they address the conversation, and
/// each command has one effect.
#[tokio::test]
async fn one_order_and_one_effect() {
    let desk = Desk::open().await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let mut ben = desk.librarian("ben", &["maple"]);
    let first = ann.send("1", librarian("ben"), "hello").await.unwrap();
    assert_eq!((first.position, first.replayed), (1, false));
    let id = first.conversation_id;
    let answer = ben.send("1", librarian("ann"), "hi").await.unwrap();
    assert_eq!(
        (answer.conversation_id.as_str(), answer.position),
        (id.as_str(), 2)
    );
    let third = ann.send("2", conversation(&id), "well?").await.unwrap();
    assert_eq!(third.position, 3);
    // Marks lie between messages in the log and are not numbered.
    ben.mark_read(&id, 3).await.unwrap();
    ben.send("2", conversation(&id), "well!").await.unwrap();
    let again = ann.send("1", conversation(&id), "hello").await.unwrap();
    assert_eq!((again.position, again.replayed), (1, true));
    let other = ann.send("1", librarian("ben"), "bye").await.unwrap_err();
    assert_eq!(other.code(), Code::AlreadyExists);
    assert_eq!(reason(&other), "COMMAND_ID_REUSED");
    let recorded = desk.recorded(&id).await;
    let texts: Vec<_> = recorded.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["hello", "hi", "well?", "well!"]);
    let page = ben.list(&id, (0, 0), 0).await.unwrap();
    let author = page.messages[0].author.as_ref().unwrap();
    assert_eq!(author.screen_name, "Name of ann");
    assert_eq!(author.institution_name, "Library harbor");
}

/// I5: of commands that a writer sends concurrently, each id has one effect.
#[tokio::test]
async fn many_at_once() {
    let desk = Desk::open().await;
    let mut ann = desk.librarian("ann", &["maple"]);
    desk.floor.monitors("ben", &["maple"]);
    let sends = (0..200).map(|number| {
        let mut ann = ann.clone();
        async move {
            let (id, text) = (format!("c{}", number / 2), format!("text {}", number / 2));
            ann.send(id, librarian("ben"), &text).await.unwrap()
        }
    });
    let sent = futures::future::join_all(sends).await;
    let id = &sent[0].conversation_id;
    assert_eq!(sent.iter().filter(|sent| !sent.replayed).count(), 100);
    let recorded = desk.recorded(id).await;
    assert_eq!(recorded.len(), 100);
    for (index, sent) in sent.iter().enumerate() {
        let position = usize::try_from(sent.position).unwrap() - 1;
        assert_eq!(recorded[position].1, format!("text {}", index / 2));
    }
    assert_eq!(texts(&mut ann, id, (0, 0), 200).await.0.len(), 100);
}

/// ListMessages pages backwards and forwards.
#[tokio::test]
async fn pages_in_both_directions() {
    let desk = Desk::open().await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let mut id = String::new();
    for _ in 0..10 {
        let sent = ann.send(desk.command_id(), queue("maple"), "x").await;
        id = sent.unwrap().conversation_id;
    }
    assert_eq!(
        texts(&mut ann, &id, (0, 0), 3).await,
        (vec![8, 9, 10], true)
    );
    assert_eq!(texts(&mut ann, &id, (8, 0), 3).await, (vec![5, 6, 7], true));
    assert_eq!(texts(&mut ann, &id, (3, 0), 3).await, (vec![1, 2], false));
    assert_eq!(texts(&mut ann, &id, (1, 0), 3).await, (vec![], false));
    assert_eq!(texts(&mut ann, &id, (0, 4), 3).await, (vec![5, 6, 7], true));
    assert_eq!(
        texts(&mut ann, &id, (0, 7), 3).await,
        (vec![8, 9, 10], false)
    );
    assert_eq!(texts(&mut ann, &id, (0, 99), 3).await, (vec![], false));
    assert_eq!(texts(&mut ann, &id, (0, 0), 0).await.0.len(), 10);
    for (window, size, wanted) in [
        ((3, 4), 0, "BOTH_DIRECTIONS"),
        ((0, 0), -1, "BAD_PAGE_SIZE"),
    ] {
        let status = ann.list(&id, window, size).await.unwrap_err();
        assert_eq!(reason(&status), wanted);
    }
}

/// R23: an invalid field is refused by name, here and for every other field.
#[tokio::test]
async fn wrong_fields_are_refused_by_name() {
    let desk = Desk::open().await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let long = "é".repeat(4_001);
    for (command_id, text, wanted) in [
        ("1", "", "EMPTY"),
        ("1", " \n", "EMPTY"),
        ("1", long.as_str(), "TOO_LONG"),
        ("1", "a\u{0}b", "CONTROL_CHARACTER"),
        ("", "hello", "BAD_COMMAND_ID"),
        ("a b", "hello", "BAD_COMMAND_ID"),
    ] {
        let status = ann.send(command_id, queue("maple"), text).await;
        let status = status.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(reason(&status), wanted);
    }
    let status = ann.send_to_nobody("1", "hello").await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(reason(&status), "EMPTY");
    let status = ann.send_to_nobody("1", "a\u{0}b").await.unwrap_err();
    let wrong = carrel_platform::refusal::Refusal::from(&status);
    let fields: Vec<_> = (wrong.field_violations.iter())
        .map(|(field, _)| &**field)
        .collect();
    assert_eq!(
        (&*wrong.reason, &*fields),
        ("CONTROL_CHARACTER", &["text", "to"][..])
    );
    let status = ann.send("1", queue(""), "hello").await.unwrap_err();
    assert_eq!(reason(&status), "EMPTY");
    let sent = ann.send("1", queue("maple"), &"é".repeat(4_000)).await;
    let id = sent.unwrap().conversation_id;
    let status = ann.mark_read(&id, 2).await.unwrap_err();
    assert_eq!(reason(&status), "NO_SUCH_MESSAGE");
}

/// What was read stays read; a librarian's own messages are never unread.
#[tokio::test]
async fn unread_counts() {
    let desk = Desk::open().await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let mut ben = desk.librarian("ben", &["maple"]);
    let mut id = String::new();
    for text in ["1", "2", "3"] {
        let sent = ann.send(desk.command_id(), librarian("ben"), text).await;
        id = sent.unwrap().conversation_id;
    }
    ben.send("4", librarian("ann"), "4").await.unwrap();
    let bens = |list: &[carrel_proto::im::v1::Conversation]| {
        let own = list.iter().find(|one| one.conversation_id == id).unwrap();
        (own.read, own.unread)
    };
    assert_eq!(bens(&ben.watch().await.unwrap().snapshot), (0, 3));
    assert_eq!(bens(&ann.watch().await.unwrap().snapshot), (0, 1));
    ben.mark_read(&id, 2).await.unwrap();
    assert_eq!(bens(&ben.watch().await.unwrap().snapshot), (2, 1));
    ben.mark_read(&id, 1).await.unwrap();
    ben.mark_read(&id, 0).await.unwrap();
    assert_eq!(bens(&ben.watch().await.unwrap().snapshot), (2, 1));
    ben.mark_read(&id, 4).await.unwrap();
    assert_eq!(bens(&ben.watch().await.unwrap().snapshot), (4, 0));
    let anns = ann.watch().await.unwrap().snapshot;
    let anns = anns.iter().find(|one| one.conversation_id == id).unwrap();
    assert_eq!((anns.read_by_other, anns.delivered_to_other), (4, 4));
}
