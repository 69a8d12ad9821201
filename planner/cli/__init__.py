"""The ``chromplan`` command: one small file per subcommand, each imported only when it is called."""

from __future__ import annotations

import importlib
import os
import sys

import click

import planner
from planner.cli.ui import terminal

# What --help prints of each, so that it need not import them: a command is in the module of its name.
# The order is that of a first session.
COMMANDS = {
    "advise": "Show what past jobs used, wasted, and should have asked for.",
    "init": "Write a commented chromplan.toml.",
    "site": "List, show, detect and check clusters.",
    "doctor": "Check what chromplan can do on this cluster.",
    "history": "Import, collect and show what earlier jobs used.",
    "fit": "Fit the memory model of each tool.",
    "formula": "Show, check and export memory formulas.",
    "order": "Find a static order for a genome or a table.",
    "simulate": "Replay past jobs with other ways of asking for memory.",
    "plan": "Decide each task's memory request and the order.",
    "render": "Write the scripts of the planned round.",
    "submit": "Submit the rendered round.",
    "status": "Show what became of every task.",
    "watch": "Follow the submitted jobs until they have ended.",
    "logs": "Print the end of the log of a task's last attempt.",
    "cancel": "Cancel all submitted tasks, or only those named.",
    "ingest": "Record what the rounds really used.",
    "next": "Ingest, refit, and plan what is left.",
    "run": "Run the planned round on this machine.",
    "drive": "Run the planned round inside this Slurm allocation.",
    "report": "Write one HTML page about a project, a run or a history.",
    "export": "Write the tasks' requests for Snakemake, Nextflow or WDL.",
    "record": "Run a command anywhere and record what it used.",
    "wrap": "Turn an existing batch script into a project.",
    "sbatch": "Plan and submit an existing batch script, in place of sbatch.",
    "runs": "List what 'chromplan sbatch' submitted.",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of a first session."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"planner.cli.{cmd_name}")
        command: click.Command = module.command
        from planner.cli.ui import examples

        examples.attach(command, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(planner.__version__, prog_name="chromplan")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Plan per-chromosome Slurm jobs from what earlier jobs really used."""
    ctx.obj = {"debug": debug}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failure, 2 the user's input, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    terminal.prepare()
    if "_CHROMPLAN_COMPLETE" in os.environ:
        from planner.cli.ui import shells

        shells.register()
    try:
        width = terminal.help_width()
        code = cli.main(args=arguments, prog_name="chromplan", standalone_mode=False, terminal_width=width)
        sys.stdout.flush()
    except BrokenPipeError:
        terminal.forget_output()
        code = 1
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = 130
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback without --debug
        code = _tell(error)
        if "--debug" in arguments[:1]:
            import traceback

            traceback.print_exc()
    sys.exit(code if isinstance(code, int) else 0)


def _tell(error: Exception) -> int:
    """Print an error as two lines; return the exit code."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return 2
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "chromplan"
        from planner.cli.ui import suggest

        message, hint = suggest.usage(error, path)
        terminal.say_error(message, hint)
        return 2
    from planner.core import errors, failures

    known = error if isinstance(error, errors.PlannerError) else failures.explained(error)
    if known is None:
        terminal.say_error(
            f"{type(error).__name__}: {error}", "this is a bug in chromplan; 'chromplan --debug …' shows where"
        )
        return 1
    terminal.say_error(known.message, known.hint)
    return known.exit_code
