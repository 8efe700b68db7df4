"""Tests of what `copier update` brings forward."""
