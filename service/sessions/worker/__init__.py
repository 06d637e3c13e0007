"""The process that serves gRPC: its signals, its background jobs and its health."""
