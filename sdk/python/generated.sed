# What `make generate-python` changes in the code that protoc and its plugins make.

# It is in the SDK's own package: a top-level package `analytics` would collide with a user's own.
s/^from analytics\.sessions\./from analytics_sessions./
s/'analytics\.sessions\.\([a-z0-9_.]*_pb2\)'/'analytics_sessions.\1'/

# It refuses libraries older than its generator, but needs nothing of newer ones, which
# tests/sdk/test_packages.py shows with the oldest libraries that the SDK allows.
/^from google\.protobuf import runtime_version/d
/^_runtime_version\.Validate/,/^)/d
/^GRPC_GENERATED_VERSION =/,/^    )/d
/^GRPC_\(GENERATED_\)\?VERSION: str/d
/^import warnings$/d
