"""Each alert is tested both ways, says what is wrong, and has a page that says what to do."""

import re
import subprocess
import unittest

from rules import ALERTS, RUNBOOKS, rules, runbook, unit_tests


class Alerts(unittest.TestCase):
    def test_promtool_takes_the_rules(self):
        self.promtool("check", "rules", "carrel.rules.yaml")

    def test_each_fires_and_does_not_fire_as_the_unit_tests_say(self):
        self.promtool("test", "rules", "carrel.test.yaml")

    def promtool(self, *arguments):
        said = subprocess.run(["promtool", *arguments], cwd=ALERTS, capture_output=True, text=True, check=False)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)

    def test_each_has_a_unit_test_that_fires_and_one_that_does_not(self):
        self.assertEqual(set(unit_tests()), {(name, fires) for name in rules() for fires in [True, False]})

    def test_each_says_how_bad_it_is_what_is_wrong_and_where_to_read_on(self):
        for name, rule in rules().items():
            with self.subTest(alert=name):
                self.assertRegex(name, "^Carrel[A-Z]")
                self.assertIn(rule["labels"]["severity"], {"critical", "warning"})
                self.assertEqual(set(rule["annotations"]), {"summary", "description", "runbook_url"})
                page = runbook(rule["annotations"]["runbook_url"]).read_text(encoding="utf-8")
                self.assertIn(f"`{name}`", page)
                self.assertRegex(page, rf"`{name}`, {rule['labels']['severity']}\b")

    def test_each_page_has_the_same_parts_and_is_listed(self):
        index = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
        named = {runbook(rule["annotations"]["runbook_url"]) for rule in rules().values()}
        self.assertEqual(named, set(RUNBOOKS.glob("*.md")) - {RUNBOOKS / "README.md"})
        for page in named:
            with self.subTest(page=page.name):
                self.assertEqual(
                    re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), flags=re.M),
                    ["What people notice", "How to look", "What to do", "When it is over"],
                )
        for name, rule in rules().items():
            url, severity = rule["annotations"]["runbook_url"], rule["labels"]["severity"]
            with self.subTest(alert=name):
                self.assertIn(f"| {rule['annotations']['summary']} | {severity} | [{runbook(url).name}]", index)


if __name__ == "__main__":
    unittest.main()
