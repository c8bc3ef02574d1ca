"""Functions of an agent's author in; an agent with a manifest and typed actions out.

agent = Agent(name="greeter", type="SCRIPT", version="1.0.0", risk="AUTO")

@agent.action("greet", description="Say hello")
def greet(inputs: GreetInput, context: Context) -> Greeting: ...
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from agents.sdk.context import Context
from agents.sdk.errors import BadRequestError, InvalidInputError, InvalidOutputError

if TYPE_CHECKING:  # importing the compiler costs more than the whole SDK
    from compiler.catalogue import AgentType, Effect, RiskLevel

Handler = Callable[[Any, Context], Any]
_H = TypeVar("_H", bound=Handler)


@dataclass(frozen=True, kw_only=True)
class Action:
    """One capability: a function with the models of what it takes and gives."""

    name: str
    description: str
    handler: Handler
    input_model: type[BaseModel]
    result_model: type[BaseModel]
    """What the function returns."""
    output_model: type[BaseModel]
    """What later nodes see; differs from the result only where an effect stands between."""
    risk: RiskLevel | None = None
    effect: Effect | None = None
    proposer: Handler | None = None
    """What runs in the jail, where the platform carries the effect out with the handler itself."""

    def execute(self, inputs: Any, context: Context) -> dict[str, Any]:
        """Validate the input, do the work, validate the result. Returns JSON data."""
        model = self.result_model if self.proposer is None else self.output_model
        return self._call(self.handler, inputs, context, model)

    def propose(self, inputs: Any, context: Context) -> dict[str, Any]:
        """The same, as far as it only says what the effect is to be."""
        return self._call(self.proposer or self.handler, inputs, context, self.result_model)

    def _call(self, handler: Handler, inputs: Any, context: Context, model: type[BaseModel]) -> dict[str, Any]:
        try:
            parsed = self.input_model.model_validate(inputs)
        except ValidationError as exc:
            raise InvalidInputError(f"input of action {self.name!r} is refused: {explain(exc)}") from exc
        outcome = handler(parsed, context)
        if hasattr(outcome, "__await__"):
            outcome = _finish(outcome)
        try:
            result = model.model_validate(outcome)
        except ValidationError as exc:
            raise InvalidOutputError(f"result of action {self.name!r} is refused: {explain(exc)}") from exc
        return result.model_dump(mode="json", by_alias=True)


@dataclass(frozen=True, kw_only=True)
class Agent:
    """Manifest and actions of one agent."""

    name: str
    type: AgentType
    version: str
    risk: RiskLevel
    description: str = ""
    network: tuple[str, ...] = ()
    """`host:port`, or `{SETTING}` for the host and port in that setting; see `agents.registration.network`."""
    secrets: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    memory_mb: int = 512
    timeout_seconds: int = 300
    actions: dict[str, Action] = field(default_factory=dict[str, Action])

    def action(
        self,
        name: str,
        *,
        description: str = "",
        risk: RiskLevel | None = None,
        effect: Effect | None = None,
        output: type[BaseModel] | None = None,
        propose: Handler | None = None,
    ) -> Callable[[_H], _H]:
        """Register the decorated function. `output` is the model after the effect, where there is one.

        `propose`: what says in the jail what the effect is to be, where the decorated function brings it about.
        """

        def register(handler: _H) -> _H:
            if name in self.actions:
                raise TypeError(f"agent {self.name!r} has two actions called {name!r}")
            input_model, result_model = _models(handler)
            output_model = output or result_model
            if propose is not None:
                _, result_model = _models(propose)
            self.actions[name] = Action(
                name=name,
                description=description,
                handler=handler,
                input_model=input_model,
                result_model=result_model,
                output_model=output_model,
                risk=risk,
                effect=effect,
                proposer=propose,
            )
            return handler

        return register

    def find(self, action: str) -> Action:
        """The action of that name. Raises BadRequestError."""
        if action not in self.actions:
            known = ", ".join(sorted(self.actions)) or "none"
            raise BadRequestError(f"agent {self.name!r} has no action {action!r}; it has: {known}")
        return self.actions[action]

    def propose(self, action: str, inputs: Any, context: Context) -> dict[str, Any]:
        """Say what the effect of one action is to be. Returns JSON data that fits the action's result model."""
        return self.find(action).propose(inputs, context)

    def execute(self, action: str, inputs: Any, context: Context) -> dict[str, Any]:
        """Do one action. Returns JSON data that fits the action's result model."""
        return self.find(action).execute(inputs, context)


def explain(error: ValidationError) -> str:
    """The first few faults as one line: where and what; never the refused value, which may be long or secret."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    shown = [f"{'.'.join(str(part) for part in fault['loc']) or '(all)'}: {fault['msg']}" for fault in faults[:5]]
    more = f" (and {len(faults) - 5} more)" if len(faults) > 5 else ""
    return "; ".join(shown) + more


def _models(handler: Handler) -> tuple[type[BaseModel], type[BaseModel]]:
    hints = typing.get_type_hints(handler)
    result = hints.pop("return", None)
    given = next(iter(hints.values()), None)
    for what, model in (("first parameter", given), ("return value", result)):
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            name = getattr(handler, "__qualname__", repr(handler))
            raise TypeError(f"the {what} of action function {name} must be annotated with a Pydantic model")
    return typing.cast("tuple[type[BaseModel], type[BaseModel]]", (given, result))


def _finish(outcome: Any) -> Any:
    import asyncio  # only for actions that are coroutines

    async def wait() -> Any:
        return await outcome

    return asyncio.run(wait())
