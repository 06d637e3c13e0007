"""Sessions API for web analytics: who visited a website, and what happened in each visit.

The layers, one way only::

    cli → standalone → worker → api · ingest · generator → usecases → storage → domain
"""
