//! The stations of a message's way, each measured by itself: `cargo bench --package carrel-bench`.
#![allow(
    clippy::unwrap_used,
    reason = "what is benched works, or the bench says so"
)]

mod append;
mod fan_out;
mod rules;

fn main() {
    divan::main();
}

/// Returns a text as long as two lines of a chat.
fn text() -> String {
    "Where can I find the letters of the lighthouse keepers? ".repeat(2)
}
