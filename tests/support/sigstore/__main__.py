"""Fill the cache: `python -m tests.support.sigstore`."""

from tests.support.sigstore.build import PROGRAMS, issuers, program

for name in PROGRAMS:
    print(program(name))
print(issuers())
