"""The chart renders, for several sets of values, to what Kubernetes takes and the programs know."""

import json
import unittest
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import dashboards
import helm_python as helm
import kubernetes_validate
import programs
import yaml
from programs import ROOT

CHART = ROOT / "deploy/chart"
RELEASE = "carrel"
# The oldest version that Chart.yaml allows, and the newest whose schemas the package brings.
KUBERNETES = ["1.27", "1.37"]
OPERATORS = {"monitoring.coreos.com/v1"}
# What secrets hold, as far as the programs look at it.
SECRETS = {
    "CARREL_POSTGRES__URL": "postgres://carrel:password@db.example.org:5432/carrel",
    "CARREL_REDIS__KEY": "00" * 32,
    "CARREL_REDIS__PREVIOUS_KEYS": json.dumps(["11" * 32]),
}


def values_of(name):
    return yaml.safe_load((CHART / "ci" / f"{name}-values.yaml").read_text(encoding="utf-8"))


def render(values):
    """The objects that the chart becomes."""
    with helm.Chart.load(str(CHART)) as chart:
        chart.validate_schema(values)
        rendered = chart.render(values, name=RELEASE, namespace="ask", is_install=True)
    objects = []
    for path, text in rendered.items():
        if not path.endswith(".txt"):
            objects += [found for found in yaml.safe_load_all(text) if found]
    return objects


def settings_of(container):
    return {
        entry["name"]: entry["value"] if "value" in entry else SECRETS.get(entry["name"], "secret")
        for entry in container.get("env", [])
    }


class Rendered:
    """The objects of one set of values, by kind and name."""

    def __init__(self, name):
        self.objects = render(values_of(name))
        self.workloads = [found for found in self.objects if found["kind"] in {"Deployment", "Job"}]
        self.pods = {found["metadata"]["name"]: found["spec"]["template"] for found in self.workloads}
        self.containers = {name: pod["spec"]["containers"][0] for name, pod in self.pods.items()}
        self.in_effect = {
            name: programs.settings_in_effect(container["command"], settings_of(container))
            for name, container in self.containers.items()
        }

    def kind(self, kind):
        return {found["metadata"]["name"]: found for found in self.objects if found["kind"] == kind}


ALL = {path.name.removesuffix("-values.yaml"): None for path in sorted((CHART / "ci").glob("*.yaml"))}


def setUpModule():
    for name in ALL:
        ALL[name] = Rendered(name)


