"""Networks of these tests are small files of JSON."""

import pytest

from sim2sky.models.measuring import MeasuringNetwork
from tests.unit.measure.made import read_network


@pytest.fixture
def networks(monkeypatch):
    """Reads files of :func:`tests.unit.measure.made.write_network`, and lists the networks that were read."""
    found = []

    def read(path, domain=None):
        found.append(read_network(path, domain))
        return found[-1]

    monkeypatch.setattr(MeasuringNetwork, "read", read)
    return found
