"""Fixtures for each module's own site: behind nginx, and the development server."""

import shutil

import pytest

from attacks.sites import SETTINGS, behind_nginx, development_server
from support.packages import find_nginx
from support.site import deployed, rendered_for, server_directory

pytest.register_assert_rewrite("attacks.expect", "attacks.cases")  # a failure shows the values


@pytest.fixture(scope="module")
def nginx() -> str:
    """The nginx of `server`. A module can use another one."""
    return find_nginx()


@pytest.fixture(scope="module")
def server(copy_of, python, nginx):
    """A deployed project with views that show what reaches Django."""
    with server_directory() as root:
        project = copy_of(**rendered_for(root))
        with deployed(project, root, python(), nginx, **SETTINGS) as server:
            yield server


@pytest.fixture(scope="module")
def site(server):
    """The deployed project as a site under attack, with test files and accounts."""
    with behind_nginx(server) as site:
        yield site


@pytest.fixture(scope="module")
def local(bake, python, tmp_path_factory):
    """The development server of a separate project, with the same test files."""
    project = shutil.copytree(bake(), tmp_path_factory.mktemp("local") / "client_site")
    with development_server(project, python()) as site:
        yield site
