"""A flow run -> the address of its page in Prefect's UI."""

from __future__ import annotations

from urllib.parse import quote


def prefect_page(ui_url: str, flow_run_id: str) -> str:
    """`ui_url`: where Prefect's UI is, with or without a slash at its end."""
    return f"{ui_url.rstrip('/')}/runs/flow-run/{quote(flow_run_id, safe='')}"
