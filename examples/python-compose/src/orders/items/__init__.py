"""An example of a feature. To remove it, delete this folder, its tests, its migration and its line in `main.py`."""

from .routes import router

__all__ = ["router"]
