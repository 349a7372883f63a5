"""Checks of files that have no tool of their own. Runs in .venv-tools.

  lint.py data|sql|text FILE…     JSON and YAML, SQL, white space: prints what is wrong, and exits 1 where there is any
"""

import json
import logging
import pathlib
import re
import sys

import sqlglot
import yaml

# What MariaDB knows and sqlglot's MySQL does not; the rest of the statement is looked at.
MARIADB = ((re.compile(r"\b(ADD|DROP) (INDEX|KEY) IF (NOT )?EXISTS\b"), r"\1 \2"),)
# Statements that sqlglot only splits off.
OPAQUE = re.compile(r"(UN)?LOCK TABLES\b", re.IGNORECASE)


def data(path):
    text = path.read_text(encoding="utf-8")
    try:
        if path.suffix == ".json":
            json.loads(text)
        else:
            list(yaml.safe_load_all(text))
    except (ValueError, yaml.YAMLError) as problem:
        yield f"{path}: {problem}"


def sql(path):
    text = path.read_text(encoding="utf-8")
    for pattern, known in MARIADB:
        text = pattern.sub(known, text)
    try:
        for statement in sqlglot.parse(text, read="mysql"):
            # What it cannot parse it keeps as a command.
            if isinstance(statement, sqlglot.exp.Command):
                words = statement.sql(dialect="mysql")
                if not OPAQUE.match(words):
                    yield f"{path}: not understood: {words[:200]}"
    except sqlglot.errors.SqlglotError as problem:
        yield f"{path}: {problem}"


def text(path):
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        yield f"{path}: no line end at the end"
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.rstrip() != line:
            yield f"{path}:{number}: white space at the end"
        if b"\t" in line and path.name not in ("Makefile", "rules"):
            yield f"{path}:{number}: a tab"


def main():
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    check = {"data": data, "sql": sql, "text": text}[sys.argv[1]]
    problems = [problem for name in sys.argv[2:] for problem in check(pathlib.Path(name))]
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
