"""docs/checks.md and evidence/mistakes.md: which caller catches which mistake."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from support.commands import TEMPLATE, run, run_ok
from support.edits import edited

PAGE = TEMPLATE / "docs/checks.md"
HOOK = TEMPLATE / "hooks/post_gen_project.py"
SETTINGS, URLS, SITE = "config/settings.py", "config/urls.py", "nginx/site.conf"
SERVER = (SITE, r"^    location / \{ include")  # add a text to put it into the site's server
SECRET_KEY = "for tests only, and long: 0c41d5a7e2b94f6f8d3b1a5c7e9f0d2b4a6c8e0f"


def roots(static: str, media: str) -> str:
    return f"STATIC_ROOT = {static}\nMEDIA_ROOT = {media}"


def default_only(backend: str) -> str:
    return f'{BACKEND} = "{backend}"\ndel STORAGES["default"]'


BACKEND = 'STORAGES["staticfiles"]["BACKEND"]'
PLAIN = f'{BACKEND} = "django.contrib.staticfiles.storage.StaticFilesStorage"'

S3 = '"storages.backends.s3.S3Storage"'
MANIFEST = '"django.contrib.staticfiles.storage.ManifestStaticFilesStorage"'
WHITENOISE = "whitenoise.storage.CompressedManifestStaticFilesStorage"
UNSET = 'MEDIA_ROOT = MEDIA_URL = ""'

# Settings of other templates in 2026, appended to the rendered project's own, and their lines of
# .gitignore for these directories.
PEERS = {
    "cookiecutter-django": (
        roots('BASE_DIR / "staticfiles"', 'BASE_DIR / "client_site" / "media"'),
        "/staticfiles/\n/client_site/media/",
    ),
    "wemake-django-template": (f"STATICFILES_STORAGE = {MANIFEST}\n{PLAIN}", ""),
    "wemake-django-template, development": (roots("STATIC_ROOT", 'BASE_DIR / "media"'), "/media/"),
    "lincolnloop/django-layout": (f'STATIC_ROOT = "/var/www/staticfiles"\n{UNSET}', ""),
    "lincolnloop/django-production": (f"STATICFILES_STORAGE = {MANIFEST}\n{PLAIN}", ""),
    "lithium": (f'STATIC_ROOT = BASE_DIR / "staticfiles"\n{UNSET}', "media"),
    "jefftriplett/django-startproject": (roots('BASE_DIR / "static"', 'BASE_DIR / "media"'), ""),
    "oliverandrich/django-startproject": (
        roots('BASE_DIR / "static"', 'BASE_DIR / "media"') + "\n" + default_only(WHITENOISE),
        "",
    ),
    "falco": (
        roots('BASE_DIR / "client_site/staticfiles"', 'BASE_DIR / "client_site/media"'),
        "staticfiles/\nmedia/",
    ),
    "scaf": (
        roots('BASE_DIR / "staticfiles"', 'BASE_DIR / "client_site" / "media"')
        + f"\nDEFAULT_FILE_STORAGE = {S3}\nSTATICFILES_STORAGE = {S3}\n{PLAIN}",
        "",
    ),
    "developersociety/django-template": (
        roots('BASE_DIR / "htdocs/static"', 'BASE_DIR / "htdocs/media"'),
        "/htdocs/",
    ),
    "djereo": (f'STATIC_ROOT = BASE_DIR / "static"\n{UNSET}', ""),
    "wagtail/news-template": (
        roots('BASE_DIR / "static"', 'BASE_DIR / "media"'),
        "/static/\n/media/",
    ),
    "vinta/django-react-boilerplate": (
        roots('BASE_DIR / "backend/staticfiles"', 'BASE_DIR / "backend/mediafiles"'),
        "/staticfiles/*\n/mediafiles/*",
    ),
    "zagaran": (f'STATIC_ROOT = BASE_DIR / "staticfiles"\n{UNSET}', ""),
    "liip/django-template": (
        'STATIC_ROOT = "/tmp/static"\nMEDIA_ROOT = os.path.join(STATIC_ROOT, "media")'
        f"\nSTATICFILES_STORAGE = {MANIFEST}",
        "",
    ),
    "epicserve/django-base-site": (
        roots('BASE_DIR / "collected_static"', 'BASE_DIR / "public/media"'),
        "/collected_static/\n/public/",
    ),
    "nickjj/docker-django-example": (
        f'STATIC_ROOT = "/public_collected"\n{UNSET}\n{default_only(WHITENOISE)}',
        "",
    ),
    "thorgate/django-project-template": (
        roots('"/files/assets"', '"/files/media"') + f"\nSTATICFILES_STORAGE = {MANIFEST}",
        "",
    ),
    "HackSoft": (f"DEFAULT_FILE_STORAGE = {S3}\nSTATICFILES_STORAGE = {MANIFEST}", ""),
    "schablone": (default_only(WHITENOISE), ""),
}

# What Django 6.1 reports, or does not.
DJANGO = {
    "one root for both": "MEDIA_ROOT = STATIC_ROOT",
    "MEDIA_ROOT inside STATIC_ROOT": 'MEDIA_ROOT = STATIC_ROOT / "media"',
    "STATIC_ROOT inside MEDIA_ROOT": 'STATIC_ROOT = MEDIA_ROOT / "static"',
    "one URL for both": "MEDIA_URL = STATIC_URL",
    "MEDIA_URL inside STATIC_URL": 'MEDIA_URL = STATIC_URL + "media/"',
    "MEDIA_URL empty": 'MEDIA_URL = ""',
    "MEDIA_URL `/`": 'MEDIA_URL = "/"',
    "MEDIA_URL without its slash": 'MEDIA_URL = "/s/media"',
    "MEDIA_ROOT relative": 'MEDIA_ROOT = "media"',
    "MEDIA_ROOT empty": 'MEDIA_ROOT = ""',
    "STATIC_ROOT unset": "STATIC_ROOT = None",
    "STATIC_ROOT in STATICFILES_DIRS": "STATICFILES_DIRS.append(STATIC_ROOT)",
    "MEDIA_ROOT in STATICFILES_DIRS": "STATICFILES_DIRS.append(MEDIA_ROOT)",
    "STORAGES without staticfiles": 'del STORAGES["staticfiles"]',
    "STORAGES without default": 'del STORAGES["default"]',
    "settings that Django 5.1 removed": f"DEFAULT_FILE_STORAGE = {S3}",
}

# On Static Media and Django, 2008, as copies of it are printed.
ARTICLE = {
    "MEDIA_ROOT = '/var/www/', the domain lost": [
        (SETTINGS, "MEDIA_ROOT = os.path.dirname(WEB_ROOT)")
    ],
    "a pattern that keeps STATIC_URL's slash": [
        (
            URLS,
            "from django.urls import re_path\nfrom django.views.static import serve\n"
            'urlpatterns.append(re_path(f"^{settings.STATIC_URL}(?P<path>.*)$", serve))',
        )
    ],
    "ADMIN_MEDIA_PREFIX": [(SETTINGS, 'ADMIN_MEDIA_PREFIX = "/s/admin/"')],
}

# nginx configurations as recommended or found.
NGINX = {
    "a location without its slash and an alias": [
        (
            SITE,
            r"location /s/media/ \{",
            "location /s/media { alias /var/www/client-site.example/s/media/;",
        )
    ],
    "root where alias is meant: /static/static/": [
        (
            SITE,
            r"location /s/static/ \{",
            "location /s/static/ { root /var/www/client-site.example/s/static;",
        )
    ],
    "nginxconfig.io: a regex for css and png": [
        (*SERVER, "    location ~* \\.(css|png)$ { expires 7d; }\n    location / { include")
    ],
    "gunicorn.org: root, try_files, proxy": [
        (
            *SERVER,
            "    location / { root CHECKOUT; try_files $uri @app; }\n    location @app { include",
        )
    ],
    "gunicorn.org: $http_host": [("nginx/proxy.conf", "Host .host;", "Host $http_host;")],
    "nginxconfig.io: the client's X-Forwarded-Proto": [
        ("nginx/proxy.conf", r"\$scheme", "$http_x_forwarded_proto")
    ],
    "nginx's default body limit": [("nginx/proxy.conf", "^client_max_body_size.*;", "")],
    "cookiecutter-django: media as they are": [
        (
            SITE,
            r"^    location /s/media/.*$",
            "    location /s/media/ { alias /var/www/client-site.example/s/media/; }",
        )
    ],
    "thorgate: one add_header below the others": [
        (
            SITE,
            r"location /s/media/ \{",
            r"location /s/media/ { location ~ \.jpg$ { add_header A b; }",
        )
    ],
    "mbti-test 1: nginx serves the source": [
        (SITE, r"location /s/static/ \{", "location /s/static/ { alias CHECKOUT/static/;")
    ],
    "github/gitignore 2464: `static/`": [(".gitignore", "static/")],
}


SECTIONS = {
    "Settings of other templates": {
        name: [(SETTINGS, settings), (".gitignore", ignored)]
        for name, (settings, ignored) in PEERS.items()
    },
    "What Django does not report": {name: [(SETTINGS, text)] for name, text in DJANGO.items()},
    "Copies of the article": ARTICLE,
    "nginx and .gitignore, as recommended or found": NGINX,
}


@pytest.fixture(scope="module")
def project(bake, tmp_path_factory):
    project = tmp_path_factory.mktemp("checks") / "client_site"
    shutil.copytree(bake(), project)
    run_ok("git", "init", "--quiet", cwd=project)
    return project


def callers(project: Path, python: Path) -> tuple[list[str], list[str]]:
    """Return who catches a mistake (hook, check or test, and what), and the ids of Django's."""
    hook = run(sys.executable, "-B", HOOK, cwd=project).stdout
    found = {f"hook: {id}" for id in re.findall(r"^files\.(\w+): ", hook, re.MULTILINE)}
    django = set()
    for options, local in ((["--deploy"], "0"), ([], "1")):
        command = [python, "manage.py", "check", *options]
        output = run(*command, cwd=project, SECRET_KEY=SECRET_KEY, LOCAL_DEV=local).stdout
        assert "Traceback" not in output, output
        ids = set(re.findall(r"\((\w+\.[EWI]\d+)\) ", output)) - {"staticfiles.W004"}
        own = {id.removeprefix("files.") for id in ids if id.startswith("files.")}
        found |= {f"check: {id}" for id in own if f"hook: {id}" not in found}
        django |= {id for id in ids if not id.startswith("files.")}
    if not found:
        tests = run(python, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider", cwd=project)
        names = re.findall(r"^FAILED [\w/]+\.py::(\w+)", tests.stdout, re.MULTILINE)
        found = {f"test: {name}" for name in names}
        if "error" in tests.stdout and not names:
            found = {"test: all"}
    return sorted(found), sorted(django)


def merged(found: list[str]) -> str:
    """Return `hook, check: E001 W005` for a list of `caller: what`."""
    by_caller: dict[str, list[str]] = {}
    for item in found:
        caller, what = item.split(": ")
        by_caller.setdefault(caller, []).append(what)
    shown = {"hook": "hook and check", "check": "check", "test": "tests"}
    return "; ".join(f"{shown[caller]}: {' '.join(what)}" for caller, what in by_caller.items())


def table(project: Path, python: Path) -> str:
    rows, lines = [], []
    for title, cases in SECTIONS.items():
        lines += ["", f"### {title}", "", "| mistake | caught by | Django |", "|---|---|---|"]
        for name, edits in cases.items():
            edits = [
                (file, *(text.replace("CHECKOUT", str(project)) for text in texts))
                for file, *texts in edits
            ]
            with edited(project, edits):
                ours, django = callers(project, python)
            shutil.rmtree(project.with_name("client_site-var"), ignore_errors=True)
            rows.append((name, ours, django))
            lines.append(f"| {name} | {merged(ours) or '–'} | {' '.join(django) or '–'} |")
    missed = [name for name, ours, django in rows if not ours and not django]
    assert not missed, missed
    total = (
        f"Of {len(rows)} mistakes, each made in a rendered project by itself, hook, checks and the"
        f" project's tests catch **{sum(bool(ours) for _, ours, _ in rows)}**; Django's own"
        f" `check --deploy` catches **{sum(bool(django) for *_, django in rows)}**."
    )
    return "\n".join([total, *lines]) + "\n"


@pytest.mark.slow
@pytest.mark.docs
def test_page_lists_who_catches_which_mistake(project, python, check_generated):
    check_generated("evidence/mistakes.md", "mistakes", table(project, python()))


def test_page_lists_every_id(bake):
    code = "".join((bake() / f"files/{name}.py").read_text() for name in ("consistency", "checks"))
    ids = set(re.findall(r'"(?:files\.)?([EW]\d{3})"', code))
    listed = re.findall(r"^\| `files\.(\w+)` \|", PAGE.read_text(), re.MULTILINE)
    assert set(listed) == ids and len(listed) == len(ids)
    numbers = sorted(int(id[1:]) for id in ids)
    assert numbers == list(range(1, len(ids) + 1))
