"""The rules against slow, obvious oracles: the file system, all addresses, nginx, git."""

import importlib
import os
import random
import socket
import subprocess
import sys
from itertools import product
from types import SimpleNamespace

import pytest
from conftest import run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import NOBODY, find_nginx, unprivileged, until

PROFILE = settings(
    deadline=None,
    derandomize=True,  # a run says the same tomorrow
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def files(copy_of):
    """The package of a rendered project, imported here."""
    project = str(copy_of())  # first: cookiecutter puts another list into sys.path
    sys.path.insert(0, project)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    importlib.import_module("files.rules")
    yield sys.modules["files"]
    sys.path.remove(project)
    sys.dont_write_bytecode = before


def broken(files, id: str, **values) -> bool:
    """Return whether a rule finds something wrong with a few settings."""
    site = files.rules.Site(SimpleNamespace(DOMAIN="client-site.example", **values))
    chosen = [rule for rule in files.rules.RULES if rule.id == f"files.{id}"]
    return bool(list(files.rules.problems(site, chosen)))


# Roots: a folder is in another if walking up from it, step by step, ends there.

PARTS = st.lists(st.sampled_from(["a", "b", "link", "up", "..", "."]), max_size=5)


def walk_up(folder: str) -> list[tuple[int, int]]:
    """Return the identities of a folder that exists and of all above it."""
    found = []
    descriptor = os.open(folder, os.O_RDONLY)
    while True:
        status = os.fstat(descriptor)
        if found and found[-1] == (status.st_dev, status.st_ino):
            os.close(descriptor)
            return found
        found.append((status.st_dev, status.st_ino))
        above = os.open("..", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = above


@given(static=PARTS, media=PARTS)
@PROFILE
def test_roots_share_a_folder_exactly_if_the_file_system_says_so(files, folder, static, media):
    base = folder / "roots"
    if not base.exists():
        for name in ("a/b", "b/a"):
            (base / name).mkdir(parents=True)
        (base / "link").symlink_to("a")
        (base / "a/up").symlink_to("..")
    roots = [os.path.join(base, *parts) for parts in (static, media)]
    for root in roots:
        os.makedirs(root, exist_ok=True)
    one, other = map(walk_up, roots)
    shared = one[0] in other or other[0] in one
    assert broken(files, "E012", STATIC_ROOT=roots[0], MEDIA_ROOT=roots[1]) == shared


@given(static=PARTS, media=PARTS)
@PROFILE
def test_the_verdict_is_the_same_before_the_folders_are_there(files, tmp_path, static, media):
    made = tmp_path / "made"
    roots = [os.path.join(made, *(p for p in parts if p != "..")) for parts in (static, media)]
    before = broken(files, "E012", STATIC_ROOT=roots[0], MEDIA_ROOT=roots[1])
    for root in roots:
        os.makedirs(root, exist_ok=True)
    assert broken(files, "E012", STATIC_ROOT=roots[0], MEDIA_ROOT=roots[1]) == before


# URLs: two share addresses if some name below one and some below the other are one address.

SEGMENTS = ("s", "m", "static")
HOSTS = ("", "//client-site.example", "https://client-site.example", "https://cdn.example")
URL = st.builds(
    lambda host, parts: host + "/" + "".join(f"{part}/" for part in parts),
    st.sampled_from(HOSTS),
    st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=3),
)
NAMES = [
    "".join(f"{part}/" for part in parts) + "x"
    for n in range(4)
    for parts in product(SEGMENTS, repeat=n)
]


def addresses(url: str) -> set[str]:
    """Return the addresses of many names below a URL, without what does not tell them apart."""
    bare = url.removeprefix("https:").removeprefix("//client-site.example")
    return {bare + name for name in NAMES}


@given(static=URL, media=URL)
@PROFILE
def test_urls_share_addresses_exactly_if_two_names_meet(files, static, media):
    shared = bool(addresses(static) & addresses(media))
    assert broken(files, "E001", STATIC_URL=static, MEDIA_URL=media) == shared


# The reader: whatever it is given, it reads it or says why not; what is written it reads back.

WORD = st.text(st.sampled_from("ab/.$*~ ;{}\"'\\\t\n#=é"), max_size=6)
TREE = st.recursive(
    st.tuples(st.lists(WORD, min_size=1, max_size=4), st.just(None)),
    lambda inner: st.tuples(
        st.lists(WORD, min_size=1, max_size=3), st.none() | st.lists(inner, max_size=3)
    ),
    max_leaves=12,
)


def written(word: str, draw) -> str:
    """Return a word as a configuration may write it: bare where it can be, else in quotes."""
    special = set(" ;{}\"'\\\t\n#")
    if word and not set(word) & special and "${" not in word and draw(st.booleans()):
        return word
    quote = draw(st.sampled_from("\"'"))
    return quote + word.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote


def text_of(trees: list, draw) -> str:
    """Return a configuration of some directives, with spaces and comments between."""
    text = ""
    for words, block in trees:
        gap = draw(st.sampled_from([" ", "\n\t", " # } ; {\n"]))
        text += gap + gap.join(written(word, draw) for word in words)
        text += ";" if block is None else f" {{{text_of(block, draw)}{gap}}}"
    return text


def plain(directives) -> list:
    """Return directives as nested lists; a block that is empty is none."""
    return [(list(d.words), plain(d.block)) for d in directives]


def expected(trees: list) -> list:
    return [(list(words), expected(block or [])) for words, block in trees]


@given(trees=st.lists(TREE, max_size=4), data=st.data())
@PROFILE
def test_a_configuration_is_read_as_it_was_written(files, trees, data):
    text = text_of(trees, data.draw)
    assert plain(files.nginx.parse(text)) == expected(trees)


@given(text=st.text() | st.text(st.sampled_from("ab;{}\"'\\ \n#$")))
@PROFILE
def test_the_reader_never_crashes(files, text):
    try:
        files.nginx.parse(text)
    except files.nginx.Unreadable as error:
        assert str(error)


@given(data=st.data())
@PROFILE
def test_nor_do_the_rules_on_a_damaged_file(files, copy_of, data):
    file = copy_of() / "nginx/site.conf"
    text = file.read_text()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 60)))
    damage = data.draw(st.sampled_from(["", "{", "}", ";", '"', "~ ("]))
    try:
        tree = files.nginx.Directive(("",), files.nginx.parse(text[:start] + damage + text[end:]))
    except files.nginx.Unreadable:
        return
    values = {"STATIC_URL": "/s/static/", "MEDIA_URL": "/s/media/", "ALLOWED_HOSTS": ["a.example"]}
    values |= {
        "STATIC_ROOT": "/var/www/s/static",
        "MEDIA_ROOT": "/var/www/s/media",
        "DATABASES": {},
    }
    values |= {"DOMAIN": "client-site.example", "STORAGES": {}}
    site = files.rules.Site(SimpleNamespace(**values))
    vars(site)["nginx"] = tree
    list(files.rules.problems(site))


