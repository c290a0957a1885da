"""`mda completion`: what a shell needs to complete our commands and options."""

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", metavar="SHELL", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell: bash, zsh or fish.

    \b
    $ mda completion bash > /usr/share/bash-completion/completions/mda
    $ mda completion zsh > /usr/share/zsh/vendor-completions/_mda
    $ mda completion fish > ~/.config/fish/completions/mda.fish
    """
    kind = get_completion_class(shell)
    if kind is None:  # pragma: no cover - click knows the three
        raise click.UsageError(f"no completion for {shell}")
    click.echo(kind(ctx.find_root().command, {}, "mda", "_MDA_COMPLETE").source())
