"""What sessions, events, queries and keys are: plain data and pure functions, no input or output."""
