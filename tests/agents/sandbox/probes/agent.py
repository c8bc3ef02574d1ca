"""The probe agent: tries escapes by name, from inside the jail."""

import os

from catalogue import attempt, load_all
from pydantic import BaseModel, JsonValue

from agents.sdk import Agent, Context

agent = Agent(name="probe", type="SCRIPT", version="1.0.0", risk="AUTO", description="Tries to get out")
load_all()


class Input(BaseModel):
    names: list[str]
    scene: dict[str, JsonValue]


class Output(BaseModel):
    answers: dict[str, JsonValue]


@agent.action("escape", description="Try the named escapes")
def escape(inputs: Input, context: Context) -> Output:
    scene = {**inputs.scene, "parent": os.getppid()}
    return Output(answers={name: attempt(name, scene) for name in inputs.names})
