"""How settings are read; `settings.py` beside this folder says which there are."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, HttpUrl, PlainValidator, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from . import about
from .environment import SettingsError, read
from .postgres import Address


class EnvironmentOrFile(PydanticBaseSettingsSource):
    """Reads the field `port` from `PORT`, or from the file that `PORT_FILE` names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return read(field_name.upper()), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {name: read(name.upper()) for name in self.settings_cls.model_fields}
        return {name: value for name, value in values.items() if value is not None}


class PlatformSettings(BaseSettings):
    """What every service can be told, with its defaults."""

    port: int = Field(default=about.PORT, ge=1025, le=65535)
    log_level: Literal["debug", "info", "warn", "error"] = "info"
    database_url: Annotated[Address, PlainValidator(Address.parse)] | None = None
    database_password: SecretStr | None = None  # read again for each connection, so that it can change
    database_pool_size: int = Field(default=10, ge=1, le=100)
    otel_exporter_otlp_endpoint: HttpUrl | None = None
    version: str = "dev"

    @classmethod
    def settings_customise_sources(  # type: ignore[override]  # the other sources are left out
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, **_: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, EnvironmentOrFile(settings_cls)

    @classmethod
    def load(cls) -> Self:
        """Read the settings; raises SettingsError with one line for all that is wrong."""
        try:
            return cls()
        except ValidationError as error:
            found = error.errors(include_input=False)
            problems = (f"{str(e['loc'][0]).upper()}: {e['msg'].removeprefix('Value error, ')}" for e in found)
            raise SettingsError("; ".join(problems)) from None
