"""Starts Carrel as many processes for a test, and asks it how it is."""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVICES = {"session": 1, "presence": 2, "im": 3}

# A limit for a hang, not a measurement: a build from scratch on a small machine fits in.
START_SECONDS = 1200


def free_ports(how_many):
    """The first of so many free ports in a row. They are free a moment later, too, if nobody else is quick."""
    for first in range(20000, 32000, how_many):
        try:
            with contextlib.ExitStack() as held:
                for port in range(first, first + how_many):
                    held.enter_context(socket.create_server(("127.0.0.1", port)))
            return first
        except OSError:
            continue
    raise AssertionError("there are not so many free ports in a row")


def ask(address, path):
    """The status and the text of an answer, or nothing if nobody answers."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()
    except OSError:
        return None


def hear_interrupts():
    """Has a new process hear SIGINT. It inherits that it does not, if the tests are run in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Distributed:
    """Carrel as ten processes, started by make in a folder of its own, on free ports."""

    def __init__(self, folder, target="run-distributed", ports=47, settings=None):
        """Starts a target of make which takes so many ports, with settings of its own."""
        self.folder = Path(folder)
        self.port = free_ports(ports)
        settings = {"DISTRIBUTED_DIR": folder, "DISTRIBUTED_PORT": str(self.port)} | (settings or {})
        # A separate session, so that signals reach make and the script as in a terminal.
        self.make = subprocess.Popen(
            ["make", target],
            cwd=ROOT, env=os.environ | settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, start_new_session=True, preexec_fn=hear_interrupts,
        )
        self.hung = threading.Timer(START_SECONDS, os.killpg, [self.make.pid, signal.SIGTERM])
        self.hung.start()
        self.said = []
        for line in self.make.stdout:
            self.said.append(line)
            if "Ctrl-C stops all of it" in line:
                return
        self.stop(signal.SIGTERM)
        raise AssertionError(f"it ended before everything ran: {''.join(self.said)}")

    def gateway(self, replica):
        return f"127.0.0.1:{self.port + replica}"

    def health(self, service, replica):
        number = SERVICES.get(service, 4)
        return f"127.0.0.1:{self.port + 10 * number + 5 + replica}"

    def pid(self, name):
        listed = dict(line.split() for line in (self.folder / "pids").read_text(encoding="utf-8").splitlines())
        return int(listed[name])

    def running(self):
        """The processes that were started within it: they have its folder in their environment."""
        mark = f"DISTRIBUTED_DIR={self.folder}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process.name, (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()))
        return found

    def stop(self, how):
        """Ends it, and says how long that took."""
        began = time.monotonic()
        self.hung.cancel()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.make.pid, how)
        self.said += self.make.stdout.readlines()
        self.make.stdout.close()
        self.make.wait()
        return time.monotonic() - began


@contextlib.contextmanager
def folder_for_all():
    """A temporary folder that PostgreSQL's user may enter."""
    with tempfile.TemporaryDirectory(prefix="carrel-distributed-") as folder:
        os.chmod(folder, 0o755)
        yield folder
