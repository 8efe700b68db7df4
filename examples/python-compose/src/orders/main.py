"""What the service is made of: start here."""

from .platform.app import Service, create
from .settings import Settings


def create_app(settings: Settings | None = None) -> Service:
    """The application, with its routes."""
    app = create(settings or Settings.load())
    app.include("items")
    return app
