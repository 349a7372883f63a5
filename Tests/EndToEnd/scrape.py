"""Metrics as a scraper reads them."""

import re

LINE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


class Scrape:
    """`text` is the page; samples are found by name and some of their labels."""

    def __init__(self, text):
        self.text = text
        self.samples = []
        for line in text.splitlines():
            if not line.startswith("#"):
                found = LINE.match(line)
                assert found, line
                name, labels, value = found.groups()
                self.samples.append((name, dict(LABEL.findall(labels or "")), float(value)))

    def values(self, name, **labels):
        return [value for each, have, value in self.samples
                if each == name and all(have.get(key) == wanted for key, wanted in labels.items())]

    def __call__(self, name, **labels):
        """The single value, or None."""
        found = self.values(name, **labels)
        assert len(found) <= 1, f"{name} {labels}: {found}"
        return found[0] if found else None

    def names(self):
        return {name for name, _, _ in self.samples}


def metrics(odys, instance=1):
    answer = ask(odys, f"/metrics/{instance}")
    assert answer.status == 200, answer
    assert answer.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
    return Scrape(answer.body.decode())


def ready(odys, instance=1):
    """(status code, the checks by name)"""
    answer = ask(odys, f"/readyz/{instance}")
    assert answer.header("Content-Type") == "application/health+json", answer
    return answer.status, {name: entries[0] for name, entries in answer.json()["checks"].items()}


def ask(odys, path):
    """A GET on the operations listener; of a bench, on its socket."""
    return odys.ops(path) if hasattr(odys, "ops") else odys.request("GET", path)
