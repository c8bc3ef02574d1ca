"""A request -> the text of an Anthropic-compatible endpoint's answer, the input of the only tool it has."""

from __future__ import annotations

import json
from typing import Any

from anthropic import Anthropic, AnthropicError, APIConnectionError, APIStatusError

from agents.builtin.model.request import MAX_ANSWER_TOKENS, TIMEOUT_SECONDS, Answer, Request
from agents.sdk.errors import AgentError, TransientError

__all__ = ["Request", "send"]
_TOOL = "answer"


def send(request: Request) -> Answer:
    """Ask once. Raises TransientError where another attempt may succeed."""
    client: Any = Anthropic(base_url=request.base_url, api_key=request.key, timeout=TIMEOUT_SECONDS, max_retries=0)
    try:
        with client:
            answer = client.messages.create(
                model=request.model,
                max_tokens=MAX_ANSWER_TOKENS,
                system=request.instructions,
                messages=[{"role": "user", "content": request.material}],
                tools=[{"name": _TOOL, "description": "Gives the answer", "input_schema": request.schema}],
                tool_choice={"type": "tool", "name": _TOOL},
            )
    except APIConnectionError as exc:
        raise TransientError(f"the model's endpoint {request.base_url} cannot be reached: {exc}") from exc
    except APIStatusError as exc:
        kind = TransientError if exc.status_code == 429 or exc.status_code >= 500 else AgentError
        raise kind(f"the model's endpoint {request.base_url} answered with status {exc.status_code}") from exc
    except AnthropicError as exc:
        raise AgentError(f"the model's endpoint {request.base_url} gave no usable answer: {exc}") from exc
    blocks: list[Any] = answer.content or []
    used = [block for block in blocks if block.type == "tool_use" and block.name == _TOOL]
    text = json.dumps(used[0].input) if used else ""
    usage: Any = answer.usage
    return Answer(
        text=text,
        input_tokens=int(getattr(usage, "input_tokens", 0) or 0),
        output_tokens=int(getattr(usage, "output_tokens", 0) or 0),
    )
