"""Flows: what the sessions of a selection did next, as a tree."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import NamedTuple

from sessions.analysis.flows import FlowAccumulator, Node
from sessions.analysis.sequences import Item, item_of
from sessions.domain.behaviour_queries import FlowQuery, flow_rules
from sessions.domain.selection import SelectionQuery
from sessions.usecases.analysis_reader import AnalysisReader, Scope
from sessions.usecases.threads import in_thread


class FlowNode(NamedTuple):
    """A node of the tree, see `analysis.flows.Node`; the root has neither parent nor item."""

    node_id: int
    parent_id: int | None
    depth: int
    item: Item | None
    sessions: int
    ended: int
    truncated: int
    other: int
    cell: str


class Flows(NamedTuple):
    """A tree, each node after its parent; the root comes first."""

    scope: Scope
    nodes: list[FlowNode]


class TraceFlows:
    """Traces the flows of a selection."""

    def __init__(self, reader: AnalysisReader) -> None:
        self._reader = reader

    async def __call__(self, query: SelectionQuery, flows: FlowQuery) -> Flows:
        """The flows of a selection.

        Raises:
            InvalidArgument: a parameter is wrong; names the field.
            NotFound, QueueFull, Unavailable: see `AnalysisReader.open`.
        """
        days = self._reader.days(query)
        accumulator = FlowAccumulator(flow_rules(flows))
        async with self._reader.open(query, days) as reading:
            await reading.accumulate(accumulator)
            nodes = await in_thread(accumulator.result)
        return Flows(reading.scope, _nodes(nodes, reading.cells("flows", asdict(flows))))


def _nodes(nodes: Sequence[Node], cell: Callable[..., str]) -> list[FlowNode]:
    paths: list[tuple[str, ...]] = []
    found = []
    for number, node in enumerate(nodes):
        paths.append((*paths[node.parent], node.item) if number else ())
        found.append(
            FlowNode(
                node_id=number,
                parent_id=node.parent if number else None,
                depth=node.depth,
                item=item_of(node.item) if number else None,
                sessions=node.sessions,
                ended=node.ended,
                truncated=node.truncated,
                other=node.other,
                cell=cell(path=paths[number]),
            )
        )
    return found
