"""Each rule: the smallest change to a rendered project that breaks it, through both callers."""

import json
import pwd
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from callers import SECRET_KEY, Manage, edited, hook, ids
from conftest import run
from servers import rendered_for

SETTINGS, URLS, SITE = "config/settings.py", "config/urls.py", "nginx/site.conf"
SERVER = (SITE, r"^    location / \{ include")  # add (…, text) to put text into the site's server


def server(text: str) -> tuple:
    """Return an edit that adds a directive to the server that hands requests to Django."""
    return (*SERVER, f"    {text}\n    location / {{ include")


def media(text: str) -> tuple:
    """Return an edit that adds a directive to the location of uploads."""
    return (SITE, r"location /s/media/ \{", "location /s/media/ { " + text)


def application(text: str) -> tuple:
    """Return an edit that takes a directive out of the application's location."""
    return ("nginx/proxy.conf", rf"^{text}.*;", "")


@pytest.fixture(scope="module")
def project(copy_of, folder) -> Path:
    """A rendered project whose web root lies in a folder that tests may fill."""
    return copy_of(**rendered_for(folder))


@pytest.fixture(scope="module")
def manage(python):
    manage = Manage(python())
    yield manage
    manage.stop()


@pytest.fixture(scope="session")
def rules(copy_of) -> dict[str, dict]:
    """The rules as the rendered project states them, by id."""
    code = (
        "import json; from files.rules import RULES; print(json.dumps([{'id': r.id, 'deploy':"
        " r.deploy, 'needs': r.needs, 'django': r.django, 'text': r.find.__doc__} for r in RULES]))"
    )
    done = subprocess.run([sys.executable, "-B", "-c", code], cwd=copy_of(), capture_output=True)
    return {rule["id"]: rule for rule in json.loads(done.stdout)}


