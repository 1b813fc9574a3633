"""Checks the documentation against the repository."""

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

# The forms in which tags are defined and cited: "R8, D50", "I17; S11", "S4 to S6", "S36-S43".
TAG = r"[A-Z]{1,2}[0-9]{1,2}"
DEFINED = re.compile(rf"^- \*\*({TAG})\*\* ", re.M)
DEFINED_FAULTS = re.compile(rf"^\| ({TAG}(?:, {TAG})*) \|", re.M)
TAGS = rf"{TAG}(?:(?:, |; |-| to | and ){TAG})*"
RANGE = re.compile(rf"({TAG})(?:-| to )({TAG})")
# Tags are cited in parentheses, before a colon, or alone: as a whole comment, or as the last sentence of a line.
CITED = re.compile(rf"\(({TAGS})\)|^({TAGS})(?=:)|(?:^|\. )({TAGS})\.?$")
# The text of a comment, a docstring, or the name of a test in TypeScript.
SAID = re.compile(
    r"(?:^|\s)//[/!]?\s(.*)"
    r"|^\s*(?:/\*\*|\*|#|\"\"\")\s?(.*?)(?:\*/|\"\"\")?\s*$"
    r"|^\s*(?:describe|it|test)\b[^\"]*\"(.*)\""
)

# A limit for a hang, not a measurement: a build from scratch on a small machine fits in.
START_SECONDS = 1200


def documents():
    """Returns the Markdown files of the repository."""
    listed = subprocess.check_output(["git", "ls-files", "*.md"], cwd=ROOT, text=True)
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).exists()]


def sources():
    """Returns the Rust, TypeScript and Python files of the repository."""
    listed = subprocess.check_output(["git", "ls-files", "*.rs", "*.ts", "*.tsx", "*.py"], cwd=ROOT, text=True)
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).exists()]


def single(tags):
    """Yields each of the tags that are cited together, including those within a range."""
    for first, last in RANGE.findall(tags):
        family = first.rstrip("0123456789")
        for number in range(int(first[len(family) :]), int(last[len(family) :]) + 1):
            yield f"{family}{number}"
    yield from re.findall(TAG, tags)


def cited(text):
    """Yields the tags that a source cites, each with its line number."""
    for number, line in enumerate(text.splitlines(), 1):
        if said := SAID.search(line):
            words = next(part for part in said.groups() if part is not None).strip()
            for found in CITED.finditer(words):
                for tag in single(next(part for part in found.groups() if part is not None)):
                    yield tag, number


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

    def test_every_tag_that_a_source_cites_is_defined(self):
        requirements = DEFINED.findall((ROOT / "docs/requirements.md").read_text(encoding="utf-8"))
        faults = ", ".join(DEFINED_FAULTS.findall((ROOT / "docs/faults.md").read_text(encoding="utf-8"))).split(", ")
        defined = requirements + faults
        self.assertEqual(len(defined), len(set(defined)), "a tag is defined twice")
        for source in sources():
            for tag, line in cited(source.read_text(encoding="utf-8")):
                with self.subTest(tag=tag):
                    self.assertTrue(tag in defined, f"{source}:{line} cites {tag}, which has no definition")

    def test_what_cites_a_tag_and_what_does_not(self):
        for text, tags in [
            ("// R4", ["R4"]),
            ("    /// I8: the last word, too.", ["I8"]),
            ("//! What is shown. D80, I31, PR8.", ["D80", "I31", "PR8"]),
            ("let a = b; // as in a wait (I17; S4 to S6)", ["I17", "S4", "S5", "S6"]),
            (" * Handed over (R15, D43-D45).", ["R15", "D43", "D44", "D45"]),
            ('    """S20: the librarian\'s view."""', ["S20"]),
            ('  it("ends (D60)", async () => {', ["D60"]),
            ("match (V4, V6) { // an S3 bucket, or http://a/ (S3-like)", []),
            ("// It speaks HTTP of V4 and I2P.", []),
            ('let kind = "F99";', []),
        ]:
            with self.subTest(text=text):
                self.assertEqual(sorted({tag for tag, _ in cited(text)}), sorted(tags))


class MakeRun(unittest.TestCase):
    """The first command of README, on free ports and with a temporary data folder."""

    def test_it_serves_the_pages_and_ends_on_ctrl_c(self):
        with tempfile.TemporaryDirectory(prefix="carrel-readme-") as folder:
            environment = os.environ | {
                "CARREL_DATA_DIR": folder,
                "CARREL_HTTP__ADDRESS": "127.0.0.1:0",
                "CARREL_GRPC__ADDRESS": "127.0.0.1:0",
            }
            # A separate session, so that Ctrl-C reaches make and Carrel as in a terminal.
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
