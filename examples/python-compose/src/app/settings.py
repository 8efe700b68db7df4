"""Typed settings."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PostgresDsn, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from . import about
from .environment import SettingsError, read


class EnvironmentOrFile(PydanticBaseSettingsSource):
    """Reads the field `port` from `PORT`, or from the file that `PORT_FILE` names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return read(field_name.upper()), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {name: read(name.upper()) for name in self.settings_cls.model_fields}
        return {name: value for name, value in values.items() if value is not None}


def without_password(url: PostgresDsn) -> PostgresDsn:
    """URLs end up in logs and error reports, so the password has a setting of its own."""
    if any(host["password"] for host in url.hosts()):
        raise ValueError("expected no password in the URL: set DATABASE_PASSWORD_FILE")
    return url


class Settings(BaseSettings):
    """What the service can be told, with its defaults. Each may also come as a file: `PORT_FILE=/run/secrets/port`."""

    port: int = Field(default=about.PORT, ge=1025, le=65535)
    log_level: Literal["debug", "info", "warn", "error"] = "info"
    database_url: Annotated[PostgresDsn, AfterValidator(without_password)] | None = None
    database_password: SecretStr | None = None
    version: str = "dev"

    @classmethod
    def settings_customise_sources(  # type: ignore[override]  # the other sources are left out
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, **_: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, EnvironmentOrFile(settings_cls)


def load() -> Settings:
    """Read the settings; raises SettingsError with one line for all that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        problems = [f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors(include_input=False)]
        raise SettingsError("; ".join(problems)) from None