UPLOADS_DOMAIN = """
server {
    server_name uploads.example;
    root ROOT/www;
    location /s/media/ { include client_site/media.conf; location ~ a$ { MORE } }
}
"""
# name: (ids, edits). Where a change breaks more than one agreement, all ids are there.
CASES = {
    # URLs
    "media URL below static's": ("E001 E043 E058 E059", [(SETTINGS, 'MEDIA_URL = "/s/static/m/"')]),
    "static URL below media's": ("E001 E043", [(SETTINGS, 'STATIC_URL = "/s/media/static/"')]),
    "one URL for both": ("E001 E043 E058 E059", [(SETTINGS, "MEDIA_URL = STATIC_URL")]),
    "one URL, one with its host": (
        "E001 E043 E058 E059",
        [(SETTINGS, 'MEDIA_URL = f"https://{DOMAIN}{STATIC_URL}"')],
    ),
    "Django's default media URL": ("E002", [(SETTINGS, 'MEDIA_URL = ""')]),
    "root URL": ("E002", [(SETTINGS, 'STATIC_URL = "/"')]),
    "doubled slash": ("E003 E042", [(SETTINGS, 'MEDIA_URL = "/s//media/"')]),
    "dots in a URL": ("E003 E042", [(SETTINGS, 'MEDIA_URL = "/s/x/../media/"')]),
    "no slash at the start": ("E003", [(SETTINGS, 'MEDIA_URL = "s/media/"')]),
    "no slash at the end": ("E004 E042", [(SETTINGS, 'MEDIA_URL = "/s/media"')]),
    "a page below the served URL": (
        "E005",
        [(URLS, 'urlpatterns.append(path("s/about/", admin.site.index))')],
    ),
    "a served URL that hides the admin": (
        "E005 E042 E046 E049",
        [("files/layout.py", "^SERVED_URL = .*", 'SERVED_URL = "/admin/"')],
    ),
    # Roots
    "empty root": ("E011", [(SETTINGS, 'MEDIA_ROOT = ""')]),
    "root unset": ("E011", [(SETTINGS, "STATIC_ROOT = None")]),
    "relative root": ("E011", [(SETTINGS, 'MEDIA_ROOT = "media"')]),
    "relative root in the storage": (
        "E011",
        [(SETTINGS, 'STORAGES["default"]["OPTIONS"]["location"] = "media"')],
    ),
    "one root for both": ("E012 E043", [(SETTINGS, "MEDIA_ROOT = STATIC_ROOT")]),
    "media inside static": ("E012 E043", [(SETTINGS, 'MEDIA_ROOT = STATIC_ROOT / "media"')]),
    "static inside media": ("E012 E043", [(SETTINGS, 'STATIC_ROOT = MEDIA_ROOT / "static"')]),
    "the article's misprint: media above static": (
        "E012 E043",
        [(SETTINGS, "MEDIA_ROOT = os.path.dirname(WEB_ROOT)")],
    ),
    "media in the checkout": ("E013 E043 E063", [(SETTINGS, 'MEDIA_ROOT = BASE_DIR / "media"')]),
    "media above the checkout": (
        "E013 E014 E043",
        [(SETTINGS, "MEDIA_ROOT = BASE_DIR.parent.parent.parent")],
    ),
    "media as a source": ("E014", [(SETTINGS, "STATICFILES_DIRS.append(MEDIA_ROOT)")]),
    "media below a source with a prefix": (
        "E014",
        [(SETTINGS, 'STATICFILES_DIRS.append(("all", MEDIA_ROOT.parent / "media" / "x"))')],
    ),
    "media in an app's sources": (
        "E013 E014 E043 E063",
        [(SETTINGS, 'MEDIA_ROOT = BASE_DIR / "welcome" / "static" / "uploads"')],
    ),
    "a source below the static root": (
        "E015",
        [(SETTINGS, 'STATICFILES_DIRS.append(STATIC_ROOT / "src")')],
    ),
    "the static root as a source": ("E016", [(SETTINGS, "STATICFILES_DIRS.append(STATIC_ROOT)")]),
    "database in the web root": (
        "E017",
        [(SETTINGS, 'DATABASES["default"]["NAME"] = f"{WEB_ROOT}/db.sqlite3"')],
    ),
    "database among the uploads": (
        "E017 E048",
        [(SETTINGS, 'DATABASES["default"]["NAME"] = MEDIA_ROOT / "db.sqlite3"')],
    ),
    # Storages
    "no default storage": ("E021", [(SETTINGS, 'del STORAGES["default"]')]),
    "no static storage": ("E022", [(SETTINGS, 'del STORAGES["staticfiles"]')]),
    "removed media setting": (
        "E023",
        [(SETTINGS, 'DEFAULT_FILE_STORAGE = "storages.backends.s3.S3Storage"')],
    ),
    "removed static setting": (
        "E023",
        [(SETTINGS, 'STATICFILES_STORAGE = STORAGES["staticfiles"]["BACKEND"]')],
    ),
    "the article's ADMIN_MEDIA_PREFIX": ("E023", [(SETTINGS, 'ADMIN_MEDIA_PREFIX = "/s/admin/"')]),
    "names without hashes": (
        "E024",
        [
            (
                SETTINGS,
                'STORAGES["staticfiles"]["BACKEND"] = '
                '"django.contrib.staticfiles.storage.StaticFilesStorage"',
            )
        ],
    ),
    "uploads of mode 0600": (
        "E025",
        [(SETTINGS, 'STORAGES["default"]["OPTIONS"]["file_permissions_mode"] = 0o600')],
    ),
    "uploads of the temporary file's mode": (
        "E025 W025",
        [
            (
                SETTINGS,
                'FILE_UPLOAD_PERMISSIONS = None\ndel STORAGES["default"]["OPTIONS"]'
                '["file_permissions_mode"]',
            )
        ],
    ),
    "a mode for storages that state none": (
        "W025",
        [(SETTINGS, "FILE_UPLOAD_PERMISSIONS = 0o600")],
    ),
    "a mode without 0o": (
        "E025",
        [(SETTINGS, 'STORAGES["default"]["OPTIONS"]["file_permissions_mode"] = 644')],
    ),
    "folders nobody can enter": (
        "E025",
        [(SETTINGS, 'STORAGES["default"]["OPTIONS"]["directory_permissions_mode"] = 0o644')],
    ),
    "static files for their owner only": (
        "E025",
        [(SETTINGS, 'STORAGES["staticfiles"]["OPTIONS"]["file_permissions_mode"] = 0o600')],
    ),
    "uploads that can be executed": (
        "E026",
        [(SETTINGS, 'STORAGES["default"]["OPTIONS"]["file_permissions_mode"] = 0o755')],
    ),
    # Patterns
    "a pattern with LOCAL_DEV off": (
        "E032",
        [
            (
                URLS,
                "from django.views.static import serve\nurlpatterns.append("
                'path("s/media/<path:path>", serve, {"document_root": settings.MEDIA_ROOT}))',
            )
        ],
    ),
    "all patterns with LOCAL_DEV off": (
        "E032",
        [("files/urls.py", r"^    if not settings.LOCAL_DEV:\n        return \[\]", "")],
    ),
    "LOCAL_DEV on a server": ("E033", [(SETTINGS, "LOCAL_DEV = True")]),
    "DEBUG on a server": ("E034", [(SETTINGS, "DEBUG = True")]),
    # nginx and files
    "nginx unreadable: a brace": ("E041", [(SITE, "server {")]),
    "nginx unreadable: an expression": ("E041", [server("location ~ (css { return 404; }")]),
    "nginx unreadable: a size": (
        "E041",
        [server("client_max_body_size lots;"), application("client_max_body_size")],
    ),
    "no location for media": ("E042", [(SITE, "location /s/media/", "location /s/uploads/")]),
    "media handed to Django": ("E042", [(SITE, r"/media\.conf", "/proxy.conf")]),
    "no location for static": ("E042", [(SITE, r"^    location /s/static/.*$", "")]),
    "another root in nginx": ("E043", [(SITE, "^    root .*;", "    root /srv/elsewhere;")]),
    "alias without a slash": ("E043", [media("alias /srv/www/s/media;")]),
    "location without a slash": ("E044", [(SITE, "location /s/media/", "location /s/media")]),
    "location without a slash, with alias": (
        "E043 E044",
        [(SITE, "location /s/media/ {", "location /s/media { alias /srv/media/;")],
    ),
    "a regex takes files by their ending": (
        "E045",
        [server(r"location ~* \.(css|png)$ { expires 30d; }")],
    ),
    "a regex refuses stylesheets": ("E045", [server(r"location ~ \.css$ { return 404; }")]),
    "the rest handed to Django": ("E046", [(SITE, r"^    location /s/ \{.*$", "")]),
    "the rest served": ("E046", [(SITE, r"^    location /s/ \{.*$", "    location /s/ { }")]),
    "a second door to uploads": ("E047", [server("location /up/ { alias ROOT/www/s/media/; }")]),
    "a door to the source": ("E048", [server("location /files/ { alias CHECKOUT/; }")]),
    "the example that serves the source": (
        "E048",
        [
            (
                *SERVER,
                "    location / { root CHECKOUT; try_files $uri @app; }\n"
                "    location @app { include",
            )
        ],
    ),
    "private uploads of another root": (
        "E049",
        [
            ("files/layout.py", 'PRIVATE_URL = "/s/secret/"'),
            (SETTINGS, 'PRIVATE_ROOT = "/var/lib/client_site/s/secret"'),
            server("location /s/secret/ { internal; root /srv; }"),
        ],
    ),
    "private uploads for everybody": (
        "E048 E049",
        [
            ("files/layout.py", 'PRIVATE_URL = "/s/secret/"'),
            (SETTINGS, 'PRIVATE_ROOT = "/var/lib/client_site/s/secret"'),
            server("location /s/secret/ { root /var/lib/client_site; }"),
        ],
    ),
    "private uploads in the media root": (
        "E017 E048 E049",
        [
            ("files/layout.py", 'PRIVATE_URL = "/s/secret/"'),
            (SETTINGS, 'PRIVATE_ROOT = MEDIA_ROOT / "secret"'),
        ],
    ),
    # nginx and requests
    "bodies below Django's limit": (
        "E051",
        [("nginx/proxy.conf", "client_max_body_size .*;", "client_max_body_size 1m;")],
    ),
    "nginx's own body limit": ("E051", [application("client_max_body_size")]),
    "a setting above the body limit": (
        "E051",
        [(SETTINGS, "DATA_UPLOAD_MAX_MEMORY_SIZE = 50 * 1024 * 1024")],
    ),
    "bodies of any size": (
        "W051",
        [("nginx/proxy.conf", "client_max_body_size .*;", "client_max_body_size 0;")],
    ),
    "a host that Django refuses": (
        "E052",
        [
            (
                SITE,
                "^    server_name client-site.example;",
                "    server_name client-site.example b.example;",
            )
        ],
    ),
    "no allowed host": ("E053", [(SETTINGS, "ALLOWED_HOSTS = []")]),
    "a host that nginx does not know": (
        "W052",
        [(SETTINGS, 'ALLOWED_HOSTS = [DOMAIN, "other.example"]')],
    ),
    "any host": ("W052", [(SETTINGS, 'ALLOWED_HOSTS = ["*"]')]),
    "a server for any name": (
        "E054",
        [(SITE, "^    server_name client-site.example;", "    server_name _;")],
    ),
    "the site as the default server": (
        "E054",
        [server("listen 8443 ssl default_server;")],
    ),
    "the client's Host": (
        "E055",
        [("nginx/proxy.conf", "Host .host;", "Host $http_host;")],
    ),
    "the upstream's Host": ("E055", [application("proxy_set_header Host")]),
    "no scheme header": ("E056", [application("proxy_set_header X-Forwarded-Proto")]),
    "the client's scheme header": (
        "E056",
        [("nginx/proxy.conf", r"\$scheme", "$http_x_forwarded_proto")],
    ),
    "the headers of an inner location": (
        "E055 E056",
        [server("location /api/ { proxy_pass http://client_site; proxy_set_header X-A b; }")],
    ),
    "the client's host header": (
        "E056",
        [
            (SETTINGS, "USE_X_FORWARDED_HOST = True"),
            application("proxy_set_header X-Forwarded-Host"),
        ],
    ),
    "TLS that Django does not hear of": ("E057", [(SETTINGS, "SECURE_PROXY_SSL_HEADER = None")]),
    "a scheme that is never https": (
        "E057",
        [("nginx/proxy.conf", r"\$scheme", "http")],
    ),
    "a header that drops the others": (
        "E058",
        [media(r"location ~ \.jpg$ { add_header X-A b; }")],
    ),
    "the machine's types for uploads": ("E059", [media("types { text/html html; }")]),
    "pages by default for uploads": (
        "E059",
        [media(r"location ~ x$ { default_type text/html; }"), media("default_type text/html;")],
    ),
    "a header that drops the others, on the uploads' own domain": (
        "E058",
        [
            (SETTINGS, 'MEDIA_URL = "https://uploads.example/s/media/"'),
            ("nginx/optional/zz.conf", UPLOADS_DOMAIN.replace("MORE", "add_header X-A b;")),
        ],
    ),
    # Services and .gitignore
    "another socket in nginx": (
        "E061",
        [(SITE, "server unix:[^ ;]*", "server unix:/run/other.sock")],
    ),
    "another socket in gunicorn.conf.py": (
        "E061",
        [("gunicorn.conf.py", "^bind = .*", 'bind = "127.0.0.1:8000"')],
    ),
    "another socket in the unit": (
        "E061",
        [("deploy/systemd/zz.socket", "[Socket]\nListenStream=/run/other.sock")],
    ),
    "a database of the working directory": (
        "E063",
        [(SETTINGS, 'DATABASES["default"]["NAME"] = "db.sqlite3"')],
    ),
    "a line that hides sources": ("E062", [(".gitignore", "static/")]),
    "a line that hides all stylesheets": ("E062", [(".gitignore", "*.css")]),
    "a line that hides a migration": ("E062", [(".gitignore", "**/migrations/0*")]),
    "the environment file shown": ("E063", [(".gitignore", r"^/\.env$", "")]),
    "the environment file shown again": ("E063", [(".gitignore", "!/.env")]),
    "a database in the checkout": (
        "E063",
        [(SETTINGS, 'DATABASES["default"]["NAME"] = BASE_DIR / "db.sqlite3"')],
    ),
}


