"""What is around the routes: start and stop, settings, logs, metrics, traces, health, errors, limits.

`copier update` brings this folder forward, so leave it as it is: what is yours goes beside it.
"""
