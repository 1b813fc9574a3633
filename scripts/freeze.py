#!/usr/bin/env python3
"""Runs a command, and freezes it at random together with everything that it has started, like a virtual machine that
does not get the CPU for a while.

scripts/stalls.py stops only a test program. Here nothing goes on during a pause: no server, no browser, no database.
So this finds other bugs: deadlines that pass all at once, and code that takes a jump of the clock for a failure. The
number of the run decides when the pauses come and how long they are, but not what the command is doing at the time.

It needs Linux and the right to create a control group, which root has.

Usage: scripts/freeze.py [--run N] [--longest SECONDS] [--every SECONDS] COMMAND ARGUMENT ...
  --run N            the number of the run (default: 1)
  --longest SECONDS  the longest pause (default: 2); after a longer one, Redis's Sentinels do nothing for 30 s
  --every SECONDS    the average time between two pauses (default: 3)
Example: scripts/freeze.py scripts/e2e.sh
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
    """A control group that can be frozen."""

    def __init__(self, name: str) -> None:
        """Creates the control group with this name."""
        first = FREEZER.is_dir()
        self.path = (FREEZER if first else UNIFIED) / name
        self.path.mkdir()
        self.switch = self.path / ("freezer.state" if first else "cgroup.freeze")
        self.frozen, self.thawed = ("FROZEN", "THAWED") if first else ("1", "0")

    def enter(self) -> None:
        """Moves this process into the group."""
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def freeze(self, seconds: float) -> None:
        """Freezes all processes of the group for this long."""
        try:
            self.switch.write_text(self.frozen)
            time.sleep(seconds)
        finally:
            # A frozen process can't even be killed.
            self.switch.write_text(self.thawed)

    def remove(self, command: subprocess.Popen | None) -> None:
        """Removes the group, and kills whatever the command has left behind in it."""
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
    """Runs the command, and exits with its exit code."""
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
    pauses, frozen = 0, 0.0
    process = None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        process = subprocess.Popen(options.command, preexec_fn=group.enter)
        while process.poll() is None:
            time.sleep(chance.random() * 2 * options.every)
            pause = chance.random() ** 2 * options.longest
            group.freeze(pause)
            pauses, frozen = pauses + 1, frozen + pause
    finally:
        group.remove(process)
    print(f"frozen {pauses} times, for {frozen:.0f} s in all")
    sys.exit(process.returncode)


if __name__ == "__main__":
    main()
