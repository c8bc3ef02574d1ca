"""A request -> the text of an OpenAI-compatible endpoint's answer."""

from __future__ import annotations

from typing import Any

from openai import APIConnectionError, APIStatusError, OpenAI, OpenAIError

from agents.builtin.model.request import MAX_ANSWER_TOKENS, TIMEOUT_SECONDS, Answer, Request
from agents.sdk.errors import AgentError, TransientError

__all__ = ["Request", "send"]


def send(request: Request) -> Answer:
    """Ask once. Raises TransientError where another attempt may succeed."""
    client: Any = OpenAI(base_url=request.base_url, api_key=request.key, timeout=TIMEOUT_SECONDS, max_retries=0)
    shape = {"name": "answer", "schema": request.schema}
    try:
        with client:
            answer = client.chat.completions.create(
                model=request.model,
                messages=[
                    {"role": "system", "content": request.instructions},
                    {"role": "user", "content": request.material},
                ],
                response_format={"type": "json_schema", "json_schema": shape},
                max_completion_tokens=MAX_ANSWER_TOKENS,
            )
    except APIConnectionError as exc:
        raise TransientError(f"the model's endpoint {request.base_url} cannot be reached: {exc}") from exc
    except APIStatusError as exc:
        kind = TransientError if exc.status_code == 429 or exc.status_code >= 500 else AgentError
        raise kind(f"the model's endpoint {request.base_url} answered with status {exc.status_code}") from exc
    except OpenAIError as exc:
        raise AgentError(f"the model's endpoint {request.base_url} gave no usable answer: {exc}") from exc
    choices: list[Any] = answer.choices or []
    text = str(choices[0].message.content or "") if choices else ""
    used: Any = answer.usage
    return Answer(
        text=text,
        input_tokens=int(getattr(used, "prompt_tokens", 0) or 0),
        output_tokens=int(getattr(used, "completion_tokens", 0) or 0),
    )
