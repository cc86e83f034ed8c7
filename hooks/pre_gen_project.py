"""Refuse answers that would render a broken project: one sentence a problem, all at once.

Because of it the template may put an answer between plain quotes in Python, TOML and nginx.
"""

import json
import keyword
import re
import sys

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")

# Folders that a module of the same name would hide, and Django itself. A test compares the list
# with the layout.
TAKEN = {
    *("accounts", "config", "deploy", "nginx", "files", "static", "templates", "tests", "welcome"),
    *("admin", "django", "manage", "media", "site", "test"),
}


def name_problem(name):
    """Return what is wrong with the site's name, or None."""
    if not name.strip():
        return "is empty: type the name that visitors read"
    if not name.isprintable() or set(name) & set('"\\{}'):
        return 'holds one of " \\ { } or a control character: leave it out'


def slug_problem(slug):
    """Return what is wrong with the project's slug, or None."""
    if not re.fullmatch(r"[a-z]([a-z0-9_]*[a-z0-9])?", slug):
        return (
            "is no lower-case Python name: use a-z, 0-9 and _, a letter first"
            " and no _ last, such as client_site"
        )
    if keyword.iskeyword(slug):
        return f"is a word of Python's own: try {slug}_site"
    if slug in sys.stdlib_module_names | TAKEN:
        return f"is the name of a module or folder that the project needs: try {slug}_site"


def domain_problem(domain):
    """Return what is wrong with the domain, or None. Source: RFC 1035, 2.3.4; RFC 1123, 2.1."""
    label = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
    if len(domain) > 253 or not re.fullmatch(rf"({label}\.)+(?!\d+$){label}", domain):
        return (
            "is no domain: lower-case names with dots between them,"
            " such as client.example (others in their xn-- form)"
        )
    if domain.startswith("www."):
        return f"starts with www, which is redirected anyway: type {domain[4:]}"


def url_problem(url):
    """Return what is wrong with the served URL, or None."""
    if not re.fullmatch(r"/([A-Za-z0-9_-]+/)+", url):
        return (
            "is no path that nginx can serve files below: start and end with a slash, and use"
            " letters, digits, - and _ between, such as /s/"
        )
    if url.startswith("/admin/"):
        return "would hide Django's admin: choose another, such as /s/"


def root_problem(root):
    """Return what is wrong with the web root, or None."""
    if not re.fullmatch(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9_.-]+)+", root):
        return (
            "is no folder that nginx can serve from: start with a slash, do not end with one, and"
            " use letters, digits, . - and _ between, such as /var/www/client.example"
        )


PROBLEMS = {
    "project_name": name_problem,
    "project_slug": slug_problem,
    "domain_name": domain_problem,
    "served_url": url_problem,
    "web_root": root_problem,
}


def main():
    """Print a sentence for each refused answer. Return the exit status."""
    refused = 0
    for question, problem in PROBLEMS.items():
        answer = ANSWERS[question]
        if sentence := problem(answer):
            print(f"{question} {answer!r} {sentence}.", file=sys.stderr)
            refused = 1
    return refused


raise SystemExit(main())
