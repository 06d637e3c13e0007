"""The memory of one worker: idle, and while it is called over and over, with its caches full."""

from dataclasses import asdict, dataclass

from bench.load import make_calls
from bench.rates import cold_target, worker_target
from bench.service import Service, resident_bytes

_STEPS = 5


@dataclass(frozen=True)
class Memory:
    """Resident bytes of one worker."""

    idle: int
    peak: int
    after_calls: list[tuple[int, int]]
    """How many calls so far, and the bytes right after them."""

    def as_json(self) -> dict[str, object]:
        """All of it, for a file."""
        return asdict(self) | {"growth_after_first_step": self.growth}

    @property
    def growth(self) -> int:
        """From the first step, when caches and pools are full, to the last."""
        return self.after_calls[-1][1] - self.after_calls[0][1]


def measure(service: Service, calls: int) -> Memory:
    """Make so many calls, and look at the memory of one worker a few times on the way.

    Half of them are gRPC and go to this worker. The others ask for ever other pages over REST, of
    more sessions than a worker remembers the text of; all workers share them.

    The worker has to be fresh, or what is called idle has grown already.
    """
    port = service.worker_ports[0]
    idle = resident_bytes(port)
    targets = worker_target(service), cold_target(service, service.authority)
    step = max(len(targets), calls // _STEPS)
    found = []
    for number in range(1, _STEPS + 1):
        for target in targets:
            make_calls(target, step // len(targets))
        found.append((number * step, resident_bytes(port)))
    return Memory(idle, resident_bytes(port, peak=True), found)
