"""The page of metrics over HTTP: who may read it, and what else is asked for."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from observability.metrics.definitions import AGENT_DURATION, METRICS, Total
from observability.metrics.endpoint import serve_metrics
from observability.metrics.exposition import CONTENT_TYPE, Gauge, render
from observability.metrics.settings import MetricsSettings, MetricsSettingsError

pytestmark = pytest.mark.server


async def _page() -> str:
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
    async def broken() -> str:
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