def filled(edits: list[tuple], project: Path, folder: Path) -> list[tuple]:
    """Return the edits with the places of this run."""
    return [
        (*edit[:-1], edit[-1].replace("CHECKOUT", str(project)).replace("ROOT/w", f"{folder}/w"))
        for edit in edits
    ]


def expected(wanted: str, rules: dict, caller: str) -> set[str]:
    """Return the ids that a caller prints: of some rules Django says the same under its own."""
    found = set()
    for id in wanted.split():
        rule = rules[f"files.{id}"]
        if caller == "check":
            found.add(rule["django"] or rule["id"])
        elif not rule["needs"]:
            found.add(rule["id"])
    return found


def quick_first(cases: dict) -> list:
    """Return the names of the cases; one that tries no new rule is slow."""
    names, tried = [], set()
    for name, (wanted, _) in cases.items():
        first = wanted.split()[0]
        names.append(pytest.param(name, marks=[pytest.mark.slow] if first in tried else []))
        tried.add(first)
    return names


@pytest.mark.parametrize("name", quick_first(CASES))
def test_a_change_is_noticed_by_both_callers(name, project, folder, manage, rules):
    wanted, edits = CASES[name]
    with edited(project, filled(edits, project, folder)):
        found, said = hook(project)
        assert found == expected(wanted, rules, "hook"), said
        _, said = manage(project, "check", "--deploy")
        shutil.rmtree(folder / "www", ignore_errors=True)  # LOCAL_DEV makes it
        found = ids(said) - {"staticfiles.W004"}  # this machine has no web root
        assert found == expected(wanted, rules, "check"), said


