"""Tests that depend on no distribution run on one host."""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in [*items]:
        if item.get_closest_marker("one_host") and item.callspec.params["site"] != "trixie":
            items.remove(item)
            config.hook.pytest_deselected(items=[item])
