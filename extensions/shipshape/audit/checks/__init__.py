"""The checks: a small function for each rule, grouped by the kind of file."""

from . import cluster, compose, context, images, kubernetes, rights, services, stacks, steps, whole, workflows
from .registry import CHECKS, Verdict

__all__ = ["CHECKS", "Verdict"]
__all__ += ["cluster", "compose", "context", "images", "kubernetes", "rights"]
__all__ += ["services", "stacks", "steps", "whole", "workflows"]
