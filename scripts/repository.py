"""Give the repository another name: `python3 scripts/repository.py owner/name`.

`_repository` in cookiecutter.json is the definition, which rendered projects use. Commands and
links in the pages repeat it, because GitHub shows them as they are.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

TEMPLATE = Path(__file__).parent.parent


def main(name: str = "") -> None:
    """Replace the name in all files that git knows, reference/ among them."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        sys.exit(f"{name!r} is not owner/name, as in the URL of a repository on GitHub.")
    old = json.loads((TEMPLATE / "cookiecutter.json").read_text())["_repository"]
    pattern = re.compile(rf'(gh:|github\.com/|"_repository": "){re.escape(old)}(?![\w-])')
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=TEMPLATE, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.split("\0")
    for path in (TEMPLATE / file for file in listed if file):
        try:
            text = path.read_text()
        except (UnicodeDecodeError, FileNotFoundError):  # an image; a deleted file
            continue
        if pattern.search(text):
            path.write_text(pattern.sub(rf"\g<1>{name}", text))
            print(path.relative_to(TEMPLATE))


if __name__ == "__main__":
    main(*sys.argv[1:])
