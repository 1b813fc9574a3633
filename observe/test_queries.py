"""What the dashboards show and the alerts watch is there: each query is answered by a Prometheus that scrapes a running
Carrel in which people talk."""

import json
import math
import re
import signal
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from dashboards import dashboards, queries
from distributed import Distributed, folder_for_all
from rules import rules

# The panels that may be empty while nothing is wrong, each with the reason.
MAY_BE_EMPTY = {
    ("desk", "Alerts that fire"): "an alert fires after half a minute at the earliest",
    ("engines", "Free on the disk"): "only a Carrel in one process has a data folder",
    ("engines", "Size of the log"): "only a Carrel in one process has a data folder",
}

# The alerts that watch nothing here, each with the reason.
WATCH_NOTHING_HERE = {"CarrelDiskFillsUp": "only a Carrel in one process has a data folder"}

# A limit for a hang, not a measurement: far longer than the people and a few scrapes need.
ANSWER_SECONDS = 120

# The values that Grafana substitutes: any installation, service and replica, and a window that covers a few scrapes.
GRAFANAS = {"$__rate_interval": "1m", "$namespace": ".*", "$service": ".*", "$instance": ".*"}


def as_grafana_asks(query):
    for variable, value in GRAFANAS.items():
        query = query.replace(variable, value)
    return query


def whether_it_holds_or_not(expression):
    """An alert's expression, answered with 0 where it does not hold instead of with nothing."""
    return re.sub(r" (==|>|<) ", r" \1 bool ", expression)


class Queries(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(folder_for_all())
        settings = {"OBSERVE_TRACES": "no", "OBSERVE_PAUSE": "0.1"}
        cls.carrel = Distributed(folder, target="observe", ports=50, settings=settings)
        cls.addClassCleanup(cls.carrel.stop, signal.SIGTERM)
        cls.prometheus = f"http://127.0.0.1:{cls.carrel.port + 49}"

    def ask(self, path, **parameters):
        """What Prometheus answers."""
        url = f"{self.prometheus}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            with refused:
                self.fail(f"{parameters}: {refused.read().decode()}")

    def found(self, query):
        """The series that answer a query with a number."""
        answer = self.ask("query", query=query)["result"]
        return [series for series in answer if not math.isnan(float(series["value"][1]))]

    def unanswered(self, wanted):
        """Waits until each of the queries is answered. Returns the names of those that are not."""
        until = time.monotonic() + ANSWER_SECONDS
        left = dict(wanted)
        while left and time.monotonic() < until:
            left = {name: query for name, query in left.items() if not self.found(query)}
            time.sleep(0.5)
        return left

    def scraped(self):
        """The targets, each with what its last scrape complained about, or with "not yet" before the first."""
        targets = self.ask("targets")["activeTargets"]
        return sorted((t["labels"]["job"], "not yet" if t["health"] == "unknown" else t["lastError"]) for t in targets)

    def test_every_process_is_scraped(self):
        # Each process runs twice. On a machine busy with starting them, a first scrape may fail; the last one counts.
        wanted = sorted(2 * [(f"carrel-{name}", "") for name in ["session", "presence", "im", "gateway"]])
        until = time.monotonic() + ANSWER_SECONDS
        while (found := self.scraped()) != wanted and time.monotonic() < until:
            time.sleep(0.2)
        self.assertEqual(found, wanted)

    def test_each_query_of_each_panel_is_answered(self):
        wanted = {(board, panel, number): as_grafana_asks(query) for number, (board, panel, query) in enumerate(queries())}
        must = {name: query for name, query in wanted.items() if name[:2] not in MAY_BE_EMPTY}
        self.assertEqual(self.unanswered(must), {})
        # Queries that may be empty must at least be valid.
        for query in wanted.values():
            self.ask("query", query=query)

    def test_what_may_be_empty_is_a_panel(self):
        self.assertLessEqual(set(MAY_BE_EMPTY), {(board, panel) for board, panel, _ in queries()})

    def test_each_variable_finds_something_to_choose(self):
        wanted = {}
        for board, dashboard in dashboards().items():
            for variable in dashboard["templating"]["list"]:
                # A Carrel without a namespace offers none to choose from.
                if variable["type"] == "query" and variable["name"] != "namespace":
                    metric, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]).groups()
                    wanted[board, variable["name"]] = f'count by ({label}) ({as_grafana_asks(metric)})'
        self.assertEqual(self.unanswered(wanted), {})

    def test_each_alert_watches_something_that_is_there(self):
        self.assertLessEqual(set(WATCH_NOTHING_HERE), set(rules()))
        there = {name: rule for name, rule in rules().items() if name not in WATCH_NOTHING_HERE}
        wanted = {name: whether_it_holds_or_not(rule["expr"]) for name, rule in there.items()}
        self.assertEqual(self.unanswered(wanted), {})

    def test_prometheus_evaluates_each_alert_and_finds_nothing_wrong_with_it(self):
        groups = self.ask("rules")["groups"]
        loaded = {rule["name"]: rule for group in groups for rule in group["rules"]}
        self.assertEqual(set(loaded), set(rules()))
        while any(rule["health"] == "unknown" for rule in loaded.values()):
            time.sleep(0.2)
            loaded = {rule["name"]: rule for group in self.ask("rules")["groups"] for rule in group["rules"]}
        self.assertEqual({name: rule.get("lastError", "") for name, rule in loaded.items()}, {name: "" for name in loaded})


if __name__ == "__main__":
    unittest.main()
