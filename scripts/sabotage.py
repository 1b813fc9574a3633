#!/usr/bin/env python3
"""Shows that the noninterference tests and the simulation can fail.

Each leak below is built into a copy of the sources, and the tests of session-svc must then fail. Each bug below is
built in the same way, and one of the simulation's first seeds must then fail. If the code that a leak or a bug changes
can no longer be found, that is an error too, so the lists stay up to date.

Usage: scripts/sabotage.py [leaks|bugs] [--all] [--release]
  leaks, bugs   try only the leaks or only the bugs (default: both)
  --all         also try those that are not part of `make test`
  --release     build the simulation optimised, which is worth it for many bugs
"""

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
COPY = TARGET / "sabotage"
# The crates that leaks and bugs are built into, or that are built from those.
CHANGED = {"session-svc", "simulation"}
# What no crate of the copy is built from.
LEFT_OUT = shutil.ignore_patterns("node_modules", "web", "results")
# How many seeds may miss a bug before it counts as not caught.
SEEDS = 200


@dataclass(frozen=True)
class Leak:
    """A change that would show somebody what they must not see."""

    name: str
    file: str
    sound: str
    leaking: str
    in_make_test: bool = False
    caught_by: str = "noninterference"


@dataclass(frozen=True)
class Bug:
    """A change that would lose, repeat, reorder or hold back messages, or give one patron to two librarians."""

    name: str
    file: str
    # Pairs of the text to replace and its replacement.
    edits: tuple[tuple[str, str], ...]
    in_make_test: bool = False


