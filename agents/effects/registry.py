"""The name of an effect -> what it is made of. There are no others."""

from __future__ import annotations

from collections.abc import Mapping

from agents.effects.branch import OPEN_PULL_REQUEST, PUBLISH_BRANCH
from agents.effects.effect import EffectSpec
from agents.effects.files import WRITE_ARTIFACT
from agents.effects.messages import CALL_WEBHOOK, SEND_CHAT, SEND_MAIL

_ALL = (PUBLISH_BRANCH, OPEN_PULL_REQUEST, SEND_MAIL, SEND_CHAT, CALL_WEBHOOK, WRITE_ARTIFACT)
EFFECTS: Mapping[str, EffectSpec] = {each.name: each for each in _ALL}


def effect_of(name: str) -> EffectSpec:
    """The effect of that name. Raises KeyError for what is none."""
    return EFFECTS[name]
