"""Pictures of the results, for light and dark pages."""

import math
from html import escape

from growth import Growth
from measure import Row

STYLE = """
    text { fill: #1d2127 } .soft { fill: #5c626b } .ours { fill: #0b6e5b }
    .other { fill: #d9d4ca } .line { stroke: #0b6e5b; fill: none }
    @media (prefers-color-scheme: dark) {
      text { fill: #e9e7e2 } .soft { fill: #a3a8b0 } .ours { fill: #5fd0b5 }
      .other { fill: #454b55 } .line { stroke: #5fd0b5 }
    }"""
WIDTH, BARS, HEIGHT = 640, 440, 72


def bars(rows: list[Row]) -> str:
    """Return an image of this template's time beside the other's; the longer bar is full."""
    parts = []
    for number, row in enumerate(rows):
        ours, other = [*row.contenders][:2]
        longest = max(row.median(ours), row.median(other))
        top = number * HEIGHT
        parts.append(f'<text x="0" y="{top + 16}">{escape(row.work)}</text>')
        for offset, name, kind in ((24, ours, "ours"), (42, other, "other")):
            width = round(row.median(name) / longest * BARS)
            text = escape(f"{row.shown(name)}, {name}")
            parts.append(
                f'<rect class="{kind}" y="{top + offset}" width="{width}" height="14" rx="2"/>'
                f'<text class="soft" font-size="12" x="{width + 8}" y="{top + offset + 11}">{text}'
                "</text>"
            )
    description = "; ".join(f"{r.work}: {r.ratios([*r.contenders][1])[1]:.2f}" for r in rows)
    return image(len(rows) * HEIGHT, description, parts)


def curves(growths: list[Growth]) -> str:
    """Return an image with a curve for each kind of work, both axes logarithmic."""
    parts = []
    for number, growth in enumerate(growths):
        left, right, top, bottom = 10, WIDTH - 120, number * 150 + 40, number * 150 + 130
        sizes, values = zip(*(row[:2] for row in growth.rows), strict=True)
        low, high = min(values) / 2, max(values) * 2

        def x(size: float, sizes=sizes, left=left, right=right) -> float:
            return left + math.log(size / sizes[0]) / math.log(sizes[-1] / sizes[0]) * (
                right - left
            )

        def y(value: float, low=low, high=high, top=top, bottom=bottom) -> float:
            return bottom - math.log(value / low) / math.log(high / low) * (bottom - top)

        title = f"{growth.title}: {growth.columns[1]}"
        parts.append(f'<text x="{left}" y="{top - 20}">{escape(title)}</text>')
        points = " ".join(f"{x(s):.0f},{y(v):.0f}" for s, v in zip(sizes, values, strict=True))
        parts.append(f'<polyline class="line" points="{points}"/>')
        for size, value in zip(sizes, values, strict=True):
            parts.append(
                f'<circle class="ours" cx="{x(size):.0f}" cy="{y(value):.0f}" r="4"/>'
                f'<text class="soft" font-size="12" x="{x(size) + 8:.0f}" y="{y(value) + 14:.0f}">'
                f"{size:,}: {value:.3g}</text>"
            )
    titles = ", ".join(growth.title for growth in growths)
    return image(len(growths) * 150, f"How work grows: {titles}", parts)


def image(height: int, description: str, parts: list[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' height="{height}" role="img" font-family="system-ui, sans-serif" font-size="14">\n'
        f"  <title>{escape(description)}</title>\n  <style>{STYLE}\n  </style>\n  "
        + "\n  ".join(parts)
        + "\n</svg>\n"
    )
