"""Two actions that do next to nothing, in the real jail: one is run at once, the other asks first."""

from agents.sdk import Agent, Context, Schema

agent = Agent(name="counter", type="SCRIPT", version="1.0.0", risk="AUTO", description="Counts")


class Number(Schema):
    """The number of the event that started the run."""

    number: int


@agent.action("count", description="Give the number back")
def count(inputs: Number, context: Context) -> Number:
    """The same number."""
    return Number(number=inputs.number)


@agent.action("countIfAllowed", description="Give the number back", risk="APPROVAL_REQUIRED")
def count_if_allowed(inputs: Number, context: Context) -> Number:
    """The same number."""
    return Number(number=inputs.number)
