//! A participant in a session who keeps a record of all that they receive.

use carrel_proto::session::v1::{self as wire, act::Act, attend_response::Response};
use prost::Message;
use tonic::Status;

use crate::person::{Attending, Person};

/// The session that everything here is about.
pub const SESSION: &str = "5e55";

/// Everything that one observer received, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Record(pub Vec<String>);

impl Record {
    pub fn message(&mut self, message: &(impl Message + std::fmt::Debug)) {
        self.0
            .push(format!("{} bytes: {message:?}", message.encoded_len()));
    }

    pub fn answer<T: Message + std::fmt::Debug>(&mut self, answer: Result<T, Status>) {
        match answer {
            Ok(message) => self.message(&message),
            Err(status) => self.0.push(format!(
                "{:?} {} {:?}",
                status.code(),
                status.message(),
                status.details()
            )),
        }
    }

    pub fn told(&mut self, mut told: Response) {
        if let Response::Joined(joined) = &mut told {
            mask(&mut joined.head);
        }
        self.message(&wire::AttendResponse {
            response: Some(told),
            trace_parent: String::new(),
        });
    }
}

fn mask(position: &mut Option<wire::Position>) {
    if let Some(position) = position {
        assert_eq!(position.epoch.len(), 32);
        position.epoch = "0".repeat(32);
    }
}

/// A participant whose every reply is recorded.
pub struct Observer {
    pub person: Person,
    pub attends: Attending,
    pub position: wire::Position,
    pub record: Record,
    pub commands: usize,
}

impl Observer {
    pub async fn new(mut person: Person) -> Self {
        let attends = person.attend(SESSION, None).await.unwrap();
        let epoch = attends.joined.head.clone().unwrap().epoch;
        let position = wire::Position { epoch, number: 0 };
        let mut observer = Self {
            person,
            attends,
            position,
            record: Record::default(),
            commands: 0,
        };
        observer.joined().await;
        observer
    }

    pub async fn joined(&mut self) {
        let joined = self.attends.joined.clone();
        let head = joined.head.as_ref().unwrap().number;
        self.record.told(Response::Joined(joined));
        while self.position.number < head {
            self.until(|told| matches!(told, Response::Event(_))).await;
        }
    }

    pub async fn reconnect(&mut self) {
        self.attends = self
            .person
            .attend(SESSION, Some(self.position.clone()))
            .await
            .unwrap();
        self.joined().await;
    }

    pub async fn until(&mut self, wanted: impl Fn(&Response) -> bool) {
        loop {
            let told = self
                .attends
                .next()
                .await
                .unwrap()
                .expect("the stream goes on");
            if let Response::Event(event) = &told {
                self.position.number = event.position;
            }
            let found = wanted(&told);
            self.record.told(told);
            if found {
                return;
            }
        }
    }

    /// Waits until they are told that the person with this part is typing. Others may type as well.
    pub async fn until_typing(&mut self, part: wire::Part) {
        self.until(|told| match told {
            Response::Typing(typing) => typing.author.as_ref().is_some_and(|by| by.part() == part),
            _ => false,
        })
        .await;
    }

    pub async fn act(&mut self, act: Act) {
        self.commands += 1;
        let id = format!("open-{}", self.commands);
        self.attends.act(id.clone(), act).await;
        self.until(|told| match told {
            Response::ActAccepted(accepted) => accepted.command_id == id,
            Response::ActRefused(refused) => refused.command_id == id,
            _ => false,
        })
        .await;
    }

    pub async fn look(&mut self) {
        let request = self.person.ask(wire::GetSessionRequest {
            session_id: SESSION.into(),
        });
        let mut answer = self.person.client.get_session(request).await;
        if let Ok(response) = &mut answer {
            let mut headers = response.metadata().clone();
            headers.remove("date");
            self.record.0.push(format!("{headers:?}"));
            mask(&mut response.get_mut().head);
        }
        self.record.answer(answer.map(tonic::Response::into_inner));
    }

    pub async fn read(&mut self, audience: wire::Audience) {
        self.record
            .answer(self.person.transcript(SESSION, audience).await);
    }

    /// Records all that still comes, until the server goes.
    pub async fn read_to_the_end(mut self) -> Record {
        while let Ok(Some(told)) = self.attends.next().await {
            self.record.told(told);
        }
        self.record
    }
}
