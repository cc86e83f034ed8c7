"""Services and .gitignore: one socket, and git keeps the sources and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from .. import layout, nginx
from .base import KINDS, Found, Site, rule
from .web import application

STYLES = (".css", ".js", ".svg", ".png", ".jpg", ".woff2")
SOURCE = {".py", ".html", ".conf", ".service", ".socket", ".timer", ".toml"}


def text(file: Path) -> str:
    """Return what a file holds, or "" if there is none."""
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


def sockets(site: Site) -> Iterator[tuple[str, str, str]]:
    """Yield side, place and address of the application's socket: "nginx" asks, "service" listens.

    Where a file is missing, or a value is computed, there is nothing to compare.
    """
    upstreams = {
        block.value: [server.words[1] for server in block.all("server") if server.value]
        for level in (site.nginx, *site.nginx.all("http"))
        for block in level.all("upstream")
    }
    for location in application(site):
        target = next(filter(None, (location[-1].one(name) for name in nginx.HANDLERS)))
        name = re.sub(r"^https?://", "", target)
        for address in upstreams.get(name.rstrip("/"), [re.sub(r":?/?$", "", name)]):
            if "$" not in address:
                yield "nginx", f"nginx ({location[-1].place})", address.removeprefix("unix:")
    for file in sorted(layout.CHECKOUT.glob("deploy/systemd/*.socket")):
        for address in re.findall(r"^ListenStream\s*=\s*(\S+)", text(file), re.MULTILINE):
            yield "service", f"systemd/{file.name}", address.replace("%t", "/run")
    for file in sorted(layout.CHECKOUT.glob("deploy/systemd/*.service")):
        for address in re.findall(r"--bind[ =](\S+)", text(file)):
            yield "service", f"systemd/{file.name}", address.removeprefix("unix:")
    try:
        statements = ast.parse(text(layout.CHECKOUT / "gunicorn.conf.py")).body
    except (SyntaxError, ValueError):  # gunicorn says so itself
        statements = []
    for statement in statements:
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == "bind":
            try:
                bind = ast.literal_eval(statement.value)
            except ValueError:
                continue
            for address in [bind] if isinstance(bind, str) else bind:
                yield "service", "gunicorn.conf.py", address.removeprefix("unix:")


@rule("E061")
def one_socket(site: Site) -> Found:
    """nginx answers 502 for every page if it asks another socket than the service listens on.

    Seen: datadog's 502 article, stackengine.dev: a path changed on one side.
    """
    local = re.compile(r"/|127\.|\[::1\]|localhost")
    found = {(*who, address) for *who, address in sockets(site) if local.match(address)}
    for side, other in (("nginx", "service"), ("service", "nginx")):
        there = {address for which, _, address in found if which == other}
        for which, place, address in sorted(found):
            if which == side and there and address not in there:
                yield (
                    f"{place} has the socket {address!r}, but the {other} has"
                    f" {', '.join(map(repr, sorted(there)))}.",
                    "Give nginx/site.conf, systemd/ and gunicorn.conf.py one socket.",
                )


def ignored_by(lines: list[str], path: str) -> str | None:
    """Return the line of a .gitignore that hides a file, or None. Source: gitignore(5).

    Args:
        lines: those of the .gitignore at the top of the checkout.
        path: the file's path from there, with slashes between.
    """
    parts = path.split("/")
    for end in range(1, len(parts) + 1):
        found, folder = None, end < len(parts)
        for line in lines:
            if matches(line, "/".join(parts[:end]), folder):
                found = None if line.startswith("!") else line
        if found:
            return found  # what lies in a hidden folder cannot be shown again
    return None


def matches(line: str, path: str, folder: bool) -> bool:
    """Return whether a line of a .gitignore names a path, hidden or shown again."""
    expression, folders_only, whole = compiled(line)
    if folders_only and not folder:
        return False
    return bool(expression and expression.fullmatch(path if whole else path.split("/")[-1]))


@cache
def compiled(line: str) -> tuple[re.Pattern | None, bool, bool]:
    """Return a line's expression, if only folders match, and if it is for whole paths."""
    line = re.sub(r"(?<!\\)[ \t]+$", "", line.rstrip("\r\n"))
    if line.startswith("#"):
        return None, False, False
    line = line.removeprefix("!")
    folders_only = line.endswith("/")
    line = line.removesuffix("/")
    text, expression = line.removeprefix("/"), ""
    while text:
        if not expression and (token := re.match(r"\*\*/", text)):
            expression += "(?:.*/)?"
        elif token := re.match(r"/\*\*$", text):
            expression += "/.+"
        elif token := re.match(r"/\*\*(?=/)", text):
            expression += "(?:/.*)?"
        elif token := re.match(r"\*+", text):
            expression += "[^/]*"
        elif token := re.match(r"\?", text):
            expression += "[^/]"
        elif token := re.match(r"\[([!^]?)([^\]/]+)\]", text):
            members = token[2].replace("\\", "\\\\").replace("[", r"\[")
            expression += f"[{'^/' if token[1] else ''}{members}]"
        else:
            token = re.match(r"\\(.)|(.)", text, re.DOTALL)
            expression += re.escape(token[1] or token[2])
        text = text[token.end() :]
    try:
        return (re.compile(expression) if expression else None), folders_only, "/" in line
    except re.error:  # such as [z-a], which names nothing for git either
        return None, False, False


