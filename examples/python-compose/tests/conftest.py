# The fixtures `app` and `client`.
pytest_plugins = ["tests.platform.fixtures"]
