"""PostgreSQL gets its share of the memory, and never an absurd one."""

import pytest
from sessions.processes.sizing import memory_of_this_machine, server_settings

_GB = 2**30


@pytest.mark.parametrize(
    ("memory", "shared_buffers", "work_mem"),
    [(_GB // 2, "128MB", "4MB"), (8 * _GB, "2048MB", "20MB"), (512 * _GB, "8192MB", "64MB")],
)
def test_sizes_follow_the_memory_within_bounds(
    memory: int, shared_buffers: str, work_mem: str
) -> None:
    settings = server_settings(memory, connections=100)
    assert settings["shared_buffers"] == shared_buffers
    assert settings["work_mem"] == work_mem


def test_only_tests_forget() -> None:
    assert "fsync" not in server_settings(_GB, 100)
    assert server_settings(_GB, 100, durable=False)["fsync"] == "off"


def test_this_machine_has_memory() -> None:
    assert memory_of_this_machine() > 2**26
