"""The Helm chart, rendered and checked against Kubernetes' schemas; skipped where helm is not installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
CHART = ROOT / "deployments" / "helm"
HELM = os.environ.get("HELM") or shutil.which("helm")
KUBERNETES = "1.33.0"
RENDERED_BY = (
    "Rendered from deployments/helm with its own values; tests/deployments/images/test_chart.py writes it."
)


def helm(*options: str) -> subprocess.CompletedProcess[str]:
    if HELM is None:
        pytest.skip("no helm here: `go install helm.sh/helm/v3/cmd/helm@v3.16.4`, or name it in HELM, to run this")
    command = [HELM, "template", "cc", str(CHART), "--kube-version", KUBERNETES, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    done = helm("--set", "agentSecretName=agents,worker.repositoriesClaim=repos,agentSettings.SMTP_HOST=mail")
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def pods(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        each["metadata"]["name"].removeprefix("cc-"): each["spec"]["template"]["spec"]
        for each in objects
        if each["kind"] in ("Deployment", "Job")
    }


def test_it_renders_every_part_and_each_object_fits_kubernetes_schema(objects: list[dict[str, Any]]) -> None:
    assert set(pods(objects)) == {"server", "listener", "worker", "api", "migrate"}
    validate = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate to run this")
    for each in objects:
        validate.validate(each, KUBERNETES.rpartition(".")[0], strict=True)


def test_the_rendered_manifest_is_that_of_the_chart() -> None:
    done = helm()
    assert done.returncode == 0, done.stderr
    text = f"# {RENDERED_BY}\n{done.stdout}"
    file = ROOT / "deployments" / "kubernetes" / "commandcenter.yaml"
    if os.environ.get("WRITE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert file.read_text() == text, "read the difference, and accept it with WRITE_GOLDEN=1"


def test_no_pod_is_root_or_may_change_its_root_or_has_a_token_of_the_cluster(
    objects: list[dict[str, Any]],
) -> None:
    for name, pod in pods(objects).items():
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        (container,) = pod["containers"]
        assert container["securityContext"]["allowPrivilegeEscalation"] is False, name
        assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
        assert container["resources"]["limits"]["memory"], name
        profile = pod["securityContext"]["seccompProfile"]["type"]
        assert profile == ("Localhost" if name == "worker" else "RuntimeDefault"), name


def test_a_part_gets_only_the_secrets_that_it_needs(objects: list[dict[str, Any]]) -> None:
    keys = {
        name: {
            item["key"]
            for volume in pod["volumes"]
            if volume["name"] == "secrets"
            for item in volume["secret"]["items"]
        }
        for name, pod in pods(objects).items()
    }
    assert keys["server"] == {"prefect_database_url", "prefect_auth"}
    assert keys["worker"] == {"database_url", "prefect_auth", "signing.key"}
    assert "people.json" in keys["api"]
    assert "nats_url" not in keys["migrate"]
    assert "nats_ca.pem" in keys["listener"] & keys["api"]
    for pod in pods(objects).values():
        assert not [each for each in pod["containers"][0]["env"] if "valueFrom" in each]


def test_links_to_approvals_lead_where_the_operator_says() -> None:
    done = helm("--set", "apiUrl=https://cc.example")
    assert done.returncode == 0, done.stderr
    given = {"name": "COMMANDCENTER_API_URL", "value": "https://cc.example"}
    made = pods([each for each in yaml.safe_load_all(done.stdout) if each])
    assert all(given in made[name]["containers"][0]["env"] for name in ("listener", "worker", "api"))


def test_the_tables_are_brought_up_to_date_before_each_upgrade(objects: list[dict[str, Any]]) -> None:
    (job,) = [each for each in objects if each["kind"] == "Job"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert pods(objects)["migrate"]["containers"][0]["args"] == ["commandcenter", "migrate"]


def test_nobody_reaches_a_part_but_who_is_named(objects: list[dict[str, Any]]) -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in objects if each["kind"] == "NetworkPolicy"}
    assert policies["cc-parts"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policies["cc-parts"]
    outside = policies["cc-worker"]["egress"][0]["to"][0]["ipBlock"]
    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(outside["except"])


@pytest.mark.parametrize(
    "wrong",
    ["image.digest=sha256:abc", "worker.replicas=many", "unknown=1", "networkPolicy.natsPort=0", "secretName="],
)
def test_a_wrong_value_is_refused_by_the_schema(wrong: str) -> None:
    done = helm("--set", wrong)
    assert done.returncode != 0
    assert wrong.partition("=")[0].rpartition(".")[2] in done.stderr


def test_the_schema_knows_every_value() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(values) <= set(schema["properties"])
