"""Whether a policy of IAM lets somebody do something: denials first, then what is allowed.

As much of IAM's own logic as our policies use: actions, resources with wildcards, NotResource, and
conditions of equality, which hold where the request says the same words.
"""

import fnmatch
import json
from collections.abc import Iterable, Mapping
from typing import Any


def may(
    policies: Iterable[str], action: str, resource: str, context: Mapping[str, str] | None = None
) -> bool:
    """Say whether the policies (JSON) together let an action happen to a resource."""
    statements = [one for policy in policies for one in _list(json.loads(policy)["Statement"])]
    fitting = [one for one in statements if _fits(one, action, resource, context or {})]
    effects = {one["Effect"] for one in fitting}
    return "Allow" in effects and "Deny" not in effects


def _fits(
    statement: dict[str, Any], action: str, resource: str, context: Mapping[str, str]
) -> bool:
    if not _matches(action.lower(), [one.lower() for one in _list(statement["Action"])]):
        return False
    if "NotResource" in statement:
        if _matches(resource, _list(statement["NotResource"])):
            return False
    elif not _matches(resource, _list(statement["Resource"])):
        return False
    return all(
        context.get(variable) in _list(values)
        for test, words in statement.get("Condition", {}).items()
        for variable, values in words.items()
        if test == "StringEquals" or _unknown(test)
    )


def _unknown(test: str) -> bool:
    raise ValueError(f"a policy has a condition {test}, which this table does not know")


def _matches(word: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(word, pattern) for pattern in patterns)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
