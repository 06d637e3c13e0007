"""The processes of the system: PostgreSQL, workers and Envoy, started, watched and stopped."""
