"""These tests run inside a rendered project, not here."""

collect_ignore_glob = ["test_*.py"]
