"""What this service can be told."""

from .platform.settings import PlatformSettings


class Settings(PlatformSettings):
    """A field is a setting: `payments_url: HttpUrl` is PAYMENTS_URL, or what is in the file PAYMENTS_URL_FILE."""
