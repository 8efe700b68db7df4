"""Dockerfiles: what the image is made of, and what it starts. https://docs.docker.com/build/building/best-practices/."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..dockerfile import Dockerfile, bottom, flag, words
from ..model import Repository
from ..words import digest, image_name, literal, moving, names_secret
from .registry import Judged, Verdict, each, fault, over

check = each(lambda repository: repository.dockerfiles)

# Images that start as a user other than root, by their makers' documentation.
NON_ROOT = re.compile(
    r"nonroot|unprivileged|rootless|^cgr\.dev/|chainguard/|^registry\.access\.redhat\.com/ubi\d+/(?!ubi)"
    r"|bitnami/|/dhi/|^dhi\.io/"
)
NO_SHELL = re.compile(r"^scratch$|distroless|^cgr\.dev/|chainguard/|-micro\b|^dhi\.io/")
BUILDERS = {"golang", "rust", "maven", "gradle", "sdk", "composer", "haskell", "sbt"}
STEPS_DOWN = re.compile(r"\b(gosu|su-exec|setpriv|s6-overlay|s6-setuidgid|/init\b|chpst|runuser)")
PRIVATE = re.compile(
    r"(^|/)(\.env(\.(prod|production|local))?|id_rsa|id_ed25519|id_ecdsa|\.netrc|\.git-credentials|\.pypirc"
    r"|\.aws|\.ssh|\.kube|\.docker)/?$"
)


def outside(file: Dockerfile) -> list[tuple[int, str]]:
    """The images of others that it names, and where; not those whose name only the builder knows."""
    named = [(stage.line, stage.image) for stage in file.stages if not stage.base and stage.image.lower() != "scratch"]
    for one in file.instructions("COPY", "RUN"):
        mounted = [re.findall(r"(?:^|,)from=([^,\s]+)", value) for name, value in one.flags if name == "mount"]
        sources = [flag(one, "from"), *(source for found in mounted for source in found)]
        named += [(one.line, source) for source in sources if file.reaches_out(source)]
    return [(line, image) for line, image in named if "$" not in image.partition("@")[0]]


@check("docker-latest")
def latest(file: Dockerfile) -> Judged:
    """Each image has a tag other than `latest`, or a digest."""
    for line, image in outside(file):
        yield line, fault(moving(image), f"{image} is another image tomorrow")


@check("docker-digest")
def by_digest(file: Dockerfile) -> Judged:
    """Each image has a digest; one without a tag is docker-latest's."""
    for line, image in outside(file):
        if not moving(image):
            yield line, fault(not digest(image), f"{image} has no digest")


@check("docker-user")
def user(file: Dockerfile) -> Judged:
    """The final stage's user is not root; said by nobody, it is that of the image below."""
    stage = file.final
    text = " ".join(one.value for one in stage.all("RUN", "COPY", "ENTRYPOINT", "CMD"))
    if STEPS_DOWN.search(text):
        return  # it starts as root to give that up
    last = stage.last("USER")
    if last:
        name = last.value.split(":")[0].strip()
        if "$" not in name:
            yield last.line, fault(name in {"root", "0"}, f"it runs as {last.value}")
        return
    image = bottom(stage).image
    if "$" not in image:
        yield stage.line, fault(not NON_ROOT.search(image), "no USER: it runs as root")


@check("docker-user-number")
def user_number(file: Dockerfile) -> Judged:
    """A user of one's own is a number."""
    last = file.final.last("USER")
    name = last.value.split(":")[0].strip() if last else ""
    if last and name not in {"root", "0"} and "$" not in name:
        yield last.line, fault(not name.isdigit(), f"USER {name} is a name")


@over("docker-healthcheck")
def healthcheck(repository: Repository) -> Iterator[Verdict]:
    """An image that listens, and has a shell or a runtime, says how to ask; Kubernetes and ECS ask by their own."""
    if any(repository.pods()) or any(one.kind == "AWS::ECS::Service" for one in repository.resources):
        return
    for file in repository.dockerfiles:
        exposed, found = file.final.last("EXPOSE"), file.final.last("HEALTHCHECK")
        if exposed and (found or not NO_SHELL.search(bottom(file.final).image)):
            yield Verdict(file.path, exposed.line, fault(not found, "a service without HEALTHCHECK"))


@check("docker-exec-form")
def exec_form(file: Dockerfile) -> Judged:
    """What is started gets the signals: exec form, or a shell that gives its place away."""
    for name in ("ENTRYPOINT", "CMD"):
        last = next((one for one in reversed(file.final.instructions) if one.keyword == name), None)
        if last and last.value:
            shell = last.words is None and not re.match(r"exec\s", last.value)
            yield last.line, fault(shell, f"{name} in the shell's form")


@check("docker-secret")
def secret(file: Dockerfile) -> Judged:
    """No variable holds a secret: it would stay in the image's history."""
    for one in file.instructions("ENV", "ARG"):
        pairs = re.findall(r"([A-Za-z_]\w*)=(\"[^\"]*\"|'[^']*'|\S*)", one.value)
        if not pairs:
            name, _, value = one.value.partition(" ")
            pairs = [(name, value)]
        for name, value in pairs:
            if names_secret(name):
                # a value that an ARG gets is in the history too, where the stage is the last one
                given = literal(value) or (one.keyword == "ARG" and one in file.final.instructions)
                yield file.line_of(one, re.compile(rf"\b{name}\b")), fault(given, f"{one.keyword} {name}")


@check("docker-secret-file")
def secret_file(file: Dockerfile) -> Judged:
    """No file that holds secrets is copied."""
    for one in file.instructions("COPY", "ADD"):
        if not flag(one, "from"):
            private = [word for word in words(one)[:-1] if PRIVATE.search(word)]
            yield one.line, fault(private, f"copies {' '.join(private)}")


@check("docker-builder")
def builder(file: Dockerfile) -> Judged:
    """What runs does not carry the compiler that made it."""
    image = bottom(file.final).image
    if "$" not in image and image != "scratch":
        yield (
            file.final.line,
            fault(image_name(image) in BUILDERS, f"the final stage is built on {image}"),
        )


@check("docker-ssh")
def ssh(file: Dockerfile) -> Judged:
    """No SSH server."""
    for one in file.instructions("EXPOSE"):
        ports = {word.partition("/")[0] for word in one.value.split()}
        yield one.line, fault("22" in ports, "exposes port 22")
