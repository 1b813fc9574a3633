"""The image has what the workspace builds, and is built from what is there."""

import fnmatch
import json
import re
import shutil
import subprocess
import tempfile
import tomllib
import unittest
from pathlib import Path

import programs
import yaml
from programs import ROOT

CONTAINERFILE = (ROOT / "deploy/Containerfile").read_text(encoding="utf-8")
STAGES = re.split(r"^FROM ", CONTAINERFILE, flags=re.M)[1:]


def ignored(path, patterns):
    """Whether .dockerignore leaves a path out, for patterns as simple as ours: a path from the root, or **/ and a name."""
    parts = Path(path).parts
    for pattern in patterns:
        if pattern.startswith("**/"):
            if any(fnmatch.fnmatch(part, pattern[3:]) for part in parts):
                return True
        elif path == pattern or path.startswith(pattern + "/"):
            return True
    return False


def context():
    """The files that a build gets to see."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    listed = subprocess.check_output(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True
    ).splitlines()
    return [path for path in listed if (ROOT / path).is_file() and not ignored(path, patterns)]


class Image(unittest.TestCase):
    def test_it_has_every_program_of_the_workspace(self):
        self.assertEqual(set(re.findall(r"target/release/(\S+)", CONTAINERFILE)), programs.binaries())

    def test_what_it_copies_is_there(self):
        files = context()
        for stage in STAGES:
            for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", stage, flags=re.M):
                for source in sources.split():
                    with self.subTest(source=source):
                        self.assertTrue(source == "." or any(f == source or f.startswith(source + "/") for f in files))

    def test_the_workspace_is_whole_in_what_the_build_sees(self):
        with tempfile.TemporaryDirectory(prefix="carrel-context-") as folder:
            for path in context():
                target = Path(folder) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / path, target)
            told = subprocess.run(
                ["cargo", "metadata", "--offline", "--locked", "--format-version", "1"],
                cwd=folder, capture_output=True, text=True, check=False,
            )
            self.assertEqual(told.returncode, 0, told.stderr)
            self.assertFalse((Path(folder) / "target").exists())

    def test_it_runs_as_a_numeric_user_and_builds_nothing_at_the_end(self):
        last = STAGES[-1]
        self.assertRegex(last, r"(?m)^USER [1-9][0-9]*:[1-9][0-9]*$")
        self.assertNotRegex(last, r"(?m)^RUN ")
        command = json.loads(re.search(r"(?m)^CMD (.+)$", last)[1])
        programs.check_command(command)

    def test_it_is_built_with_what_the_sources_ask_for(self):
        rust = re.search(r"rust:([0-9.]+)", CONTAINERFILE)[1]
        asked = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]
        self.assertEqual(rust, asked["rust-version"])
        node = re.search(r"node:([0-9]+)", CONTAINERFILE)[1]
        package = json.loads((ROOT / "gateway/web/package.json").read_text(encoding="utf-8"))
        self.assertIn(f"{node}.", package["engines"]["node"])

    def test_the_version_is_the_same_everywhere(self):
        version = programs.workspace()["packages"][0]["version"]
        chart = yaml.safe_load((ROOT / "deploy/chart/Chart.yaml").read_text(encoding="utf-8"))
        self.assertEqual(str(chart["appVersion"]), version)
        self.assertIn(f'image.version="{version}"', CONTAINERFILE)
        self.assertIn(f"--tag carrel:{version} ", CONTAINERFILE)
        self.assertIn(f"carrel:{version}}}", (ROOT / "deploy/compose.yaml").read_text(encoding="utf-8"))


if __name__ == "__main__":
    unittest.main()
