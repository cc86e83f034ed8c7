"""Refuse answers that would render a broken project: one sentence per problem, all at once.

It lets the template put any answer between plain quotes in Python, TOML and nginx files.

Cookiecutter prints a traceback after a hook that fails. So the sentences are printed twice: at
once, and below the traceback by a process that waits for Cookiecutter's exit.
"""

import json
import keyword
import os
import re
import select
import shlex
import shutil
import sys
import time
from pathlib import Path

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")

# A test compares this list with the template's directories and dependencies.
RESERVED = {
    # Directories of the project, and names that Django or its URLs use.
    *("accounts", "config", "deploy", "files", "nginx", "static", "templates", "tests", "welcome"),
    *("admin", "django", "manage", "media", "private", "site", "test"),
    # Dependencies: a project cannot depend on itself.
    *(
        "brotli",
        "django_environ",
        "gunicorn",
        "pillow",
        "psycopg",
        "pytest",
        "pytest_django",
        "ruff",
    ),
    # System users of Debian, Ubuntu and PostgreSQL.
    *("backup", "bin", "daemon", "games", "irc", "landscape", "list", "lp", "mail", "man", "news"),
    *("nobody", "polkitd", "postgres", "proxy", "root", "sshd", "sync", "sys", "syslog"),
    *("systemd", "tcpdump", "tss", "usbmux", "uucp", "uuidd"),
}
# Directories of the system. The deployment changes the mode of the web root, and the service cannot
# write to home directories.
SYSTEM = (
    *("/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/proc", "/root"),
    *("/run", "/sbin", "/sys", "/usr", "/var/backups", "/var/cache", "/var/lib", "/var/local"),
    *("/var/lock", "/var/log", "/var/mail", "/var/opt", "/var/run", "/var/spool", "/var/tmp"),
)


def name_problem(name):
    """Return what is wrong with the site's name, or None."""
    if not name.strip():
        return "is empty: type the name of the site"
    if not name.isprintable() or set(name) & set('"\\{}'):
        return 'contains one of " \\ { } or a control character: remove it'


def slug_problem(slug):
    """Return what is wrong with the project's slug, or None."""
    if not re.fullmatch(r"[a-z]([a-z0-9_]*[a-z0-9])?", slug):
        return (
            "is not a valid slug: use a-z, 0-9 and _, start with a letter and do not end with _,"
            " such as client_site"
        )
    if keyword.iskeyword(slug):
        return f"is a Python keyword: try {slug}_site"
    if slug in sys.stdlib_module_names | RESERVED or slug.startswith("systemd_"):
        return f"is the name of a module, directory or system user: try {slug}_site"


def domain_problem(domain):
    """Return what is wrong with the domain, or None. Source: RFC 1035, 2.3.4; RFC 1123, 2.1."""
    label = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
    if len(domain) > 253 or not re.fullmatch(rf"({label}\.)+(?!\d+$){label}", domain):
        return (
            "is not a valid domain name: use lower-case names with dots between them, such as"
            " client.example (use Punycode for non-ASCII names)"
        )
    if domain.startswith("www."):
        return f"starts with www, which is redirected anyway: type {domain[4:]}"


def url_problem(url):
    """Return what is wrong with the URL prefix, or None."""
    if not re.fullmatch(r"/([A-Za-z0-9_-]+/)+", url):
        return (
            "is not a valid URL prefix: start and end with a slash, and use letters, digits, - and"
            " _ between, such as /s/"
        )
    if url.startswith(("/admin/", "/accounts/")):
        return "would hide the admin or the login: choose another, such as /s/"