def test_every_rule_is_tried(rules):
    tried = {f"files.{id}" for wanted, _ in CASES.values() for id in wanted.split()}
    for wanted, _ in [*LOCAL_CASES.values(), *SERVER_CASES.values()]:
        tried |= set(wanted.split())
    assert set(rules) <= tried


LOCAL_CASES = {
    "patterns absent with LOCAL_DEV on": (
        "files.E031",
        [(URLS, r"\*files.urls.local_dev_patterns\(\),", "")],
    ),
    "the article's misprint: a pattern that keeps its slash": (
        "files.E031 urls.W002",
        [
            (
                URLS,
                r"\*files.urls.local_dev_patterns\(\),",
                'django.urls.re_path(f"^{settings.STATIC_URL}(?P<path>.*)$", serve),'
                'path("s/media/<path:path>", serve),',
            ),
            (
                URLS,
                "^import files.urls$",
                "import django.urls\nfrom django.views.static import serve",
            ),
        ],
    ),
    "patterns that keep the slash of the settings": (
        "files.E031 urls.W002",
        [("files/urls.py", r'url\.lstrip\("/"\)', "url")],
    ),
    "patterns behind a page for everything": (
        "files.E031",
        [(URLS, r"^urlpatterns = \[", 'urlpatterns = [path("<path:page>", admin.site.index),')],
    ),
    "media inside static": (
        "files.E012 files.E043",
        [(SETTINGS, 'MEDIA_ROOT = STATIC_ROOT / "media"')],
    ),
    "no location for media": (
        "files.E042",
        [(SITE, "location /s/media/", "location /s/uploads/")],
    ),
    "another root in nginx": ("files.E043", [(SITE, "^    root .*;", "    root /srv/elsewhere;")]),
}


