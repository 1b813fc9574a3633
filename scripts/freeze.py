#!/usr/bin/env python3
"""Runs a command that stands still at random with all that it has started, as a machine stands still that is not given
its turn.

Unlike scripts/stalls.py, which stops a test program alone, nothing goes on meanwhile: no server, browser or database. So it
finds other things: deadlines that pass together, and what takes a jump of the clock for a failure. When each pause comes,
and for how long, follows from the number of the run; what it meets does not.

It needs Linux and the right to make a control group of its own, which root has.

Usage: scripts/freeze.py [--run N] [--longest SECONDS] [--every SECONDS] COMMAND ARGUMENT ...
  --run N            the number of the run; 1 if not set
  --longest SECONDS  the longest pause; 2 if not set. Redis's Sentinels do nothing for 30 s after one of more
  --every SECONDS    how long the command goes on between two pauses, on an average; 3 if not set
For example: scripts/freeze.py scripts/e2e.sh
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

# Where control groups of version 2 are, and the freezer of version 1.
UNIFIED = Path("/sys/fs/cgroup")
FREEZER = UNIFIED / "freezer"
# A group becomes empty only once its dead processes have been reaped by their parents.
EMPTY_WITHIN_SECONDS = 10


class Group:
    """A control group, which can be frozen."""

    def __init__(self, name: str) -> None:
        """Makes one of this name."""
        first = FREEZER.is_dir()
        self.path = (FREEZER if first else UNIFIED) / name
        self.path.mkdir()
        self.switch = self.path / ("freezer.state" if first else "cgroup.freeze")
        self.frozen, self.thawed = ("FROZEN", "THAWED") if first else ("1", "0")

    def enter(self) -> None:
        """Puts this process in."""
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def stand_still(self, seconds: float) -> None:
        """Stops all that is in it for so long."""
        try:
            self.switch.write_text(self.frozen)
            time.sleep(seconds)
        finally:
            # A frozen process can't even be killed.
            self.switch.write_text(self.thawed)

    def remove(self, command: subprocess.Popen | None) -> None:
        """Removes it, with all that the command has left behind."""
        until = time.monotonic() + EMPTY_WITHIN_SECONDS
        while time.monotonic() < until:
            if command is not None:
                command.poll()
            for number in (self.path / "cgroup.procs").read_text().split():
                subprocess.run(["kill", "-KILL", number], stderr=subprocess.DEVNULL, check=False)
            try:
                self.path.rmdir()
            except OSError:
                time.sleep(0.1)
            else:
                return
        print(f"{self.path} could not be removed", file=sys.stderr)


def main() -> None:
    """Runs the command, and ends as it ended."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--run", type=int, default=1)
    parser.add_argument("--longest", type=float, default=2.0)
    parser.add_argument("--every", type=float, default=3.0)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if not options.command:
        sys.exit(__doc__)
    chance = random.Random(options.run)
    group = Group(f"carrel-freeze-{os.getpid()}")
    pauses, stood = 0, 0.0
    process = None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        process = subprocess.Popen(options.command, preexec_fn=group.enter)
        while process.poll() is None:
            time.sleep(chance.random() * 2 * options.every)
            pause = chance.random() ** 2 * options.longest
            group.stand_still(pause)
            pauses, stood = pauses + 1, stood + pause
    finally:
        group.remove(process)
    print(f"stood still {pauses} times, for {stood:.0f} s of its time")
    sys.exit(process.returncode)


if __name__ == "__main__":
    main()