def ignore_lines() -> list[str]:
    """Return the lines of the checkout's .gitignore."""
    return text(layout.CHECKOUT / ".gitignore").splitlines()


def source_files(site: Site) -> Iterator[str]:
    """Yield the paths that git must keep, for a folder of files that of one in it."""
    apps = [layout.CHECKOUT / name.split(".")[0] for name in site.get("INSTALLED_APPS") or ()]
    own = [layout.CHECKOUT / name for name in ("config", "nginx", "files", "deploy", "tests")]
    templates = [
        Path(folder) for engine in site.get("TEMPLATES") or () for folder in engine.get("DIRS", ())
    ]
    static = [Path(s[1] if isinstance(s, tuple) else s) for s in site.get("STATICFILES_DIRS") or ()]
    folders = {*apps, *own, *templates}
    for folder in sorted(f for f in folders if f.is_dir() and f.is_relative_to(layout.CHECKOUT)):
        for path in sorted(folder.rglob("*")):
            if path.suffix in SOURCE and "__pycache__" not in path.parts:
                yield path.relative_to(layout.CHECKOUT).as_posix()
    for folder in [*static, *(app / "static" for app in apps if (app / "static").is_dir())]:
        if folder.is_relative_to(layout.CHECKOUT):
            yield (folder / "source").relative_to(layout.CHECKOUT).as_posix()
            for kind in STYLES:  # a line for a folder may mean what a build makes, one for all not
                yield (folder / f"source{kind}").relative_to(layout.CHECKOUT).as_posix()


@rule("E062")
def sources_kept(site: Site) -> Found:
    """A line of .gitignore that hides a source leaves it out of every clone.

    Seen: `static/` or `media` copied from a list of ignores (github/gitignore 2464).
    """
    lines = ignore_lines()
    hidden: dict[str, str] = {}
    for path in source_files(site) if lines else ():
        if line := ignored_by(lines, path):
            hidden.setdefault(line, path)
    for line, path in hidden.items():
        yield (
            f"The line {line!r} of .gitignore hides the source {path!r}.",
            "Start the line with a slash and name what is written, or take it out.",
        )


@rule("E063")
def written_files_hidden(site: Site) -> Found:
    """What the site writes into the checkout is committed by the next `git add`.

    Seen: 8 of 17 templates; vinta hides /mediafiles/* but writes backend/mediafiles;
    cookiecutter-django stages its production secrets.
    """
    lines = ignore_lines()
    written = {f"{kind}_ROOT": site.root(kind) for kind in KINDS}
    written |= {f"the database {alias!r}": path for alias, path in site.databases().items()}
    written["the environment file"] = layout.CHECKOUT / ".env"
    for name, path in written.items():
        if path is None or not path.is_relative_to(layout.CHECKOUT):
            continue
        inside = path / "file" if name.endswith("_ROOT") else path
        relative = inside.relative_to(layout.CHECKOUT).as_posix()
        if not ignored_by(lines, relative):
            yield (
                f"{name} {str(path)!r} lies in the checkout, and no line of .gitignore hides it.",
                f"Move it out of the checkout, or add /{path.relative_to(layout.CHECKOUT)}.",
            )