@pytest.mark.parametrize("name", LOCAL_CASES)
def test_a_change_is_noticed_on_a_developers_machine(name, project, manage):
    wanted, edits = LOCAL_CASES[name]
    with edited(project, edits):
        _, said = manage(project, "check", LOCAL_DEV="1")
        assert ids(said) == set(wanted.split()), said
    if "misprint" in name:
        assert "starts with a slash, so it never matches" in said


def test_a_python_without_what_the_settings_need_is_named(project):
    with edited(project, [(SETTINGS, "import storages")]):
        command = [sys.executable, "-B", "-m", "files"]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        "config/settings.py needs more than this Python has: No module named 'storages'.\n"
        "Run it with the project's own: uv run python -m files\n"
    )


def test_a_team_can_silence_a_rule(project, manage):
    edits = [(".gitignore", r"^/\.env$", ""), (SETTINGS, 'SILENCED_SYSTEM_CHECKS = ["files.E063"]')]
    with edited(project, edits):
        status, said = manage(project, "check")
        assert status == 0 and "(1 silenced)" in said


def test_a_warning_is_a_warning(project, manage):
    with edited(project, [CASES["any host"][1][0]]):
        assert hook(project)[0] == {"files.W052"}
        status, said = manage(project, "check")
        assert status == 0 and "WARNINGS" in said
        assert manage(project, "check", "--fail-level", "WARNING")[0] == 1


