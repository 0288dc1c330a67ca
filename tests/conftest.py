"""What tests of several folders share."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def planted(tmp_path_factory):
    """A simulated world of which the truth is known, built once for all tests that only read it."""
    from tests.warehouse.planted import plant  # who asks for no world need not import dbt

    folder = tmp_path_factory.mktemp("planted")
    (folder / "data").mkdir()
    found = plant(folder / "data", folder / "target")
    yield found
    found.con.close()
