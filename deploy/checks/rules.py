"""The alert rules and their unit tests, and the pages that they name."""

import re

import yaml
from programs import ROOT

RUNBOOKS = ROOT / "docs/runbooks"
ALERTS = ROOT / "deploy/alerts"


def rules():
    """Every alert rule, by its name."""
    groups = yaml.safe_load((ALERTS / "carrel.rules.yaml").read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def unit_tests():
    """Every unit test: the alert that it asks for, and whether that is to fire."""
    tests = yaml.safe_load((ALERTS / "carrel.test.yaml").read_text(encoding="utf-8"))["tests"]
    return [(case["alertname"], bool(case["exp_alerts"])) for test in tests for case in test["alert_rule_test"]]


def runbook(url):
    """The page that an address ends with, after the place where somebody keeps the pages."""
    return RUNBOOKS / re.fullmatch(r"(?:\$\{runbooks\}|\{\{ \$externalLabels\.runbooks \}\})/([a-z-]+\.md)", url)[1]
