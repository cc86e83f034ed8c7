"""A reader of nginx's configuration, and of what it means for a request. Standard library only.

The grammar is that of nginx's `ngx_conf_read_token`: words, quotes, escapes, comments, blocks.
The choice of a location is that of `ngx_http_core_find_location`. `if` and `rewrite` are not
followed: the template uses neither.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

TOKEN = re.compile(
    r"""
    (?P<skip>(?:\s+|\#[^\n]*)+)
  | (?P<mark>[;{}])
  | "(?P<double>(?:\\.|[^"\\])*)"(?=[\s;{)]|$)
  | '(?P<single>(?:\\.|[^'\\])*)'(?=[\s;{)]|$)
  | (?P<word>(?!["'])(?:\\.|\$\{|[^\s;{\\])+)
    """,
    re.VERBOSE | re.DOTALL,
)
DEPTH = 30
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

    @cached_property
    def match(self) -> tuple[str, str]:
        """How a location matches ("=", "^~", "~", "~*", "@" or ""), and what it matches."""
        words = "".join(self.words[1:])
        kind = next(kind for kind in ("=", "^~", "~*", "~", "@", "") if words.startswith(kind))
        return kind, words.removeprefix(kind)

    @cached_property
    def named(self) -> dict[str, list[Directive]]:
        """The directives inside this block by name: most are asked for many times."""
        found: dict[str, list[Directive]] = {}
        for inner in self.block:
            found.setdefault(inner.name, []).append(inner)
        return found

    def all(self, name: str) -> Iterator[Directive]:
        """Yield the directives called `name` directly inside this block."""
        return iter(self.named.get(name, ()))

    def one(self, name: str) -> str | None:
        """Return the value of the first directive called `name` in this block, if there is one."""
        return next((inner.value for inner in self.all(name)), None)


def read(path: Path, folder: Path | None = None) -> Directive:
    """Return a directive named "" whose block is the configuration in `path`.

    An `include` of a file that lies in `folder`, or beside `path`, under the same last name is
    replaced by what it holds; others are the machine's own and stay as they are.

    Raises:
        Unreadable: a file is missing, is no text, includes itself or is no configuration.
    """
    return Directive(("",), _read(path, folder or path.parent, ()))


def _read(path: Path, folder: Path, outer: tuple[Path, ...]) -> tuple[Directive, ...]:
    if path in outer:
        raise Unreadable(f"{path.name}: includes itself")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{path.name}: {error}") from None

    def resolve(directives: tuple[Directive, ...]) -> Iterator[Directive]:
        for directive in directives:
            beside = folder / Path(directive.value).name
            if directive.name == "include" and os.path.isfile(beside):
                yield from _read(beside, folder, (*outer, path))
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
        if token.lastgroup == "skip":
            continue
        if not mark:
            words.append(unescape(token[token.lastgroup]))
        elif mark == "}":
            if words or len(stack) == 1:
                raise Unreadable(f'{place}: unexpected "}}"')
            outer, block, start = stack.pop()
            stack[-1][1].append(Directive(outer, tuple(block), start))
        elif not words:
            raise Unreadable(f'{place}: unexpected "{mark}"')
        else:
            if mark == "{":
                if len(stack) > DEPTH:
                    raise Unreadable(f"{place}: blocks nest deeper than any that nginx knows")
                stack.append((tuple(words), [], place))
            else:
                stack[-1][1].append(Directive(tuple(words), (), place))
            words = []
    if words or len(stack) > 1:
        raise Unreadable(f"{name}:{line}: the file ends inside a directive")
    return tuple(stack[0][1])


def unescape(word: str) -> str:
    """Return a word with nginx's escapes resolved; others keep their backslash."""
    if "\\" not in word:
        return word
    return re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[0]), word, flags=re.DOTALL)


# From the outermost block to the innermost: http (or the file), server, location, location.
Chain = tuple[Directive, ...]
HANDLERS = ("proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass")


def servers(tree: Directive) -> Iterator[Chain]:
    """Yield each server of a configuration, inside `http {}` or not."""
    for level in (tree, *tree.all("http")):
        yield from ((level, server) for server in level.all("server"))


def locations(chain: Chain) -> Iterator[Chain]:
    """Yield all locations of a server, those inside others too."""
    for location in chain[-1].all("location"):
        yield (*chain, location)
        yield from locations((*chain, location))


def answering(chain: Chain, uri: str) -> Chain:
    """Return the server with the locations that nginx enters for a path, the innermost last.

    Raises:
        Unreadable: a pattern is no regular expression.
    """
    return _enter(chain, uri)[0]


def _enter(chain: Chain, uri: str) -> tuple[Chain, bool]:
    patterns = [(location.match, location) for location in chain[-1].all("location")]
    entered, kept = chain, False
    if exact := [location for (kind, text), location in patterns if kind == "=" and text == uri]:
        return (*chain, exact[0]), True
    prefixes = [
        (len(text), kind, location)
        for (kind, text), location in patterns
        if kind in {"", "^~"} and uri.startswith(text)
    ]
    if prefixes:
        _, kind, location = max(prefixes, key=lambda prefix: prefix[0])
        entered, final = _enter((*chain, location), uri)
        if final:
            return entered, True
        kept = kind == "^~"
    for (kind, _), location in patterns:
        if not kept and kind in {"~", "~*"} and matches(location, uri):
            return _enter((*chain, location), uri)[0], True
    return entered, False


def matches(location: Directive, uri: str) -> bool:
    """Return whether a location with a regular expression matches a path. Raises Unreadable."""
    kind, text = location.match
    if kind not in {"~", "~*"}:
        return False
    named = re.sub(r"\(\?<(?![=!])", "(?P<", text)
    try:
        return bool(re.search(named, uri, re.IGNORECASE if kind == "~*" else 0))
    except re.error as error:
        raise Unreadable(f"{location.place}: {text!r} is no expression: {error}") from None


def effective(chain: Chain, name: str) -> list[Directive]:
    """Return the directives called `name` that hold in a location: the innermost level's."""
    return next((found for level in reversed(chain) if (found := list(level.all(name)))), [])


def value(chain: Chain, name: str, default: str = "") -> str:
    """Return the value of a directive that holds in a location, or nginx's default."""
    found = effective(chain, name)
    return found[0].value if found else default


def kind(chain: Chain) -> str:
    """Return what a location does: "refused", "returned", "proxied", "internal" or "file"."""
    returned = [level.one("return") for level in (*chain[:2], chain[-1])]
    if code := next(filter(None, returned), None):
        return "refused" if code[:1] == "4" else "returned"
    if effective(chain, "internal"):
        return "internal"
    if value(chain, "deny") == "all" and not effective(chain, "allow"):
        return "refused"
    return "proxied" if any(chain[-1].one(name) for name in HANDLERS) else "file"


def file(chain: Chain, uri: str) -> str | None:
    """Return the path that nginx opens for a path of the URL, or None if variables decide it."""
    for level in reversed(chain):
        alias, root = level.one("alias"), level.one("root")
        if alias:
            how, prefix = level.match
            found = alias if how in {"~", "~*"} else alias + uri[len(prefix) :]
        elif root:
            found = root + uri
        else:
            continue
        return None if "$" in found else found
    return None


def shown(chain: Chain) -> str:
    """Return the innermost block as it is written, with its file and line."""
    return f"`{' '.join(chain[-1].words)}` ({chain[-1].place})"
