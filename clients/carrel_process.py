"""Starts a Carrel for a test, with the demo directory, a temporary data folder and free ports on loopback.

An institution's own programs do not need this file: they connect to a Carrel that is already running.
"""

import os
import re
import subprocess
import tempfile
import threading
from pathlib import Path

START_TIMEOUT_SECONDS = 60
ADDRESS = re.compile(r"\b(http|grpc)://([0-9.]+:[0-9]+)")


class CarrelProcess:
    """A running Carrel, for a `with` statement, at whose end it is stopped and its data deleted."""

    def __init__(self, program=None):
        self._program = program or os.environ.get("PROGRAM_UNDER_TEST") or default_program()
        self._folder = tempfile.TemporaryDirectory(prefix="carrel-")
        self._errors = open(Path(self._folder.name) / "stderr.log", "w+", encoding="utf-8")
        self._addresses = {}
        self._known = threading.Condition()
        self._process = None

    @property
    def http_address(self):
        """The host and port of the pages and the websocket."""
        return self._addresses["http"]

    @property
    def grpc_address(self):
        """The host and port of the gRPC services."""
        return self._addresses["grpc"]

    def __enter__(self):
        self._process = subprocess.Popen(
            [
                self._program, "serve", "--demo",
                "--data-dir", str(Path(self._folder.name) / "data"),
                "--http-address", "127.0.0.1:0",
                "--grpc-address", "127.0.0.1:0",
            ],
            stdout=subprocess.PIPE, stderr=self._errors, text=True,
        )
        self._reader = threading.Thread(target=self._read_addresses, daemon=True)
        self._reader.start()
        with self._known:
            self._known.wait_for(self._started_or_ended, timeout=START_TIMEOUT_SECONDS)
        if len(self._addresses) < 2:
            self.__exit__()
            raise RuntimeError(f"carrel did not say its addresses; it wrote: {self._stderr}")
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process.stdout.close()
        self._errors.seek(0)
        self._stderr = self._errors.read()
        self._errors.close()
        self._folder.cleanup()

    def _started_or_ended(self):
        return len(self._addresses) == 2 or self._process.poll() is not None

    def _read_addresses(self):
        """Reads the addresses that Carrel prints, one a line, and then discards the rest of its output."""
        for line in self._process.stdout:
            with self._known:
                for scheme, address in ADDRESS.findall(line):
                    self._addresses.setdefault(scheme, address)
                self._known.notify_all()
        with self._known:
            self._known.notify_all()


def default_program():
    """Returns the path of the program that `cargo build` makes in this repository."""
    target = os.environ.get("CARGO_TARGET_DIR") or Path(__file__).parent.parent / "target"
    return str(Path(target) / "debug" / "carrel")
