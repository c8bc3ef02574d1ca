"""The page of metrics over HTTP: who may read it, and what else is asked for."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from observability.metrics.definitions import AGENT_DURATION, AGENT_FAILURES, METRICS, Example, Total
from observability.metrics.endpoint import serve_metrics
from observability.metrics.exposition import CONTENT_TYPE, OPEN_METRICS_TYPE, Gauge, render
from observability.metrics.settings import MetricsSettings, MetricsSettingsError

pytestmark = pytest.mark.server


async def _page(_: str) -> str:
    return "up 1\n"


async def test_the_page_and_nothing_else_is_served() -> None:
    async with serve_metrics("127.0.0.1:0", _page) as port, httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/metrics")
        assert (answer.status_code, answer.text, answer.headers["content-type"]) == (200, "up 1\n", CONTENT_TYPE)
        assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 404
        assert (await client.post(f"http://127.0.0.1:{port}/metrics")).status_code == 404


async def test_with_a_token_only_its_holder_reads() -> None:
    async with serve_metrics("127.0.0.1:0", _page, token="s" * 20) as port, httpx.AsyncClient() as client:
        url = f"http://127.0.0.1:{port}/metrics"
        assert (await client.get(url)).status_code == 401
        assert (await client.get(url, headers={"Authorization": "Bearer wrong"})).status_code == 401
        assert (await client.get(url, headers={"Authorization": f"Bearer {'s' * 20}"})).status_code == 200


async def test_a_page_that_cannot_be_made_says_no_more_than_that() -> None:
    async def broken(_: str) -> str:
        raise RuntimeError("postgresql://user:password@host")

    async with serve_metrics("127.0.0.1:0", broken) as port, httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/metrics")
    assert answer.status_code == 503
    assert "password" not in answer.text


@pytest.mark.parametrize("address", ["9464", "host:port", ":9464", "127.0.0.1:99999"])
def test_an_address_that_is_none_is_named(address: str) -> None:
    with pytest.raises(MetricsSettingsError, match="COMMANDCENTER_METRICS_ADDRESS"):
        MetricsSettings.load({"COMMANDCENTER_METRICS_ADDRESS": address})


def test_a_missing_or_short_token_never_means_no_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    for content in (None, "", "short"):
        if content is not None:
            file.write_text(content)
        with pytest.raises(MetricsSettingsError, match="COMMANDCENTER_METRICS_TOKEN_FILE"):
            MetricsSettings.load({"COMMANDCENTER_METRICS_TOKEN_FILE": str(file)})
    file.write_text("x" * 32 + "\n")
    assert MetricsSettings.load({"COMMANDCENTER_METRICS_TOKEN_FILE": str(file)}).token == "x" * 32


def test_label_values_are_escaped() -> None:
    hostile = 'a"} 1\nfake{x="\\'
    total = Total(metric=AGENT_DURATION.name, labels=(hostile, "SUCCESS"), bucket=0, count=1, sum=1)
    gauge = Gauge(name="g", help="h", value=0.5, labels={"x": hostile})
    page = render([total], [gauge])
    assert 'g{x="a\\"} 1\\nfake{x=\\"\\\\"} 0.5' in page
    assert not any(line.startswith("fake") for line in page.splitlines())


def test_names_are_unique_and_histograms_carry_their_unit() -> None:
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))
    for metric in METRICS:
        assert list(metric.buckets) == sorted(set(metric.buckets))
        assert not metric.buckets or metric.name.endswith(("_ms", "_mb"))


async def test_who_asks_for_open_metrics_gets_examples_of_runs() -> None:
    example = Example(trace_id="ab" * 16, value=42, at=1_700_000_000.5)
    total = Total(metric=AGENT_DURATION.name, labels=("a", "SUCCESS"), bucket=2, count=3, sum=120, example=example)
    failures = Total(metric=AGENT_FAILURES.name, labels=('a"} 1\nfake{x="\\', "exit"), bucket=0, count=2, sum=0)

    async def page(kind: str) -> str:
        return render([total, failures], [Gauge(name="g", help="h", value=0.5)], content_type=kind)

    asked = {"Accept": "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.3"}
    async with serve_metrics("127.0.0.1:0", page) as port, httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/metrics", headers=asked)
        plain = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    assert answer.headers["content-type"] == OPEN_METRICS_TYPE
    assert "trace_id" not in plain
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    samples = families[AGENT_DURATION.name].samples
    (found,) = [sample for sample in samples if sample.exemplar is not None]
    assert (found.labels["le"], found.value) == ("50.0", 3)
    assert (found.exemplar.labels, found.exemplar.value) == ({"trace_id": "ab" * 16}, 42)
    assert [sample.name for sample in families["agent_execution"].samples] == ["agent_execution_total"]
    assert {metric.name for metric in METRICS} <= set(families)
