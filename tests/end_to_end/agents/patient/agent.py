"""An agent that takes its time, and one whose processes do not want to end."""

import secrets
import signal
import subprocess
import sys
import time

from pydantic import BaseModel

from agents.sdk import Agent, Context

agent = Agent(name="patient", type="SCRIPT", version="1.0.0", risk="AUTO")

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


class Delay(BaseModel):
    seconds: float = 0.0


class Token(BaseModel):
    token: str


class Mark(BaseModel):
    mark: str


@agent.action("linger")
def linger(delay: Delay, context: Context) -> Token:
    """The token is another one each time the action is run."""
    time.sleep(delay.seconds)
    return Token(token=secrets.token_hex(8))


@agent.action("dig-in")
def dig_in(mark: Mark, context: Context) -> Token:
    """Leaves processes in sessions and groups of their own that ignore SIGTERM; `mark` is on their command lines."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    command = [sys.executable, "-c", STUBBORN, mark.mark]
    subprocess.Popen(command)
    subprocess.Popen(command, start_new_session=True)
    subprocess.Popen(["/bin/sh", "-c", f'"$0" -c "$1" {mark.mark} & exit', sys.executable, STUBBORN]).wait()
    time.sleep(600)
    return Token(token="")
