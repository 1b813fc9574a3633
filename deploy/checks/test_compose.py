"""The compose file is sound, and says nothing that the programs do not know."""

import re
import socket
import subprocess
import tempfile
import time
import tomllib
import unittest
from pathlib import Path
from urllib.parse import urlsplit

import programs
import yaml
from programs import ROOT

COMPOSE = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
CARREL = {name: service for name, service in SERVICES.items() if "carrel" in service["image"]}
SERVE = {name: service for name, service in CARREL.items() if service["command"][-1] == "serve"}


def environment(service):
    """A service's settings, with the defaults of what compose fills in."""
    settings = service.get("environment", {})
    return {name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) for name, value in settings.items()}


class Compose(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="carrel-secrets-")
        cls.addClassCleanup(folder.cleanup)
        cls.secrets = Path(folder.name)
        subprocess.run([ROOT / "deploy/secrets.sh", folder.name], check=True, stdout=subprocess.DEVNULL)
        cls.files = {f"/run/secrets/{name}": cls.secrets / name for name in COMPOSE["secrets"]}
        cls.in_effect = {
            name: programs.settings_in_effect(service["command"], environment(service), cls.files)
            for name, service in SERVE.items()
        }

    def test_commands_and_health_checks_exist(self):
        for name, service in CARREL.items():
            with self.subTest(service=name):
                programs.check_command(service["command"])
        for name, service in SERVE.items():
            with self.subTest(service=name):
                how, *command = service["healthcheck"]["test"]
                self.assertEqual(how, "CMD")
                self.assertEqual(command, [service["command"][0], "healthcheck"])
                programs.check_command(command)
                self.assertEqual(self.in_effect[name]["health"]["address"], "127.0.0.1:9090")

    def test_every_variable_is_a_setting(self):
        for name, service in CARREL.items():
            known = {programs.variable(path) for path in programs.default_settings(service["command"][0])}
            for variable in environment(service):
                with self.subTest(service=name, variable=variable):
                    self.assertIn(variable, known)

    def test_two_of_each_run_and_nobody_may_more_than_needed(self):
        self.assertEqual({service["command"][0] for service in SERVE.values()}, programs.binaries() - {"carrel"})
        for name, service in SERVICES.items():
            with self.subTest(service=name):
                self.assertTrue(service["read_only"])
                self.assertEqual(service["cap_drop"], ["ALL"])
                self.assertIn("no-new-privileges:true", service["security_opt"])
                self.assertRegex(service["user"], r"^[1-9][0-9]*:[1-9][0-9]*$")
                self.assertLessEqual({"cpus", "memory", "pids"}, set(service["deploy"]["resources"]["limits"]))
                self.assertEqual("ports" in service, name == "gateway")
                if name in SERVE:
                    self.assertEqual(service["deploy"]["replicas"], 2)
                    self.assertGreater(int(service["stop_grace_period"].removesuffix("s")), 10)
        self.assertTrue(all(port.startswith("127.0.0.1:") for port in SERVICES["gateway"]["ports"]))

    def test_who_is_called_is_there_under_that_name(self):
        for name, settings in self.in_effect.items():
            for urls in settings.get("upstream", {}).values():
                for url in map(urlsplit, urls):
                    with self.subTest(caller=name, url=url.geturl()):
                        callee = url.hostname.removesuffix("-svc")
                        self.assertEqual(SERVICES[callee]["networks"]["services"]["aliases"], [url.hostname])
                        self.assertIn("services", SERVICES[name]["networks"])
                        self.assertTrue(self.in_effect[callee]["grpc"]["address"].endswith(f":{url.port}"))
        for name in ["session", "presence", "im", "migrate"]:
            self.assertIn("engines", SERVICES[name]["networks"])
        self.assertNotIn("engines", SERVICES["gateway"]["networks"])
        for network in ["services", "engines"]:
            self.assertTrue(COMPOSE["networks"][network]["internal"])

    def test_only_presence_svc_gets_the_private_keys(self):
        for name, service in SERVICES.items():
            mounts = [mount.split(":")[0] for mount in service.get("volumes", [])]
            with self.subTest(service=name):
                self.assertEqual("keys" in mounts, name in {"keys", "public-keys", "presence"})
        for name in ["session", "presence", "im"]:
            folder = str(Path(self.in_effect[name]["keys"]["file"]).parent)
            self.assertIn(folder, [mount.split(":")[1] for mount in SERVICES[name]["volumes"]])
        containerfile = (ROOT / "deploy/Containerfile").read_text(encoding="utf-8")
        for service in CARREL.values():
            for mount in service.get("volumes", []):
                self.assertRegex(containerfile, rf"(?m)^COPY --from=programs --chown=65532:65532 \S+ {mount.split(':')[1]}$")

    def test_the_secrets_are_made_and_fit_together(self):
        for name, secret in COMPOSE["secrets"].items():
            self.assertEqual(secret["file"], f"secrets/{name}")
            self.assertTrue((self.secrets / name).is_file())
        self.assertEqual(self.secrets.stat().st_mode & 0o777, 0o700)
        engines = tomllib.loads((self.secrets / "engines.toml").read_text(encoding="utf-8"))
        password = (self.secrets / "postgres-password").read_text(encoding="utf-8")
        self.assertEqual(urlsplit(engines["postgres"]["url"]).password, password)
        self.assertEqual(urlsplit(engines["postgres"]["url"]).hostname, "postgres")
        before = {path.name: path.read_bytes() for path in self.secrets.iterdir()}
        subprocess.run([ROOT / "deploy/secrets.sh", self.secrets], check=True, stdout=subprocess.DEVNULL)
        self.assertEqual({path.name: path.read_bytes() for path in self.secrets.iterdir()}, before)

    def test_redis_takes_its_configuration_and_the_password(self):
        engines = tomllib.loads((self.secrets / "engines.toml").read_text(encoding="utf-8"))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = str(listener.getsockname()[1])
        with tempfile.TemporaryDirectory() as folder:
            redis = subprocess.Popen(
                ["redis-server", self.secrets / "redis.conf", "--port", port, "--bind", "127.0.0.1", "--dir", folder],
                stdout=subprocess.DEVNULL,
            )
            try:
                answer = ""
                while "PONG" not in answer:
                    self.assertIsNone(redis.poll(), "redis-server ended")
                    time.sleep(0.05)
                    answer = subprocess.run(
                        ["redis-cli", "-p", port, "--no-auth-warning", "-a", engines["redis"]["password"], "ping"],
                        capture_output=True, text=True, check=False,
                    ).stdout
            finally:
                redis.terminate()
                redis.wait()


if __name__ == "__main__":
    unittest.main()
