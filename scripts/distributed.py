"""Starts Carrel as many processes for a test, and checks their health."""

import contextlib
import fcntl
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


# The locks on the ports that this process was given, until it ends.
TAKEN = []


def lock(port):
    """Locks the file that stands for a port, as testbed/src/port.rs does, so that no other test is given it meanwhile."""
    folder = Path(tempfile.gettempdir()) / f"carrel-test-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = (folder / str(port)).open("a", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise
    return file


def free_ports(how_many):
    """Returns the first of several consecutive free ports, which no other test is given. Another program may still take
    one of them."""
    for first in range(20000, 32000, how_many):
        try:
            with contextlib.ExitStack() as held, contextlib.ExitStack() as locks:
                for port in range(first, first + how_many):
                    locks.enter_context(lock(port))
                    held.enter_context(socket.create_server(("127.0.0.1", port)))
                TAKEN.append(locks.pop_all())
            return first
        except OSError:
            continue
    raise AssertionError("there are not that many consecutive free ports")


def ask(address, path):
    """Returns the status and the text of an answer, or None if nobody answers."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()
    except OSError:
        return None


def hear_interrupts():
    """Makes a new process react to SIGINT. Tests in the background ignore it, which processes would inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Distributed:
    """Carrel as ten processes, started by make in a folder of its own and on free ports."""

    def __init__(self, folder, target="run-distributed", ports=47, settings=None):
        """Starts a make target that uses this many ports, with these settings in its environment."""
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
        """Returns the processes that it has started: they have its folder in their environment."""
        mark = f"DISTRIBUTED_DIR={self.folder}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process.name, (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()))
        return found

    def stop(self, how):
        """Stops it with this signal, and returns how long that took."""
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
    """Yields a temporary folder that the user postgres can enter."""
    with tempfile.TemporaryDirectory(prefix="carrel-distributed-") as folder:
        os.chmod(folder, 0o755)
        yield folder
