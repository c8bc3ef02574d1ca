"""Totals and gauges -> Prometheus' text format, version 0.0.4, or OpenMetrics 1.0 with examples of runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from observability.metrics.definitions import (
    AGENT_DURATION,
    DEAD_LETTER_REASONS,
    DEAD_LETTERS,
    METRICS,
    Metric,
    Total,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = "application/openmetrics-text"
OPEN_METRICS_TYPE = f"{OPEN_METRICS}; version=1.0.0; charset=utf-8"
_NONE = Total(metric=DEAD_LETTERS.name, labels=(), bucket=0, count=0, sum=0)
_EXECUTIONS = "agent_execution"
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """A value of this moment."""

    name: str
    help: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


def content_type(accept: str | None) -> str:
    """OpenMetrics for who asks for it, as Prometheus does; else the text format."""
    return OPEN_METRICS_TYPE if OPEN_METRICS in (accept or "") else CONTENT_TYPE


def render(totals: Iterable[Total], gauges: Iterable[Gauge], *, content_type: str = CONTENT_TYPE) -> str:
    """The whole page. A metric that has counted nothing yet has its two head lines, so that it can be found."""
    found: dict[str, dict[tuple[str, ...], dict[int, Total]]] = defaultdict(lambda: defaultdict(dict))
    for total in totals:
        found[total.metric][total.labels][total.bucket] = total
    for reason in DEAD_LETTER_REASONS:  # from 0, or the first one would be no increase
        found[DEAD_LETTERS.name][(reason,)].setdefault(0, _NONE)
    is_open = content_type == OPEN_METRICS_TYPE
    lines: list[str] = []
    for metric in METRICS:
        lines += _counted(metric, found[metric.name], is_open=is_open)
        if metric is AGENT_DURATION:
            executions = Metric(name=_EXECUTIONS, help="Total agent executions", labels=metric.labels)
            lines += _counted(executions, found[metric.name], is_open=is_open)
    lines += _gauges(gauges)
    return "\n".join([*lines, "# EOF"] if is_open else lines) + "\n"


def _counted(
    metric: Metric, series: Mapping[tuple[str, ...], Mapping[int, Total]], *, is_open: bool
) -> Iterator[str]:
    name = metric.name if metric.buckets else f"{metric.name}_total"
    family = metric.name if is_open else name
    yield f"# HELP {family} {metric.help}"
    yield f"# TYPE {family} {'histogram' if metric.buckets else 'counter'}"
    for values, buckets in sorted(series.items()):
        labels = list(zip(metric.labels, values, strict=True))
        if not metric.buckets:
            yield f"{name}{_shown(labels)} {sum(each.count for each in buckets.values())}"
            continue
        count = 0
        bounds = [str(float(bound)) if is_open else str(bound) for bound in metric.buckets]
        for number, bound in enumerate([*bounds, "+Inf"]):
            bucket = buckets.get(number)
            count += bucket.count if bucket is not None else 0
            example = _example(bucket) if is_open and bucket is not None else ""
            yield f"{name}_bucket{_shown([*labels, ('le', bound)])} {count}{example}"
        yield f"{name}_sum{_shown(labels)} {sum(each.sum for each in buckets.values())}"
        yield f"{name}_count{_shown(labels)} {count}"


def _example(bucket: Total) -> str:
    found = bucket.example
    return "" if found is None else f' # {{trace_id="{found.trace_id}"}} {found.value} {found.at:.3f}'


def _gauges(gauges: Iterable[Gauge]) -> Iterator[str]:
    by_name: dict[str, list[Gauge]] = defaultdict(list)
    for gauge in gauges:
        by_name[gauge.name].append(gauge)
    for name, family in by_name.items():
        yield f"# HELP {name} {family[0].help}"
        yield f"# TYPE {name} gauge"
        for gauge in family:
            yield f"{name}{_shown(list(gauge.labels.items()))} {gauge.value:.15g}"


def _shown(labels: Sequence[tuple[str, str]]) -> str:
    inside = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels)
    return f"{{{inside}}}" if inside else ""
