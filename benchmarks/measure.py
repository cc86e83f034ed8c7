"""Contenders measured beside each other: in shuffled order, with medians and paired ratios."""

import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Row:
    """One kind of work and its contenders, of which the first is this template's project.

    A contender is a function that does the work once and returns a figure in `unit`.
    """

    work: str
    unit: str
    contenders: dict[str, Callable[[], float]]
    goal: str = ""  # for the ratio of the first contender to the second
    values: dict[str, list[float]] = field(default_factory=dict)

    def measure(self, rounds: int) -> None:
        """Run every contender once in each round, and once before to warm caches."""
        for contender in self.contenders.values() if rounds > 1 else ():
            contender()
        for _ in range(rounds):
            for name in random.sample([*self.contenders], len(self.contenders)):
                self.values.setdefault(name, []).append(self.contenders[name]())

    def median(self, name: str) -> float:
        return statistics.median(self.values[name])

    def ratios(self, other: str) -> tuple[float, float, float]:
        """Return the quartiles of the first contender's figures divided by another's."""
        ours = next(iter(self.contenders))
        pairs = zip(self.values[ours], self.values[other], strict=True)
        ratios = [our / their for our, their in pairs]
        if len(ratios) == 1:
            return ratios[0], ratios[0], ratios[0]
        low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return low, median, high

    def markdown(self) -> str:
        """Return the row's lines of a table: one for each other contender."""
        ours, *others = self.contenders
        lines = []
        for number, other in enumerate(others):
            low, ratio, high = self.ratios(other)
            first = [self.work, self.shown(ours)] if not number else ["", ""]
            goal = self.goal if not number else ""
            cells = [*first, other, self.shown(other), f"{ratio:.2f} [{low:.2f}..{high:.2f}]", goal]
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines)

    def shown(self, name: str) -> str:
        value = self.median(name)
        return f"{value:,.0f} {self.unit}" if value >= 100 else f"{value:.3g} {self.unit}"
