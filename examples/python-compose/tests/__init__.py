"""Yours, except `platform`, which `copier update` brings forward."""
