"""docs/checks.md: what each id means, and what peers' own settings come to in a rendered project.

`WRITE=1 make test-all` writes the page and the rendered README's table anew.
"""

import inspect
import os
import re
import shutil
from pathlib import Path

import pytest
from callers import edited, hook, ids
from conftest import TEMPLATE
from test_rules import (  # noqa: F401  (fixtures)
    CASES,
    LOCAL_CASES,
    SERVER,
    SERVER_CASES,
    SETTINGS,
    SITE,
    UNIT,
    URLS,
    filled,
    manage,
    project,
    rules,
    server_folders,
)

PAGE = TEMPLATE / "docs/checks.md"
README = TEMPLATE / "{{cookiecutter.project_slug}}/README.md"
GROUPS = {
    "E00": "URLs",
    "E01": "Roots",
    "E02": "Storages",
    "E03": "Patterns",
    "E04": "nginx: files",
    "E05": "nginx: requests",
    "E06": "Services and .gitignore",
    "E07": "The server's folders",
}


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

# Whose settings: what they say, appended to the rendered project's own. From these templates as
# they stood in 2026; where they ignore the folders in git, the lines are transplanted too.
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
        f"{roots(chr(34) + '/files/assets' + chr(34), chr(34) + '/files/media' + chr(34))}"
        f"\nSTATICFILES_STORAGE = {MANIFEST}",
        "",
    ),
    "HackSoft": (f"DEFAULT_FILE_STORAGE = {S3}\nSTATICFILES_STORAGE = {MANIFEST}", ""),
    "schablone": (default_only(WHITENOISE), ""),
}

# What Django 6.1 was found to be silent about, or not.
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

