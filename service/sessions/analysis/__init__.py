"""Arithmetic over columns of sessions: numpy, and nothing that reads or writes."""