UNIT = ("deploy/systemd/aa.service", "[Service]\nUser=nobody")


@contextmanager
def server_folders(folder: Path):
    """The folders of a server: uploads are written by nobody, static files by who releases."""
    media, static = folder / "www/s/media", folder / "www/s/static"
    for path in (media, static):
        path.mkdir(parents=True)
    media.chmod(0o777)
    yield
    for path in (folder, folder / "www", folder / "www/s"):
        path.chmod(0o755)
    shutil.rmtree(folder / "www")


@pytest.fixture
def installed(folder):
    with server_folders(folder):
        yield folder


def test_the_folders_of_a_server_are_right(installed, project, manage):
    with edited(project, [UNIT]):
        assert ids(manage(project, "check", "--deploy")[1]) == set()


# name: (ids, what happens to the folders)
SERVER_CASES = {
    "no media root": ("files.E071", lambda www: (www / "s/media").rmdir()),
    "no static root": ("files.E071", lambda www: (www / "s/static").rmdir()),
    "media root that the application cannot write": (
        "files.E072",
        lambda www: (www / "s/media").chmod(0o755),
    ),
    "static root that the application can write": (
        "files.E073",
        lambda www: (www / "s/static").chmod(0o777),
    ),
    "a folder that nginx cannot enter": ("files.E074", lambda www: www.chmod(0o700)),
    "a media root that nginx cannot enter": (
        "files.E074",
        lambda www: (www / "s/media").chmod(0o772),
    ),
    "a link below nginx's root": (
        "files.E075",
        lambda www: (
            (www / "s/media").rename(www / "disk"),
            (www / "s/media").symlink_to(www / "disk"),
        ),
    ),
    "a link that makes two roots one": (
        "files.E012 files.E073 files.E075",
        lambda www: (
            (www / "s/media").rmdir(),
            (www / "s/media").symlink_to(www / "s/static"),
            (www / "s/static").chmod(0o777),
        ),
    ),
}


