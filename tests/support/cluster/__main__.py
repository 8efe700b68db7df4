"""Starts the cluster before the tests, with NetworkPolicy enforced: the first time on a machine it takes minutes."""

from tests.support.cluster import enforce_policies

enforce_policies()
