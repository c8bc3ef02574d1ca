"""What is told about runs besides the runs: totals of metrics, spans, and origins."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, text

from records.tables.columns import JSON_VALUE, NOW, SERIAL, Moment, may, must
from records.tables.schema import METADATA

_WAITING = text('"exportedAt" IS NULL')
_ZERO = text("0")

# A total is the sum of its rows: a change adds a row and waits for nobody; rows are added up now and then.
METRIC_TOTAL = Table(
    "MetricTotal",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    must("metric", Text),
    # JSON list of the values, in the order of the metric's labels.
    must("labels", Text),
    # Number of the bucket that the values fall into; 0 for counters.
    must("bucket", Integer, server_default=_ZERO),
    must("count", BigInteger),
    must("sum", BigInteger, server_default=_ZERO),
    # One of the values: the trace it belongs to, and when it was counted.
    may("exampleTrace", Text),
    may("exampleValue", BigInteger),
    may("exampleAt", Moment),
)

SPAN = Table(
    "Span",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    must("spanId", Text),
    must("traceId", Text),
    must("content", JSON_VALUE),
    must("createdAt", Moment, server_default=NOW),
    may("exportedAt", Moment),
    Index("Span_traceId_spanId_key", "traceId", "spanId", unique=True),
    Index("Span_waiting_idx", "id", postgresql_where=_WAITING, sqlite_where=_WAITING),
)

# When what started a flow run was received, and the trace that it belongs to.
RUN_ORIGIN = Table(
    "RunOrigin",
    METADATA,
    Column("flowRunId", Text, primary_key=True),
    must("receivedAt", Moment),
    may("traceparent", Text),
)