@pytest.mark.parametrize("name", SERVER_CASES)
def test_a_folder_of_a_server_is_noticed(name, installed, project, manage):
    wanted, change = SERVER_CASES[name]
    if "E074" in wanted:
        try:
            pwd.getpwnam("www-data")
        except KeyError:
            pytest.skip("this machine has no user of nginx's")
    change(installed / "www")
    with edited(project, [UNIT]):
        _, said = manage(project, "check", "--deploy")
        assert ids(said) == set(wanted.split()), said
        assert not ids(said) & ids(manage(project, "check")[1]) - {"files.E012"}
        assert hook(project)[0] == {"files.E012"} & ids(said)  # the rest is for a server


# Right as they are: nothing is reported.
FINE = {
    "as rendered": [],
    "an app with files, pages and templates": [
        ("shop/__init__.py", ""),
        ("shop/static/shop/shop.css", "p {}"),
        ("shop/templates/shop/page.html", "<p>"),
        (SETTINGS, 'INSTALLED_APPS.append("shop")'),
        (URLS, 'urlpatterns.append(path("shop/", admin.site.index))'),
    ],
    "a source with a prefix": [(SETTINGS, 'STATICFILES_DIRS = [("site", BASE_DIR / "static")]')],
    "a page for everything, last": [
        (URLS, 'urlpatterns.append(path("<path:page>", admin.site.index))')
    ],
    "pages by language": [
        (
            URLS,
            "from django.conf.urls.i18n import i18n_patterns\n"
            'urlpatterns += i18n_patterns(path("shop/", admin.site.index))',
        )
    ],
    "a page whose address only looks alike": [
        (URLS, 'urlpatterns.append(path("static/", admin.site.index))')
    ],
    "locations for robots and certificates": [
        server("location = /robots.txt { root /var/www/robots; }"),
        server("location /.well-known/acme-challenge/ { root /var/www/acme; }"),
    ],
    "a location for dotfiles of the whole site": [server(r"location ~ /\. { deny all; }")],
    "a location that refuses scripts": [server(r"location ~ \.php$ { return 404; }")],
    "a location inside static": [
        server("location /s/static/fonts/ { add_header Access-Control-Allow-Origin *; }")
    ],
    "a location inside media with all headers": [
        media(
            r"location ~ \.mp4$ { mp4; add_header X-Content-Type-Options nosniff; add_header"
            ' Content-Security-Policy "sandbox"; add_header Content-Disposition attachment; }'
        )
    ],
    "prefixes that beat every regex": [
        (SITE, "location /s/", "location ^~ /s/"),
        server(r"location ~* \.(css|png)$ { expires 30d; }"),
    ],
    "a redirect of an old address": [server("location /old/ { return 301 /new/; }")],
    "a page for the time of a release": [
        server("error_page 503 @wait;"),
        server("location @wait { return 503 wait; }"),
    ],
    "another application below a path": [
        server(
            "location /api/ { include client_site/proxy.conf; client_max_body_size 100k; }"
        )
    ],
    "aliases instead of a root": [
        (SITE, r"location /s/static/ \{", "location /s/static/ { alias ROOT/www/s/static/;"),
        media("alias ROOT/www/s/media/;"),
    ],
    "another site in the same file": [
        (
            SITE,
            "server { server_name b.example; root /srv/b; location / { index x.html; } }",
        )
    ],
    "media on another domain": [(SETTINGS, 'MEDIA_URL = "https://media.other.example/"')],
    "media on a domain of its own here": [
        (SETTINGS, 'MEDIA_URL = "https://uploads.example/s/media/"'),
        ("nginx/optional/zz.conf", UPLOADS_DOMAIN.replace("MORE", "")),
    ],
    "files that cannot be read as text": [
        (".gitignore", "\udcff"),
        ("gunicorn.conf.py", "this is (no Python"),
    ],
    "uploads in object storage": [
        (
            SETTINGS,
            'STORAGES["default"] = {"BACKEND": "storages.backends.s3.S3Storage",'
            ' "OPTIONS": {"location": "media"}}\nMEDIA_ROOT = ""\n'
            'MEDIA_URL = "https://bucket.other.example/media/"',
        ),
        (SITE, r"^    location /s/media/.*$", ""),
    ],
    "PostgreSQL": [
        (
            SETTINGS,
            'DATABASES["default"] = {"ENGINE": "django.db.backends.postgresql", "NAME": "site"}',
        )
    ],
    "asked from the machine itself": [
        (SETTINGS, 'ALLOWED_HOSTS += ["localhost", "127.0.0.1", "[::1]"]')
    ],
    "all subdomains on both sides": [
        (SITE, "^    server_name client-site.example;", "    server_name .client-site.example;"),
        (SETTINGS, 'ALLOWED_HOSTS = [".client-site.example"]'),
    ],
    "a longer list of ignores": [
        (".gitignore", "*.log\n*.py[co]\n/node_modules/\n/static/build/\n.DS_Store\n/media/")
    ],
    "a root in the checkout would be hidden": [(".gitignore", "/var/")],
    "uploads for nginx's group": [
        (SETTINGS, 'STORAGES["default"]["OPTIONS"]["file_permissions_mode"] = 0o640')
    ],
    "a computed socket": [("gunicorn.conf.py", "^bind = .*", 'bind = os.environ.get("BIND")')],
    "the socket in one line": [
        (
            "nginx/proxy.conf",
            "proxy_pass .*;",
            "proxy_pass http://unix:/run/client_site/gunicorn.sock;",
        )
    ],
}


