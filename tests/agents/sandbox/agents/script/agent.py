"""An agent that does whatever its input says: for showing what the jail does about it."""

from pydantic import BaseModel, JsonValue

from agents.sdk import Agent, Context

agent = Agent(name="script", type="SCRIPT", version="1.0.0", risk="AUTO", description="Runs Python it is given")


class Input(BaseModel):
    code: str


class Output(BaseModel):
    said: JsonValue = None


@agent.action("run", description="Run the code; what it calls `said` is the result")
def run(inputs: Input, context: Context) -> Output:
    names: dict[str, object] = {"context": context}
    exec(inputs.code, names)
    return Output.model_validate({"said": names.get("said")})
