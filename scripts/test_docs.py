"""Holds the documents to what is there."""

import os
import re
import signal
import subprocess
import tempfile
import threading
import unittest
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
MAKE = re.compile(r"(?:^ {4}|`)make ([a-z0-9-]+)", re.M)
TARGET = re.compile(r"^([a-z0-9-]+):", re.M)
ADDRESS = re.compile(r"http://[0-9.]+:[0-9]+")

# A limit for a build from nothing on a small machine, not a measure.
START_SECONDS = 1200


def documents():
    """The Markdown files of the repository."""
    listed = subprocess.check_output(["git", "ls-files", "*.md"], cwd=ROOT, text=True)
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).exists()]


class Documents(unittest.TestCase):
    def test_links_lead_somewhere(self):
        for document in documents():
            for link in LINK.findall(document.read_text(encoding="utf-8")):
                with self.subTest(document=document.name, link=link):
                    self.assertTrue((document.parent / link).exists(), f"{document} links to {link}, which is not there")

    def test_make_targets_exist(self):
        targets = set(TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
        for document in documents():
            for target in MAKE.findall(document.read_text(encoding="utf-8")):
                with self.subTest(document=document.name, target=target):
                    self.assertIn(target, targets)


class MakeRun(unittest.TestCase):
    """The first command of README, on free ports and a throw-away data folder."""

    def test_it_serves_the_pages_and_ends_on_ctrl_c(self):
        with tempfile.TemporaryDirectory(prefix="carrel-readme-") as folder:
            environment = os.environ | {
                "CARREL_DATA_DIR": folder,
                "CARREL_HTTP__ADDRESS": "127.0.0.1:0",
                "CARREL_GRPC__ADDRESS": "127.0.0.1:0",
            }
            # A session of its own, so that Ctrl-C reaches make and Carrel as it does in a terminal.
            run = subprocess.Popen(
                ["make", "run"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
            )
            hung = threading.Timer(START_SECONDS, os.killpg, [run.pid, signal.SIGKILL])
            hung.start()
            try:
                address = next((found[0] for line in run.stdout if (found := ADDRESS.search(line))), None)
                if address is None:
                    run.wait()
                self.assertIsNotNone(address, "make run ended without saying where Carrel is")
                for path in ["/readyz", "/", "/ask/maple", "/ask/harbor", "/desk"]:
                    with urllib.request.urlopen(address + path, timeout=10) as answer:
                        self.assertEqual(answer.status, 200, path)
                os.killpg(run.pid, signal.SIGINT)
                run.stdout.read()
                run.wait()
            finally:
                hung.cancel()
                run.stdout.close()
                if run.poll() is None:
                    os.killpg(run.pid, signal.SIGKILL)
                    run.wait()
            self.assertTrue((Path(folder) / "carrel.db").exists())


if __name__ == "__main__":
    unittest.main()
