"""Measurements, each beside a reference that is run in the same minute.

`bench.read` is for reading, `bench.ingest` for recording.
"""
