"""Alert rules and dashboard: they are valid, each alert fires, and every metric that they name exists."""

import json
import re
import subprocess

import pytest

from scrape import LINE
from stack import CHECKOUT

PROMETHEUS = CHECKOUT / "deploy" / "prometheus"
DASHBOARD = CHECKOUT / "deploy" / "grafana" / "odys.json"
RULES = (PROMETHEUS / "odys-rules.yml").read_text(encoding="utf-8")
# Made by Prometheus itself for each target.
OF_PROMETHEUS = {"up"}
NAME = re.compile(r"\b(?:up|(?:odys|process)_[a-z_]+)\b")


def promtool(*words):
    done = subprocess.run(["promtool", *words], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_valid_and_each_alert_fires_when_it_should():
    promtool("check", "rules", "odys-rules.yml")
    promtool("test", "rules", "odys-rules-test.yml")


def test_each_alert_has_a_test_that_raises_it_and_a_chapter():
    alerts = re.findall(r"alert: (\w+)", RULES)
    tested = re.findall(r"^  - name: (Odys\w+)$", (PROMETHEUS / "odys-rules-test.yml").read_text("utf-8"), re.M)
    manual = (CHECKOUT / "docs" / "OPERATIONS.md").read_text(encoding="utf-8")
    assert alerts and sorted(alerts) == sorted(tested)
    assert [alert for alert in alerts if f"| `{alert}` |" not in manual] == []


def test_the_scrape_configuration_is_valid(tmp_path):
    scrape = (PROMETHEUS / "odys-scrape.yml").read_text(encoding="utf-8")
    (tmp_path / "prometheus.yml").write_text("scrape_configs:\n" + scrape, encoding="utf-8")
    promtool("check", "config", "--syntax-only", str(tmp_path / "prometheus.yml"))


@pytest.fixture(scope="module")
def exported(odys):
    """The metric names on a real page, after some activity."""
    booking = odys.booking()
    odys.act(booking, "confirm")
    odys.settled(booking)
    pages = "".join(odys.ops(f"/metrics/{each['instance']}").body.decode() for each in odys.description["responders"])
    return {LINE.findall(line)[0][0] for line in pages.splitlines() if not line.startswith("#")}


def expressions(text):
    return {name for name in NAME.findall(text) if name not in OF_PROMETHEUS}


def test_the_rules_name_only_what_exists(exported):
    named = set()
    for expression in re.findall(r"expr: (>-\n(?: {10}.*\n)+|.*)", RULES):
        named |= expressions(expression)
    assert len(named) > 10 and named - exported == set()


def test_the_dashboard_names_only_what_exists(exported):
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels) > 10
    named = set()
    for panel in panels:
        assert panel["targets"] and panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            named |= expressions(target["expr"])
    assert named - exported == set()


def test_the_manual_names_what_exists(exported):
    manual = (CHECKOUT / "docs" / "OPERATIONS.md").read_text(encoding="utf-8")
    named = expressions("\n".join(re.findall(r"`([^`]*)`", manual)))
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported} | exported
    assert named - families == set()
    # And nothing is exported that the manual does not explain.
    assert {name for name in families if name.startswith("odys_")
            and not re.search(r"_(bucket|sum|count)$", name)} - named == set()
