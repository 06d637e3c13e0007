"""What is known of a block without its columns."""

from typing import NamedTuple


class BlockHeader(NamedTuple):
    """A block of a website: its sessions started from one hour to another, both included.

    Hours are numbers: see `sessions.domain.hours`. `checksum` covers the columns.
    """

    website_key: int
    first_hour: int
    last_hour: int
    format: int
    sessions: int
    steps: int
    checksum: bytes

    @property
    def hours(self) -> range:
        """All hours that the block spans."""
        return range(self.first_hour, self.last_hour + 1)
