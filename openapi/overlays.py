"""Applies OpenAPI Overlays 1.0 (https://spec.openapis.org/overlay/v1.0.0.html), strictly.

An action whose target is not there, or that changes nothing, is an error: it is about something
that was renamed or has gone.
"""

from copy import deepcopy
from typing import Any

from jsonpath import JSONPathMatch, finditer


def apply(document: dict[str, Any], overlay: dict[str, Any]) -> None:
    """Changes a document by the actions of an overlay, in order.

    Raises:
        ValueError: an action hits nothing or changes nothing.
    """
    for action in overlay["actions"]:
        before = deepcopy(document)
        # From the end, so that what is removed from a list moves nothing that is still to come.
        for match in reversed(list(finditer(action["target"], document))):
            _act(action, match)
        if document == before:
            raise ValueError(f"changes nothing: {action['target']}")


def _act(action: dict[str, Any], match: JSONPathMatch) -> None:
    if not action.get("remove"):
        _merge(match.obj, action["update"])
    elif match.parent:
        del match.parent.obj[match.parts[-1]]  # type: ignore[attr-defined]


def _merge(target: Any, update: Any) -> None:
    """Objects are merged, a list gets one element more, anything else takes another's place."""
    if isinstance(target, list):
        target.append(deepcopy(update))
        return
    for name, value in update.items():
        if isinstance(value, dict) and isinstance(target.get(name), dict):
            _merge(target[name], value)
        elif isinstance(value, list) and isinstance(target.get(name), list):
            target[name].extend(deepcopy(value))
        else:
            target[name] = deepcopy(value)
