"""Container, compose and Helm files: they fit their schemas, and name settings that there are."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from helm_python import Chart, HelmError, lint

from smooth_operator_server import __version__, store
from smooth_operator_server.app import Server
from smooth_operator_server.backplane import Backplane
from smooth_operator_server.settings import Settings, variable_of
from smooth_operator_server.telemetry.figures import Figures

from .test_cli import ends

DEPLOY = Path(__file__).parents[1] / "deploy"
CHART = DEPLOY / "helm"
VERSIONS = ("1.27", "1.37")
"""Of Kubernetes: the oldest that the chart names, and a new one."""

VARIABLES = {variable_of(name) for name in Settings.model_fields}

EVERYTHING: dict[str, Any] = {
    "imagePullSecrets": [{"name": "pull"}],
    "agents": {"support.yaml": "id: support\ninstructions: Help.\n"},
    "ingress": {
        "enabled": True,
        "className": "nginx",
        "host": "chat.lamps.example",
        "annotations": {"nginx.ingress.kubernetes.io/proxy-read-timeout": "3600"},
        "tlsSecret": "chat-tls",
    },
    "autoscaling": {"enabled": True},
    "service": {"type": "LoadBalancer", "port": 443, "annotations": {"a": "b"}},
    "podAnnotations": {"prometheus.io/scrape": "true"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "chat", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
}


@pytest.fixture(scope="module")
def chart() -> Iterator[Chart]:
    with Chart.load(CHART) as loaded:
        yield loaded


def objects(chart: Chart, values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what the chart makes of some values, by kind and name."""
    rendered = chart.render(values, name="shop", namespace="chat")
    texts = [text for name, text in rendered.items() if not name.endswith(".txt")]
    found = [one for text in texts for one in yaml.safe_load_all(text) if one]
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in found}


def server_of(made: dict[str, dict[str, Any]]) -> dict[str, Any]:
    pod = made["Deployment/shop-smooth-operator-server"]["spec"]["template"]["spec"]
    return dict(pod["containers"][0])


class TestChart:
    def test_helm_finds_nothing_to_complain_of(self) -> None:
        said = lint(CHART)
        assert said["errors"] == []
        assert [one for one in said["messages"] if one["severity"] > 1] == []

    @pytest.mark.parametrize("version", VERSIONS)
    @pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["default", "everything"])
    def test_every_object_fits_the_schemas_of_kubernetes(
        self, chart: Chart, values: dict[str, Any], version: str
    ) -> None:
        made = objects(chart, values)
        assert len(made) == (5 if values == {} else 8)
        for one in made.values():
            kubernetes_validate.validate(one, version, strict=True)

    def test_its_versions_are_those_of_the_server(self, chart: Chart) -> None:
        assert chart.version == chart.metadata["appVersion"] == __version__

    def test_it_sets_variables_that_the_server_has(self, chart: Chart) -> None:
        made = objects(chart, EVERYTHING)
        named = set(made["ConfigMap/shop-smooth-operator-server"]["data"])
        named |= {one["name"] for one in server_of(made)["env"]}
        assert named
        assert named <= VARIABLES

    def test_its_probes_are_routes_of_the_server(self, chart: Chart) -> None:
        container = server_of(objects(chart, {}))
        probes = {kind: container[kind]["httpGet"]["path"] for kind in container if "Probe" in kind}
        assert probes == {
            "startupProbe": "/health",
            "livenessProbe": "/health",
            "readinessProbe": "/ready",
        }

    def test_agent_files_are_where_the_server_reads_them(self, chart: Chart) -> None:
        made = objects(chart, EVERYTHING)
        container = server_of(made)
        assert {"name": "SMOOTH_AGENT_AGENTS", "value": "/agents"} in container["env"]
        assert "/agents" in [mount["mountPath"] for mount in container["volumeMounts"]]
        assert "/agents" not in str(server_of(objects(chart, {})))

    def test_a_pod_may_drain_before_it_is_killed(self, chart: Chart) -> None:
        for seconds in ("5", "300"):
            made = objects(chart, {"settings": {"SMOOTH_AGENT_DRAIN_SECS": seconds}})
            spec = made["Deployment/shop-smooth-operator-server"]["spec"]["template"]["spec"]
            assert spec["terminationGracePeriodSeconds"] >= int(seconds) + 10

    def test_changed_settings_roll_the_pods(self, chart: Chart) -> None:
        def stamp(values: dict[str, Any]) -> str:
            made = objects(chart, values)["Deployment/shop-smooth-operator-server"]
            return str(made["spec"]["template"]["metadata"]["annotations"]["checksum/settings"])

        assert stamp({}) == stamp({"replicas": 5})
        assert stamp({}) != stamp({"settings": {"SMOOTH_AGENT_LOG_LEVEL": "debug"}})
        assert stamp({}) != stamp({"agents": EVERYTHING["agents"]})

    @pytest.mark.parametrize(
        ("values", "key"),
        [
            ({"replicas": 0}, "replicas"),
            ({"replica": 3}, "replica"),
            ({"settings": {"SMOOTH_AGENT_PORT": 1}}, "SMOOTH_AGENT_PORT"),
            ({"settings": {"port": "1"}}, "port"),
            ({"agents": {"../x.yaml": "id: a"}}, "x.yaml"),
            ({"service": {"type": "Cluster"}}, "type"),
            ({"ingress": {"enabled": True}}, "host"),
        ],
    )
    def test_values_that_mean_nothing_are_refused_by_name(
        self, chart: Chart, values: dict[str, Any], key: str
    ) -> None:
        with pytest.raises(HelmError, match=key):
            chart.validate_schema(values)


