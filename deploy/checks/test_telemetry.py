"""The collector, Prometheus and Grafana beside the compose file fit each other and what Carrel's programs know."""

import re
import subprocess
import unittest
from urllib.parse import urlsplit

import programs
import yaml
from dashboards import dashboards
from programs import ROOT

DEPLOY = ROOT / "deploy"


def read(name):
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


COLLECTOR = read("collector/config.yaml")
COMPOSE = read("compose.yaml")
BESIDE = read("compose.telemetry.yaml")
PROMETHEUS = read("prometheus/prometheus.yaml")
WATCHED = {name: service for name, service in BESIDE["services"].items() if "image" not in service}
VIEWERS = {name: service for name, service in BESIDE["services"].items() if "image" in service}


class Collector(unittest.TestCase):
    """There is no collector here to ask, so what it would refuse is asked one by one."""

    def test_pipelines_use_what_is_declared_and_all_of_it(self):
        used = {"extensions": set(COLLECTOR["service"]["extensions"])}
        for pipeline in COLLECTOR["service"]["pipelines"].values():
            self.assertEqual(set(pipeline), {"receivers", "processors", "exporters"})
            for kind, names in pipeline.items():
                self.assertTrue(names)
                used.setdefault(kind, set()).update(names)
        declared = {kind: set(parts) for kind, parts in COLLECTOR.items() if kind != "service"}
        self.assertEqual(used, declared)

    def test_there_is_a_pipeline_for_each_signal_with_bounded_memory(self):
        pipelines = COLLECTOR["service"]["pipelines"]
        self.assertEqual(set(pipelines), {"traces", "metrics", "logs"})
        for signal, pipeline in pipelines.items():
            with self.subTest(signal=signal):
                self.assertEqual(pipeline["receivers"], ["otlp"])
                self.assertEqual(pipeline["processors"][0], "memory_limiter")
                self.assertEqual(pipeline["processors"][-1], "batch")
                self.assertEqual("tail_sampling" in pipeline["processors"], signal == "traces")
                self.assertTrue(all(name.endswith(f"/{signal}") for name in pipeline["exporters"]))

    def test_failed_and_slow_traces_are_kept_and_a_part_of_the_rest(self):
        sampling = COLLECTOR["processors"]["tail_sampling"]
        by_type = {policy["type"]: policy for policy in sampling["policies"]}
        self.assertEqual(set(by_type), {"status_code", "latency", "probabilistic"})
        for policy in by_type.values():
            self.assertEqual(set(policy), {"name", "type", policy["type"]})
        self.assertEqual(by_type["status_code"]["status_code"], {"status_codes": ["ERROR"]})
        self.assertGreater(by_type["latency"]["latency"]["threshold_ms"], 0)
        self.assertTrue(0 < by_type["probabilistic"]["probabilistic"]["sampling_percentage"] < 100)
        # A decision must be known for longer than the trace itself is.
        for size in sampling["decision_cache"].values():
            self.assertGreaterEqual(size, 10 * sampling["num_traces"])

    def test_all_that_it_takes_from_the_environment_is_set(self):
        text = (DEPLOY / "collector/config.yaml").read_text(encoding="utf-8")
        named = set(re.findall(r"\$\{env:(\w+)\}", text))
        self.assertEqual(named, set(BESIDE["services"]["collector"]["environment"]))

    def test_the_exporters_lead_to_services_that_are_there(self):
        settings = BESIDE["services"]["collector"]["environment"]
        for endpoint in [f"grpc://{settings['TRACES_ENDPOINT']}", settings["LOGS_ENDPOINT"]]:
            self.assertIn("telemetry", VIEWERS[urlsplit(endpoint).hostname]["networks"])


