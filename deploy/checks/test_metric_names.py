"""Dashboards and alerts ask only for metrics and labels that Carrel's programs have, as docs/telemetry.md lists them from
the code."""

import re
import unittest

from dashboards import queries
from programs import ROOT
from rules import rules

# What Prometheus adds: from where it scraped, and to buckets and alerts.
PROMETHEUS_METRICS = {"up": set(), "ALERTS": {"alertname", "alertstate"}}
PROMETHEUS_LABELS = {"namespace", "job", "instance", "le"}


def metrics():
    """The labels of each metric, both as Prometheus writes them."""
    text = (ROOT / "docs/telemetry.md").read_text(encoding="utf-8")
    table = text[text.index("<!-- made from the code: metrics -->") : text.index("<!-- end: metrics -->")]
    rows = re.findall(r"^\| `[^`]+` \| `(\w+)` \| (\S+) .*\| ([^|]*) \|$", table, flags=re.M)
    found = {}
    for name, kind, labels in rows:
        for written in [f"{name}_{part}" for part in ["bucket", "sum", "count"]] if kind == "histogram" else [name]:
            found[written] = {label.replace(".", "_") for label in re.findall(r"`([^`]+)`", labels)}
    return found | PROMETHEUS_METRICS


def asked_for(query):
    """The metrics and the labels that a query names."""
    without_text = re.sub(r'"[^"]*"', '""', query)
    labels = set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", without_text))
    for listed in re.findall(r"\b(?:by|without|on) \(([^)]*)\)", without_text):
        labels |= {label.strip() for label in listed.split(",")}
    named = re.findall(r"\b([A-Za-z]\w*)(?=[{\[])|\(([A-Za-z]\w*)\)", without_text)
    return {one or other for one, other in named} - labels, labels


class MetricNames(unittest.TestCase):
    def test_each_query_asks_for_metrics_and_labels_that_are_there(self):
        known = metrics()
        asked = [(f"{board}: {panel}", query) for board, panel, query in queries()]
        asked += [(name, rule["expr"]) for name, rule in rules().items()]
        for name, query in asked:
            with self.subTest(asked_by=name):
                named, labels = asked_for(query)
                self.assertTrue(named)
                self.assertLessEqual(named, set(known))
                self.assertLessEqual(labels, PROMETHEUS_LABELS.union(*(known[metric] for metric in named)))


if __name__ == "__main__":
    unittest.main()
