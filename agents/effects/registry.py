"""The name of an effect -> what it is made of. There are no others."""

from __future__ import annotations

from collections.abc import Mapping

from agents.effects.branch import PUBLISH_BRANCH
from agents.effects.effect import EffectSpec

EFFECTS: Mapping[str, EffectSpec] = {each.name: each for each in (PUBLISH_BRANCH,)}


def effect_of(name: str) -> EffectSpec:
    """The effect of that name. Raises KeyError for what is none."""
    return EFFECTS[name]
