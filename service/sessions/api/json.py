"""Messages as REST shows them."""

import json
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message


def json_text(message: Message) -> str:
    """A message as JSON, indented."""
    found = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return json.dumps(_whole(found), ensure_ascii=False, indent=2)


def _whole(value: Any) -> Any:
    """Whole numbers without a fraction, as the gateway prints them."""
    match value:
        case dict():
            return {name: _whole(each) for name, each in value.items()}
        case list():
            return [_whole(each) for each in value]
        case float() if value.is_integer():
            return int(value)
    return value
