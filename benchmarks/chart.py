"""A picture of some rows: bars of this template's time beside the other's."""

from html import escape

from measure import Row

STYLE = """
    text { fill: #1d2127 } .soft { fill: #5c626b } .ours { fill: #0b6e5b }
    .other { fill: #d9d4ca }
    @media (prefers-color-scheme: dark) {
      text { fill: #e9e7e2 } .soft { fill: #a3a8b0 } .ours { fill: #5fd0b5 }
      .other { fill: #454b55 }
    }"""
WIDTH, LABELS, BARS, HEIGHT = 640, 250, 300, 52


def svg(rows: list[Row]) -> str:
    """Return an SVG image; the longer bar of each row is as long as the picture allows."""
    parts = []
    for number, row in enumerate(rows):
        ours, other = [*row.contenders][:2]
        longest = max(row.median(ours), row.median(other))
        top = number * HEIGHT
        parts.append(f'<text x="0" y="{top + 25}">{escape(row.work)}</text>')
        for offset, name, kind in ((6, ours, "ours"), (25, other, "other")):
            width = round(row.median(name) / longest * BARS)
            text = f"{row.shown(name)}" + (f" {name}" if kind == "other" else "")
            parts.append(
                f'<rect class="{kind}" x="{LABELS}" y="{top + offset}" width="{width}" height="15"'
                f' rx="2"/><text class="soft" font-size="12" x="{LABELS + 6}"'
                f' y="{top + offset + 12}">{escape(text)}</text>'
            )
    height = len(rows) * HEIGHT
    description = "; ".join(f"{r.work}: {r.ratios([*r.contenders][1])[1]:.2f}" for r in rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' height="{height}" role="img" font-family="system-ui, sans-serif" font-size="14">\n'
        f"  <title>{escape(description)}</title>\n  <style>{STYLE}\n  </style>\n  "
        + "\n  ".join(parts)
        + "\n</svg>\n"
    )
