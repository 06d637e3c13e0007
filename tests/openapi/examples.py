"""Makes the overlay with the examples: `python -m tests.openapi.examples`, then `make generate`."""

from collections.abc import Sequence
from typing import Any

import yaml

from openapi.build import EXAMPLES, Json
from tests.openapi.document import Document, media_type
from tests.openapi.recording import Exchange, record

_HEAD = (
    "# Answers of the running service, by `python -m tests.openapi.examples`. Not to be edited.\n"
)


def overlay(document: Document, exchanges: Sequence[Exchange]) -> Json:
    """The overlay that puts answers, and bodies that were accepted, into the document."""
    places: dict[str, dict[str, Json]] = {}
    for exchange in exchanges:
        for target, value in _examples(document, exchange):
            places.setdefault(target, {}).setdefault(exchange.name, {"value": value})
    actions = [{"target": place, "update": {"examples": each}} for place, each in places.items()]
    info = {"title": "What the running service answers", "version": "1.0.0"}
    return {"overlay": "1.0.0", "info": info, "actions": actions}


def _examples(document: Document, exchange: Exchange) -> list[tuple[str, Any]]:
    operation = document.operations[exchange.call.operation]
    place = f"$.paths['{operation.path}'].{operation.verb}"
    status = str(exchange.reply.status)
    reference = operation.json["responses"][status].get("$ref", "")
    kind = media_type(exchange.reply)
    if reference:
        shared = f"$.components.responses.{reference.split('/')[-1]}"
        return [(_content(shared, kind), exchange.reply.json)]
    found = [(_content(f"{place}.responses['{status}']", kind), exchange.reply.json)]
    if exchange.call.body and not exchange.name.endswith("_again"):
        found.append((_content(f"{place}.requestBody"), exchange.call.body))
    return found


def _content(place: str, kind: str = "application/json") -> str:
    return f"{place}.content['{kind}']"


if __name__ == "__main__":
    made = overlay(Document(), record())
    text = yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=100)
    EXAMPLES.write_text(_HEAD + text)
