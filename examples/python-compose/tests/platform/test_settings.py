from pathlib import Path

import pytest

from orders.platform import about
from orders.platform.environment import SettingsError
from orders.settings import Settings


def test_the_defaults_start_a_service() -> None:
    settings = Settings.load()
    assert (settings.port, settings.log_level) == (about.PORT, "info")


def test_a_value_may_come_as_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "port").write_text("9000\n")
    monkeypatch.setenv("PORT_FILE", str(tmp_path / "port"))
    assert Settings.load().port == 9000


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "eighty", "PORT: .*integer"),
        ("PORT", "80", "PORT: .*greater than or equal to 1025"),
        ("PORT_FILE", "/does/not/exist", "PORT_FILE: .*readable"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL: .*'info'"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector", "OTEL_EXPORTER_OTLP_ENDPOINT: .*URL"),
        ("DATABASE_URL", "postgresql://user:s3cret@host/db", "DATABASE_URL: .*DATABASE_PASSWORD_FILE"),
        ("DATABASE_PASSWORD_FILE", "s3cret", "DATABASE_PASSWORD_FILE: .*readable"),
    ],
)
def test_a_bad_setting_is_named_in_one_line(
    name: str, value: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=expected) as error:
        Settings.load()
    assert "\n" not in str(error.value)
    assert value not in str(error.value)


def test_a_value_and_a_file_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.setenv("PORT_FILE", "/run/secrets/port")
    with pytest.raises(SettingsError, match="not both"):
        Settings.load()
