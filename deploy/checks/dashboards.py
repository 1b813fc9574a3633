"""The dashboards, as JSON and by Grafana's own model."""

import json

from programs import ROOT

DASHBOARDS = ROOT / "deploy/dashboards"


def dashboards():
    """Every dashboard, by its name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(DASHBOARDS.glob("*.json"))}


def panels(dashboard):
    """The panels of a dashboard that show something; headings of rows are none."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries():
    """Every query of every panel: the dashboard's name, the panel's title and the expression."""
    return [
        (name, panel["title"], target["expr"])
        for name, dashboard in dashboards().items()
        for panel in panels(dashboard)
        for target in panel["targets"]
    ]
