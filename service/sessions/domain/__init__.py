"""What sessions, events, queries and keys are: plain data and pure functions without I/O."""
