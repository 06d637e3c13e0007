"""All analyses, put together once."""

from collections.abc import Callable
from datetime import datetime

from sessions.usecases.analysis_reader import AnalysisReader
from sessions.usecases.breakdown import Breakdown
from sessions.usecases.read_columns import ReadColumns
from sessions.usecases.summarize import Summarize
from sessions.usecases.time_series import TimeSeries
from sessions.usecases.websites import Websites


class Analyses:
    """What counts the sessions of a selection: one attribute for each call of AnalysisService."""

    def __init__(
        self, read_columns: ReadColumns, websites: Websites, clock: Callable[[], datetime]
    ) -> None:
        reader = AnalysisReader(read_columns, websites, clock)
        self.summarize = Summarize(reader)
        self.time_series = TimeSeries(reader)
        self.breakdown = Breakdown(reader)
