"""Structured logs: one JSON object a line, on stderr, those of libraries too."""

import logging
import sys

import structlog


def configure_logs(level: str) -> None:
    """Log from `level` (debug, info, warning, error) on."""
    known: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    number = logging.getLevelName(level.upper())
    structlog.configure(
        processors=[*known, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            structlog.processors.JSONRenderer(), foreign_pre_chain=known
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
