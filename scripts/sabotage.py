#!/usr/bin/env python3
"""Shows that the noninterference tests are able to fail.

Each leak below is built into a copy of the sources; the tests of session-svc must then fail. A leak whose place in the
sources is no longer found is an error too, so the list cannot fall behind the code.

Usage: scripts/sabotage.py [--all]     without --all: only the leaks that are marked as part of `make test`
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
COPY = TARGET / "sabotage"
CRATES = ["proto", "platform", "session-svc"]


@dataclass(frozen=True)
class Leak:
    """A bug that would tell somebody what they must not know."""

    name: str
    file: str
    sound: str
    leaking: str
    in_make_test: bool = False
    caught_by: str = "noninterference"


LEAKS = [
    Leak(
        "one counter shared by both audiences",
        "session-svc/src/history.rs",
        "let patron = self.patron.take_in(&stored.event, stored.at_ms);",
        "let patron = self.patron.take_in(&stored.event, stored.at_ms).map(|shown| "
        "Arc::new(wire::SessionEvent { position: stored.version, ..(*shown).clone() }));",
        in_make_test=True,
    ),
    Leak(
        "typing in Notes passed on to the patron",
        "session-svc/src/subscribers.rs",
        "subscriber.audience >= reach.audience && subscriber.actor.key() != typist",
        "subscriber.actor.key() != typist",
        in_make_test=True,
    ),
    Leak(
        "supervisors counted among the participants",
        "session-svc/src/live_session/answers.rs",
        "Ok(convert::session_to_wire(self.history.session_id(), session))",
        "let mut shown = convert::session_to_wire(self.history.session_id(), session); "
        "shown.colleagues.extend(self.history.conference().members()"
        ".map(|member| convert::staff_to_wire(member, Part::Colleague))); Ok(shown)",
        in_make_test=True,
    ),
    Leak(
        "one allowance for typing shared by both boxes",
        "session-svc/src/grpc/attend.rs",
        "Audience::Staff => &mut self.notes_box",
        "Audience::Staff => &mut self.message_box",
    ),
    Leak(
        "a silent exit told to staff",
        "session-svc/src/domain/decide.rs",
        "session.end.is_none() && session.knows(&member.librarian_id)",
        "session.end.is_none()",
    ),
    Leak(
        "an undisclosed supervisor's typing passed on",
        "session-svc/src/domain/access.rs",
        "session.knows(id) && (typed_in",
        "!id.is_empty() || (typed_in",
    ),
    Leak(
        "colleagues shown in the owner's own list",
        "session-svc/src/live_list/row.rs",
        "if list == wire::SessionList::All",
        "if list != wire::SessionList::New",
    ),
    Leak(
        "notes shown to the patron",
        "session-svc/src/domain/audience.rs",
        "(viewer >= audience_of(event)).then_some(event)",
        "(viewer >= audience_of(event) || matches!(event, Event::NoteWritten { .. })).then_some(event)",
    ),
    Leak(
        "a session's head counted over all events",
        "session-svc/src/live_session/answers.rs",
        "head: self.history.view(audience).position(),",
        "head: self.history.session_version(),",
    ),
    Leak(
        "entering conference mode told as an event",
        "session-svc/src/domain/decide.rs",
        "session: Vec::new(),\n            conference: vec![ConferenceEvent::Entered {",
        "session: vec![Event::ColleagueLeft { by: librarian.member.clone() }],\n"
        "            conference: vec![ConferenceEvent::Entered {",
    ),
    Leak(
        "an offer to hand a session over shown to the patron",
        "session-svc/src/domain/audience.rs",
        "(viewer >= audience_of(event)).then_some(event)",
        "(viewer >= audience_of(event) || matches!(event, Event::TransferOffered(_))).then_some(event)",
    ),
    Leak(
        "a session that a supervisor is inside of counted among theirs",
        "session-svc/src/live_list/load.rs",
        "*load.librarians.entry(id).or_default() += 1;",
        "*load.librarians.entry(id).or_default() += 1; for inside in &entry.inside { "
        "*load.librarians.entry(inside.librarian_id.clone()).or_default() += 1; }",
        caught_by="load",
    ),
]


def copy_sources() -> None:
    """Puts the crates that the tests need into a workspace of their own."""
    for crate in CRATES:
        # Cargo tells by its time whether a file has changed. What an earlier run may have built with a leak in it must
        # look changed; the rest keeps its times and is not built again.
        copy = shutil.copy if crate == "session-svc" else shutil.copy2
        shutil.copytree(ROOT / crate, COPY / crate, dirs_exist_ok=True, copy_function=copy)
    manifest = (ROOT / "Cargo.toml").read_text()
    start = manifest.index("members = [")
    end = manifest.index("]", start) + 1
    members = ", ".join(f'"{crate}"' for crate in CRATES)
    (COPY / "Cargo.toml").write_text(manifest[:start] + f"members = [{members}]" + manifest[end:])
    shutil.copy(ROOT / "Cargo.lock", COPY / "Cargo.lock")


def tests_pass(which: str) -> bool:
    """Runs the tests of one name on the copy; a copy that does not build is an error and no verdict."""
    environment = {
        **os.environ,
        "CARGO_TARGET_DIR": str(TARGET),
        "CARREL_PAIRS": "200",
        "PROPTEST_MAX_SHRINK_ITERS": "0",
        "RUST_BACKTRACE": "0",
    }
    command = ["cargo", "test", "--quiet", "-p", "carrel-session", "--test", "service"]
    build = subprocess.run([*command, "--no-run"], cwd=COPY, env=environment, capture_output=True, text=True)
    if build.returncode != 0:
        sys.exit(f"the copy does not build:\n{build.stderr}")
    run = subprocess.run([*command, which], cwd=COPY, env=environment, capture_output=True, text=True)
    return run.returncode == 0


def main() -> None:
    leaks = [leak for leak in LEAKS if leak.in_make_test or "--all" in sys.argv[1:]]
    shutil.rmtree(COPY, ignore_errors=True)
    copy_sources()
    if not all(tests_pass(which) for which in sorted({leak.caught_by for leak in leaks})):
        sys.exit("the tests fail without any leak; mend that first")
    missed = []
    for leak in leaks:
        place = COPY / leak.file
        sound = place.read_text()
        if sound.count(leak.sound) != 1:
            sys.exit(f"{leak.file} has not exactly one place for the leak “{leak.name}”; bring scripts/sabotage.py up to date")
        place.write_text(sound.replace(leak.sound, leak.leaking))
        caught = not tests_pass(leak.caught_by)
        place.write_text(sound)
        print(f"{'caught' if caught else 'MISSED'}: {leak.name}", flush=True)
        if not caught:
            missed.append(leak.name)
    shutil.rmtree(COPY, ignore_errors=True)
    print(f"{len(leaks) - len(missed)} of {len(leaks)} leaks caught")
    if missed:
        sys.exit(1)


if __name__ == "__main__":
    main()