def test_a_configuration_that_nests_without_end_is_unreadable(files, tmp_path):
    for text in ("a {" * 5000, "a {" * 5000 + "}" * 5000):
        (tmp_path / "site.conf").write_text(text)
        with pytest.raises(files.nginx.Unreadable, match="nest"):
            files.nginx.read(tmp_path / "site.conf")


# Locations: nginx itself says which one answers.

ASKED = [
    "/" + "/".join(parts) + end
    for n in range(3)
    for parts in product(("s", "static", "a.css"), repeat=n)
    for end in ("", "/")[: n + 1]
]


def location(rng: random.Random, prefix: str, number: int, depth: int = 0) -> str:
    """Return a location that tells its number, and maybe some inside it."""
    kind = rng.choice(["", "", "", "^~ ", "= ", "~ ", "~* "])
    path = prefix + rng.choice(["", "s", "s/", "static/", "s/static/", "s/a.css"])
    if "~" in kind and "^" not in kind:
        path = rng.choice([r"\.css$", "^/s", "static", r"\.CSS$", "(?<name>s)/"])
    inner = ""
    if depth < 1 and not kind.startswith("="):
        start = prefix if "~" in kind and "^" not in kind else path
        inner = locations(rng, start, number * 10, depth + 1, rng.randint(0, 2))
    return f'location {kind}{path} {{ {inner} return 200 "{number}"; }}'


