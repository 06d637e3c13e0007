"""gRPC: messages in, messages out, and nothing in between that another way in would need too."""
