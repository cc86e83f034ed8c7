"""What must agree so that static and media never share a place: one set of rules, three callers.

Standard library only, and pure: the template's hook runs them before Django is installed
(`python -m files`), `manage.py check` reports the same ids (`files.checks`), and what only the
running site can show is asked by `manage.py probe`. The ids are explained in the docstrings.
"""

from . import deployment, patterns, roots, services, storages, urls, web
from .base import RULES, Problem, Rule, Site, problems

__all__ = ["RULES", "Problem", "Rule", "Site", "problems"]
__all__ += ["deployment", "patterns", "roots", "services", "storages", "urls", "web"]
