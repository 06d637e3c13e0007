"""What keeps a process from starting, said to the person who started it."""


class StartError(Exception):
    """Something can't be started; the message names the cause and the way out."""
