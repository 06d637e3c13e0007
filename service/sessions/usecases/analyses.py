"""All analyses, put together once."""

from collections.abc import Callable
from datetime import datetime

from sessions.domain.cells import CellSigner
from sessions.domain.cursors import CursorSigner
from sessions.usecases.analysis_reader import AnalysisReader
from sessions.usecases.breakdown import Breakdown
from sessions.usecases.count_cohorts import CountCohorts
from sessions.usecases.count_funnel import CountFunnel
from sessions.usecases.count_transitions import CountTransitions
from sessions.usecases.find_patterns import FindPatterns
from sessions.usecases.read_columns import ReadColumns
from sessions.usecases.summarize import Summarize
from sessions.usecases.time_series import TimeSeries
from sessions.usecases.trace_flows import TraceFlows
from sessions.usecases.websites import Websites


class Analyses:
    """What counts the sessions of a selection: one attribute for each call of AnalysisService."""

    def __init__(
        self,
        read_columns: ReadColumns,
        websites: Websites,
        cursors: CursorSigner,
        clock: Callable[[], datetime],
    ) -> None:
        reader = AnalysisReader(read_columns, websites, CellSigner(cursors), clock)
        self.summarize = Summarize(reader)
        self.time_series = TimeSeries(reader)
        self.breakdown = Breakdown(reader)
        self.funnel = CountFunnel(reader)
        self.flows = TraceFlows(reader)
        self.transitions = CountTransitions(reader)
        self.cohorts = CountCohorts(reader)
        self.patterns = FindPatterns(reader)
