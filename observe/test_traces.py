"""The trace of a patron's message reaches the viewer whole: from the socket of one gateway to the socket of another.

It takes the trace viewer, which takes long to build, so it is left out of `make test`: OBSERVE_TRACES=yes make dashboards.
Which spans a trace has, and how they hang together, is shown by carrel/tests/traces.
"""

import json
import os
import signal
import time
import unittest
import urllib.request

from distributed import Distributed, folder_for_all

# A limit for a hang, not a measurement: far longer than the people and the exporters need.
ANSWER_SECONDS = 120


@unittest.skipUnless(os.environ.get("OBSERVE_TRACES") == "yes", "the trace viewer takes long to build")
class Traces(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(folder_for_all())
        cls.carrel = Distributed(folder, target="observe", ports=50, settings={"OBSERVE_PAUSE": "0.1"})
        cls.addClassCleanup(cls.carrel.stop, signal.SIGTERM)

    def traces(self):
        url = f"http://127.0.0.1:{self.carrel.port + 47}/api/traces?service=carrel-gateway&limit=500"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]

    def test_a_message_is_followed_from_one_gateway_to_the_other(self):
        until = time.monotonic() + ANSWER_SECONDS
        while not any(map(crosses_gateways, self.traces())):
            self.assertLess(time.monotonic(), until, "no trace of a message goes all the way")
            time.sleep(0.5)


def crosses_gateways(trace):
    """Whether a trace begins with a message at a gateway, goes by session-svc, and is delivered by another gateway."""
    first = next((span for span in trace["spans"] if not span["references"]), None)
    if first is None or first["operationName"] != "ws post_message":
        return False
    services = {process["serviceName"] for process in trace["processes"].values()}
    delivered_by = {span["processID"] for span in trace["spans"] if span["operationName"] == "deliver"}
    return services == {"carrel-gateway", "carrel-session"} and bool(delivered_by - {first["processID"]})


if __name__ == "__main__":
    unittest.main()
