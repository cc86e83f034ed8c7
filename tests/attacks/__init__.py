"""Attacks on a running site, and mutants: its protections removed one by one.

To add a case, write it into the module of cases/ that it fits, with the file that it requests:

    files["static/.gitkeep"] = SECRET
    send("dotfile-static", request("/s/static/.gitkeep"), *NOT_FOUND, local=True)

and run it: `uv run pytest tests/attacks -k dotfile-static`. With `local=True` the development server
must withstand it too. expect.py has what a response can be. Then remove the protection and watch the
case fail: a mutant (mutants.py) does that in each run of the slow tests.
"""
