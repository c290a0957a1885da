"""`mda spam evaluate`."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

import click

from mda.antispam import trial
from mda.antispam.classifier import Classifier
from mda.antispam.evaluation import Separation, lam_percent, separate
from mda.antispam.log_odds import log_odds
from mda.antispam.trial import Outcome, Trial, View
from mda.cli import table
from mda.cli.options import MeasureType
from mda.cli.progress import Meter, amount
from mda.errors import InvalidValue

CURVE_POINTS = 40
RECALL_AT = (0.001, 0.005, 0.01)


@click.command()
@click.option("--index", required=True, type=click.Path(path_type=Path), help="Lines of `spam PATH` or `ham PATH`.")
@click.option("--online", "learns", is_flag=True, help="Learn each message after it was scored.")
@click.option("--view", type=click.Choice([view.value for view in View]), default="full", help="All headers, or few.")
@click.option("--base/--fresh", "has_base", default=True, help="Start with the package's model, or knowing nothing.")
@click.option("--model", "model_path", type=click.Path(path_type=Path), help="Another model than the package's.")
@click.option("--threshold", type=MeasureType(0, 1), help="A score; else one that follows the ham (0.95 offline).")
@click.option("--fpr", type=MeasureType(0, 1), default=0.005, show_default=True, help="Share of ham above it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw ROC and learning curve (PNG); needs matplotlib.")
def evaluate(
    index: Path,
    learns: bool,
    view: str,
    has_base: bool,
    model_path: Path | None,
    threshold: float | None,
    fpr: float,
    as_json: bool,
    plot: Path | None,
) -> None:
    """Try the classifier on labelled mail, in the measures of the TREC Spam Track.

    Paths in the index are relative to it. Messages are taken in their order, each scored before it is learned.
    Interrupted, it begins anew: the order is what is measured.

    \b
    $ mda spam evaluate --index trec07p/full/index --online
    $ mda spam evaluate --index corpus/index --view lite --online --fresh --plot curve.png
    """
    if not has_base and not learns:
        raise click.UsageError("--fresh knows nothing: give --online too")
    entries = trial.read_index(index)
    model = Classifier(model_path).model if has_base else None
    cut = None if threshold is None else log_odds(threshold)
    with Meter("scoring", len(entries), amount("messages")) as meter:
        if model is not None and not learns:
            default = log_odds(model.weights.threshold)
            done = trial.classify(entries, View(view), model, default if cut is None else cut, meter.add)
        else:
            done = trial.learn(entries, View(view), model, cut, fpr, meter.add)
    found = measures(done)
    if plot is not None:
        _plot(done, found, plot)
    if as_json:
        how: dict[str, object] = {"view": view, "base": has_base, "online": learns}
        click.echo(table.to_json(how | found | {"curve": curve(done.outcomes)}))
    else:
        start = "from the base model" if has_base else "from nothing"
        click.echo(f"{view} view, {f'learning, {start}' if learns else 'not learning'}")
        _print(found)


def measures(done: Trial) -> dict[str, float]:
    """All but the curve, by their names in JSON; shares in percent."""
    separation = _separation(done.outcomes)
    ham = [outcome for outcome in done.outcomes if not outcome.is_spam]
    spam = [outcome for outcome in done.outcomes if outcome.is_spam]
    ham_wrong = 100 * sum(outcome.is_marked for outcome in ham) / len(ham)
    spam_wrong = 100 * sum(not outcome.is_marked for outcome in spam) / len(spam)
    recalls = [separation.recall_percent(separation.threshold(share)) for share in RECALL_AT]
    return {
        "messages": len(done.outcomes),
        "spam": len(spam),
        "ham": len(ham),
        "one_minus_roca_percent": separation.one_minus_roca_percent,
        "recall_percent_at_0.1": recalls[0],
        "recall_percent_at_0.5": recalls[1],
        "recall_percent_at_1": recalls[2],
        "ham_misclassified_percent": ham_wrong,
        "spam_misclassified_percent": spam_wrong,
        "lam_percent": lam_percent(ham_wrong, spam_wrong),
        "seconds": done.seconds,
        "messages_per_second": len(done.outcomes) / done.seconds,
    }


def curve(outcomes: Sequence[Outcome]) -> list[dict[str, float]]:
    """1-ROCA% of the first so many messages, where they have both ham and spam."""
    points = []
    for number in range(1, CURVE_POINTS + 1):
        count = len(outcomes) * number // CURVE_POINTS
        if len({outcome.is_spam for outcome in outcomes[:count]}) == 2:
            separation = _separation(outcomes[:count])
            points.append({"messages": count, "one_minus_roca_percent": separation.one_minus_roca_percent})
    return points


def _separation(outcomes: Sequence[Outcome]) -> Separation:
    return separate((outcome.margin, outcome.is_spam) for outcome in outcomes)


def _print(found: Mapping[str, float]) -> None:
    click.echo(f"{found['messages']:,} messages: {found['spam']:,} spam, {found['ham']:,} ham")
    click.echo(f"1-ROCA%                {found['one_minus_roca_percent']:.4f}")
    for share in ("0.1", "0.5", "1"):
        click.echo(f"recall at {share + ' % ham':11}  {found[f'recall_percent_at_{share}']:.2f} %")
    click.echo(f"ham misclassified      {found['ham_misclassified_percent']:.2f} %")
    click.echo(f"spam misclassified     {found['spam_misclassified_percent']:.2f} %")
    click.echo(f"lam%                   {found['lam_percent']:.2f}")
    click.echo(f"messages a second      {found['messages_per_second']:,.0f}")


def _plot(done: Trial, found: Mapping[str, float], path: Path) -> None:
    title = f"1-ROCA% {found['one_minus_roca_percent']:.4f}"
    try:
        spam_plot = import_module("mda.cli.spam_plot")
    except ImportError as error:
        raise InvalidValue("--plot needs matplotlib", "pip install 'mda[plot]'") from error
    spam_plot.draw(_separation(done.outcomes), curve(done.outcomes), title, path)
