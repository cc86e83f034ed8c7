"""The workflows of the template and of projects agree with each other and with the tests."""

import itertools
import re

import yaml

from support.commands import PROJECT, TEMPLATE, run_ok
from support.environments import MATRIX

WORKFLOWS = [root / ".github/workflows/ci.yml" for root in (TEMPLATE, PROJECT)]


def test_each_django_is_tested_with_each_python():
    jobs = yaml.safe_load(WORKFLOWS[0].read_text())["jobs"]
    matrix = jobs["test"]["strategy"]["matrix"]
    excluded = {(pair["django"], pair["python"]) for pair in matrix["exclude"]}
    assert set(itertools.product(matrix["django"], matrix["python"])) - excluded == set(MATRIX)


def test_the_last_job_waits_for_all_others():
    jobs = yaml.safe_load(WORKFLOWS[0].read_text())["jobs"]
    assert jobs["all"]["needs"] == [name for name in jobs if name != "all"]


def test_both_workflows_use_the_same_actions():
    ours, theirs = (set(re.findall(r"uses: (\S+ # v\S+)", file.read_text())) for file in WORKFLOWS)
    assert theirs and theirs <= ours
    assert len({action.partition("@")[0] for action in ours | theirs}) == len(ours | theirs)


def test_dependabot_reads_each_workflow():
    updates = yaml.safe_load((TEMPLATE / ".github/dependabot.yml").read_text())["updates"]
    (directories,) = [u["directories"] for u in updates if "directories" in u]
    read = {d.strip("/") or ".github/workflows" for d in directories}
    listed = run_ok("git", "ls-files", "*.github/workflows/*", cwd=TEMPLATE).splitlines()
    assert read == {name.rpartition("/")[0] for name in listed}


def test_deploy_job_of_the_readme(bake, tmp_path):
    """Its key is for the user only: ssh refuses others."""
    readme = (bake() / "README.md").read_text()
    job = yaml.safe_load(re.search(r"```yaml\n(.*?)```", readme, re.DOTALL)[1])["deploy"]
    assert job["needs"] in yaml.safe_load((bake() / ".github/workflows/ci.yml").read_text())["jobs"]
    assert job["env"] == {name: f"${{{{ secrets.DEPLOY_{name} }}}}" for name in ("KEY", "HOST")}
    prepare, release = [step["run"] for step in job["steps"]]
    run_ok("bash", "-ec", prepare, cwd=tmp_path, HOME=tmp_path, KEY="the key", HOST="the host")
    key = tmp_path / ".ssh/id_ed25519"
    assert key.read_text() == "the key\n" and key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / ".ssh/known_hosts").read_text() == "the host\n"
    assert (
        release.removeprefix("ssh deploy@client-site.example sudo ") in readme.split("NOPASSWD")[1]
    )
