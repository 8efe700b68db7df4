"""A whole Sigstore on this machine, as the public one is made: who signs is known by a token of GitHub's form.

fulcio gives certificates, TesseraCT logs them, rekor-tiles logs signatures, a timestamp authority says when: the very
programs of the public instance, from their Go modules, with keys that live as long as the test.
"""

from tests.support.sigstore.services import Sigstore, running

__all__ = ["Sigstore", "running"]
