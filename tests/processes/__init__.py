"""Tests with real processes: everything that they start is theirs, and ended by them."""
