"""Options that several commands share, and the types behind them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from core.durations import parse_duration_ms
from core.errors import SettingError
from core.new_site import origin_of
from core.settings import Settings, load_settings

F = TypeVar("F", bound=Callable[..., Any])


class Origin(click.ParamType[str]):
    """scheme://host[:port], as a browser sends it."""

    name = "origin"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return origin_of(value)
        except ValueError as error:
            self.fail(f"'{value}' {error}", param, ctx)


class Duration(click.ParamType[int]):
    """A span of time with its unit, in milliseconds."""

    name = "duration"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_duration_ms(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Address(click.ParamType[str]):
    """HOST:PORT to listen on; port 0 takes a free one."""

    name = "host:port"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        host, _, port = value.rpartition(":")
        if not re.fullmatch(r"[A-Za-z0-9_.\-]+|\[[0-9a-fA-F:]+\]", host) or not port.isdigit():
            self.fail(f"'{value}' is no address. Write e.g. 127.0.0.1:8000", param, ctx)
        if int(port) > 65535:
            self.fail(f"port {port} does not exist; the highest is 65535", param, ctx)
        return value


def data_option(command: F) -> F:
    """Add --data: the data folder, ./data unless told."""
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("data"),
        show_default=True,
        help="Data folder of the server.",
    )(command)


def listeners(command: F) -> F:
    """Add --public and --console."""
    command = click.option(
        "--console",
        "console_address",
        type=Address(),
        help="Listen here for people and the API (private). Default: 127.0.0.1:8001",
    )(command)
    return click.option(
        "--public",
        "public_address",
        type=Address(),
        help="Listen here for browsers (snippet and batches). Default: 127.0.0.1:8000",
    )(command)


def settings_of(data: Path, **overrides: object) -> Settings:
    """Return the settings of *data*; *overrides* are section_key=value, None is no override."""
    given = {
        key.replace("_", ".", 1): value for key, value in overrides.items() if value is not None
    }
    try:
        return load_settings(data, env=os.environ, overrides=given)
    except SettingError as error:
        raise click.ClickException(str(error)) from None


def span_options(command: F) -> F:
    """Give *command* the options --from and --until, which replay.known.parse_span reads."""
    until = click.option("--until", metavar="TIME", help="Only up to so much after its start.")
    from_ = click.option(
        "--from",
        "from_",
        metavar="TIME",
        help="Only from so much after the session's start: 0:45, 1:02:03 or 12.5 (seconds).",
    )
    return from_(until(command))
