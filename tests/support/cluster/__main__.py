"""Starts the cluster before the tests, for the first time takes minutes."""

from tests.support.cluster import kubeconfig

kubeconfig()
