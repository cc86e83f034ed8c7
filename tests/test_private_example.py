"""The example of private uploads in docs/nginx.md, applied as written."""

import re
import shutil

import pytest
from conftest import TEMPLATE, run_ok

SCRIPT = """
from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.test import Client
from papers.models import Paper

users = [get_user_model().objects.create_user(name) for name in ("owner", "other")]
paper = Paper(owner=users[0])
paper.file.save("page.html", ContentFile(b"<script>secret</script>"))
for user in (None, *users):
    client = Client(headers={"host": "127.0.0.1"})
    if user:
        client.force_login(user)
    response = client.get(f"/papers/{paper.pk}/")
    print(user, response.status_code, response.headers.get("Content-Disposition"),
          b"".join(response) if response.streaming else b"")
print(paper.file.path)
"""


@pytest.fixture
def project(bake, tmp_path):
    project = tmp_path / "client_site"
    shutil.copytree(bake(), project)
    (project / "papers").mkdir()
    (project / "papers/__init__.py").touch()
    page = (TEMPLATE / "docs/nginx.md").read_text()
    for name, code in re.findall(r"```python\n# (\S+)\n(.*?)```", page, re.DOTALL):
        (project / name).write_text(code)
    settings = project / "config/settings.py"
    settings.write_text(
        settings.read_text().replace('    "accounts",\n', '    "accounts",\n    "papers",\n')
    )
    urls = project / "config/urls.py"
    text = urls.read_text().replace(
        "urlpatterns = [\n",
        "import papers.views\nurlpatterns = [\n    path('papers/<int:pk>/', papers.views.paper),\n",
    )
    urls.write_text(text)
    return project


def test_the_example_of_private_uploads(project, python):
    environment = {"LOCAL_DEV": "1", "DEBUG": "0"}

    def manage(*arguments):
        return run_ok(python(), "manage.py", *arguments, cwd=project, **environment)

    manage("makemigrations", "papers")
    manage("migrate", "--verbosity", "0")
    output = manage("shell", "--verbosity", "0", "--command", SCRIPT)
    assert "None 302 None b''" in output
    assert "owner 200 attachment b'<script>secret</script>'" in output
    assert "other 404" in output
    assert re.search(rf"{project}-var/s/private/papers/[\w-]{{22}}\.html", output)
