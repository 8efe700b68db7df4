"""Prints every image of the table of pins that a rendering builds on or runs, one a line."""

from tests.support.render import TEMPLATE

NEVER_STARTED = {"trivy"}  # needs its database of vulnerabilities from the Internet

if __name__ == "__main__":
    for name, image in TEMPLATE.table("pins")["images"].items():
        if name not in NEVER_STARTED:
            print(image)
