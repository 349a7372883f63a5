"""What the pre-commit hook says about the next commit. Each test has an index of its own."""

import os
import pathlib
import subprocess

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
SWIFT_GOOD, SWIFT_BAD = "let a = 1\n", "let a=1 ;\n"


class Index:
    def __init__(self, directory):
        # Objects of the tests go into a directory of their own, beside which git finds those of the checkout.
        self.environment: dict = {}
        objects = self.git("rev-parse", "--path-format=absolute", "--git-path", "objects")
        (directory / "objects").mkdir()
        self.environment = {
            "GIT_INDEX_FILE": str(directory / "index"), "GIT_OBJECT_DIRECTORY": str(directory / "objects"),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": objects}
        self.git("read-tree", "HEAD")

    def git(self, *words, text=None):
        done = subprocess.run(["git", *words], cwd=CHECKOUT, input=text, capture_output=True, text=True, check=True,
                              env={**os.environ, **self.environment})
        return done.stdout.strip()

    def stage(self, path, text, mode="100644"):
        blob = self.git("hash-object", "-w", "--stdin", text=text)
        self.git("update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}")

    def hook(self):
        done = subprocess.run([CHECKOUT / ".githooks" / "pre-commit"], cwd=CHECKOUT, capture_output=True, text=True,
                              check=False, env={**os.environ, **self.environment})
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def index(tmp_path):
    return Index(tmp_path)


def test_an_empty_commit_passes(index):
    assert index.hook() == (0, "")


@pytest.mark.parametrize("path, good, bad, check", [
    ("Sources/OdysCore/One.swift", SWIFT_GOOD, SWIFT_BAD, "swift format lint"),
    ("scripts/one.py", "ONE = 1\n", "import os\n", "ruff"),
    ("scripts/one", "#!/usr/bin/python3\nONE = 1\n", "#!/usr/bin/python3\nimport os\n", "ruff"),
    ("scripts/one", "#!/bin/bash\necho one\n", "#!/bin/bash\necho $1\n", "shellcheck"),
    ("examples/one.sh", "#!/bin/sh\necho one\n", "#!/bin/sh\ncd $1\n", "shellcheck"),
    ("sql/9999_one.sql", "SELECT 1;\n", "SELEC 1 FROM;\n", "SQL can be parsed"),
    ("docs/one.json", "{}\n", "{\n", "JSON and YAML can be parsed"),
    ("docs/one.yaml", "a: 1\n", "a: [\n", "JSON and YAML can be parsed"),
    ("examples/one.php", "<?php echo 1;\n", "<?php echo 1\n}\n", "php -l examples/one.php"),
    ("examples/one.mjs", "const one = 1;\n", "const one = ;\n", "node --check examples/one.mjs"),
    ("deploy/nginx/odys-limits.conf", "client_header_buffer_size 4k;\n", "client_heder_buffer_size 4k;\n", "nginx -t"),
    ("docs/one.txt", "one\n", "one \n", "no tabs, no white space at the end of a line"),
], ids=str)
def test_what_is_staged_is_checked(index, path, good, bad, check):
    mode = "100755" if path.startswith("scripts/one") else "100644"
    index.stage(path, good, mode)
    code, said = index.hook()
    assert code == 0 and f"ok     {check}\n" in said, said
    index.stage(path, bad, mode)
    code, said = index.hook()
    assert code == 1 and f"FAILED {check}\n" in said, said


def test_a_removed_file_is_not_looked_for(index):
    index.git("update-index", "--force-remove", "README.md", "scripts/seed.sql")
    code, said = index.hook()
    assert code == 0, said
