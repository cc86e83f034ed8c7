"""The rules as Django system checks."""

from django.conf import settings
from django.core import checks

from . import rules


def check_split(**kwargs) -> list[checks.CheckMessage]:
    """Report each broken rule under its own id; see `split.rules`."""
    return [
        checks.Error(problem.message, hint=problem.hint, id=problem.id)
        for problem in rules.problems(settings)
    ]
