#!/usr/bin/env python3
"""Runs tests again and again, and stalls them at random, as a busy machine does.

A test that needs a fast machine may fail once in hundreds of runs on a fast machine, and once in a few here. The test
program is stopped and resumed many times a second, mostly for a moment, sometimes for as long as --longest says. What
it has started, such as a Redis, is not stopped. The number of the run decides when the pauses come and how long they
are, but not what the test is doing at the time.

Usage: scripts/stalls.py [--runs N] [--longest SECONDS] CARGO_TEST_ARGUMENT ... [-- TEST_ARGUMENT ...]
  --runs N           how often each test program is run (default: 5)
  --longest SECONDS  the longest pause (default: 1)
Example: scripts/stalls.py --runs 20 --package carrel-session --test service -- patron_connection
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# A run that takes longer counts as hung.
RUN_SECONDS = 900
# The upper limits, in seconds, from which the time between two pauses is drawn: mostly short.
BETWEEN = [0.005, 0.02, 0.05, 0.1, 0.3, 1.0]


def programs(arguments: list[str]) -> list[tuple[Path, Path]]:
    """Builds the tests. Returns each test program, and the folder in which cargo would run it."""
    command = ["cargo", "test", "--no-run", "--locked", "--message-format=json-render-diagnostics", *arguments]
    built = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if built.returncode != 0:
        sys.exit(built.returncode)
    found = []
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["profile"]["test"]:
            found.append((Path(message["executable"]), Path(message["manifest_path"]).parent))
    return found


def run_once(program: Path, folder: Path, arguments: list[str], run: int, longest: float) -> str:
    """Runs a program once. Returns its output if it failed or hung, otherwise an empty text."""
    chance = random.Random(run)
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([program, *arguments], cwd=folder, stdout=said, stderr=subprocess.STDOUT)
        until = time.monotonic() + RUN_SECONDS
        while process.poll() is None and time.monotonic() < until:
            time.sleep(chance.random() * chance.choice(BETWEEN))
            # The process has not been reaped since the poll, so its id can't belong to another process.
            os.kill(process.pid, signal.SIGSTOP)
            time.sleep(chance.random() ** 4 * longest)
            os.kill(process.pid, signal.SIGCONT)
        hangs = process.poll() is None
        process.kill()
        if process.wait() == 0:
            return ""
        said.seek(0)
        return said.read() + (f"\nit hung for {RUN_SECONDS} s\n" if hangs else "")


def main() -> None:
    """Runs all of them, and fails if one of them failed."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--longest", type=float, default=1.0)
    given = sys.argv[1:]
    if not given or given[0] in ("-h", "--help"):
        sys.exit(__doc__)
    split = given.index("--") if "--" in given else len(given)
    options, build = parser.parse_known_args(given[:split])
    failed = 0
    for program, folder in programs(build):
        for run in range(options.runs):
            began = time.monotonic()
            said = run_once(program, folder, given[split + 1 :], run, options.longest)
            outcome = "FAILED" if said else "passed"
            print(f"{program.name}, run {run}: {outcome} after {time.monotonic() - began:.0f} s", flush=True)
            if said:
                failed += 1
                print(said, flush=True)
    sys.exit(f"{failed} runs failed" if failed else 0)


if __name__ == "__main__":
    main()
