"""The checker of names in documents, on documents with mistakes: it finds each, and nothing else."""

import subprocess

import pytest

import stack

CHECK = stack.CHECKOUT / "Tests" / "Documents" / "references.py"
FILES = {
    "Makefile": "build:\n\ttrue\n",
    "docs/OTHER.md": "# Other\n\n## A heading, with `code`\n",
    "scripts/test": "", "scripts/soak": "",
    "Tests/EndToEnd/test_one.py": "def test_that():\n    pass\n",
    "Tests/OneTests.swift": "struct OneTests { func holds() {} }\n",
    "Tests/Soak/scenarios_one.py": '@scenario("same-key", "")\n',
}
GOOD = """# Title

[a](docs/OTHER.md), [b](docs/OTHER.md#a-heading-with-code), [c](#title), [d](https://example.com/none), `make build`,
scripts/test, `sql/NNNN_name.sql`, `test_one.py::test_that`, `::test_that`, `OneTests.holds`, `.holds`, `soak same-key`.

    make build    and more
    scripts/soak same-key
"""


def check(directory, text):
    for name, content in {**FILES, "README.md": text}.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(content, encoding="utf-8")
    subprocess.run(["git", "init", "-q", directory], check=True)
    done = subprocess.run(["/usr/bin/python3", CHECK, directory], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_what_exists_passes(tmp_path):
    assert check(tmp_path, GOOD) == (0, "2 documents, 0 references that lead nowhere\n")


@pytest.mark.parametrize("line, said", [
    ("[a](docs/NONE.md)", "the link docs/NONE.md leads nowhere"),
    ("[a](docs/OTHER.md#nothing)", "names no heading there"), ("[a](#nothing)", "names no heading there"),
    ("Run `make nothing`.", "make has no target nothing"), ("    make nothing", "make has no target nothing"),
    ("docs/NONE.md says", "there is no docs/NONE.md"), ("run scripts/nothing", "there is no scripts/nothing"),
    ("`deploy/*/none.conf`", "there is no deploy/*/none.conf"),
    ("`test_two.py`", "there is no test_two.py"), ("`test_one.py::test_this`", "test_one.py has no test_this"),
    ("`test_one.py::test_that`, `::test_this`", "test_one.py has no test_this"),
    ("`TwoTests`", "there are no TwoTests"), ("`OneTests.holds`, `.fails`", "OneTests has no fails"),
    ("`soak other-key`", "no scenario other-key"), ("    scripts/soak other-key", "no scenario other-key")])
def test_what_does_not_exist_is_named(tmp_path, line, said):
    code, output = check(tmp_path, GOOD + "\n" + line + "\n")
    assert code == 1 and said in output and "README.md:9:" in output, output
    assert output.endswith("2 documents, 1 references that lead nowhere\n"), output
