"""The dashboards are what Grafana reads, and a person who has never seen them can read them too.

Whether their queries find anything is asked of a running Prometheus, by observe/test_queries.py.
"""

import itertools
import json
import re
import unittest

from dashboards import dashboards, panels, queries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from rules import runbook

KINDS = {"stat", "timeseries", "heatmap", "state-timeline", "table"}
WIDTH = 24


def lost(ours, theirs, path=""):
    """The paths of what Grafana's model does not know, or reads otherwise than it is written."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = [lost(value, theirs[key], f"{path}/{key}") if key in theirs else [f"{path}/{key}"] for key, value in ours.items()]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        found = [lost(one, other, f"{path}[{place}]") for place, (one, other) in enumerate(zip(ours, theirs, strict=True))]
    else:
        found = [[] if ours == theirs else [path]]
    return list(itertools.chain.from_iterable(found))


class Dashboards(unittest.TestCase):
    def test_grafana_reads_all_that_is_written(self):
        for name, dashboard in dashboards().items():
            with self.subTest(dashboard=name):
                read = JSONEncoder(sort_keys=True, indent=None).encode(Dashboard.from_json(dashboard))
                self.assertEqual(lost(dashboard, json.loads(read)), [])

    def test_each_panel_says_what_it_shows_and_in_what(self):
        for name, dashboard in dashboards().items():
            for panel in panels(dashboard):
                with self.subTest(dashboard=name, panel=panel["title"]):
                    self.assertIn(panel["type"], KINDS)
                    self.assertRegex(panel["description"], r"\.$")
                    self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
                    self.assertTrue(panel["fieldConfig"]["defaults"]["thresholds"]["steps"])
                    self.assertTrue(panel["targets"])
                    for target in panel["targets"]:
                        self.assertTrue(target["expr"])
                        self.assertTrue(target["legendFormat"])
                        self.assertEqual(target["datasource"]["uid"], "${datasource}")

    def test_no_two_are_called_the_same(self):
        uids = [dashboard["uid"] for dashboard in dashboards().values()]
        self.assertEqual(len(uids), len(set(uids)))
        for name, dashboard in dashboards().items():
            self.assertEqual(dashboard["uid"], f"carrel-{name}")
            for field in ["id", "title"]:
                found = [panel[field] for panel in dashboard["panels"]]
                with self.subTest(dashboard=name, field=field):
                    self.assertEqual(len(found), len(set(found)))

    def test_nothing_overlaps_and_nothing_stands_out(self):
        for name, dashboard in dashboards().items():
            taken = set()
            for panel in dashboard["panels"]:
                place = panel["gridPos"]
                self.assertLessEqual(place["x"] + place["w"], WIDTH)
                cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
                with self.subTest(dashboard=name, panel=panel["title"]):
                    self.assertEqual(taken & cells, set())
                taken |= cells

    def test_links_lead_to_runbooks(self):
        for name, dashboard in dashboards().items():
            linked = [link for panel in panels(dashboard) for link in panel.get("links", [])]
            self.assertTrue(linked)
            for link in linked:
                with self.subTest(dashboard=name, link=link["url"]):
                    self.assertTrue(runbook(link["url"]).is_file())

    def test_each_variable_that_is_used_is_there_and_each_is_used(self):
        grafanas = {"__rate_interval", "__all"}
        for name, dashboard in dashboards().items():
            declared = {variable["name"] for variable in dashboard["templating"]["list"]}
            text = json.dumps(dashboard)
            used = set(re.findall(r"\$(\w+)", text)) | set(re.findall(r"\$\{(\w+)\}", text))
            with self.subTest(dashboard=name):
                self.assertEqual(used - grafanas, declared)

    def test_numbers_of_the_desk_are_not_added_up(self):
        """Each replica tells the same ones."""
        shared = r"carrel_(?:patrons|sessions|queues|librarians)\w*"
        for name, panel, query in queries():
            for around in re.findall(rf"(\w+)(?: by \([^)]*\))? ?\((?={shared})", query):
                with self.subTest(dashboard=name, panel=panel):
                    self.assertEqual(around, "max")


if __name__ == "__main__":
    unittest.main()
