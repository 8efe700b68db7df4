"""Yours, but for `platform`, which `copier update` brings forward."""
