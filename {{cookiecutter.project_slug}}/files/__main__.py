"""`python -m files`: check the settings as a server would see them, without Django."""

import importlib
import os
import sys

from . import rules


def main() -> int:
    """Print each problem on a line of its own and return 1 if there is one, else 0."""
    for name in ("LOCAL_DEV", "DEBUG", "ALLOWED_HOSTS", "DATABASE_URL", "MEDIA_DOMAIN"):
        os.environ.pop(name, None)
    os.environ["SECRET_KEY"] = "not used: the rules never sign anything"
    try:
        settings = importlib.import_module("config.settings")
    except ImportError as error:
        print(f"config/settings.py needs more than this Python has: {error}.", file=sys.stderr)
        print("Run it with the project's own: uv run python -m files", file=sys.stderr)
        return 1
    site = rules.Site(settings)
    found = list(rules.problems(site, [rule for rule in rules.RULES if not rule.needs]))
    for problem in found:
        print(f"{problem.id}: {problem.message} {problem.hint}", file=sys.stderr)
    return 1 if found else 0


raise SystemExit(main())
