"""The Job that migrates the database: of the new image, with the owner's Secret, and out of the service's way."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.cluster.manifests import (
    DIGEST,
    ENVIRONMENTS,
    Manifest,
    Rendered,
    of_kind,
    of_migration,
    one,
    quantity,
)
from tests.support.expectations import expected
from tests.support.render import ORDERS, name_of
from tests.support.render.answers import KUBERNETES

SERVICE = ORDERS["service_name"]
SECRET = f"{SERVICE}-database-owner"


@pytest.fixture(params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(
    params=[number for number, answers in enumerate(KUBERNETES) if answers["database"] != "none"],
    ids=lambda number: name_of(KUBERNETES[number]),
)
def kubernetes(request: pytest.FixtureRequest, put_together: Callable[[int], Rendered]) -> Rendered:
    """One combination of answers with a database."""
    return put_together(request.param)


@pytest.fixture
def migrated(kubernetes: Rendered, environment: str) -> list[Manifest]:
    """What is sent to the cluster before the new version."""
    return kubernetes.sets[f"migrated/{environment}"]


@pytest.mark.parametrize(
    "number",
    [number for number, answers in enumerate(KUBERNETES) if answers["database"] == "none"],
    ids=lambda number: name_of(KUBERNETES[number]),
)
def test_without_a_database_there_is_none(put_together: Callable[[int], Rendered], number: int) -> None:
    for name, manifests in put_together(number).sets.items():
        assert not name.startswith("migrated/")
        assert not of_kind(manifests, "Job")


def test_it_brings_all_that_it_needs_and_nothing_of_the_service(kubernetes: Rendered, migrated: list[Manifest]) -> None:
    external = ["ExternalSecret"] if kubernetes.answers["kubernetes_secrets"] == "external-secrets" else []
    kinds = sorted(["Job", "NetworkPolicy", "ServiceAccount", *external])
    assert sorted(manifest["kind"] for manifest in migrated) == kinds, "a version that fails must have changed nothing"
    for name, manifests in kubernetes.sets.items():
        if name.startswith("deployed/"):
            assert not [manifest for manifest in manifests if of_migration(manifest)], "the migration runs once"


def test_it_is_the_new_image(kubernetes: Rendered, migrated: list[Manifest]) -> None:
    job = one(migrated, "Job")
    assert job["metadata"]["name"].startswith(f"{SERVICE}-migrate-")
    assert len(job["metadata"]["name"]) + 40 - len(SERVICE) <= 63, "the longest name that a service may have"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"{expected('registry', kubernetes.answers['registry'])['image']}@{DIGEST}"
    assert container["args"] == ["migrate"]
    assert "command" not in container, "the image's own"


def test_two_have_different_names(kubernetes: Rendered) -> None:
    if kubernetes.answers["database"] != "none":
        jobs = {one(kubernetes.sets[f"migrated/{name}"], "Job")["metadata"]["name"] for name in ENVIRONMENTS}
        assert len(jobs) == len(ENVIRONMENTS)


def test_it_ends(migrated: list[Manifest]) -> None:
    spec = one(migrated, "Job")["spec"]
    assert spec["backoffLimit"] == 0
    assert spec["activeDeadlineSeconds"] > 600, "what deploy.sh waits for, and says why, comes first"
    assert 0 < spec["ttlSecondsAfterFinished"] <= 7 * 86400
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    # https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy
    assert spec["podFailurePolicy"] == {
        "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]
    }


def test_it_alone_has_the_owner_s_secret(kubernetes: Rendered, migrated: list[Manifest], environment: str) -> None:
    spec = one(migrated, "Job")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    (secret,) = [volume["secret"]["secretName"] for volume in spec["volumes"] if "secret" in volume]
    assert secret == SECRET
    (mount,) = [mount for mount in container["volumeMounts"] if mount["name"] == "database"]
    assert mount["readOnly"]
    assert {variable["name"]: variable["value"] for variable in container["env"]} == {
        "DATABASE_URL_FILE": f"{mount['mountPath']}/url",
        "DATABASE_PASSWORD_FILE": f"{mount['mountPath']}/password",
    }
    for manifest in kubernetes.overlay(environment):
        if manifest["kind"] not in {"Job", "ExternalSecret"}:
            assert SECRET not in str(manifest), manifest["kind"]


def test_it_is_as_restricted_as_the_service(kubernetes: Rendered, migrated: list[Manifest], environment: str) -> None:
    job = one(migrated, "Job")["spec"]["template"]["spec"]
    service = one(kubernetes.overlay(environment), "Deployment")["spec"]["template"]["spec"]
    for key in ("securityContext", "automountServiceAccountToken", "enableServiceLinks"):
        assert job[key] == service[key], key
    assert job["containers"][0]["securityContext"] == service["containers"][0]["securityContext"]
    given = job["containers"][0]["resources"]
    for what, limit in service["containers"][0]["resources"]["limits"].items():
        assert quantity(given["requests"][what]) <= quantity(given["limits"][what])
        assert quantity(given["limits"][what]) >= quantity(limit), "less than the service itself may have"
    account = one(migrated, "ServiceAccount")
    assert job["serviceAccountName"] == account["metadata"]["name"] != service["serviceAccountName"]
    assert account["automountServiceAccountToken"] is False


def selectors(manifests: list[Manifest]) -> Iterator[dict[str, str]]:
    """By what the service's own objects select pods."""
    for manifest in manifests:
        if of_migration(manifest):
            continue
        match manifest["kind"]:
            case "Service" if "selector" in manifest["spec"]:
                yield manifest["spec"]["selector"]
            case "Deployment" | "PodDisruptionBudget":
                yield manifest["spec"]["selector"]["matchLabels"]
            case "NetworkPolicy":
                yield manifest["spec"]["podSelector"]["matchLabels"]


