"""The settings as flags of a command, made from their declarations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from gexfaker.cli.completion import for_setting
from gexfaker.errors import SettingError
from gexfaker.settings import FILE, REPLACED, SETTINGS, Section, Sources, flag_of


class Sectioned(click.Command):
    """A command whose help shows the settings section by section."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of the command itself, then those of each section."""
        shown = {param.name: record for param in self.get_params(ctx) if (record := param.get_help_record(ctx))}
        for section in Section:
            names = [name.lower() for name, setting in SETTINGS.items() if setting.section is section]
            with formatter.section(f"{section.capitalize()} settings"):
                formatter.write_dl([shown.pop(name) for name in names])
        with formatter.section("Options"):
            formatter.write_dl(list(shown.values()))


CONFIG: Final = click.option(
    "--config", metavar="FILE", help=f"Settings file (TOML).  [default: {FILE}, if there is one]"
)


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command a flag for each setting, and ``--config``."""
    for name in REPLACED:  # not shown, but answered with what to use now
        command = click.option(flag_of(name), name.lower(), hidden=True, is_flag=False, flag_value="true")(command)
    return CONFIG(with_flags_of(*SETTINGS)(command))


def with_flags_of(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the flags of these settings."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for name in reversed(names):
            command = _flag(name)(command)
        return command

    return add


def _flag(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    setting = SETTINGS[name]
    text = f"{setting.help}  [{setting.accepted}; default: {setting.default or 'unset'}]"
    bare: dict[str, Any] = {"is_flag": False, "flag_value": "true"} if setting.is_switch else {}
    shown: dict[str, Any] = {"metavar": "VALUE", "help": text, "shell_complete": for_setting(name)}
    return click.option(flag_of(name), name.lower(), **shown, **bare)


def sources_of(config: str | None, flags: Mapping[str, str | None], environment: Mapping[str, str]) -> Sources:
    """Where the settings come from. Raises SettingError: there is no such settings file."""
    if config is not None and not Path(config).is_file():
        raise SettingError("config", config, "the flag --config", "accepted: a file that exists")
    return Sources({name.upper(): value for name, value in flags.items()}, environment, Path(config or FILE))
