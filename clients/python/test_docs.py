"""Checks that what docs/api.md shows of carrel_client.py is really in it."""

import re
import textwrap
import unittest
from pathlib import Path

import grpc

from carrel_client import OUTCOME_UNKNOWN

HERE = Path(__file__).resolve().parent
SETTLED = re.compile(r"These codes of a call or an act mean that nothing happened:\s(.*?)\.", re.S)
SHOWN = re.compile(r"^```python title=carrel_client\.py\n(.*?)^```$", re.M | re.S)


class ApiDocument(unittest.TestCase):
    def test_what_it_shows_of_the_client_is_in_the_client(self):
        shown = SHOWN.findall((HERE.parent.parent / "docs" / "api.md").read_text(encoding="utf-8"))
        self.assertGreaterEqual(len(shown), 3)
        client = (HERE / "carrel_client.py").read_text(encoding="utf-8")
        for piece in shown:
            with self.subTest(piece=piece.splitlines()[0]):
                indented = [textwrap.indent(piece, " " * spaces) for spaces in (0, 4, 8)]
                self.assertTrue(any(piece in client for piece in indented), f"not in the client:\n{piece}")

    def test_of_each_code_it_is_said_whether_to_repeat(self):
        said = SETTLED.search((HERE.parent.parent / "docs" / "api.md").read_text(encoding="utf-8"))
        settled = {grpc.StatusCode[name] for name in re.findall(r"`(\w+)`", said[1])}
        self.assertEqual(settled | {grpc.StatusCode.OK}, set(grpc.StatusCode) - set(OUTCOME_UNKNOWN))


if __name__ == "__main__":
    unittest.main()
