"""JSON Schemas that Prefect checks against their metaschema → each checked once.

Each run that is created has the schema of its deployment's parameters and that of the pool's variables checked anew,
which is a tenth of what the server computes for it.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

from prefect.utilities.schema_tools import validation

from reliability.tested_versions import require_tested

_MOST = 1_000


def use() -> None:
    """Make Prefect remember the schemas that it has found right. Raises UntestedVersion."""
    require_tested("prefect")
    validator: Any = validation._VALIDATOR  # pyright: ignore[reportPrivateUsage]
    check = validator.check_schema
    right: OrderedDict[str, None] = OrderedDict()

    def check_once(schema: Any, *args: Any, **options: Any) -> None:
        # The text itself and no digest of it: it is compared, not trusted.
        key = json.dumps([schema, args, sorted(options)], default=repr)
        if key in right:
            right.move_to_end(key)
            return
        check(schema, *args, **options)
        right[key] = None
        if len(right) > _MOST:
            right.popitem(last=False)

    validator.check_schema = check_once
