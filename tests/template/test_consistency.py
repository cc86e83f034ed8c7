"""The checks of a rendered project as pure functions, as the template's hook runs them."""

import importlib
import os
import re
import sys
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

PROFILE = profile(
    deadline=None,
    derandomize=True,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def project(bake):
    """The modules `config.settings` and `files.consistency` of a rendered project."""
    path = str(bake())
    sys.path.insert(0, path)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SECRET_KEY", "of tests")
        names = ("config.settings", "files.consistency", "files.layout")
        settings, consistency, layout = map(importlib.import_module, names)
    yield SimpleNamespace(settings=settings, consistency=consistency, layout=layout)
    sys.path.remove(path)
    sys.dont_write_bytecode = before
    for name in [name for name in sys.modules if re.match(r"(config|files)(\.|$)", name)]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def problems(project):
    """Return a function that gives the problems of the project's settings with some changes."""
    own = {name: value for name, value in vars(project.settings).items() if name.isupper()}

    def problems(**changes) -> list[tuple[str, str, str]]:
        settings = SimpleNamespace(**own | changes)
        return list(project.consistency.problems(project.consistency.Site(settings)))

    return problems


@pytest.fixture(scope="module")
def values(project):
    """What the expressions of CASES can name."""
    return vars(project.settings) | {"layout": project.layout, "os": os}


def modes(alias: str, **options) -> str:
    backend = f"STORAGES[{alias!r}]['BACKEND']"
    return f"STORAGES | {{{alias!r}: {{'BACKEND': {backend}, 'OPTIONS': {options!r}}}}}"


DATABASE = "{{'default': {{'ENGINE': 'django.db.backends.sqlite3', 'NAME': {}}}}}"
S3 = "{'BACKEND': 'storages.backends.s3.S3Storage', 'OPTIONS': {'bucket_name': 'x'}}"
# What is changed: the ids that must be reported, and the settings as Python expressions.
CASES = {
    "nothing": ("", {}),
    "one root for both": ("E001", {"MEDIA_ROOT": "STATIC_ROOT"}),
    "media inside static": ("E001", {"MEDIA_ROOT": "STATIC_ROOT / 'media'"}),
    "static inside media": ("E001", {"STATIC_ROOT": "MEDIA_ROOT / 'static'"}),
    "media above static": ("E001", {"MEDIA_ROOT": "os.path.dirname(WEB_ROOT)"}),
    "another storage inside static": ("E001", {"PRIVATE_ROOT": "STATIC_ROOT / 'x'"}),
    "derived files inside static": (
        "E001",
        {"STORAGES": modes("derived", location="/var/www/client-site.example/s/static/thumbs")},
    ),
    "object storage without derived files": (
        "E002",
        {"STORAGES": f"STORAGES | {{'default': {S3}}}", "MEDIA_ROOT": "''"},
    ),
    "derived files of mode 0600": (
        "W010",
        {"STORAGES": modes("derived", file_permissions_mode=0o600)},
    ),
    "empty MEDIA_ROOT": ("E002", {"MEDIA_ROOT": "''"}),
    "relative MEDIA_ROOT": ("E002", {"MEDIA_ROOT": "'media'"}),
    "relative location": ("E002", {"STORAGES": modes("default", location="media")}),
    "STATIC_ROOT unset": ("W003", {"STATIC_ROOT": "None"}),
    "media in the checkout": ("E004", {"MEDIA_ROOT": "BASE_DIR / 'media'"}),
    "private uploads in the checkout": ("E004", {"PRIVATE_ROOT": "BASE_DIR / 'private'"}),
    "database in the checkout": ("E004", {"DATABASES": DATABASE.format("BASE_DIR / 'db.sqlite3'")}),
    "relative database": ("E004", {"DATABASES": DATABASE.format("'db.sqlite3'")}),
    "media in the checkout with LOCAL_DEV": (
        "W005",
        {"MEDIA_ROOT": "BASE_DIR / 'media'", "LOCAL_DEV": "True"},
    ),
    "the checkout as a source": ("E006", {"STATICFILES_DIRS": "[BASE_DIR]"}),
    "above the checkout as a source": ("E006", {"STATICFILES_DIRS": "[BASE_DIR.parent]"}),
    "the state directory as a source": ("E006", {"STATICFILES_DIRS": "[STATE_DIR]"}),
    "media as a source": ("E006", {"STATICFILES_DIRS": "[MEDIA_ROOT]"}),
    "a source below media, with a prefix": (
        "E006",
        {"STATICFILES_DIRS": "[('all', MEDIA_ROOT / 'x')]"},
    ),
    "database in the web root": (
        "E007",
        {"DATABASES": DATABASE.format("f'{WEB_ROOT}/db.sqlite3'")},
    ),
    "private uploads below media": ("E007", {"PRIVATE_ROOT": "MEDIA_ROOT / 'private'"}),
    "media above the checkout": ("E007", {"MEDIA_ROOT": "BASE_DIR.parent"}),
    "static root above the checkout": ("E007", {"STATIC_ROOT": "BASE_DIR.parent"}),
    "mails below media": ("W008", {"EMAIL_FILE_PATH": "MEDIA_ROOT / 'mails'"}),
    "log file below media": (
        "W008",
        {"LOGGING": "{'handlers': {'file': {'filename': f'{MEDIA_ROOT}/site.log'}}}"},
    ),
    "cache below media": (
        "W008",
        {"CACHES": "{'default': {'LOCATION': str(MEDIA_ROOT / 'cache')}}"},
    ),
    "dumps below media": ("W008", {"DUMP_DIR": "str(MEDIA_ROOT / 'dumps')"}),
    "DEFAULT_FILE_STORAGE": ("W009", {"DEFAULT_FILE_STORAGE": "'storages.S3'"}),
    "STATICFILES_STORAGE": ("W009", {"STATICFILES_STORAGE": "'x'"}),
    "ADMIN_MEDIA_PREFIX": ("W009", {"ADMIN_MEDIA_PREFIX": "'/s/admin/'"}),
    "uploads of mode 0600": ("W010", {"STORAGES": modes("default", file_permissions_mode=0o600)}),
    "mode without 0o": ("W010", {"STORAGES": modes("default", file_permissions_mode=644)}),
    "mode as text": ("W010", {"STORAGES": modes("default", file_permissions_mode="0o644")}),
    "executable uploads": ("W010", {"STORAGES": modes("default", file_permissions_mode=0o755)}),
    "directories without x": (
        "W010",
        {"STORAGES": modes("default", directory_permissions_mode=0o644)},
    ),
    "static files for their owner": (
        "W010",
        {"STORAGES": modes("staticfiles", file_permissions_mode=0o640)},
    ),
    "mode of a temporary file": (
        "W010",
        {
            "FILE_UPLOAD_PERMISSIONS": "None",
            "STORAGES": modes("default", file_permissions_mode=None),
        },
    ),
    "Django's default MEDIA_URL": ("W011", {"MEDIA_URL": "''"}),
    "STATIC_URL of the whole site": ("W011", {"STATIC_URL": "'/'"}),
    "doubled slash": ("W012", {"MEDIA_URL": "'/s//media/'"}),
    "dots in a URL": ("W012", {"MEDIA_URL": "'/s/x/../media/'"}),
    "no leading slash": ("W012", {"MEDIA_URL": "'s/media/'"}),
    "query": ("W012", {"STATIC_URL": "'/s/static/?v='"}),
    # Nothing to report
    "object storage": (
        "",
        {
            "STORAGES": f"STORAGES | {{'default': {S3}, 'derived': {S3}}}",
            "MEDIA_ROOT": "''",
            "MEDIA_URL": "''",
        },
    ),
    "thumbnails inside media": (
        "",
        {
            "STORAGES": "STORAGES | {'thumbnails': {'BACKEND': 'files.storage.UploadStorage',"
            " 'OPTIONS': {'location': f'{MEDIA_ROOT}/thumbs'}}}",
            "THUMBNAIL_ROOT": "MEDIA_ROOT / 'thumbs'",
        },
    ),
    "static files of a PaaS in the checkout": ("", {"STATIC_ROOT": "BASE_DIR / 'staticfiles'"}),
    "PostgreSQL": (
        "",
        {"DATABASES": "{'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'site'}}"},
    ),
    "database in memory": ("", {"DATABASES": DATABASE.format("':memory:'")}),
    "uploads on another host": ("", {"MEDIA_URL": "'https://uploads.example/s/media/'"}),
    "a build as a source": (
        "",
        {"STATICFILES_DIRS": "[('dist', BASE_DIR / 'frontend/dist'), BASE_DIR / 'static']"},
    ),
    "modes for the group": (
        "",
        {
            "STORAGES": modes(
                "default", file_permissions_mode=0o640, directory_permissions_mode=0o750
            )
        },
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_problem_is_reported(problems, values, name):
    ids, changes = CASES[name]
    changed = {setting: eval(value, dict(values)) for setting, value in changes.items()}
    found = problems(**changed)
    assert ids in {id for id, _, _ in found} if ids else not found, found
    assert len(found) == len(set(found))


def test_message(problems, values):
    (found,) = problems(MEDIA_ROOT=values["STATIC_ROOT"] / "media")
    static = f"STATIC_ROOT '{values['STATIC_ROOT']}'"
    assert found == (
        "E001",
        f"MEDIA_ROOT '{values['STATIC_ROOT']}/media' and {static} overlap.",
        "Set it from files/layout.py, as the template's config/settings.py does.",
    )


ODD = [None, "", 0, 5, 1.5, True, [], {}, (), "x", "a\0b", b"/bytes", object(), [None], {"a": None},
       {"default": None}, {"default": {"OPTIONS": None, "BACKEND": 3}}, "http://[", "/" * 5000,
       [("a",), (), 7]]  # fmt: skip
SETTINGS = ("STATIC_URL", "STATIC_ROOT", "STATICFILES_DIRS", "MEDIA_URL", "MEDIA_ROOT", "STORAGES",
            "PRIVATE_ROOT", "WEB_ROOT", "DATABASES", "FILE_UPLOAD_PERMISSIONS", "LOGGING", "CACHES",
            "FILE_UPLOAD_DIRECTORY_PERMISSIONS", "INSTALLED_APPS", "LOCAL_DEV")  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_odd_values_raise_nothing(problems, name, value):
    for _, message, hint in problems(**{name: value}):
        assert message.endswith(".") and hint.endswith(".")


# Two directories overlap if walking up from one, step by step, arrives at the other.

PARTS = st.lists(st.sampled_from(["a", "b", "link", "up", "..", "."]), max_size=5)


def ancestors(directory: str) -> list[tuple[int, int]]:
    """Return the identities of an existing directory and of all above it."""
    found = []
    descriptor = os.open(directory, os.O_RDONLY)
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
def test_overlap_as_in_the_file_system(problems, tmp_path, static, media):
    base = tmp_path / "roots"
    if not base.exists():
        for name in ("a/b", "b/a"):
            (base / name).mkdir(parents=True)
        (base / "link").symlink_to("a")
        (base / "a/up").symlink_to("..")
    roots = [os.path.join(base, *parts) for parts in (static, media)]
    for root in roots:
        os.makedirs(root, exist_ok=True)
    one, other = map(ancestors, roots)
    overlap = one[0] in other or other[0] in one
    found = {id for id, _, _ in problems(STATIC_ROOT=roots[0], MEDIA_ROOT=roots[1])}
    assert ("E001" in found) == overlap
