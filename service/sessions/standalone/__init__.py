"""What `sessions up` and `sessions serve` run: child processes, and where `up` keeps its data."""
