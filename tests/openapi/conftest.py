"""The document, and one recording of the service for all tests here."""

import pytest

from tests.openapi.document import Document
from tests.openapi.recording import Exchange, record


@pytest.fixture(scope="session")
def document() -> Document:
    """The document as it is committed."""
    return Document()


@pytest.fixture(scope="session")
def exchanges() -> list[Exchange]:
    """Requests of all kinds to a service of their own, and what it answers."""
    return record()
