"""The checks of the sources, for `make check`, for `make test` and for the pre-commit hook."""

import concurrent.futures
import dataclasses
import os
import pathlib
import subprocess
import tempfile
from collections.abc import Callable

from .report import CHECKOUT

TOOLS = CHECKOUT / ".venv-tools" / "bin"
LIBRARY = CHECKOUT / "scripts" / "testlib"
JOBS = 2

# Folders of Python with the import path that each has when it runs. One mypy knows only one `conftest`.
IMPORT_PATHS = {
    "scripts": (("scripts",), "scripts:scripts/peers"),
    "tests": (("Tests/EndToEnd", "Tests/Soak", "Tests/Documents", "Tests/Scripts"),
              "scripts:Tests/EndToEnd:Tests/Soak"),
    "package": (("Tests/Package",), "scripts:Tests/Package"),
    "bench": (("bench",), "scripts:bench"),
}

# Directives only: the comments say why the word must not be there.
NEVER_REPEATED = """
import pathlib, sys
for path in pathlib.Path('deploy/nginx').glob('*.conf'):
    for line in path.read_text(encoding='utf-8').splitlines():
        if 'non_idempotent' in line.partition('#')[0]: sys.exit(f'{path}: {line}')
"""


class Tree:
    """The files of git at a place: the checkout itself, or a copy of what is staged."""

    def __init__(self, root):
        self.root = root
        listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=CHECKOUT,
                                capture_output=True, text=True, check=True).stdout.split("\0")
        self.files = [name for name in listed if name and (root / name).is_file()]

    def first_line(self, name):
        with open(self.root / name, "rb") as file:
            return file.readline(80)

    def endings(self, *endings):
        return [name for name in self.files if name.endswith(endings)]

    def scripts(self, interpreter):
        return [name for name in self.files if "." not in pathlib.Path(name).name.lstrip(".")
                or name.startswith("deploy/debian/odys.")
                if (line := self.first_line(name)).startswith(b"#!") and interpreter in line]

    def swift(self):
        return self.endings(".swift")

    def python(self):
        return sorted({*self.endings(".py"), *self.scripts(b"python3")})

    def shell(self):
        return sorted({*self.endings(".sh"), *self.scripts(b"/bash"), *self.scripts(b"/sh")})

    def sql(self):
        return self.endings(".sql")

    def data(self):
        return self.endings(".json", ".yml", ".yaml")

    def php(self):
        return self.endings(".php")

    def javascript(self):
        return self.endings(".js", ".mjs")

    def nginx(self):
        return [name for name in self.files if name.startswith("deploy/nginx/") and name.endswith(".conf")]

    def plain(self):
        """Markdown's line breaks are white space at the end; Golden/ is compared byte by byte."""
        return [name for name in self.files
                if not name.endswith((".md", ".p8", ".png", ".svg")) and "Golden" not in name]


@dataclasses.dataclass(frozen=True)
class Check:
    """A quick one. `files` are those of a tree that it reads, `command` is made from them; `each` runs it once for each
    file. The hook runs it where one of them is staged."""

    name: str
    command: Callable
    files: Callable
    each: bool = False


def tool(name):
    return str(TOOLS / name)


def lint(what):
    return lambda files: [tool("python"), LIBRARY / "lint.py", what, *files]


QUICK = [
    Check("swift format lint", lambda files: ["swift", "format", "lint", "--strict", "--parallel", *files], Tree.swift),
    Check("ruff", lambda files: [tool("ruff"), "check", "--quiet", "--output-format=concise", *files], Tree.python),
    Check("shellcheck", lambda files: ["shellcheck", *files], Tree.shell),
    Check("SQL can be parsed", lint("sql"), Tree.sql),
    Check("JSON and YAML can be parsed", lint("data"), Tree.data),
    Check("no tabs, no white space at the end of a line", lint("text"), Tree.plain),
    Check("php -l", lambda files: ["php", "-l", *files], Tree.php, each=True),
    Check("node --check", lambda files: ["node", "--check", *files], Tree.javascript, each=True),
    Check("nginx -t", lambda _: [tool("python"), LIBRARY / "nginx.py", "deploy/nginx"], Tree.nginx),
]


