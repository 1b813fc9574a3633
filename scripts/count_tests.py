"""Adds up what the test runners counted in their logs and prints it as one line: "N passed, N failed".

Usage: count_tests.py FOLDER_OF_LOGS NUMBER_OF_FAILED_PARTS

A part that failed without a failed test (because it did not build, say) counts as one failure.
"""

import re
import sys
from pathlib import Path

COLOUR = re.compile(r"\x1b\[[0-9;]*m")

# Each pattern finds the counts of passed and failed tests in one runner's summary.
CARGO = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed", re.M)
VITEST = re.compile(r"^\s+Tests\s+(?:(?P<failed>\d+) failed)?[ |]*(?:(?P<passed>\d+) passed)?", re.M)
UNITTEST = re.compile(r"^Ran (\d+) tests? in .*\n\n(?:OK|FAILED)(?: \(([^)]*)\))?$", re.M)
CHECK = re.compile(r"^(ok$|FAILED: (?!make ))", re.M)


def unittest_counts(ran, notes):
    """Returns how many of the tests that unittest ran passed, and how many failed."""
    noted = {key: int(value) for key, value in re.findall(r"(\w[\w ]*)=(\d+)", notes or "")}
    failed = noted.get("failures", 0) + noted.get("errors", 0)
    return int(ran) - failed - noted.get("skipped", 0), failed


def count(log):
    """Returns how many tests passed and failed in one log."""
    passed = failed = 0
    for match in CARGO.finditer(log):
        passed += int(match[1])
        failed += int(match[2])
    for match in VITEST.finditer(log):
        passed += int(match["passed"] or 0)
        failed += int(match["failed"] or 0)
    for match in UNITTEST.finditer(log):
        good, bad = unittest_counts(match[1], match[2])
        passed += good
        failed += bad
    for match in CHECK.finditer(log):
        passed += match[1] == "ok"
        failed += match[1] != "ok"
    return passed, failed


def main():
    folder, failed_parts = Path(sys.argv[1]), int(sys.argv[2])
    counts = [count(COLOUR.sub("", path.read_text(errors="replace"))) for path in folder.glob("*.log")]
    passed = sum(count[0] for count in counts)
    failed = max(sum(count[1] for count in counts), failed_parts)
    print(f"{passed} passed, {failed} failed")


if __name__ == "__main__":
    main()
