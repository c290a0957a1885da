"""The picture of `mda spam evaluate --plot`: the ROC curve and the learning curve, side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from mda.antispam.evaluation import Separation

LEAST_PERCENT = 0.01
"""The axes are logarithmic: what is smaller is drawn here."""


def draw(separation: Separation, curve: Sequence[Mapping[str, float]], title: str, path: Path) -> None:
    """Writes `path`, in the format that its suffix names."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    figure.suptitle(title)
    roc, learning = figure.subplots(1, 2)
    thresholds = sorted({*separation.ham, *separation.spam[:: max(1, len(separation.spam) // 500)]})
    points = [
        (separation.false_positive_percent(threshold), 100 - separation.recall_percent(threshold))
        for threshold in thresholds[:: max(1, len(thresholds) // 2000)]
    ]
    roc.plot(*zip(*((max(x, LEAST_PERCENT), max(y, LEAST_PERCENT)) for x, y in points), strict=True))
    roc.set(xscale="log", yscale="log", xlabel="ham called spam, %", ylabel="spam missed, %")
    learning.plot(
        [point["messages"] for point in curve],
        [max(point["one_minus_roca_percent"], LEAST_PERCENT / 10) for point in curve],
    )
    learning.set(yscale="log", xlabel="messages", ylabel="1-ROCA% so far")
    for axes in (roc, learning):
        axes.grid(which="both", alpha=0.3)
    figure.savefig(path, dpi=110)
