//! I6: what a client holds after any number of reconnects is exactly the log.

use std::collections::BTreeMap;

use carrel_proto::im::v1::{Conversation, watch_conversations_response::Change};
use proptest::{prelude::*, test_runner::Config as Runs};
use tokio::runtime::Runtime;

use crate::desk::{Desk, Person, Watching, brisk, librarian, queue};

/// What happens to two servers and their users.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A librarian writes at one of the servers, to another librarian or to the staff.
    Write {
        from: usize,
        to: usize,
        server: usize,
    },
    /// The watched client loses its connection and comes back at one of the servers.
    Reconnect { server: usize },
    /// The client reads what has come so far.
    Read { changes: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3_usize, 0..4_usize, 0..2_usize)
            .prop_map(|(from, to, server)| Step::Write { from, to, server }),
        1 => (0..2_usize).prop_map(|server| Step::Reconnect { server }),
        2 => (1..8_usize).prop_map(|changes| Step::Read { changes }),
    ]
}

const NAMES: [&str; 3] = ["ann", "ben", "cho"];

/// A client written as `docs` describe: it holds each conversation up to a position, and checks each change.
#[derive(Default)]
struct Client {
    held: BTreeMap<String, Vec<(u64, String)>>,
}

impl Client {
    fn head(&self, id: &str) -> u64 {
        self.held.get(id).map_or(0, |held| held.len() as u64)
    }

    /// Fetches messages up to the head that a snapshot or a changed conversation names.
    async fn fill(&mut self, person: &mut Person, conversation: &Conversation) {
        let id = &conversation.conversation_id;
        while self.head(id) < conversation.head {
            let after = self.head(id);
            // `after` 0 is not a position to continue from; instead, ask for what is before the second message.
            let window = if after == 0 { (2, 0) } else { (0, after) };
            let page = person.list(id, window, 5).await.unwrap();
            for message in page.messages {
                if message.position <= conversation.head {
                    self.take(id, message.position, message.text);
                }
            }
        }
    }

    fn take(&mut self, id: &str, position: u64, text: String) {
        assert_eq!(position, self.head(id) + 1, "no gap and no repeat");
        let held = self.held.entry(id.to_owned()).or_default();
        held.push((position, text));
    }

    async fn connect(&mut self, person: &mut Person) -> Watching {
        let watch = person.watch().await.unwrap();
        for conversation in &watch.snapshot {
            self.fill(person, conversation).await;
        }
        watch
    }

    async fn read(&mut self, person: &mut Person, watch: &mut Watching) {
        match watch.next().await.unwrap().unwrap() {
            Change::Arrived(arrived) => {
                let message = arrived.message.unwrap();
                let id = arrived.conversation_id;
                self.take(&id, message.position, message.text);
            }
            Change::Changed(conversation) => {
                assert!(conversation.head >= self.head(&conversation.conversation_id));
                self.fill(person, &conversation).await;
            }
            _ => {}
        }
    }
}

async fn run(steps: Vec<Step>, deaf: bool) {
    let one = if deaf {
        Desk::deaf(brisk()).await
    } else {
        Desk::open().await
    };
    let other = one.replica().await;
    let servers = [other, one];
    for name in NAMES {
        servers[0].floor.monitors(name, &["maple"]);
    }
    let mut anns = servers.each_ref().map(|server| server.caller("ann"));
    let mut client = Client::default();
    let mut at = 0;
    let mut watch = client.connect(&mut anns[at]).await;
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for (number, step) in steps.into_iter().enumerate() {
        match step {
            Step::Write { from, to, server } => {
                let to = match NAMES.get(to) {
                    Some(name) if to != from => librarian(name),
                    _ => queue("maple"),
                };
                let mut writer = servers[server].caller(NAMES[from]);
                let text = format!("text {number}");
                let sent = writer.send(format!("c{number}"), to, &text).await.unwrap();
                expected.insert(sent.conversation_id, sent.position);
            }
            Step::Reconnect { server } => {
                at = server;
                drop(watch);
                watch = client.connect(&mut anns[at]).await;
            }
            Step::Read { changes } => {
                for _ in 0..changes {
                    client.read(&mut anns[at], &mut watch).await;
                }
            }
        }
    }
    let mut own = expected.clone();
    own.retain(|id, _| {
        let other = carrel_im::domain::names::between_librarians("ben", "cho");
        *id != other
    });
    while own.iter().any(|(id, head)| client.head(id) < *head) {
        client.read(&mut anns[at], &mut watch).await;
    }
    for (id, held) in &client.held {
        assert_eq!(*held, servers[0].recorded(id).await);
    }
    assert_eq!(
        client.held.keys().collect::<Vec<_>>(),
        own.keys().collect::<Vec<_>>()
    );
}

proptest! {
    #![proptest_config(Runs::with_cases(24))]

    #[test]
    fn what_a_client_holds_is_exactly_the_log(
        deaf: bool,
        steps in proptest::collection::vec(step(), 1..60)) {
        Runtime::new().unwrap().block_on(run(steps, deaf));
    }
}
