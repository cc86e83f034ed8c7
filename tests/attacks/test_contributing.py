"""CONTRIBUTING.md and the docstring of this package show a real case, mutant and question."""

import re

import pytest

import attacks
from support.commands import PROJECT, TEMPLATE

EXAMPLES = re.findall(r"```python\n(.*?)```", (TEMPLATE / "CONTRIBUTING.md").read_text(), re.DOTALL)
EXAMPLES += re.findall(r"(?:^    .*\n)+", attacks.__doc__ or "", re.MULTILINE)
CODE = [*(TEMPLATE / "tests/attacks").glob("cases/*.py"), TEMPLATE / "tests/attacks/mutants.py"]
CODE += [PROJECT / "files/management/commands/probe.py"]


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_is_real(example):
    assert any(words(example) in words(file.read_text()) for file in CODE)
