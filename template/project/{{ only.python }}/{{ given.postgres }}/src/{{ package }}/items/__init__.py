"""An example of a part: it goes with this folder, its tests, its migration and its line in `main.py`."""

from .routes import router

__all__ = ["router"]
