//! As much of Redis's protocol as injecting faults needs.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// A connection to a Redis.
#[derive(Debug)]
pub struct Resp {
    stream: BufReader<TcpStream>,
}

/// An answer of Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A status, or a number as text.
    Said(String),
    /// Bytes; `None` for the null value.
    Bytes(Option<Vec<u8>>),
    /// Several answers.
    List(Vec<Answer>),
}

impl Answer {
    /// Returns the texts in it.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        match self {
            Self::Said(text) => vec![text.clone()],
            Self::Bytes(bytes) => {
                let bytes = bytes.iter();
                bytes
                    .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
                    .collect()
            }
            Self::List(answers) => answers.iter().flat_map(Self::texts).collect(),
        }
    }
}

impl Resp {
    /// Connects.
    ///
    /// # Errors
    /// If nobody listens there.
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Sends a command and waits for the answer.
    ///
    /// # Errors
    /// If the connection breaks, or Redis refuses.
    pub async fn ask(&mut self, words: &[&[u8]]) -> anyhow::Result<Answer> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend(format!("${}\r\n", word.len()).bytes());
            request.extend(*word);
            request.extend(b"\r\n");
        }
        self.stream.write_all(&request).await?;
        Box::pin(self.answer()).await
    }

    /// Sends a command in plain words, separated by spaces, and waits for the answer.
    ///
    /// # Errors
    /// As [`Resp::ask`].
    pub async fn say(&mut self, words: &str) -> anyhow::Result<Answer> {
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        self.ask(&words).await
    }

    /// Waits for the next message of what was subscribed to.
    ///
    /// # Errors
    /// If the connection breaks, or Redis refuses.
    pub async fn answer(&mut self) -> anyhow::Result<Answer> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await?;
        let line = line.trim_end();
        let (kind, rest) = line.split_at_checked(1).context("the connection ended")?;
        match kind {
            "+" | ":" => Ok(Answer::Said(rest.to_owned())),
            "-" => bail!("Redis refused: {rest}"),
            "$" => {
                let Ok(length) = rest.parse::<usize>() else {
                    return Ok(Answer::Bytes(None));
                };
                let mut bytes = vec![0; length + 2];
                self.stream.read_exact(&mut bytes).await?;
                bytes.truncate(length);
                Ok(Answer::Bytes(Some(bytes)))
            }
            "*" => {
                let mut answers = Vec::new();
                for _ in 0..rest.parse().unwrap_or(0) {
                    answers.push(Box::pin(self.answer()).await?);
                }
                Ok(Answer::List(answers))
            }
            _ => bail!("not the protocol of Redis: {line}"),
        }
    }
}
