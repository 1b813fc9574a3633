"""Carrel's programs, asked whether they know what deploy/ tells them.

The programs themselves are the judge: `PROGRAM … config` refuses a setting that does not exist or a value that does not
fit, and clap refuses a command or an option.
"""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = Path(os.environ["PROGRAMS"])


def workspace():
    """What cargo says of the workspace."""
    told = subprocess.check_output(
        ["cargo", "metadata", "--no-deps", "--offline", "--locked", "--format-version", "1"], cwd=ROOT, text=True
    )
    return json.loads(told)


def binaries():
    """The names of the programs of `carrel` and of the crates that it is made of. Others are for tests."""
    packages = {package["name"]: package for package in workspace()["packages"]}
    ours, new = set(), {"carrel"}
    while new:
        ours |= new
        needed = {need["name"] for name in new for need in packages[name]["dependencies"] if need["kind"] != "dev"}
        new = needed & packages.keys() - ours
    targets = [target for name in ours for target in packages[name]["targets"]]
    return {target["name"] for target in targets if target["kind"] == ["bin"]}


class Refused(Exception):
    """A program does not know what it is told."""


def ask(program, *arguments, settings=None):
    """Runs a program with the settings as its environment and nothing else of Carrel in it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CARREL_")}
    return subprocess.run(
        [FOLDER / program, *arguments], env=environment | (settings or {}), capture_output=True, text=True, check=False
    )


def run(program, *arguments, settings=None):
    """What a program says that is asked in this way and must not fail."""
    done = ask(program, *arguments, settings=settings)
    if done.returncode != 0:
        raise Refused(f"{program} {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def check_command(command):
    """Refuses a command with a program, a subcommand or an option that does not exist."""
    program, *arguments = command
    if program not in binaries():
        raise Refused(f"no program of Carrel is called {program}")
    run(program, *arguments, "--help")


def settings_in_effect(command, settings, files=None):
    """The settings with which a command would run. `files` says where a file that the command names is here."""
    program, *arguments = command
    options = []
    if "--config" in arguments:
        options = ["--config", str((files or {})[arguments[arguments.index("--config") + 1]])]
    shown = ask(program, *options, "config", settings=settings)
    # Files that the settings name are in the container and not here; and a migration needs fewer settings than a server.
    told = [line.strip() for line in shown.stderr.strip().removeprefix(f"{program}: ").splitlines()]
    elsewhere = [r"\d+ settings can't be used:", r"[a-z_.]+: .*No such file or directory.*", r"warning: .*"]
    if "migrate" in arguments:
        elsewhere += [r"(redis|keys)\..*"]
    wrong = [line for line in told if not any(re.fullmatch(known, line) for known in elsewhere)]
    if not shown.stdout or wrong:
        raise Refused(f"{program} config: {shown.stderr.strip()}")
    return tomllib.loads(shown.stdout)


def default_settings(program):
    """Every setting of a program, by its path, also those that are commented out because they are not set."""
    lines = []
    for line in run(program, "config", "--defaults").splitlines():
        bare = line.removeprefix("# ")
        lines.append(bare if bare.startswith("[") or " = " in bare.split('"')[0] and bare.split()[1] == "=" else "")
    return set(paths(tomllib.loads("\n".join(lines))))


def paths(settings, before=()):
    """The paths of all settings in a table."""
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            yield from paths(value, (*before, key))
        yield ".".join((*before, key))


def variable(path):
    """The environment variable of a setting."""
    return "CARREL_" + path.upper().replace(".", "__")
