"""The messages and stubs of the API, generated from `protos/analytics/sessions/v1/`."""
