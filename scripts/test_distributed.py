"""Tests `make run-distributed`, and the TLS example of docs/operating.md with its processes."""

import json
import os
import re
import signal
import subprocess
import tempfile
import time
import tomllib
import unittest
from pathlib import Path

from distributed import ROOT, SERVICES, Distributed, ask, folder_for_all

# Limits for a hang, not measurements: how long a stop may take, and how long a process may report not being ready.
STOP_SECONDS = 120
READY_SECONDS = 120
READY = (200, "ready\n")


class MakeRunDistributed(unittest.TestCase):
    def test_it_serves_outlives_a_killed_replica_and_leaves_nothing_behind(self):
        with folder_for_all() as folder:
            # Twice in one folder, ended by different signals: the second run finds the data of the first.
            for how in [signal.SIGTERM, signal.SIGINT]:
                carrel = Distributed(folder)
                try:
                    self.see_that_all_are_ready(carrel)
                    self.kill_a_replica(carrel)
                finally:
                    took = carrel.stop(how)
                self.assertLess(took, STOP_SECONDS)
                # No process was killed except the replica that this test kills.
                self.assertEqual([line for line in carrel.said if "Killed" in line][1:], [])
                self.assertEqual(carrel.running(), [])

    def see_that_all_are_ready(self, carrel):
        said = "".join(carrel.said)
        for replica in [0, 1]:
            self.assertIn(f"http://{carrel.gateway(replica)}/ask/maple", said)
            for path in ["/", "/ask/maple", "/desk"]:
                self.assertEqual(ask(carrel.gateway(replica), path)[0], 200, path)
            self.see_that_it_is_ready(carrel.gateway(replica), "/readyz")
            for service in [*SERVICES, "gateway"]:
                with self.subTest(service=service, replica=replica):
                    self.see_that_it_is_ready(carrel.health(service, replica), "/ready")

    def see_that_it_is_ready(self, address, path):
        """Asks until it is ready: one of the others may have been too busy to answer it a moment ago."""
        until = time.monotonic() + READY_SECONDS
        while (answer := ask(address, path)) != READY and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(answer, READY, f"{address}{path}")

    def kill_a_replica(self, carrel):
        os.kill(carrel.pid("session-0"), signal.SIGKILL)
        while ask(carrel.health("session", 0), "/live"):
            time.sleep(0.05)
        for replica in [0, 1]:
            self.see_that_it_is_ready(carrel.gateway(replica), "/readyz")
            self.see_that_it_is_ready(carrel.health("gateway", replica), "/ready")


class TlsExample(unittest.TestCase):
    """The example of mutual TLS in docs/operating.md, word for word except for the paths and the host."""

    def setUp(self):
        guide = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
        section = guide[guide.index("\n## TLS\n") : guide.index("\n## What is kept\n")]
        (self.commands,) = re.findall(r"```sh\n(.*?)```", section, flags=re.S)
        self.of_a_service, self.of_a_caller = re.findall(r"```toml\n(.*?)```", section, flags=re.S)
        folder = self.enterContext(folder_for_all())
        self.carrel = Distributed(folder)
        self.addCleanup(self.carrel.stop, signal.SIGTERM)
        self.tls = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="carrel-tls-")))
        built = subprocess.check_output(["scripts/build.sh"], cwd=ROOT, text=True)
        self.programs = Path(built.splitlines()[-1]).parent

    def settings_file(self, name, text):
        path = self.tls / f"{name}.toml"
        path.write_text(text.replace("/etc/carrel/tls", str(self.tls)), encoding="utf-8")
        tomllib.loads(path.read_text(encoding="utf-8"))
        return path

    def environment(self, keys):
        port = self.carrel.port
        return os.environ | {
            "CARREL_POSTGRES__URL": f"postgres://carrel@127.0.0.1:{port + 2}/postgres",
            "CARREL_REDIS__URLS": json.dumps([f"redis://127.0.0.1:{port + 3}"]),
            "CARREL_REDIS__KEY": (self.carrel.folder / "redis.key").read_text(encoding="utf-8"),
            "CARREL_KEYS__FILE": str(self.carrel.folder / keys),
            "CARREL_GRPC__ADDRESS": "127.0.0.1:0",
            "CARREL_HEALTH__ADDRESS": "127.0.0.1:0",
        }

    def start(self, program, settings, keys):
        """Starts a program. Returns the addresses of its service and of its health listener."""
        process = subprocess.Popen(
            [self.programs / program, "--config", settings, "serve"],
            env=self.environment(keys), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )

        def end():
            process.terminate()
            process.stdout.close()
            process.wait()

        self.addCleanup(end)
        line = process.stdout.readline()
        found = re.search(r"gRPC at (\S+), health at http://(\S+)", line)
        self.assertTrue(found, f"{program} did not start: {line}")
        return found.groups()

    def test_who_shows_the_certificate_is_let_in_and_nobody_else(self):
        subprocess.run(["bash", "-euo", "pipefail", "-c", self.commands], cwd=self.tls, check=True, capture_output=True)
        service = self.settings_file("service", self.of_a_service)
        grpc, health = self.start("carrel-session", service, "public-keys.json")
        for address, told in [(health, (0, "ready\n")), ("127.0.0.1:1", (1, ""))]:
            asked = subprocess.run(
                [self.programs / "carrel-session", "--config", service, "healthcheck"],
                env=self.environment("public-keys.json") | {"CARREL_HEALTH__ADDRESS": address},
                capture_output=True, text=True, check=False,
            )
            self.assertEqual((asked.returncode, asked.stdout), told, asked.stderr)

        at = self.of_a_caller.replace("session-svc:50051", f"localhost:{grpc.rsplit(':', 1)[1]}")
        with_certificate = self.settings_file("caller", at)
        without = self.settings_file("stranger", re.sub(r"(?m)^(certificate|key) = .*\n", "", at))
        _, stranger = self.start("carrel-presence", without, "keys.json")
        _, caller = self.start("carrel-presence", with_certificate, "keys.json")
        while ask(caller, "/ready") != READY:
            time.sleep(0.05)
        # The stranger started before the caller, which has connected, so it has had time enough to try.
        status, said = ask(stranger, "/ready")
        self.assertEqual(status, 200)
        self.assertIn("degraded: session-svc:", said)


if __name__ == "__main__":
    unittest.main()
