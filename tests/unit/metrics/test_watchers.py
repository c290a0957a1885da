"""The dashboard, the alert rules and the documentation name only metrics that there are, with labels that they have."""

import json
import re
from pathlib import Path

import pytest

from mda.metrics.families import BY_NAME, FAMILIES, Kind

ROOT = Path(__file__).parents[3]
DASHBOARD = ROOT / "conf/monitoring/mda-dashboard.json"
ALERTS = ROOT / "conf/monitoring/mda-alerts.yml"
METRIC = re.compile(r"\bmda_[a-z_]+")
SELECTOR = re.compile(r"\b(mda_[a-z_]+)\{([^}]*)\}")
GROUPED = re.compile(r"by \(([a-z_, ]+)\)")


def family_of(name: str) -> str:
    for suffix in ("_bucket", "_sum", "_count"):
        base = name.removesuffix(suffix)
        if base in BY_NAME and BY_NAME[base].kind is Kind.HISTOGRAM:
            return base
    return name


def expressions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    shown = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    return shown + re.findall(r"^\s+expr: (.+)$", ALERTS.read_text(), re.MULTILINE)


def test_there_are_expressions() -> None:
    assert len(expressions()) > 20


@pytest.mark.parametrize("expression", expressions())
def test_expression_names_what_is_counted(expression: str) -> None:
    names = METRIC.findall(expression)
    assert names
    for name in names:
        assert family_of(name) in BY_NAME, name
        is_histogram = BY_NAME[family_of(name)].kind is Kind.HISTOGRAM
        assert is_histogram == (family_of(name) != name), f"{name}: a histogram has _bucket, _sum and _count"
    known = {label for name in names for label in BY_NAME[family_of(name)].labels} | {"le", "instance", "job"}
    used = {part.split("=")[0].strip(" !~") for _, inside in SELECTOR.findall(expression) for part in inside.split(",")}
    grouped = {label.strip() for inside in GROUPED.findall(expression) for label in inside.split(",")}
    assert (used | grouped) <= known
    assert expression.count("(") == expression.count(")")


def test_every_alert_says_what_to_do() -> None:
    text = ALERTS.read_text()
    assert len(re.findall(r"^\s+- alert: ", text, re.MULTILINE)) >= 8
    for alert in text.split("- alert: ")[1:]:
        assert "summary:" in alert
        assert "description:" in alert
        assert "severity:" in alert


def test_every_metric_is_documented_and_no_other() -> None:
    documented = set(re.findall(r"^\| `(mda_[a-z_]+)`", (ROOT / "docs/operations.md").read_text(), re.MULTILINE))
    assert documented == {family.name for family in FAMILIES}
