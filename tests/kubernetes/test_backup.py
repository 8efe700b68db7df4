"""Backups of an external database: what the two CronJobs are, and the scripts that their pods run.

How it broke for others; a real cluster shows the rest in tests/cluster/test_backup.py:
- a backup that hangs keeps all later ones from starting: https://github.com/paperclipinc/openclaw-operator/issues/286
- a control plane that was away, and no later start: https://github.com/kubernetes/kubernetes/issues/42649
- a dump that the node has no room for ends other pods, too: https://github.com/zalando/postgres-operator/issues/2596
- a job that has never gone well has no time that is old: https://github.com/KBVE/kbve/pull/13131 (test_alerts.py)
"""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shipshape.template import Answers

from tests.support.cluster.manifests import ENVIRONMENTS, Manifest, Rendered, of_kind, one, quantity
from tests.support.render import ORDERS, TEMPLATE, name_of
from tests.support.render.answers import KUBERNETES

SERVICE = ORDERS["service_name"]
IMAGES = TEMPLATE.table("pins")["images"]
# Step to its image, and to the Secret that it alone of the pod's steps reads.
STEPS = {
    "dump": ("postgres", f"{SERVICE}-database-backup"),
    "store": ("restic", f"{SERVICE}-backup"),
    "fetch": ("restic", f"{SERVICE}-backup"),
    "load": ("postgres", f"{SERVICE}-restore"),
}


@pytest.fixture(
    params=[
        number
        for number, answers in enumerate(KUBERNETES)
        if answers["database"] != "none" and answers["kubernetes_database"] == "external"
    ],
    ids=lambda number: name_of(KUBERNETES[number]),
)
def kubernetes(request: pytest.FixtureRequest, put_together: Callable[[int], Rendered]) -> Rendered:
    """One combination of answers with a database outside of the cluster."""
    return put_together(request.param)


@pytest.fixture(params=ENVIRONMENTS)
def cron_jobs(request: pytest.FixtureRequest, kubernetes: Rendered) -> dict[str, dict[str, Any]]:
    """The two, by name: their spec."""
    found = of_kind(kubernetes.sets[f"backup/{request.param}"], "CronJob")
    assert len(found) == 2
    return {one["metadata"]["name"].removeprefix(f"{SERVICE}-"): one["spec"] for one in found}


