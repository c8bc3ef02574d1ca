"""The agent that the benchmark's workflows name. Its one action takes nothing and gives nothing."""

from agents.sdk import Agent, Context, Schema

agent = Agent(name="bare-step", type="SCRIPT", version="1.0.0", risk="AUTO", description="Does nothing")


class Nothing(Schema):
    """No fields."""


@agent.action("step", description="Does nothing")
def step(inputs: Nothing, context: Context) -> Nothing:
    """Nothing."""
    return Nothing()


@agent.action("askFirst", description="Does nothing, once a person agrees", risk="APPROVAL_REQUIRED")
def ask_first(inputs: Nothing, context: Context) -> Nothing:
    """Nothing."""
    return Nothing()
