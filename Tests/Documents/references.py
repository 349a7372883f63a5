#!/usr/bin/python3
"""Looks up everything that the documents name: links and their anchors, files, targets of make, tests, soak scenarios,
types.

  Tests/Documents/references.py [DIR]     prints what does not exist, and exits 1 where there is any
"""

import pathlib
import re
import subprocess
import sys

LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
CODE_SPAN = re.compile(r"`([^`\n]+)`")
MAKE = re.compile(r"(?:^|[\s(])make ([a-z][a-z-]*)")
FOLDERS = "docs|deploy|sql|Sources|Tests|scripts|examples|bench"
# A path of this project, also with a * in it. What stands in capitals, such as NNNN, is the reader's to fill in.
PATH = re.compile(rf"(?<![\w/.@~-])((?:{FOLDERS})/[\w@.*/-]*)")
PYTEST = re.compile(r"(test_\w+\.py)?(?:::(test_\w+))?")
SWIFT_TEST = re.compile(r"^(\w+Tests)?(?:\.(\w+))?$")
# `Connection.transaction`, `WebConnection`, an alert: two capitals at least.
TYPE = re.compile(r"([A-Z][a-z]+(?:[A-Z][A-Za-z0-9]*)+)(?:\.(\w+))?")
# Of others.
OTHERS_TYPES = {"HttpOnly"}
SCENARIO = re.compile(r"(?:scripts/)?soak ((?:[a-z]+(?:-[a-z]+)*)(?: [a-z]+(?:-[a-z]+)*)*)")


class Project:
    """What there is to be named."""

    def __init__(self, root):
        self.root = root
        listed = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"], capture_output=True,
                                text=True, check=True).stdout.splitlines()
        self.files = [name for name in listed if (root / name).exists()]
        self.documents = [name for name in self.files if name.endswith(".md")]
        makefile = (root / "Makefile").read_text(encoding="utf-8")
        self.targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
        self.pytests = {pathlib.Path(name).name: set(re.findall(r"def (test_\w+)", self.read(name)))
                        for name in self.files if pathlib.Path(name).name.startswith("test_")}
        self.suites: dict = {}
        for name in self.files:
            if name.startswith("Tests/") and name.endswith(".swift"):
                text = self.read(name)
                for suite in re.findall(r"\b(?:struct|class|enum|extension) (\w+Tests)\b", text):
                    self.suites.setdefault(suite, set()).update(re.findall(r"func (\w+)", text))
        self.words: set = set()
        for name in self.files:
            if not name.endswith(".md"):
                self.words.update(re.findall(r"\w+", (root / name).read_text(encoding="utf-8", errors="ignore")))
        self.scenarios = {scenario for name in self.files if name.startswith("Tests/Soak/scenarios_")
                          for scenario in re.findall(r'@scenario\("([a-z-]+)"', self.read(name))}

    def read(self, name):
        return (self.root / name).read_text(encoding="utf-8")

    def anchors(self, name):
        """The anchors of a document's headings, as GitHub makes them."""
        found: list = []
        for heading in re.findall(r"^#{1,6} (.+)$", without_blocks(self.read(name)), re.MULTILINE):
            words = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip().lower()))
            anchor = words.replace(" ", "-")
            found.append(anchor if anchor not in found else f"{anchor}-{found.count(anchor)}")
        return found


def without_blocks(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def code_of(line):
    """What stands in a line as code: its spans, or all of it where it is indented as a block is."""
    return [line.strip()] if line.startswith("    ") else CODE_SPAN.findall(line)


def problems(project):
    for document in project.documents:
        for number, line in enumerate(project.read(document).splitlines(), 1):
            for wrong in [*links(project, document, line), *names(project, document, line)]:
                yield f"{document}:{number}: {wrong}"


def links(project, document, line):
    for target in LINK.findall(CODE_SPAN.sub("", line)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (project.root / document).parent / path if path else project.root / document
        if not file.exists():
            yield f"the link {target} leads nowhere"
        elif anchor and anchor not in project.anchors(file.resolve().relative_to(project.root)):
            yield f"the link {target} names no heading there"


def names(project, document, line):
    for found in PATH.findall(LINK.sub("", line)):
        path = found.rstrip(".")
        if not re.search("[A-Z]{4}_|NAME", path) and not exists(project, document, path):
            yield f"there is no {path}"
    code = code_of(line)
    for words in code:
        for target in MAKE.findall(words):
            if target not in project.targets:
                yield f"make has no target {target}"
        yield from scenarios(project, words)
    spans = [] if line.startswith("    ") else code
    yield from tests(project, spans)
    # A changelog tells of what is gone, too.
    if document != "CHANGELOG.md":
        yield from types(project, spans)


def exists(project, document, path):
    places = (project.root, (project.root / document).parent)
    return any(any(place.glob(path)) if "*" in path else (place / path).exists() for place in places)


def types(project, spans):
    for words in spans:
        found = TYPE.fullmatch(words)
        # Files and tests are looked up above.
        if found and found[2] != "swift" and not found[1].endswith("Tests") and found[1] not in OTHERS_TYPES:
            for name in filter(None, found.groups()):
                if name not in project.words:
                    yield f"nothing here is named {name} ({words})"


def scenarios(project, words):
    if found := SCENARIO.match(words):
        for name in found.group(1).split():
            # After two spaces or more a block goes on in prose.
            if name not in project.scenarios and not words.startswith(("scripts/soak  ", "make")):
                yield f"the soak harness has no scenario {name}"


def tests(project, spans):
    """`test_x.py::test_y`, then `::test_z` of the same file; `Suite.test`, then `.test` of the same suite."""
    file = suite = None
    for words in spans:
        if found := (words.startswith(("test_", "::")) and PYTEST.fullmatch(words)):
            file = found.group(1) or file
            if file not in project.pytests:
                yield f"there is no {file}"
            elif found.group(2) and found.group(2) not in project.pytests[file]:
                yield f"{file} has no {found.group(2)}"
        elif words.endswith(".swift"):
            if not any(f"/{name}".endswith(f"/{words}") for name in project.files):
                yield f"there is no {words}"
        elif (found := SWIFT_TEST.fullmatch(words)) and (found.group(1) or (suite and found.group(2))):
            suite = found.group(1) or suite
            if suite not in project.suites:
                yield f"there are no {suite}"
            elif found.group(2) and found.group(2) not in project.suites[suite]:
                yield f"{suite} has no {found.group(2)}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()
    project = Project(root)
    found = list(problems(project))
    for line in found:
        print(line)
    print(f"{len(project.documents)} documents, {len(found)} references that lead nowhere")
    return 1 if found or not project.documents else 0


if __name__ == "__main__":
    sys.exit(main())
