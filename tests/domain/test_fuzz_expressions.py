"""A share of what `make fuzz` tries."""

import random

from tests.domain import fuzz_expressions


def test_each_expression_is_understood_or_refused_with_a_position() -> None:
    seed = random.SystemRandom().getrandbits(32)
    print(f"repeat with python -m tests.domain.fuzz_expressions --expressions 2000 --seed {seed}")
    outcome = fuzz_expressions.run(2_000, seed)
    assert min(outcome.accepted, outcome.refused) > 300
    # Of processor time; 20 ms where nothing else runs.
    assert outcome.slowest < 0.5, outcome.slowest_text
