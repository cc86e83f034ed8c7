"""The rules as Django system checks, and what they ask of Django: its URL patterns."""

import re
from collections.abc import Iterator
from functools import cached_property

from django.conf import settings
from django.core import checks
from django.urls import Resolver404, get_resolver
from django.urls.resolvers import LocalePrefixPattern, RegexPattern, URLPattern

from . import rules


def check_files(**kwargs) -> list[checks.CheckMessage]:
    """Report each broken rule under its own id; see `files.rules`."""
    return messages(rule for rule in rules.RULES if not rule.deploy)


def check_deployment(**kwargs) -> list[checks.CheckMessage]:
    """Report, with --deploy, what is wrong with this deployment."""
    return messages(rule for rule in rules.RULES if rule.deploy)


def messages(chosen) -> list[checks.CheckMessage]:
    """Return what the chosen rules find, but for what Django reports under an id of its own."""
    site = rules.Site(settings, Routes())
    return [
        (checks.Warning if problem.id.startswith("files.W") else checks.Error)(
            problem.message, hint=problem.hint, id=problem.id
        )
        for problem in rules.problems(site, [rule for rule in chosen if not rule.django])
    ]


class Routes:
    """The URL patterns, as the rules ask for them: (literal start of the path, view's name)."""

    SERVE_FILES = frozenset(
        (
            "files.views.static",
            "files.views.media",
            "django.views.static.serve",
            "django.contrib.staticfiles.views.serve",
        )
    )

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.routes)

    @cached_property
    def routes(self) -> list[tuple[str, str]]:
        return list(walk(get_resolver().url_patterns, ""))

    def view(self, path: str) -> str | None:
        """Return the dotted name of the view that answers for a path, or None."""
        try:
            return dotted(get_resolver().resolve(path).func)
        except Resolver404:
            return None

    def serves_files(self, view: str | None) -> bool:
        return view in self.SERVE_FILES


def walk(patterns: list, start: str) -> Iterator[tuple[str, str]]:
    """Yield the literal start and the view of all patterns; a start ends where a choice begins."""
    for entry in patterns:
        pattern = entry.pattern
        if isinstance(pattern, LocalePrefixPattern):
            continue  # the path starts with a language, which no served URL does
        text = str(pattern)
        if isinstance(pattern, RegexPattern):
            text = re.match(r"\^?((?:\\[^\w]|[\w/\-])*)", text)[1].replace("\\", "")
        literal = text.split("<")[0]
        if isinstance(entry, URLPattern):
            yield start + literal, dotted(entry.callback)
        elif "<" not in text:
            yield from walk(entry.url_patterns, start + literal)


def dotted(view) -> str:
    """Return the name of a view, of a class-based one that of its class."""
    view = getattr(view, "view_class", view)
    return f"{view.__module__}.{getattr(view, '__qualname__', type(view).__qualname__)}"