class Chart(unittest.TestCase):
    def test_lint_finds_nothing_wrong(self):
        for name in ALL:
            with self.subTest(values=name):
                report = helm.lint(str(CHART), values_of(name), strict=True)
                self.assertEqual(report["errors"], [])
                self.assertEqual([message for message in report["messages"] if message["severity"] > 1], [])

    def test_kubernetes_takes_every_object(self):
        for rendered in ALL.values():
            for found in rendered.objects:
                # The operator's own kinds have no schema here.
                for version in KUBERNETES if found["apiVersion"] not in OPERATORS else []:
                    with self.subTest(kind=found["kind"], name=found["metadata"]["name"], version=version):
                        kubernetes_validate.validate(found, version, strict=True)

    def test_values_that_do_not_exist_or_fit_are_refused(self):
        for wrong in [{"sesion": {}}, {"session": {"replicas": 0}}, {"postgres": {"tls": "maybe"}}]:
            with self.subTest(values=wrong), self.assertRaises(helm.HelmError):
                render(values_of("minimal") | wrong)
        with self.assertRaisesRegex(helm.HelmError, "carrel-presence keys public"):
            render({})

    def test_every_command_is_one_of_the_programs(self):
        for rendered in ALL.values():
            for container in rendered.containers.values():
                programs.check_command(container["command"])
            served = {found["command"][0] for found in rendered.containers.values() if found["command"][1] == "serve"}
            self.assertEqual(served, programs.binaries() - {"carrel"})

    def test_every_variable_is_a_setting(self):
        for rendered in ALL.values():
            for name, container in rendered.containers.items():
                known = {programs.variable(path) for path in programs.default_settings(container["command"][0])}
                for variable in settings_of(container):
                    with self.subTest(pod=name, variable=variable):
                        self.assertIn(variable, known)

    def test_ports_and_probes_are_where_the_programs_listen(self):
        for rendered in ALL.values():
            for name, container in rendered.containers.items():
                if container["command"][1] != "serve":
                    continue
                settings = rendered.in_effect[name]
                ports = {port["name"]: port["containerPort"] for port in container["ports"]}
                listens = settings.get("grpc", settings.get("http"))["address"]
                self.assertTrue(listens.endswith(f":{ports['grpc' if 'grpc' in settings else 'http']}"))
                self.assertTrue(settings["health"]["address"].endswith(f":{ports['health']}"))
                for probe, path in [("livenessProbe", "/live"), ("readinessProbe", "/ready")]:
                    self.assertEqual(container[probe]["httpGet"], {"path": path, "port": "health"})

    def test_who_is_called_is_there_and_lets_the_caller_in(self):
        for rendered in ALL.values():
            services, policies = rendered.kind("Service"), rendered.kind("NetworkPolicy")
            for caller, settings in rendered.in_effect.items():
                for urls in settings.get("upstream", {}).values():
                    for url in map(urlsplit, urls if isinstance(urls, list) else []):
                        with self.subTest(caller=caller, url=url.geturl()):
                            service = services[url.hostname]
                            self.assertEqual(service["spec"]["clusterIP"], "None")
                            self.assertEqual(service["spec"]["ports"][0]["port"], url.port)
                            labels = rendered.pods[url.hostname]["metadata"]["labels"]
                            self.assertLessEqual(service["spec"]["selector"].items(), labels.items())
                            tls = "tls" in rendered.in_effect[url.hostname]["grpc"]
                            self.assertEqual(url.scheme == "https", tls)
                            self.assertEqual("tls" in settings["upstream"], tls)
                            if policies:
                                self.assertTrue(lets(policies[url.hostname], "ingress", "from", rendered.pods[caller], url.port))
                                self.assertTrue(lets(policies[caller], "egress", "to", rendered.pods[url.hostname], url.port))

    def test_nobody_else_is_let_in(self):
        for rendered in ALL.values():
            callers = {"session": {"presence", "gateway"}, "presence": {"im", "gateway"}, "im": {"gateway"}}
            for name, policy in rendered.kind("NetworkPolicy").items():
                component = name.removeprefix(f"{RELEASE}-")
                self.assertEqual(policy["spec"]["policyTypes"], ["Ingress", "Egress"])
                rules = policy["spec"].get("ingress", [])
                let_in = {
                    peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
                    for rule in rules for peer in rule["from"] if "podSelector" in peer
                }
                self.assertEqual(let_in, callers.get(component, set()))
                engines = {5432, 6379} & {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
                wanted = {"gateway": set(), "migrate": {5432}}.get(component, {5432, 6379})
                self.assertEqual(engines, wanted)

    def test_pods_may_do_no_more_than_they_need(self):
        for rendered in ALL.values():
            for name, pod in rendered.pods.items():
                with self.subTest(pod=name):
                    spec, container = pod["spec"], pod["spec"]["containers"][0]
                    self.assertIs(spec["automountServiceAccountToken"], False)
                    self.assertIs(spec["enableServiceLinks"], False)
                    self.assertIs(spec["securityContext"]["runAsNonRoot"], True)
                    self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                    self.assertEqual(
                        container["securityContext"],
                        {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
                    )
                    self.assertIn("memory", container["resources"]["limits"])

    def test_every_file_that_a_setting_names_is_mounted(self):
        for rendered in ALL.values():
            for name, container in rendered.containers.items():
                mounted = {mount["mountPath"] for mount in container.get("volumeMounts", [])}
                for variable, value in settings_of(container).items():
                    if value.startswith("/") and value != "/etc/ssl/certs/ca-certificates.crt":
                        with self.subTest(pod=name, variable=variable):
                            self.assertIn(str(PurePosixPath(value).parent), mounted)
                volumes = {volume["name"] for volume in rendered.pods[name]["spec"].get("volumes", [])}
                self.assertEqual({mount["name"] for mount in container.get("volumeMounts", [])}, volumes)
                private = [v for v in rendered.pods[name]["spec"].get("volumes", []) if v["name"] == "keys"]
                self.assertEqual(bool(private), name == f"{RELEASE}-presence")

    def test_one_at_a_time_goes_and_there_is_time_to_finish(self):
        for rendered in ALL.values():
            for name, found in rendered.kind("Deployment").items():
                self.assertEqual(rendered.kind("PodDisruptionBudget")[name]["spec"]["maxUnavailable"], 1)
                self.assertEqual(found["spec"]["template"]["spec"]["terminationGracePeriodSeconds"], 15)
                self.assertEqual("replicas" in found["spec"], name not in rendered.kind("HorizontalPodAutoscaler"))
        metrics = ALL["everything"].kind("HorizontalPodAutoscaler")["carrel-gateway"]["spec"]["metrics"]
        self.assertEqual(metrics[0]["pods"]["metric"]["name"], "carrel_sockets")
        self.assertTrue(any("carrel_sockets{" in query for _, _, query in dashboards.queries()))

    def test_telemetry_goes_where_the_values_say_and_the_policies_let_it(self):
        endpoint = urlsplit(values_of("everything")["telemetry"]["endpoint"])
        for name, rendered in ALL.items():
            for pod, settings in rendered.in_effect.items():
                if pod == f"{RELEASE}-migrate":
                    continue
                with self.subTest(values=name, pod=pod):
                    wanted = endpoint.geturl() if name == "everything" else None
                    self.assertEqual(settings["telemetry"].get("otlp_endpoint"), wanted)
                    for policy in [found for policy, found in rendered.kind("NetworkPolicy").items() if policy == pod]:
                        ports = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
                        self.assertEqual(endpoint.port in ports, name == "everything")
                        scraped = [rule for rule in policy["spec"]["ingress"] if rule["ports"][0]["port"] == 9090]
                        self.assertEqual(len(scraped), name == "everything")

    def test_prometheus_scrapes_each_program_under_its_name(self):
        everything = ALL["everything"]
        monitor = everything.kind("PodMonitor")[RELEASE]["spec"]
        (endpoint,) = monitor["podMetricsEndpoints"]
        (relabelled,) = endpoint["relabelings"]
        self.assertEqual(relabelled["targetLabel"], "job")
        for name, container in everything.containers.items():
            labels = everything.pods[name]["metadata"]["labels"]
            self.assertLessEqual(monitor["selector"]["matchLabels"].items(), labels.items())
            if container["command"][1] == "serve":
                job = relabelled["replacement"].replace("$1", labels["app.kubernetes.io/component"])
                self.assertEqual(job, container["command"][0])
                self.assertIn(endpoint["port"], [port["name"] for port in container["ports"]])
                annotations = everything.pods[name]["metadata"]["annotations"]
                self.assertEqual(annotations["example.org/team"], "library")
                self.assertEqual((annotations["prometheus.io/port"], annotations["prometheus.io/path"]), ("9090", endpoint["path"]))

    def test_rules_and_dashboards_are_those_of_deploy(self):
        everything = ALL["everything"]
        rules = yaml.safe_load((ROOT / "deploy/alerts/carrel.rules.yaml").read_text(encoding="utf-8"))
        self.assertEqual(everything.kind("PrometheusRule")[RELEASE]["spec"], rules)
        shipped = {
            key: json.loads(text)
            for name, found in everything.kind("ConfigMap").items() if "dashboard" in name
            for key, text in found["data"].items()
        }
        self.assertEqual(shipped, {f"carrel-{name}.json": dashboard for name, dashboard in dashboards.dashboards().items()})


def lets(policy, direction, end, pod, port):
    """Whether a policy lets a pod in, or out to a pod, at a port."""
    for rule in policy["spec"].get(direction, []):
        at_port = any(allowed["port"] == port for allowed in rule["ports"])
        for peer in rule.get(end, []):
            wanted = peer.get("podSelector", {}).get("matchLabels")
            if at_port and wanted and wanted.items() <= pod["metadata"]["labels"].items():
                return True
    return False


if __name__ == "__main__":
    unittest.main()
