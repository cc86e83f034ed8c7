"""The table of cases: `send` and `case` add to it, `run_all` runs it against a site."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from traceback import format_exception_only

from attacks.sites import Site


@dataclass(frozen=True)
class Case:
    """An attack. `run` raises an exception if it succeeds."""

    run: Callable[[Site], None]
    local: bool = False  # the development server must withstand it too
    slow: bool = False  # takes seconds: run only for mutants that ask for it
    stopped: bool = False  # run while the application is stopped


CASES: dict[str, Case] = {}  # import it from attacks.cases, which fills it


def case(name: str, run: Callable[[Site], None], **options: bool) -> None:
    """Add a case to the table. The options are those of Case."""
    assert name not in CASES, name
    CASES[name] = Case(run, **options)


def send(name: str, data: bytes, *checks, sni: str | None = "$DOMAIN", tls=True, **options) -> None:
    """Add a case of one request to the table: each check gets the response and the site."""

    def run(site: Site) -> None:
        response = site.raw(data, sni, tls)
        try:
            for check in checks:
                check(response, site)
        except Exception as error:
            error.add_note(f"in {response}"[:1000])
            raise

    case(name, run, **options)


def run_all(site: Site, names: Iterable[str], most: int | None = None) -> dict[str, str]:
    """Run cases in parallel; return those that failed, each with the reason.

    End after `most` failures.
    """

    def run(name: str) -> str:
        try:
            CASES[name].run(site)
        except Exception as error:
            return "".join(format_exception_only(error))
        return ""

    names = sorted(names, key=lambda name: not CASES[name].slow)  # the slow ones start first
    with ThreadPoolExecutor(16) as pool:
        reasons = zip(names, pool.map(run, names), strict=True)
        failures = dict(islice(((name, reason) for name, reason in reasons if reason), most))
        pool.shutdown(cancel_futures=True)
        return failures
