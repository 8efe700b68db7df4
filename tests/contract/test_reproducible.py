"""What the pipeline builds and what `make reproduce` builds is the same, down to the options that change a digest."""

import re
from pathlib import Path

import yaml

from tests.support.render import TEMPLATE


def test_the_pipeline_builds_as_make_reproduce_does(project: Path) -> None:
    (job,) = [
        job
        for path in (project / ".github/workflows").glob("*.yml")
        for job in yaml.safe_load(path.read_text())["jobs"].values()
        if any("docker/build-push-action" in step.get("uses", "") for step in job.get("steps", []))
    ]
    inputs = {step["uses"].partition("@")[0]: step.get("with", {}) for step in job["steps"] if "uses" in step}
    build, script = inputs["docker/build-push-action"], (project / "scripts/image.sh").read_text()

    def exporter(text: str) -> set[str]:
        """Its options, without the paths and values that a shell or a workflow fills in."""
        return {re.sub(r"(dest|source-date-epoch)=.*", r"\1", option) for option in text.split(",")}

    (output,) = re.findall(r'--output "(.+?)"', script)
    assert exporter(build["outputs"]) == exporter(output)
    assert {"type=docker", "rewrite-timestamp=true", "source-date-epoch"} <= exporter(output)
    assert "provenance" in build
    assert "--provenance=false" in script
    assert re.fullmatch(r"VERSION=\S* ?.*", build["build-args"])
    assert '--build-arg "VERSION=$commit"' in script
    assert build["labels"].startswith("org.opencontainers.image.revision=")
    assert '--label "org.opencontainers.image.revision=$commit"' in script
    pinned = TEMPLATE.table("pins")["images"]["buildkit"]
    assert inputs["docker/setup-buildx-action"]["driver-opts"] == f"image={pinned}"
    assert f"BUILDKIT := {pinned}\n" in (project / "Makefile").read_text()


def test_no_file_of_an_image_has_a_time_or_a_mode_of_the_machine(project: Path) -> None:
    """All that the last stage takes comes from a stage that set the time; nothing comes from the checkout itself."""
    stages = re.split(r"^FROM ", (project / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    named = {re.match(r"\S+ AS (\S+)", stage)[1]: stage for stage in stages}  # type: ignore[index]
    parents = {name: stage.split()[0] for name, stage in named.items()}
    name = "runtime"
    while name in named:
        for source, path in re.findall(r"^COPY --from=(\S+) (\S+)", named[name], re.MULTILINE):
            assert "exec touch -hd @0" in named[source], (source, path)
        assert not re.search(r"^COPY (?!--from)", named[name], re.MULTILINE), name
        assert "\nSOURCE_DATE_EPOCH" not in named[name]
        folders = [match.start() for match in re.finditer(r"^WORKDIR ", named[name], re.MULTILINE)]
        assert all(start > named[name].rindex("\nCOPY ") for start in folders), "WORKDIR's folder has a time"
        name = parents[name]