def locations(rng: random.Random, prefix: str, number: int, depth: int, count: int) -> str:
    found = {}
    for index in range(1, count + 1):
        text = location(rng, prefix, number + index, depth)
        found.setdefault(text.split("{")[0], text)  # nginx refuses two of one name
    return " ".join(found.values())


def takes(nginx: str, folder, server: str) -> bool:
    """Return whether nginx takes a server: some locations may not lie in others."""
    (folder / "try.conf").write_text(
        f"pid {folder}/try.pid; events {{}} http {{ {TEMPORARY} {server} }}".replace(
            "ROOT", str(folder)
        )
    )
    command = [*unprivileged(), nginx, "-e", "stderr", "-t", "-q", "-p", folder, "-c", "try.conf"]
    return subprocess.run(command, capture_output=True).returncode == 0


TEMPORARY = "access_log off; " + " ".join(
    f"{name}_temp_path ROOT/{name};"
    for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
)


def test_the_location_that_answers_is_the_one_that_nginx_enters(files, folder):
    nginx, rng, servers = find_nginx(), random.Random(1), []
    place = folder / "locations"
    place.mkdir()
    if not os.geteuid():
        os.chown(place, NOBODY, -1)
    while len(servers) < 40:
        inside = locations(rng, "/", 10 * len(servers), 0, rng.randint(1, 5))
        server = f"server {{ listen unix:{place}/{len(servers)}; {inside} return 200 none; }}"
        server = server.replace("return 200 none; }", 'location / { return 200 "none"; } }')
        if takes(nginx, place, server):
            servers.append(server)
    text = f"daemon off; pid {place}/pid; events {{}} http {{ {TEMPORARY} {' '.join(servers)} }}"
    (place / "nginx.conf").write_text(text.replace("ROOT", str(place)))
    command = [*unprivileged(), nginx, "-e", "stderr", "-p", place, "-c", "nginx.conf"]
    process = subprocess.Popen(command)
    try:
        until(lambda: (place / "39").is_socket(), process)
        for number, server in enumerate(servers):
            (directive,) = files.nginx.parse(server)
            chain = (files.nginx.Directive(("",), (directive,)), directive)
            for uri in ASKED:
                found = files.nginx.answering(chain, uri)[-1].one("return").split()[1]
                with socket.socket(socket.AF_UNIX) as line:
                    line.connect(f"{place}/{number}")
                    line.sendall(f"GET {uri} HTTP/1.0\r\n\r\n".encode())
                    answer = b"".join(iter(lambda: line.recv(65536), b"")).decode()
                assert answer.rpartition("\r\n\r\n")[2] == found, (uri, server)
    finally:
        process.terminate()
        process.wait(20)


# .gitignore: git itself says what is hidden.

LINES = st.lists(
    st.builds(
        "".join,
        st.lists(
            st.sampled_from(
                ["/", "a", "b", "*", "**", "?", ".py", "!", "[ab]", "[!a]", "#", " ", "\\a"]
            ),
            min_size=1,
            max_size=5,
        ),
    ),
    max_size=4,
)
FILES = ["/".join(parts) for n in (1, 2, 3) for parts in product(("a", "b.py", "ab"), repeat=n)]


@given(lines=LINES)
@PROFILE
def test_a_file_is_hidden_exactly_if_git_says_so(files, tmp_path, lines):
    if not (tmp_path / ".git").exists():
        run("git", "init", "--quiet", cwd=tmp_path)
    (tmp_path / ".gitignore").write_text("\n".join(lines))
    done = subprocess.run(
        ["git", "-c", "core.excludesFile=", "check-ignore", "--no-index", "--stdin"],
        cwd=tmp_path,
        input="\n".join(FILES),
        capture_output=True,
        text=True,
    )
    hidden = {file for file in FILES if files.rules.services.ignored_by(lines, file)}
    assert hidden == set(done.stdout.split()), lines
