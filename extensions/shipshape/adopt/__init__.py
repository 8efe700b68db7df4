"""Brings a repository that has code under the template, and loses nothing of it."""