# nginx configurations that are recommended, or were met.
NGINX = {
    "a location without its slash and an alias": [
        (SITE, r"location /s/media/ \{", "location /s/media { alias ROOT/www/s/media/;")
    ],
    "root where alias is meant: /static/static/": [
        (SITE, r"location /s/static/ \{", "location /s/static/ { root ROOT/www/s/static;")
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
        (SITE, r"^    location /s/media/.*$", "    location /s/media/ { alias ROOT/www/s/media/; }")
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


def rows(project: Path, folder: Path, manage) -> dict[str, list[tuple]]:  # noqa: F811
    """Return what is found in each transplant: name, our ids, Django's own."""
    sections = {
        "Peers' settings": {
            name: [(SETTINGS, said), (".gitignore", ignored)]
            for name, (said, ignored) in PEERS.items()
        },
        "What Django is silent about": {k: [(SETTINGS, v)] for k, v in DJANGO.items()},
        "The article's copies": ARTICLE,
        "nginx and .gitignore, as recommended or met": NGINX,
    }
    found = {}
    for title, cases in sections.items():
        found[title] = []
        for name, edits in cases.items():
            with edited(project, filled(edits, project, folder)):
                ours, _ = hook(project)
                _, said = manage(project, "check", "--deploy")
                shutil.rmtree(folder / "www", ignore_errors=True)
            said = ids(said) - {"staticfiles.W004"}  # this machine has no web root
            ours |= {id for id in said if id.startswith("files.")}
            found[title].append((name, sorted(ours), sorted(said - ours)))
    return found


def examples(project: Path, folder: Path, manage, rules: dict) -> dict[str, str]:  # noqa: F811
    """Return what each rule says to the first change that breaks it, hint included, by id."""
    found = {}
    cases = [*CASES.values(), *LOCAL_CASES.values(), *SERVER_CASES.values()]
    for wanted, change in cases:
        wanted = {id if "." in id else f"files.{id}" for id in wanted.split()}
        if not wanted - set(found) & set(rules):
            continue
        if callable(change):
            with server_folders(folder), edited(project, [UNIT]):
                change(folder / "www")
                said = manage(project, "check", "--deploy")[1]
        else:
            local = {"LOCAL_DEV": "1"} if "files.E031" in wanted else {}
            with edited(project, filled(change, project, folder)):
                said = hook(project)[1] + manage(project, "check", *deploy(local), **local)[1]
        shutil.rmtree(folder / "www", ignore_errors=True)
        said = re.sub(r"^\?: \((files\.\w+)\) (.*)\n\tHINT: ", r"\1: \2 ", said, flags=re.MULTILINE)
        said = said.replace(f"{folder}/www", "/var/www/client-site.example")
        said = said.replace(str(project.parent), "/srv").replace(str(folder), "/srv")
        for above in project.parent.parents[:-1]:  # where pytest's folders lie is its own affair
            said = said.replace(f"'{above}'", "'/srv'")
        said = re.sub(r"(\.conf):\d+", r"\1", said)
        for id, text in re.findall(r"^(files\.\w+): (.*)$", said, re.MULTILINE):
            found.setdefault(id, text)
    return found


def deploy(local: dict) -> list[str]:
    return [] if local else ["--deploy"]


def meaning(rule: dict) -> tuple[str, str]:
    """Return what a rule prevents, and where that was seen."""
    story, seen = inspect.cleandoc(rule["text"]).split("\n\nSeen: ")
    return " ".join(story.split()), " ".join(seen.split())


def callers(rule: dict) -> str:
    """Return who reports a rule."""
    found = [] if rule["needs"] else ["hook"]
    if rule["django"]:
        return f"hook; `manage.py check` says {rule['django']}"
    return ", ".join([*found, "`check --deploy`" if rule["deploy"] else "`check`"])


def listed(rules: dict, said: dict[str, str]) -> str:  # noqa: F811
    lines = []
    for prefix, title in GROUPS.items():
        lines += [
            f"## {title}",
            "",
            "| id | what it prevents | seen | what it says, and the way out | by |",
        ]
        lines += ["|---|---|---|---|---|"]
        for id, rule in sorted(rules.items(), key=lambda item: item[0][-3:]):
            if id.removeprefix("files.")[1:].startswith(prefix[1:]):
                story, seen = meaning(rule)
                cells = [f"`{id}`", story, seen, said[id], callers(rule)]
                lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)


def caught(found: dict[str, list[tuple]]) -> str:
    lines = []
    total = [row for section in found.values() for row in section]
    lines += [
        f"Of {len(total)} mistakes, each put into a rendered project by itself, these rules catch"
        f" **{sum(bool(row[1]) for row in total)}**; Django's own `check --deploy` catches"
        f" **{sum(bool(row[2]) for row in total)}**."
    ]
    for title, section in found.items():
        lines += [
            "",
            f"### {title}",
            "",
            "| whose, or what | these rules | Django |",
            "|---|---|---|",
        ]
        for name, ours, django in section:
            short = " ".join(id.removeprefix("files.") for id in ours)
            lines.append(f"| {name} | {short or '–'} | {' '.join(django) or '–'} |")
    return "\n".join(lines) + "\n"


def short(rules: dict) -> str:  # noqa: F811
    """Return the table of the rendered README."""
    lines = ["| id | what it prevents |", "|---|---|"]
    for id, rule in sorted(rules.items(), key=lambda item: item[0][-3:]):
        lines.append(f"| {id.removeprefix('split.')} | {meaning(rule)[0]} |")
    return "\n".join(lines) + "\n"


def compare(file: Path, parts: list[str]) -> None:
    """Compare the parts of a page that come from the code, or write them with WRITE=1."""
    text = file.read_text()
    fresh = iter(parts)
    new = re.sub(
        r"(<!-- from the code -->\n).*?(<!-- end -->)",
        lambda m: f"{m[1]}{next(fresh)}{m[2]}",
        text,
        flags=re.DOTALL,
    )
    if os.environ.get("WRITE"):
        file.write_text(new)
    elif new != text:
        pytest.fail(f"{file.name} is not what the code says: WRITE=1 make test-all", pytrace=False)


def test_the_readme_lists_every_id(rules):  # noqa: F811
    compare(README, [short(rules)])


@pytest.mark.slow
def test_the_page_says_what_the_code_does(project, folder, manage, rules):  # noqa: F811
    found = rows(project, folder, manage)
    compare(PAGE, [caught(found), listed(rules, examples(project, folder, manage, rules))])
    for section in found.values():
        for name, ours, django in section:
            assert ours or django, f"{name} goes unnoticed"