class Compose(unittest.TestCase):
    def test_every_process_is_watched_and_sends_to_the_collector(self):
        serve = {name for name, service in COMPOSE["services"].items() if service.get("command", [""])[-1] == "serve"}
        self.assertEqual(set(WATCHED), serve)
        receives = COLLECTOR["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"]
        for name, service in WATCHED.items():
            with self.subTest(service=name):
                program = COMPOSE["services"][name]["command"][0]
                known = {programs.variable(path) for path in programs.default_settings(program)}
                self.assertLessEqual(set(service["environment"]), known)
                endpoint = urlsplit(service["environment"]["CARREL_TELEMETRY__OTLP_ENDPOINT"])
                self.assertEqual(endpoint.hostname, "collector")
                self.assertTrue(receives.endswith(f":{endpoint.port}"))
                self.assertIn("telemetry", service["networks"])

    def test_viewers_may_no_more_than_they_need_and_are_seen_from_this_machine_only(self):
        for name, service in VIEWERS.items():
            with self.subTest(service=name):
                self.assertTrue(service["read_only"])
                self.assertEqual(service["cap_drop"], ["ALL"])
                self.assertIn("no-new-privileges:true", service["security_opt"])
                self.assertRegex(service["user"], r"^[1-9][0-9]*:[1-9][0-9]*$")
                self.assertRegex(service["image"], r":v?[0-9]+\.[0-9]+\.[0-9]+$")
                self.assertEqual({"cpus", "memory", "pids"}, set(service["deploy"]["resources"]["limits"]))
                for port in service.get("ports", []):
                    self.assertTrue(port.startswith("127.0.0.1:"))
                self.assertEqual("ports" in service, "viewers" in service["networks"])
        self.assertTrue(BESIDE["networks"]["telemetry"]["internal"])

    def test_what_is_mounted_is_there(self):
        for name, service in VIEWERS.items():
            for mount in service.get("volumes", []):
                source = mount.split(":")[0]
                with self.subTest(service=name, source=source):
                    if source.startswith("./"):
                        self.assertTrue((DEPLOY / source).exists())
                    else:
                        self.assertIn(source, BESIDE["volumes"])


class Prometheus(unittest.TestCase):
    def test_promtool_takes_its_configuration(self):
        said = subprocess.run(
            ["promtool", "check", "config", "--syntax-only", DEPLOY / "prometheus/prometheus.yaml"],
            capture_output=True, text=True, check=False,
        )
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)

    def test_it_scrapes_every_process_under_the_name_of_its_program(self):
        scraped = {config["job_name"]: config["dns_sd_configs"][0] for config in PROMETHEUS["scrape_configs"] if "dns_sd_configs" in config}
        self.assertEqual(set(scraped), {COMPOSE["services"][name]["command"][0] for name in WATCHED})
        for job, found_by in scraped.items():
            (name,) = found_by["names"]
            with self.subTest(job=job):
                self.assertEqual(COMPOSE["services"][name]["command"][0], job)
                listens = WATCHED[name]["environment"]["CARREL_HEALTH__ADDRESS"]
                self.assertTrue(listens.endswith(f":{found_by['port']}"))

    def test_it_has_the_rules_and_the_place_of_the_runbooks(self):
        mounts = [mount.split(":") for mount in BESIDE["services"]["prometheus"]["volumes"]]
        (mounted,) = [target for source, target, *_ in mounts if source == "./alerts/carrel.rules.yaml"]
        self.assertEqual(PROMETHEUS["rule_files"], [mounted])
        self.assertTrue(PROMETHEUS["global"]["external_labels"]["runbooks"].startswith("https://"))


class Grafana(unittest.TestCase):
    def test_its_data_sources_are_services_that_are_there(self):
        sources = read("grafana/provisioning/datasources/carrel.yaml")["datasources"]
        for source in sources:
            with self.subTest(source=source["name"]):
                self.assertIn("telemetry", VIEWERS[urlsplit(source["url"]).hostname]["networks"])
        uids = {source["uid"] for source in sources}
        named = re.findall(r"datasourceUid': '(\w+)'", str(sources))
        self.assertTrue(named)
        self.assertLessEqual(set(named), uids)

    def test_it_finds_the_dashboards(self):
        (provider,) = read("grafana/provisioning/dashboards/carrel.yaml")["providers"]
        mounts = dict(mount.split(":")[:2] for mount in BESIDE["services"]["grafana"]["volumes"])
        self.assertEqual(mounts["./dashboards"], provider["options"]["path"])
        self.assertEqual(set(dashboards()), {"desk", "delivery", "services", "engines"})


if __name__ == "__main__":
    unittest.main()
