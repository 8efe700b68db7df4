"""Tests of the items."""
