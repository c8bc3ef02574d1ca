"""A question and the shape of its answer -> a validated answer of the configured language model.

Settings: `LLM_PROVIDER` (`openai` or `anthropic`, also for compatible endpoints), `LLM_BASE_URL` and `LLM_MODEL`;
`LLM_PRICE_INPUT` and `LLM_PRICE_OUTPUT` in US dollars for a million tokens, for the cost of calls in the trace;
`LLM_MAX_TOKENS` and `LLM_MAX_COST` (US dollars) are what one execution may use: no call begins once one is reached;
secret: `LLM_API_KEY`. Importing this imports no client.
"""

from agents.builtin.model.question import Model, configured

__all__ = ["Model", "configured"]
