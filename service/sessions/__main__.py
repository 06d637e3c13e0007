"""`python -m sessions`: the command line."""

from sessions.cli import main

main()