def root_problem(root):
    """Return what is wrong with the web root, or None."""
    if not re.fullmatch(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9_.-]+)+", root):
        return (
            "is not a valid web root: start with a slash, do not end with one, and use letters,"
            " digits, . - and _ between, such as /var/www/client.example"
        )
    home = f"/srv/{ANSWERS['project_slug']}"
    code = [f"{home}/{name}" for name in ("checkout", "current", "next", "previous", "releases")]
    overlaps = [
        directory
        for directory in (*SYSTEM, *code)
        if f"{root}/".startswith(f"{directory}/") or f"{directory}/".startswith(f"{root}/")
    ]
    here = os.getcwd()  # the directory of the new project
    for kind in ("static", "media"):
        path = os.path.realpath(f"{root}{ANSWERS['served_url']}{kind}")
        if f"{path}/".startswith(f"{here}/") or f"{here}/".startswith(f"{path}/"):
            return f"overlaps the project {here}: use a directory outside of it"
    if overlaps or root.count("/") == 1:
        place = f"overlaps {overlaps[0]}" if overlaps else "is a top-level directory"
        return f"{place}: use a directory for this site only, such as /var/www/client.example"


PROBLEMS = {
    "project_name": name_problem,
    "project_slug": slug_problem,
    "domain_name": domain_problem,
    "served_url": url_problem,
    "web_root": root_problem,
}


def problems():
    """Return a sentence for each problem."""
    return [
        f"{question} {ANSWERS[question]!r} {problem}."
        for question, find_problem in PROBLEMS.items()
        if (problem := find_problem(ANSWERS[question]))
    ]


def next_step():
    """Return what to run next: the command that was run, for a shell, with all answers."""
    answers = {question: ANSWERS[question] for question in (*PROBLEMS, "django_version")}
    if "_output_dir" not in ANSWERS:  # cruft does not pass its options either
        words = ["--extra-context", shlex.quote(json.dumps(answers, ensure_ascii=False))]
        text = "Run the command again with these answers, corrected:"
    else:
        # uvx sets UV. After it, cookiecutter is not on PATH.
        by_uvx = os.environ.get("UV") and shutil.which("uvx")
        words = ["uvx", "cookiecutter"] if by_uvx else ["cookiecutter"]
        words.append(shlex.quote(ANSWERS["_template"]))
        if ANSWERS.get("_checkout"):
            words += ["-c", shlex.quote(ANSWERS["_checkout"])]
        if ANSWERS["_output_dir"] != os.path.realpath(os.environ.get("PWD", "")):
            words += ["-o", shlex.quote(ANSWERS["_output_dir"])]
        if os.listdir():  # the directory of a project, which Cookiecutter accepts with -f only
            words.append("-f")
        words += [f"{name}={shlex.quote(answer)}" for name, answer in answers.items()]
        text = "Correct the command and run it again:"
    # Cookiecutter creates the directories of a/b before the hook, and removes only the last.
    what = "No file" if "/" in answers["project_slug"] else "Nothing"
    return f"{what} was created. {text}\n\n    {' '.join(words)}"


def wait_for_exit(pid, seconds=4):
    """Return whether a process exits in time.

    It can remain as a zombie: its parent may first read stderr to the end, which this process has.
    """
    if hasattr(select, "kqueue"):  # macOS
        event = select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)
        return bool(select.kqueue().control([event], 1, seconds))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1] in b"XZ":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def print_after_exit(pid, text):
    """Print a text to stderr after the exit of a process, without waiting for it."""
    if hasattr(os, "fork") and os.fork() == 0:
        try:
            os.setsid()  # a terminal can stop what writes to it in the background
            os.closerange(0, 2)  # who reads stdout to its end does not wait
            # A caller of Cookiecutter's API does not exit, and has no command to correct.
            if wait_for_exit(pid):
                print(text, file=sys.stderr, flush=True)
        finally:
            os._exit(0)


def main():
    """Print the problems. Return the exit status."""
    sentences = "\n".join(problems())
    if not sentences:
        return 0
    print(sentences, file=sys.stderr, flush=True)
    print_after_exit(os.getppid(), f"\n{sentences}\n\n{next_step()}")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