def whole(tree):
    """The checks that look at everything at once, and take longer than a commit may."""
    for name, (folders, path) in IMPORT_PATHS.items():
        files = [each for each in tree.python() if each.startswith(tuple(f"{folder}/" for folder in folders))]
        yield (f"mypy, {name}", [tool("mypy"), "--no-error-summary", "--cache-dir", CHECKOUT / ".build" / "mypy" / name,
                                 *files], {"MYPYPATH": path})
    yield "openapi.yaml is valid", [tool("openapi-spec-validator"), "openapi.yaml"], {}
    yield "every mutant can be made", ["scripts/mutants", "--check"], {}
    yield "what the documents name exists", ["Tests/Documents/references.py"], {}
    yield "nginx never repeats a PATCH", ["/usr/bin/python3", "-c", NEVER_REPEATED], {}


def call(root, argv, more=()):
    """(whether it is good, what it said)"""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **dict(more)}
    try:
        done = subprocess.run([str(word) for word in argv], cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, env=environment)
    except FileNotFoundError as problem:
        return False, f"{problem}; scripts/deps check installs it"
    return done.returncode == 0, done.stdout


def commands(check, files):
    return [check.command([file]) for file in files] if check.each else [check.command(files)]


def quick(tree, names=None):
    """(name, command, settings) of the quick checks, on those of the tree's files that are among `names`."""
    for check in QUICK:
        if files := [name for name in check.files(tree) if names is None or name in names]:
            for argv in commands(check, files):
                yield check.name + (f" {argv[-1]}" if check.each else ""), argv, {}


def run(report, checks, root=CHECKOUT):
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for name, result in [(name, pool.submit(call, root, argv, more)) for name, argv, more in checks]:
            report.outcome(name, *result.result())


def everything(report):
    tree = Tree(CHECKOUT)
    with tempfile.TemporaryDirectory(prefix="odys-units-") as directory:
        # The slow ones first: two run at a time.
        run(report, [*whole(tree), *quick(tree), *units(pathlib.Path(directory))])


def units(directory):
    """The units of systemd, with a binary that exists: verify looks at the path of ExecStart."""
    names = []
    for unit in sorted((CHECKOUT / "deploy" / "systemd").glob("odys*")):
        text = unit.read_text(encoding="utf-8")
        for binary in ("/usr/sbin/odys-fcgi", "/usr/bin/odysctl"):
            text = text.replace(binary, "/bin/true")
        (directory / unit.name).write_text(text, encoding="utf-8")
        names.append(str(directory / unit.name.replace("@.", "@1.")))
    yield ("systemd-analyze verify", ["systemd-analyze", "verify", "--man=no", *names],
           {"SYSTEMD_UNIT_PATH": f"{directory}:/lib/systemd/system"})
    # systemd's own measure of a sandbox, from 0 (closed) to 10, given here in tenths.
    for name in names:
        if name.endswith(".service"):
            yield (f"sandbox of {pathlib.Path(name).name}",
                   ["systemd-analyze", "security", "--offline=true", "--threshold=15", name], {})


def staged(report):
    """The quick checks on what the next commit holds: a copy of the index, not the files that are still edited."""
    changed = set(subprocess.run(["git", "diff", "--cached", "--name-only", "-z", "--diff-filter=ACMR"], cwd=CHECKOUT,
                                 capture_output=True, text=True, check=True).stdout.split("\0"))
    with tempfile.TemporaryDirectory(prefix="odys-staged-") as directory:
        subprocess.run(["git", "checkout-index", "--all", f"--prefix={directory}/"], cwd=CHECKOUT, check=True)
        run(report, quick(Tree(pathlib.Path(directory)), changed), directory)