def pod_of(cron_job: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = cron_job["jobTemplate"]["spec"]["template"]["spec"]
    return spec


def test_one_at_a_time_and_none_for_ever(cron_jobs: dict[str, dict[str, Any]]) -> None:
    backup, restore = cron_jobs["backup"], cron_jobs["restore"]
    assert restore["suspend"] is True, "it runs when somebody starts it"
    assert not backup.get("suspend")
    for cron_job in (backup, restore):
        assert cron_job["concurrencyPolicy"] == "Forbid"
        assert cron_job["timeZone"] == "Etc/UTC"
        job = cron_job["jobTemplate"]["spec"]
        assert 0 < job["activeDeadlineSeconds"] < 86400 - backup["startingDeadlineSeconds"], "over before the next"
        assert 86400 <= job["ttlSecondsAfterFinished"] <= 7 * 86400, "its log is there the day after"
        assert job["template"]["spec"]["restartPolicy"] == "Never", "each try leaves its log"
    # The controller looks every ten seconds, and counts a hundred missed ones at the most.
    assert 600 <= backup["startingDeadlineSeconds"] < 86400
    assert backup["successfulJobsHistoryLimit"] >= 1
    assert backup["failedJobsHistoryLimit"] >= 1
    assert cron_jobs["restore"]["jobTemplate"]["spec"]["backoffLimit"] == 0


def test_each_step_has_its_own_secret_and_image(cron_jobs: dict[str, dict[str, Any]]) -> None:
    order = []
    for cron_job in cron_jobs.values():
        pod = pod_of(cron_job)
        secrets = {volume["name"]: volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
        for step in pod["initContainers"] + pod["containers"]:
            order.append(step["name"])
            image, secret = STEPS[step["name"]]
            assert step["image"] == IMAGES[image]
            read = {secrets[mount["name"]] for mount in step["volumeMounts"] if mount["name"] in secrets}
            read |= {source["secretRef"]["name"] for source in step.get("envFrom", [])}
            assert read == {secret}, step["name"]
    # An init container that fails ends the pod: nothing is stored of a dump that is not whole.
    assert order == list(STEPS)


def test_they_are_as_restricted_as_the_service(kubernetes: Rendered, cron_jobs: dict[str, dict[str, Any]]) -> None:
    service = one(kubernetes.overlay("production"), "Deployment")["spec"]["template"]["spec"]
    for cron_job in cron_jobs.values():
        pod = pod_of(cron_job)
        assert pod["securityContext"] == service["securityContext"] | {"fsGroup": 65532}
        assert pod["serviceAccountName"] == f"{SERVICE}-backup"
        assert pod["automountServiceAccountToken"] is False
        for step in pod["initContainers"] + pod["containers"]:
            assert step["securityContext"] == service["containers"][0]["securityContext"], step["name"]
            limits = step["resources"]["limits"]
            assert limits.keys() == step["resources"]["requests"].keys() == {"cpu", "memory", "ephemeral-storage"}
        (dump,) = [volume["emptyDir"] for volume in pod["volumes"] if volume["name"] == "dump"]
        room = quantity(pod["initContainers"][0]["resources"]["limits"]["ephemeral-storage"])
        assert quantity(dump["sizeLimit"]) < room, "the volume's own limit is the one that is met"


def test_they_call_the_database_and_the_object_store_alone(kubernetes: Rendered) -> None:
    for environment in ENVIRONMENTS:
        manifests = kubernetes.sets[f"backup/{environment}"]
        policy = one(manifests, "NetworkPolicy")["spec"]
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert "ingress" not in policy
        dns, calls = policy["egress"]
        assert {port["port"] for port in dns["ports"]} == {53}
        assert calls == {"ports": [{"port": 5432, "protocol": "TCP"}, {"port": 443, "protocol": "TCP"}]}
        for cron_job in of_kind(manifests, "CronJob"):
            labels = cron_job["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
            assert policy["podSelector"]["matchLabels"].items() <= labels.items()


def test_the_cluster_admits_their_two_images_beside_ours(kubernetes: Rendered) -> None:
    policy = one(kubernetes.sets["policy"], "ValidatingAdmissionPolicy")["spec"]
    (foreign,) = [one["expression"] for one in policy["variables"] if one["name"] == "foreign"]
    assert foreign.endswith(f" && !(i in [ '{IMAGES['postgres']}', '{IMAGES['restic']}']))")


def test_their_secrets_come_from_where_the_others_do(kubernetes: Rendered) -> None:
    external = kubernetes.answers["kubernetes_secrets"] == "external-secrets"
    for environment in ENVIRONMENTS:
        made: list[Manifest] = of_kind(kubernetes.sets[f"backup/{environment}"], "ExternalSecret")
        keys = {one["metadata"]["name"]: one["spec"]["dataFrom"][0]["extract"]["key"] for one in made}
        wanted = {f"{SERVICE}-{name}": f"{SERVICE}/{environment}/{name}" for name in ("database-backup", "backup")}
        assert keys == (wanted if external else {})


def test_who_has_no_database_has_none_of_it(rendered: Callable[[Answers], Path]) -> None:
    project = rendered({"language": "go", "orchestrator": "kubernetes", "database": "none"})
    assert not (project / "deploy/kubernetes/backup").exists()
    for name in ("deploy/README.md", "deploy/policy/images.yml", "deploy/kubernetes/overlays/production/alerts.yml"):
        assert "restic" not in (project / name).read_text().lower(), name
        assert "BackupTooOld" not in (project / name).read_text(), name


# What each step of store.sh does where one before it has failed, by a restic that logs what it is asked.
@pytest.mark.parametrize(
    ("fails", "asked"),
    [("unlock", ["unlock"]), ("backup", ["unlock", "backup"]), ("forget", ["unlock", "backup", "forget"])],
)
def test_what_is_not_stored_deletes_nothing(
    rendered: Callable[[Answers], Path], tmp_path: Path, fails: str, asked: list[str]
) -> None:
    project = rendered({"language": "go", "orchestrator": "kubernetes"})
    script = (project / "deploy/kubernetes/backup/base/store.sh").read_text().replace("/dump/app.dump", "/dev/null")
    (tmp_path / "restic").write_text(
        '#!/bin/sh\nfor word; do case $word in -*) ;; *) break ;; esac; done\n'
        f'echo "$word" >>"{tmp_path}/asked"\n[ "$word" != {fails} ]\n'
    )  # fmt: skip
    (tmp_path / "restic").chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", script], env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}, check=False
    )
    assert done.returncode == 1
    assert (tmp_path / "asked").read_text().split() == asked