LEAKS = [
    Leak(
        "one counter shared by both audiences",
        "session-svc/src/history.rs",
        "let patron = self.patron.take_in(&stored.event, stored.at_ms);",
        "let patron = self.patron.take_in(&stored.event, stored.at_ms).map(|mut shown| { "
        "let mut told = shown.encoded.read().unwrap_or_default(); "
        "if let Some(Response::Event(event)) = &mut told.response { event.position = stored.version; } "
        "shown.encoded = Encoded::of(&told); shown });",
        in_make_test=True,
    ),
    Leak(
        "typing in Notes passed on to the patron",
        "session-svc/src/subscribers.rs",
        "audience >= reach.audience && subscriber.actor.key() != typist",
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
        "session.is_shown(&librarian.member.librarian_id, typed_in)",
        "!librarian.member.librarian_id.is_empty()",
    ),
    Leak(
        "a supervisor's typing passed on to the patron after a note",
        "session-svc/src/domain/access.rs",
        "session.is_shown(&librarian.member.librarian_id, typed_in)",
        "session.knows(&librarian.member.librarian_id)",
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
        "a resolution shown to the patron",
        "session-svc/src/domain/audience.rs",
        "(viewer >= audience_of(event)).then_some(event)",
        "(viewer >= audience_of(event) || matches!(event, Event::ResolutionSet { .. })).then_some(event)",
    ),
    Leak(
        "descriptive codes shown to the patron",
        "session-svc/src/domain/audience.rs",
        "(viewer >= audience_of(event)).then_some(event)",
        "(viewer >= audience_of(event) || matches!(event, Event::DescriptiveCodesSet { .. })).then_some(event)",
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


BUGS = [
    Bug(
        "acknowledge before commit",
        "session-svc/src/live_session/carry_out.rs",
        (("return self.answers(plan, acts, Some(&error));", "return self.answers(plan, acts, None);"),),
    ),
    Bug(
        "publish before commit",
        "session-svc/src/live_session/append.rs",
        (
            (
                "        if staged.facts.is_empty() {\n",
                "        let before = self.summary(); self.record(staged.conference_events, staged.session_events);\n"
                "        if staged.facts.is_empty() {\n",
            ),
            (
                "        }\n        let before = self.summary();\n"
                "        self.record(staged.conference_events, staged.session_events);\n",
                "        }\n",
            ),
        ),
    ),
    Bug(
        "no row lock",
        "simulation/src/database/streams.rs",
        (("if actual != write.expected {", "if actual < write.expected {"),),
    ),
    Bug(
        "bare sequence",
        "simulation/src/database/streams.rs",
        (
            (
                "rows.filter(|row| row.written_at_ms <= time::now_ms());",
                "rows.filter(|row| row.recorded.version % 3 != 0 || row.written_at_ms + 300 <= time::now_ms());",
            ),
        ),
    ),
    Bug(
        "no fence",
        "session-svc/src/domain/decide.rs",
        (
            (
                "(Relation::FormerOwner, _) => return Err(situation.no_longer_owner()),\n        _ => return Err(Refused::NotFound),\n"
                "    };\n    Ok((by, session))",
                "(Relation::FormerOwner, Actor::Librarian(librarian)) => Some(Speaker::Owner(librarian.member.clone())),\n"
                "        _ => return Err(Refused::NotFound),\n    };\n    Ok((by, session))",
            ),
        ),
        in_make_test=True,
    ),
    Bug(
        "refill off by one",
        "session-svc/src/live_session/answers.rs",
        (("view.events_after(from).to_vec()", "view.events_after(from.saturating_sub(1)).to_vec()"),),
        in_make_test=True,
    ),
    Bug(
        "heartbeat without head",
        "session-svc/src/grpc/attend.rs",
        (("wire::Heartbeat { head: attendance.sent }", "wire::Heartbeat { head: 0 }"),),
    ),
    Bug(
        "poll off",
        "session-svc/src/sessions/upkeep.rs",
        (
            (
                "let tails = async {\n            if self.parts.bus.lossy() {",
                "let tails = async {\n            if !self.parts.bus.lossy() {",
            ),
        ),
    ),
    Bug(
        "leave = end",
        "session-svc/src/domain/decide.rs",
        (
            (
                "vec![Event::ColleagueLeft { by: member.clone() }]",
                "vec![Event::Ended { by: Some(Speaker::Colleague(member.clone())) }]",
            ),
        ),
    ),
    Bug(
        "unbounded queue",
        "session-svc/src/subscribers.rs",
        (("queue(backlog.max(1))", "queue(backlog.max(1 << 20))"),),
    ),
]


def copy_sources() -> None:
    """Copies all crates into a separate workspace. It has the members of the original one, so that cargo chooses the
    same features for what they depend on, and takes that from the original's build."""
    manifest = (ROOT / "Cargo.toml").read_text()
    for crate in tomllib.loads(manifest)["workspace"]["members"]:
        # Files keep their times, by which cargo detects changes, so that crates that stay as they are aren't rebuilt.
        shutil.copytree(ROOT / crate, COPY / crate, ignore=LEFT_OUT)
        if crate not in CHANGED:
            # Tests are chosen by their name, and those of other crates have the same.
            shutil.rmtree(COPY / crate / "tests", ignore_errors=True)
    for crate in CHANGED:
        # A version of its own keeps cargo from ever taking a changed crate for the original.
        manifest_edit = ("\nversion.workspace = true", '\nversion = "0.0.0"')
        build_in("the version", f"{crate}/Cargo.toml", (manifest_edit,))
        for path in (COPY / crate).rglob("*.rs"):
            path.touch()
    (COPY / "Cargo.toml").write_text(manifest)
    shutil.copy(ROOT / "Cargo.lock", COPY / "Cargo.lock")


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in the copy."""
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET), "RUST_BACKTRACE": "0", **environment}
    return subprocess.run(command, cwd=COPY, env=environment, capture_output=True, text=True)


def built(command: list[str]) -> None:
    """Builds the copy. If that fails, it is an error: nothing was tested."""
    build = run(command)
    if build.returncode != 0:
        sys.exit(f"the copy does not build:\n{build.stderr}")


def tests_pass(which: str) -> bool:
    """Runs the tests with this name in the copy, and returns whether they passed."""
    command = ["cargo", "test", "--workspace", "--offline", "--quiet", "--test", "service"]
    built([*command, "--no-run"])
    return run([*command, which], CARREL_PAIRS="200", PROPTEST_MAX_SHRINK_ITERS="0").returncode == 0


def broken_seed(release: bool) -> str | None:
    """Runs the simulation of the copy until a seed fails. Returns which one failed and how, or None."""
    profile = ["--release"] if release else []
    built(["cargo", "build", "--workspace", "--offline", "--quiet", "--bin", "carrel-simulation", *profile])
    program = TARGET / ("release" if release else "debug") / "carrel-simulation"
    finished = run([str(program), "--seeds", f"0..{SEEDS}", "--first"])
    if finished.returncode == 0:
        return None
    verdicts = [line for line in finished.stdout.splitlines() if line.startswith("seed ") and " broken " in line]
    if not verdicts:
        sys.exit(f"the simulation failed without a verdict:\n{finished.stdout}\n{finished.stderr}")
    return " ".join(verdicts[0].split()[:3])


def build_in(name: str, file: str, edits: tuple[tuple[str, str], ...]) -> str:
    """Changes a file of the copy, and returns its original text."""
    place = COPY / file
    sound = changed = place.read_text()
    for before, after in edits:
        if changed.count(before) != 1:
            sys.exit(f"{file} does not have exactly one place for “{name}”; update scripts/sabotage.py")
        changed = changed.replace(before, after)
    place.write_text(changed)
    return sound


def try_leaks(leaks: list[Leak]) -> list[str]:
    """Builds leaks in, one at a time, and returns those that no test caught."""
    if not all(tests_pass(which) for which in sorted({leak.caught_by for leak in leaks})):
        sys.exit("the tests fail without any leak; fix that first")
    missed = []
    for leak in leaks:
        sound = build_in(leak.name, leak.file, ((leak.sound, leak.leaking),))
        caught = not tests_pass(leak.caught_by)
        (COPY / leak.file).write_text(sound)
        print(f"{'caught' if caught else 'MISSED'}: {leak.name}", flush=True)
        if not caught:
            missed.append(leak.name)
    print(f"{len(leaks) - len(missed)} of {len(leaks)} leaks caught", flush=True)
    return missed


def try_bugs(bugs: list[Bug], release: bool) -> list[str]:
    """Builds bugs in, one at a time, and returns those that no seed caught."""
    missed = []
    for bug in bugs:
        sound = build_in(bug.name, bug.file, bug.edits)
        verdict = broken_seed(release)
        (COPY / bug.file).write_text(sound)
        print(f"caught by {verdict}: {bug.name}" if verdict else f"MISSED: {bug.name}", flush=True)
        if not verdict:
            missed.append(bug.name)
    print(f"{len(bugs) - len(missed)} of {len(bugs)} bugs caught", flush=True)
    return missed


def main() -> None:
    arguments = sys.argv[1:]
    if not {"leaks", "bugs", "--all", "--release"} >= set(arguments):
        sys.exit(__doc__)
    everything = "--all" in arguments
    release = "--release" in arguments
    both = not {"leaks", "bugs"} & set(arguments)
    shutil.rmtree(COPY, ignore_errors=True)
    copy_sources()
    # Those that are not tried now are built in too: otherwise nobody would notice moved code before the next soak.
    for sabotage in (*LEAKS, *BUGS):
        edits = sabotage.edits if isinstance(sabotage, Bug) else ((sabotage.sound, sabotage.leaking),)
        place = COPY / sabotage.file
        place.write_text(build_in(sabotage.name, sabotage.file, edits))
    missed = []
    if both or "leaks" in arguments:
        missed += try_leaks([leak for leak in LEAKS if everything or leak.in_make_test])
    if both or "bugs" in arguments:
        missed += try_bugs([bug for bug in BUGS if everything or bug.in_make_test], release)
    shutil.rmtree(COPY, ignore_errors=True)
    if missed:
        sys.exit(1)


if __name__ == "__main__":
    main()