QUICK = (
    *("as rendered", "an app with files, pages and templates", "a page for everything, last"),
    *("locations for robots and certificates", "a location for dotfiles of the whole site"),
    *("a location inside media with all headers", "aliases instead of a root"),
    *("media on another domain", "media on a domain of its own here", "uploads in object storage"),
    *("files that cannot be read as text", "a longer list of ignores"),
)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow]) for n in FINE]
)
def test_nothing_is_reported_without_need(name, project, folder, manage):
    with edited(project, filled(FINE[name], project, folder)):
        found, said = hook(project)
        assert not found, said
        _, said = manage(project, "check", "--deploy")
        assert ids(said) == set(), said


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FINE if "object storage" not in name])
def test_nor_on_a_developers_machine(name, project, folder, manage):
    with edited(project, filled(FINE[name], project, folder)):
        _, said = manage(project, "check", LOCAL_DEV="1")
        assert ids(said) == set(), said


ANSWERS = [
    {},
    {"served_url": "/files/"},
    {"served_url": "/a/b/c/"},
    {"web_root": "/srv/www"},
    {"domain_name": "a.b.example", "project_slug": "b"},
    {"django_version": "6.1"},
]


@pytest.mark.parametrize("answers", ANSWERS, ids=str)
def test_a_project_of_other_answers_is_clean(answers, copy_of, manage):
    project = copy_of(**answers)
    assert hook(project)[0] == set()
    assert ids(manage(project, "check", "--deploy")[1]) == set()
    assert ids(manage(project, "check", LOCAL_DEV="1")[1]) == set()


def test_roots_on_links_are_clean(copy_of, tmp_path, manage):
    (tmp_path / "disk").mkdir()
    (tmp_path / "www").symlink_to("disk")
    project = copy_of(web_root=f"{tmp_path}/www")
    for name in ("static", "media"):
        (tmp_path / "disk/s" / name).mkdir(parents=True)
    assert hook(project)[0] == set()
    _, said = manage(project, "check", "--deploy")
    assert ids(said) - {"files.E074"} == set(), said  # pytest's own folders are closed to nginx


def test_the_real_commands_say_what_the_forked_ones_say(project, python, manage):
    """One case without any of the tests' own machinery, as a user types it."""
    wanted, edits = CASES["media inside static"]
    with edited(project, edits):
        done = run(
            python(), "-B", "manage.py", "check", "--deploy", cwd=project, SECRET_KEY=SECRET_KEY
        )
        assert (done.returncode, done.stdout) == manage(project, "check", "--deploy")
