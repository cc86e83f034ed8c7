"""A reader of nginx's configuration grammar. Standard library only.

The grammar is that of nginx's `ngx_conf_read_token`: words, quotes, escapes, comments, blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

TOKEN = re.compile(
    r"""
    (?P<skip>\s+|\#[^\n]*)
  | (?P<mark>[;{}])
  | "(?P<double>(?:\\.|[^"\\])*)"(?=[\s;{)]|$)
  | '(?P<single>(?:\\.|[^'\\])*)'(?=[\s;{)]|$)
  | (?P<word>(?!["'])(?:\\.|\$\{|[^\s;{\\])+)
    """,
    re.VERBOSE | re.DOTALL,
)
ESCAPES = {"t": "\t", "r": "\r", "n": "\n", '"': '"', "'": "'", "\\": "\\"}


class Unreadable(ValueError):
    """A configuration that nginx would not read either; the text says where and why."""


@dataclass(frozen=True)
class Directive:
    """One directive: its words, the directives in its block, and the file and line it stands in."""

    words: tuple[str, ...]
    block: tuple[Directive, ...] = ()
    place: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        return self.words[0]

    @property
    def value(self) -> str:
        """All words after the name."""
        return " ".join(self.words[1:])

    def all(self, name: str) -> Iterator[Directive]:
        """Yield the directives called `name` directly inside this block."""
        return (inner for inner in self.block if inner.name == name)

    def one(self, name: str) -> str | None:
        """Return the value of the first directive called `name` in this block, if there is one."""
        return next((inner.value for inner in self.all(name)), None)


def read(path: Path) -> Directive:
    """Return a directive named "" whose block is the configuration in `path`.

    An `include` of a file that lies beside `path` under the same last name is replaced by what
    it holds; others are the machine's own and stay as they are.

    Raises:
        Unreadable: a file is missing, is no text, includes itself or is no configuration.
    """
    return Directive(("",), _read(path, ()))


def _read(path: Path, outer: tuple[Path, ...]) -> tuple[Directive, ...]:
    if path in outer:
        raise Unreadable(f"{path.name}: includes itself")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{path.name}: {error}") from None

    def resolve(directives: tuple[Directive, ...]) -> Iterator[Directive]:
        for directive in directives:
            beside = path.parent / Path(directive.value).name
            if directive.name == "include" and beside.is_file():
                yield from _read(beside, (*outer, path))
            else:
                yield replace(directive, block=tuple(resolve(directive.block)))

    return tuple(resolve(parse(text, path.name)))


def parse(text: str, name: str = "") -> tuple[Directive, ...]:
    """Return the directives of a configuration; `name` is for messages. Raises Unreadable."""
    stack: list[tuple[tuple[str, ...], list[Directive], str]] = [((), [], "")]
    words: list[str] = []
    position, line = 0, 1
    while position < len(text):
        place = f"{name}:{line}"
        token = TOKEN.match(text, position)
        if not token:
            raise Unreadable(f"{place}: a quote or an escape does not end")
        position, line = token.end(), line + token[0].count("\n")
        mark = token["mark"]
        if token["skip"]:
            continue
        if not mark:
            word = next(w for w in token.group("double", "single", "word") if w is not None)
            words.append(unescape(word))
        elif mark == "}":
            if words or len(stack) == 1:
                raise Unreadable(f'{place}: unexpected "}}"')
            outer, block, start = stack.pop()
            stack[-1][1].append(Directive(outer, tuple(block), start))
        elif not words:
            raise Unreadable(f'{place}: unexpected "{mark}"')
        else:
            if mark == "{":
                stack.append((tuple(words), [], place))
            else:
                stack[-1][1].append(Directive(tuple(words), (), place))
            words = []
    if words or len(stack) > 1:
        raise Unreadable(f"{name}:{line}: the file ends inside a directive")
    return tuple(stack[0][1])


def unescape(word: str) -> str:
    """Return a word with nginx's escapes resolved; others keep their backslash."""
    return re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[0]), word, flags=re.DOTALL)
