"""Settings: where they come from, and what is said when they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import SettingError
from core.settings import Declared, Settings, declared, load_settings


def test_defaults_need_nothing(tmp_path: Path) -> None:
    """Without file, environment and flags every setting has its default."""
    assert Settings() == load_settings(tmp_path, env={}, overrides={})


def test_flags_win_over_environment_over_file(tmp_path: Path) -> None:
    """Each source overrides the one before; what is not given stays."""
    (tmp_path / "stolper.toml").write_text(
        '[server]\npublic = "a:1"\nconsole = "a:1"\npublic_url = "https://a.example"\n'
    )
    settings = load_settings(
        tmp_path,
        env={
            "STOLPER_SERVER_PUBLIC": "b:2",
            "STOLPER_SERVER_CONSOLE": "b:2",
            "HOME": "/",
            "STOLPER_OTHER": "x",
        },
        overrides={"server.public": "c:3", "server.console": None},
    )

    assert ("c:3", "b:2", "https://a.example") == (
        settings.server.public,
        settings.server.console,
        settings.server.public_url,
    )


def test_text_becomes_the_type_of_the_default(tmp_path: Path) -> None:
    """Numbers and lists are read from the environment; a list is split at commas."""
    settings = load_settings(
        tmp_path,
        env={
            "STOLPER_COLLECTOR_FLUSH_MS": "2500",
            "STOLPER_SERVER_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
        },
    )

    assert 2500 == settings.collector.flush_ms
    assert ("10.0.0.0/8", "::1") == settings.server.trusted_proxies


@pytest.mark.parametrize(
    ("toml", "env", "says"),
    [
        ("[server]\npublik = 'a:1'", {}, "stolper.toml: server.publik.*did you mean server.public"),
        ("[sever]\npublic = 'a:1'", {}, "did you mean server.public"),
        ("public = 'a:1'", {}, "stolper.toml: public"),
        ("[server", {}, "no valid TOML"),
        ("", {"STOLPER_SERVER_PUBLIK": "a:1"}, "STOLPER_SERVER_PUBLIK.*server.public"),
        ("", {"STOLPER_COLECTOR_FLUSH_MS": "1000"}, "did you mean STOLPER_COLLECTOR_FLUSH_MS"),
        ("", {"STOLPER_COLLECTOR_FLUSH_MS": "soon"}, "no whole number"),
        ("[collector]\nflush_ms = 3", {}, "must be at least 250"),
        ("[collector]\nflush_ms = true", {}, "no whole number"),
        ("[server]\npublic = 'nowhere'", {}, "HOST:PORT"),
        ("[server]\npublic = 'a:99999'", {}, "HOST:PORT"),
        ("[server]\npublic_url = 'javascript:x'", {}, "URL"),
        ("[server]\ntrusted_proxies = ['x']", {}, "IPv4"),
        ("[server]\ntrusted_proxies = [1]", {}, "list of texts"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(
    tmp_path: Path, toml: str, env: dict[str, str], says: str
) -> None:
    """The error names where the value was set, and the nearest known key."""
    (tmp_path / "stolper.toml").write_text(toml)

    with pytest.raises(SettingError, match=says):
        load_settings(tmp_path, env=env)


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("to = ['https://hooks.slack.com/services/T/B/SECRET?a=SECRET']", "entry 1 is no NAME="),
        ("to = ['a=mailto:a@b.example', 'team=slack+htps://x/SECRET']", "'team' is no NAME="),
        ("to = ['a=https://x.example/SECRET', 'a=https://y.example']", "'a' is named twice"),
        ("secret = 'SECRET'", "too short"),
        ("secret = 'whsec_SECRET of mine, long'", "no base64"),
        ("secret = 'whsec_c2hvcnQ='", "too short"),
    ],
)
def test_a_secret_that_is_refused_is_not_repeated(tmp_path: Path, toml: str, says: str) -> None:
    """An address that may hold a key stands in no log, also where its name was forgotten."""
    (tmp_path / "stolper.toml").write_text(f"[alerts]\n{toml}")

    with pytest.raises(SettingError, match=says) as refused:
        load_settings(tmp_path)
    assert "SECRET" not in str(refused.value)


def test_what_is_logged_of_settings_has_no_secret(tmp_path: Path) -> None:
    """Passwords, keys and addresses that hold some are left out where all settings are written."""
    given = {
        "alerts.to": "a=https://x.example/SECRET",
        "alerts.secret": "SECRET of 16 and more",
        "mail.password": "SECRET",
    }
    settings = load_settings(tmp_path, overrides=given)

    assert "SECRET" not in repr(settings)
    assert "SECRET" in settings.mail.password


def test_every_setting_has_help_and_its_variable() -> None:
    """Each is declared with a help text; its variable follows from its name."""
    for setting in declared():
        assert setting.help
        assert setting.env.startswith("STOLPER_")
    assert "STOLPER_SERVER_PUBLIC_URL" in [setting.env for setting in declared()]


def test_the_documentation_tells_every_default_and_help() -> None:
    """The table of docs/operating.md has a row for each setting, as it is declared."""
    table = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()

    def row(setting: Declared) -> str:
        value = setting.default
        shown = list(value) if isinstance(value, tuple) else value
        shown = str(value).lower() if isinstance(value, bool) else shown  # as TOML has it
        default = "empty" if shown == "" else f"`{shown}`"
        return f"| `{setting.key}` | {default} | {setting.help} |"

    assert [] == [row(setting) for setting in declared() if row(setting) not in table]
