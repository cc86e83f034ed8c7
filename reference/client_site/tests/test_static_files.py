"""Stylesheets and templates refer to static files that exist, with a server's storage."""

import re
import sys
from difflib import get_close_matches

import pytest
from django.conf import settings
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage, staticfiles_storage
from django.core.management import execute_from_command_line
from django.template import Template, TemplateSyntaxError
from django.template.autoreload import get_template_directories
from django.templatetags.static import StaticNode
from django.utils.module_loading import import_string
from test_site import python


def test_static_files_exist(tmp_path):
    check = python(__file__, tmp_path, PYTHONPATH=".", DJANGO_SETTINGS_MODULE="config.settings")
    if check.returncode:
        long = r"(?s)failed!\n.*Error: (The file .*?) with <.*"  # a traceback with Django 5.2
        pytest.fail(re.sub(long, r"failed! \1.", check.stderr), pytrace=False)


if __name__ == "__main__":  # run by the test, with a server's environment
    checkout, missing = settings.BASE_DIR, []
    settings.BASE_DIR = settings.STATIC_ROOT = sys.argv[1]  # BASE_DIR: for the manifest
    backend = import_string(settings.STORAGES["staticfiles"]["BACKEND"])
    if not issubclass(backend, ManifestStaticFilesStorage):
        staticfiles_storage._wrapped = ManifestStaticFilesStorage()
        staticfiles_storage._patterns = {}  # check the names only, not what stylesheets refer to
    execute_from_command_line(["manage.py", "collectstatic", "--noinput", "--verbosity", "0"])
    own = (d for d in get_template_directories() if d.is_relative_to(checkout))
    files = {file for d in own if "site-packages" not in d.parts for file in d.rglob("*")}
    for file in sorted(files):
        try:
            nodes = Template(file.read_text()).nodelist.get_nodes_by_type(StaticNode)
        except (OSError, TemplateSyntaxError, UnicodeError):  # a directory, Jinja2, an image
            continue
        for node in nodes:
            name = node.path.var
            try:
                if isinstance(name, str) and not node.path.filters:
                    staticfiles_storage.url(name)
            except Exception:  # visitors get an error page
                close = get_close_matches(name, staticfiles_storage.hashed_files, n=1)
                hint = f" Did you mean {close[0]!r}?" if close else ""
                place = f"{file.relative_to(checkout)}:{node.token.lineno}"
                missing.append(f"{place}: There is no static file {name!r}.{hint}")
    sys.exit("\n".join(missing) or 0)
