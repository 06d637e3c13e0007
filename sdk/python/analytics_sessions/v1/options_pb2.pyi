from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor
METHOD_POLICY_FIELD_NUMBER: _ClassVar[int]
method_policy: _descriptor.FieldDescriptor
MAX_ITEMS_FIELD_NUMBER: _ClassVar[int]
max_items: _descriptor.FieldDescriptor
MAX_ITEM_BYTES_FIELD_NUMBER: _ClassVar[int]
max_item_bytes: _descriptor.FieldDescriptor
ERROR_FIELD_NUMBER: _ClassVar[int]
error: _descriptor.FieldDescriptor

class MethodPolicy(_message.Message):
    __slots__ = ("scope", "timeout_seconds", "max_request_bytes", "concurrency_limit")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MAX_REQUEST_BYTES_FIELD_NUMBER: _ClassVar[int]
    CONCURRENCY_LIMIT_FIELD_NUMBER: _ClassVar[int]
    scope: str
    timeout_seconds: int
    max_request_bytes: int
    concurrency_limit: str
    def __init__(self, scope: _Optional[str] = ..., timeout_seconds: _Optional[int] = ..., max_request_bytes: _Optional[int] = ..., concurrency_limit: _Optional[str] = ...) -> None: ...

class ErrorDefinition(_message.Message):
    __slots__ = ("code", "http_status", "message", "example", "retry_seconds", "grpc_code")
    class ExampleEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CODE_FIELD_NUMBER: _ClassVar[int]
    HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_FIELD_NUMBER: _ClassVar[int]
    RETRY_SECONDS_FIELD_NUMBER: _ClassVar[int]
    GRPC_CODE_FIELD_NUMBER: _ClassVar[int]
    code: str
    http_status: int
    message: str
    example: _containers.ScalarMap[str, str]
    retry_seconds: int
    grpc_code: str
    def __init__(self, code: _Optional[str] = ..., http_status: _Optional[int] = ..., message: _Optional[str] = ..., example: _Optional[_Mapping[str, str]] = ..., retry_seconds: _Optional[int] = ..., grpc_code: _Optional[str] = ...) -> None: ...
