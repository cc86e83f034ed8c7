"""An installation's copies of nginx/ and deploy/systemd/ have the names of its instance."""

import os
import re
import shutil
import subprocess

import pytest

from support.commands import run_ok

# Names that occur in these files for other reasons; the others are reserved.
SLUGS = ["client_site", "etc", "clients", "web", "a" * 40]


def files(project) -> dict[str, str]:
    """Return the files with the names of an instance, without comments."""
    found = [*project.glob("nginx/*"), *project.glob("deploy/systemd/**/*.*")]
    return {
        str(file.relative_to(project)): re.sub("#.*", "", file.read_text())
        for file in found
        if file.suffix != ".new"
    }


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="apt install shellcheck")
def test_shellcheck(bake):
    run_ok("shellcheck", *bake().glob("deploy/*.sh"), cwd=bake())


@pytest.mark.parametrize("slug", SLUGS)
def test_copies_equal_another_rendering(bake, tmp_path, slug):
    """They are what the template would have rendered with the names of the instance."""
    domain = f"staging.{slug.replace('_', '-')}.example"
    project = bake(project_slug=slug)
    script = (project / "deploy/deploy.sh").read_text()
    put = re.search(r"^put\(\) \{.*?^\}", script, re.MULTILINE | re.DOTALL)[0]
    copies = {}
    for name in files(project):
        command = f'{put}\nput "{project}/{name}" copy'
        names = {"name": "staging_2", "user": "staging_2", "domain": domain}
        names |= {"web_root": f"/var/www/{domain}", "PATH": "/usr/bin:/bin"}
        subprocess.run(["sh", "-euc", command], cwd=tmp_path, env=names, check=True)
        copies[name] = re.sub("#.*", "", (tmp_path / "copy").read_text())
    assert copies == files(bake(project_slug="staging_2", domain_name=domain))


def test_environment_of_an_installation(bake, tmp_path):
    """DOMAIN=… is for the default name, too."""
    script = (bake() / "deploy/install.sh").read_text()
    (line,) = re.findall(r"^ *\(umask 077 && .*SECRET_KEY.*$", script, re.MULTILINE)
    names = {"checkout": str(bake()), "environment": "env", "domain": "other.example"}
    names["PATH"] = os.environ["PATH"]
    subprocess.run(["sh", "-euc", line], cwd=tmp_path, env=names, check=True)
    environment = (tmp_path / "env.new").read_text()
    assert re.search(r"^SECRET_KEY=[0-9a-f]{64}$", environment, re.MULTILINE)
    assert environment.endswith("\nDOMAIN=other.example\n")
