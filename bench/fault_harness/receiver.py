"""The receiving end of the notifier: answers like Slack, and writes each accepted message down before it answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from deployments.demo.sinks import ChatSink
from fault_harness.ledger import Ledger


@dataclass(kw_only=True)
class Receiver(ChatSink):
    """A chat API on this machine whose messages are in the ledger."""

    ledger: Ledger
    told: set[int] = field(default_factory=set[int])
    """Numbers of the events whose last message was accepted."""

    def _answer(self, head: str, body: bytes) -> dict[str, Any]:
        before = len(self.messages)
        answer = super()._answer(head, body)
        for fields in self.messages[before:]:
            said = json.loads(fields["text"])
            key = _data(fields["metadata"])["event_payload"]["key"]
            self.ledger.append("message", number=said["number"], node=said["node"], key=key)
            if said["node"] == "tell":
                self.told.add(said["number"])
        return answer


def _data(value: Any) -> Any:
    """A field of a form holds JSON as text, a field of JSON the thing itself."""
    return json.loads(value) if isinstance(value, str) else value
