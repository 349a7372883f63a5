"""The manual pages and the bash completion, as `make docs` makes them."""

import json
import re
import subprocess

import pytest

import bench
import stack

PAGES = ("man1/odysctl.1", "man5/odys.env.5", "man8/odys-fcgi.8")


@pytest.fixture(scope="module")
def docs(tmp_path_factory):
    directory = tmp_path_factory.mktemp("docs")
    stack.run(stack.CHECKOUT / "scripts" / "manuals", stack.BINARIES, directory)
    return directory


def tree(*words):
    """The commands of odysctl, from its own help."""
    text = stack.run(bench.CTL, *words, "--help").stdout
    if "SUBCOMMANDS:" not in text:
        return [words]
    names = re.findall(r"^  ([a-z]+)\b", text.split("SUBCOMMANDS:")[1], re.MULTILINE)
    return [leaf for name in names for leaf in tree(*words, name)]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_good_mdoc(docs, page):
    done = subprocess.run(["/usr/bin/mandoc", "-Tlint", "-Wstyle", docs / page], capture_output=True, text=True,
                          check=False)
    # The pages that it refers to are not installed where the tests run.
    found = [line for line in done.stdout.splitlines() if "referenced manual not found" not in line]
    assert found == []
    text = stack.run("/usr/bin/mandoc", "-Tutf8", docs / page).stdout
    assert len(text.splitlines()) > 25


def test_the_page_of_odysctl_has_every_command(docs):
    page = (docs / "man1/odysctl.1").read_text(encoding="utf-8")
    commands = tree()
    assert len(commands) > 15 and ("outbox", "retry") in commands and ("mcp",) in commands
    for words in commands:
        assert f".Ss {' '.join(words)}\n" in page
    assert ".It Fl -expire-hours Ar expire-hours\nHours until they expire again.\nDefault: 24." in page


def test_the_settings_are_described_as_they_are(docs):
    """After a change of the catalogue, `make docs` writes docs/SETTINGS.md again."""
    document = (docs / "SETTINGS.md").read_text(encoding="utf-8")
    assert document == (stack.CHECKOUT / "docs" / "SETTINGS.md").read_text(encoding="utf-8"), "run 'make docs'"
    page = (docs / "man5/odys.env.5").read_text(encoding="utf-8")
    for setting in json.loads(stack.run(bench.CTL, "config", "example", "--json").stdout):
        assert f"| `{setting['name']}` |" in document and f".It Ev {setting['name']}\n" in page


def complete(docs, *words):
    """What bash offers after these words, by the registered function."""
    script = r'''source "$1"; shift
        function=$(complete -p odysctl | sed -E 's/.*-F ([^ ]+) .*/\1/')
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
        "$function" odysctl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"'''
    done = stack.run("/bin/bash", "--norc", "-c", script, "bash", docs / "bash-completion/odysctl", "odysctl", *words)
    return {line.strip() for line in done.stdout.splitlines()}


def test_bash_completes_commands_and_options(docs):
    stack.run("/bin/bash", "-n", docs / "bash-completion/odysctl")
    assert complete(docs, "con") == {"config"}
    assert complete(docs, "config", "") >= {"check", "show", "example", "nginx"}
    assert complete(docs, "outbox", "retry", "--ex") == {"--expire-hours"}
    assert complete(docs, "doc") == {"doctor"}