class TestCompose:
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))

    def test_it_sets_variables_that_the_server_has(self) -> None:
        assert set(self.composed["services"]["server"]["environment"]) <= VARIABLES

    def test_its_commands_are_the_servers_own(self) -> None:
        services = self.composed["services"]
        assert services["migrate"]["command"] == ["migrate"]
        assert services["server"]["deploy"]["replicas"] == 2
        for name, waits in services["server"]["depends_on"].items():
            assert name in services, waits

    def test_its_build_is_the_containerfile_of_this_folder(self) -> None:
        build = self.composed["x-server"]["build"]
        context = (DEPLOY / build["context"]).resolve()
        assert context / build["dockerfile"] == DEPLOY / "Containerfile"

    def test_no_secret_stands_in_it(self) -> None:
        text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
        for value in re.findall(r"^ *\w*(?:SECRET|PASSWORD|KEY): *(\S+)", text, re.MULTILINE):
            assert value.startswith("${"), value


class TestContainerfile:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")

    def test_it_sets_variables_that_the_server_has(self) -> None:
        named = set(re.findall(r"\b(SMOOTH_AGENT_[A-Z_]+|AUTH_[A-Z0-9_]+)", self.text))
        assert "SMOOTH_AGENT_BIND" in named
        assert named <= VARIABLES

    def test_its_extras_are_those_of_the_package_and_the_commands_are_among_them(self) -> None:
        package = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text(encoding="utf-8"))
        there = package["project"]["optional-dependencies"]
        for extras in re.findall(r"server\[([a-z,]+)\]", self.text):
            assert "admin" in extras.split(",")
            assert set(extras.split(",")) <= set(there)
        assert "/src/python/admin-client" in self.text  # it is on no index of packages yet

    def test_it_runs_as_nobody_special(self) -> None:
        users = re.findall(r"^USER (\S+)$", self.text, re.MULTILINE)
        assert users == ["10001:10001"]

    async def test_it_asks_a_route_that_is_there(self) -> None:
        server = await Server.build(Settings(demo=True))
        try:
            paths = {getattr(route, "path", "") for route in server.application().routes}
        finally:
            await server.aclose()
        (asked,) = re.findall(r"http://127\.0\.0\.1:8787(/\w+)", self.text)
        assert asked in paths


class TestOperationsPage:
    text = (DEPLOY.parent / "docs" / "operations.md").read_text(encoding="utf-8")

    def test_the_figures_it_names_are_there(self) -> None:
        shown = Figures().text().decode()
        named = set(re.findall(r"`(smooth_[a-z_]+)`", self.text))
        assert named
        for name in named:
            assert f"# TYPE {name} " in shown, name

    def test_its_report_of_the_doctor_is_what_the_doctor_says(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ends(capsys, "migrate")
        monkeypatch.setenv("SMOOTH_AGENT_DB", "smooth-operator.db")
        monkeypatch.setenv("SMOOTH_AGENT_DEMO", "1")
        shown = re.sub(r"version \d+", "version N", ends(capsys, "doctor")[1])
        assert shown in re.sub(r"version \d+", "version N", self.text)

    def test_its_links_lead_somewhere(self) -> None:
        for target in re.findall(r"\]\(([^)#:]+)\)", self.text):
            assert (DEPLOY.parent / "docs" / target).exists(), target

    def test_the_ports_of_the_mapping_are_there(self) -> None:
        mapping = (DEPLOY.parent / "docs" / "aws.md").read_text(encoding="utf-8")
        ports = set(re.findall(r"`([A-Z]\w+(?:Store|Index))`", mapping))
        assert ports == {"ConversationStore", "TurnStore", "QuestionStore", "KnowledgeIndex"}
        assert all(hasattr(store, name) for name in ports)
        for method in re.findall(r"`Backplane\.(\w+)`", mapping):
            assert hasattr(Backplane, method), method
