"""What an agent proposed in; after an approval the effect carried out by the platform, once for each key, out.

The list is closed: an effect is a module here with what it needs, what it does, and how it is checked beforehand. An
agent only ever returns data.
"""

from agents.effects.effect import EffectContext, EffectError, EffectSpec, TransientEffectError
from agents.effects.registry import EFFECTS, effect_of

__all__ = ["EFFECTS", "EffectContext", "EffectError", "EffectSpec", "TransientEffectError", "effect_of"]
