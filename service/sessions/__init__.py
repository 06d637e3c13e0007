"""Sessions API for web analytics: who visited a website, and what happened in each visit.

The layers, one way only::

    cli ──> processes ──> worker ──> api · importing ──> usecases ──> storage ──> domain
"""