def test_nothing_takes_its_pod_for_one_of_the_service(
    kubernetes: Rendered, migrated: list[Manifest], environment: str
) -> None:
    """No traffic, no part in scaling by CPU, no say in a drain, and no ingress by the service's policies."""
    labels = one(migrated, "Job")["spec"]["template"]["metadata"]["labels"]
    found = list(selectors(kubernetes.overlay(environment)))
    assert len(found) > 3
    for selector in found:
        assert not selector.items() <= labels.items(), selector


def test_it_reaches_the_database_and_nobody_reaches_it(kubernetes: Rendered, migrated: list[Manifest]) -> None:
    job, policy = one(migrated, "Job"), one(migrated, "NetworkPolicy")["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= job["spec"]["template"]["metadata"]["labels"].items()
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy
    dns, database = policy["egress"]
    assert {(port["port"], port["protocol"]) for port in dns["ports"]} == {(53, "UDP"), (53, "TCP")}
    assert dns["to"] == servers(kubernetes)
    assert database == {"ports": [{"port": 5432, "protocol": "TCP"}]}


def servers(kubernetes: Rendered) -> list[dict[str, Any]]:
    """Where the DNS is: pods of kube-system, or on the node.

    https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/; on EKS's Auto Mode it is asked by the Service's
    address, https://github.com/aws/containers-roadmap/issues/2552.
    """
    addresses = ["169.254.20.10/32"]
    if kubernetes.answers["kubernetes_access"] == "eks":
        addresses += ["10.100.0.10/32", "172.20.0.10/32"]
    pods = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
    return [pods, *({"ipBlock": {"cidr": address}} for address in addresses)]


def test_the_service_finds_the_dns_wherever_it_is(kubernetes: Rendered, environment: str) -> None:
    policies = {
        policy["metadata"]["name"]: policy for policy in of_kind(kubernetes.overlay(environment), "NetworkPolicy")
    }
    (egress,) = policies[f"{ORDERS['service_name']}-allow-dns"]["spec"]["egress"]
    assert egress["to"] == servers(kubernetes)


def test_without_a_database_nothing_leads_to_one(kubernetes: Rendered, environment: str) -> None:
    egress = [
        port["port"]
        for policy in of_kind(kubernetes.overlay(environment), "NetworkPolicy")
        for rule in policy["spec"].get("egress", [])
        for port in rule["ports"]
    ]
    assert (5432 in egress) == (kubernetes.answers["database"] != "none")
