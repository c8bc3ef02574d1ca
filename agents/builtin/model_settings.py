"""What an agent that asks a model names as its settings; `agents.builtin.model` says what each is.

Beside that package, so that an agent which may ask a model imports it only when it does.
"""

MODEL_SETTINGS = (
    "LLM_PROVIDER",
    "LLM_BASE_URL",
    "LLM_MODEL",
    "LLM_PRICE_INPUT",
    "LLM_PRICE_OUTPUT",
    "LLM_MAX_TOKENS",
    "LLM_MAX_COST",
)
