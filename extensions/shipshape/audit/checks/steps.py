"""Dockerfiles: what the steps of a build do."""

from __future__ import annotations

import re

from ..dockerfile import Dockerfile, Instruction, Stage, flag, words
from .registry import Judged, each, fault

check = each(lambda repository: repository.dockerfiles)

INTERPRETERS = r"(ba|z|da|k)?sh|python3?|node|perl|ruby"
PIPED = re.compile(rf"\b(curl|wget)\b[^|;&]*\|\s*(sudo\s+(-\w+\s+)*)?(/bin/|/usr/bin/)?({INTERPRETERS})\b")
UNCHECKED = re.compile(
    r"\bcurl\b[^|;&]*\s(-[a-zA-Z]*k[a-zA-Z]*|--insecure)\b|--no-check-certificate|strict-ssl[ =]+false"
    r"|sslverify[ =]+(false|0)"
    r"|NODE_TLS_REJECT_UNAUTHORIZED=['\"]?0|--trusted-host\b|--allow-unauthenticated|--force-yes|--no-gpg-check"
    r"|--nogpgcheck|--allow-untrusted|GIT_SSL_NO_VERIFY=",
    re.IGNORECASE,
)
WRITABLE = re.compile(r"\bchmod\s+(-[a-zA-Z]+\s+)*(0?777|a\+rwx|ugo\+rwx)\b")
# What installs what a lock file names; it needs that file and no source.
INSTALLS = re.compile(
    r"\b(npm (ci|install|i)\b(?!\s+(-g\b|--global|[\w@])\S*)|yarn install|pnpm (install|i)|bun install"
    r"|pip3? install (-\S+ )*(-r|--requirement)"
    r"|poetry install|pipenv (install|sync)|bundle install|composer install|go mod download|cargo fetch|uv sync)"
)
UNLOCKED = re.compile(
    r"\bnpm (install|i)(\s+-\S+)*\s*($|[;&|])"
    r"|\byarn( install)?(\s+--(?!frozen-lockfile|immutable|pure-lockfile)\S+)*\s*($|[;&|])"
    r"|--no-frozen-lockfile|--no-lockfile|--no-package-lock"
)


def script(instruction: Instruction) -> str:
    """What a step runs, with its here-documents."""
    return "\n".join([instruction.value, *instruction.heredocs])


@check("docker-pipe-to-shell")
def pipe_to_shell(file: Dockerfile) -> Judged:
    """What is fetched is not run unread."""
    for one in file.instructions("RUN"):
        text = script(one)
        if re.search(r"\b(curl|wget)\b", text):
            yield (
                file.line_of(one, re.compile(r"\b(curl|wget)\b")),
                fault(PIPED.search(text), "runs what it fetches, unread"),
            )


@check("docker-unchecked-download")
def unchecked_download(file: Dockerfile) -> Judged:
    """Certificates and signatures are checked."""
    for one in file.instructions("RUN", "ENV"):
        found = UNCHECKED.search(script(one))
        if one.keyword == "RUN" or found:
            yield file.line_of(one, UNCHECKED), fault(found, f"{found[0].strip() if found else ''} turns a check off")


@check("docker-add-url")
def add_url(file: Dockerfile) -> Judged:
    """ADD from an address has a checksum."""
    for one in file.instructions("ADD"):
        addresses = [word for word in words(one)[:-1] if re.match(r"https?://(?!\S+\.git\b)", word)]
        if addresses:
            yield one.line, fault(not flag(one, "checksum"), f"fetches {addresses[0]} without --checksum")


@check("docker-writable")
def writable(file: Dockerfile) -> Judged:
    """Nothing can be written by everybody."""
    for one in file.instructions("RUN"):
        text = script(one)
        if "chmod" in text:
            yield file.line_of(one, WRITABLE), fault(WRITABLE.search(text), "chmod 777")


@check("docker-cache")
def cache(file: Dockerfile) -> Judged:
    """The dependencies are installed before the whole source is copied."""
    for stage in file.stages:
        copied = False
        for one in stage.instructions:
            if one.keyword in {"COPY", "ADD"} and not flag(one, "from"):
                copied = copied or bool({word.rstrip("/") for word in words(one)[:-1]} & {".", "./", ""})
            elif one.keyword == "RUN" and INSTALLS.search(one.value) and not _installed(stage, one.line):
                yield file.line_of(one, INSTALLS), fault(copied, "installs after the whole source is copied")


def _installed(stage: Stage, line: int) -> bool:
    """Whether an earlier step has installed already: then this one only puts the project itself in."""
    return any(one.line < line and INSTALLS.search(one.value) for one in stage.all("RUN"))


@check("docker-lock")
def lock(file: Dockerfile) -> Judged:
    """What is installed is what the lock file says."""
    for one in file.instructions("RUN"):
        if re.search(r"\b(npm|yarn|pnpm)\b", one.value) and (INSTALLS.search(one.value) or UNLOCKED.search(one.value)):
            found = UNLOCKED.search(one.value)
            yield (
                file.line_of(one, UNLOCKED),
                fault(found, f"{found[0].strip(' ;&|') if found else ''} may change the lock"),
            )
