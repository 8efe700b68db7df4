from pathlib import Path

import pytest

from app import about
from app.environment import SettingsError
from app.settings import load


def test_the_defaults_start_a_service() -> None:
    settings = load()
    assert (settings.port, settings.log_level, settings.database_url) == (about.PORT, "info", None)


def test_a_value_may_come_as_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    monkeypatch.setenv("DATABASE_PASSWORD_FILE", str(tmp_path / "password"))
    password = load().database_password
    assert password is not None
    assert password.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(load())


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "eighty", "PORT: .*integer"),
        ("PORT", "80", "PORT: .*greater than or equal to 1025"),
        ("PORT_FILE", "/does/not/exist", "PORT_FILE: .*readable"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL: .*'info'"),
        ("DATABASE_URL", "postgresql://user:s3cret@host/db", "DATABASE_URL: .*DATABASE_PASSWORD_FILE"),
    ],
)
def test_a_bad_setting_is_named_in_one_line(
    name: str, value: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=expected) as error:
        load()
    assert "\n" not in str(error.value)
    assert "s3cret" not in str(error.value)


def test_a_value_and_a_file_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.setenv("PORT_FILE", "/run/secrets/port")
    with pytest.raises(SettingsError, match="not both"):
        load()
