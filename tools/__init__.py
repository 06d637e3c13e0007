"""What `make generate` runs, beside the plugins of protoc."""
