"""Measurements, each beside a reference that is run in the same minute."""
