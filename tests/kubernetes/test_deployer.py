"""What an administrator makes once: a namespace that enforces, and a deployer that may do what deploying takes."""

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.support.aws.policies import IDS, actions, admits, role_policy, strangers, token, trust_policy
from tests.support.cluster.manifests import ENVIRONMENTS, Manifest, Rendered, of_kind, one
from tests.support.render import ORDERS

SERVICE, REPOSITORY = ORDERS["service_name"], ORDERS["repository"]
ACCOUNT, REGION = "123456789012", "us-east-1"
APPLYING = {"get", "create", "patch"}  # what `kubectl apply` asks of the API server
PRUNING = {"delete"}  # what a version no longer has; a ConfigMap may be that of an earlier one
WATCHING = {"get", "list", "watch"}
# What a deployment needs beside applying: how it goes, what it says, and the way to the new pods for a test.
BESIDE = {
    ("apps", "deployments"): WATCHING,
    ("apps", "replicasets"): WATCHING,
    ("", "pods"): WATCHING,
    ("", "pods/log"): WATCHING,
    ("", "events"): WATCHING,
    ("", "pods/portforward"): {"create"},
}
# A migration: each Job has a name of its own, so none is ever changed; one that was cancelled is deleted.
JOBS = ("batch", "jobs")
MIGRATING = {"get", "list", "watch", "create", "delete"}
PLURALS = {
    "NetworkPolicy": "networkpolicies",
    "Ingress": "ingresses",
    "AuthorizationPolicy": "authorizationpolicies",
}

Allowed = dict[tuple[str, str], set[str]]


def resource(manifest: Manifest) -> tuple[str, str]:
    group = manifest["apiVersion"].rpartition("/")[0]
    return group, PLURALS.get(manifest["kind"], f"{manifest['kind'].lower()}s")


def allowed(role: Manifest) -> Allowed:
    found: Allowed = {}
    for rule in role["rules"]:
        for pair in product(rule["apiGroups"], rule["resources"]):
            found.setdefault(pair, set()).update(rule["verbs"])
    return found


def test_the_deployer_may_do_what_it_needs_and_no_more(kubernetes: Rendered) -> None:
    applied = [m for name, ms in kubernetes.sets.items() if name.split("/")[0] in {"overlays", "deployed"} for m in ms]
    needed: Allowed = {pair: set(verbs) for pair, verbs in BESIDE.items()}
    for pair in map(resource, applied):
        verbs = MIGRATING if pair == JOBS else APPLYING if pair == ("", "configmaps") else APPLYING | PRUNING
        needed.setdefault(pair, set()).update(verbs)
    for environment in ENVIRONMENTS:
        role = one(kubernetes.sets[f"setup/{environment}"], "Role")
        assert allowed(role) == needed
        assert not of_kind(kubernetes.sets[f"setup/{environment}"], "ClusterRole", "ClusterRoleBinding")
        for (group, name), verbs in allowed(role).items():
            assert "*" not in {group, name} | verbs
            assert name != "secrets"
            assert not {"deletecollection", "update", "escalate", "bind", "impersonate"} & verbs, name
            assert "delete" not in verbs or name not in {"configmaps", "pods", "replicasets"}


def test_the_namespace_enforces_pod_security(kubernetes: Rendered) -> None:
    # https://kubernetes.io/docs/concepts/security/pod-security-admission/
    for environment in ENVIRONMENTS:
        labels = one(kubernetes.sets[f"setup/{environment}"], "Namespace")["metadata"]["labels"]
        for mode in ("enforce", "warn", "audit"):
            assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted", mode
        included = kubernetes.answers["kubernetes_verification"] == "policy-controller"
        assert labels.get("policy.sigstore.dev/include") == ("true" if included else None)


def test_new_pods_wait_for_the_load_balancer(kubernetes: Rendered) -> None:
    """By a label of the namespace, not an annotation.

    https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/1808
    """
    for environment in ENVIRONMENTS:
        labels = one(kubernetes.sets[f"setup/{environment}"], "Namespace")["metadata"]["labels"]
        gated = "enabled" if kubernetes.answers["kubernetes_exposure"] == "alb" else None
        assert labels.get("elbv2.k8s.aws/pod-readiness-gate-inject") == gated


def test_the_role_is_given_to_the_deployer_of_its_environment_alone(kubernetes: Rendered) -> None:
    eks = kubernetes.answers["kubernetes_access"] == "eks"
    for environment in ENVIRONMENTS:
        made = kubernetes.sets[f"setup/{environment}"]
        binding, role, namespace = (one(made, kind) for kind in ("RoleBinding", "Role", "Namespace"))
        assert binding["roleRef"]["name"] == role["metadata"]["name"]
        assert binding["roleRef"]["kind"] == "Role"
        (subject,) = binding["subjects"]
        if eks:
            assert (subject["kind"], subject["name"]) == ("Group", f"{SERVICE}-deployer-{environment}")
            assert not of_kind(made, "ServiceAccount", "Secret")
            continue
        account, token = one(made, "ServiceAccount"), one(made, "Secret")
        assert subject == {
            "kind": "ServiceAccount",
            "name": account["metadata"]["name"],
            "namespace": namespace["metadata"]["name"],
        }
        assert token["type"] == "kubernetes.io/service-account-token"
        assert token["metadata"]["annotations"] == {"kubernetes.io/service-account.name": subject["name"]}
        assert not token.keys() & {"data", "stringData"}, "the cluster fills it in"


@pytest.fixture
def eks_template(rendered: Callable[..., Path]) -> str:
    project = rendered({"language": "python", "orchestrator": "kubernetes", "kubernetes_access": "eks"})
    return (project / "deploy/eks/deployer.yml").read_text()


@pytest.fixture(params=ENVIRONMENTS)
def deployer(request: pytest.FixtureRequest, eks_template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The stack of one environment; gives the name of the environment."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        boto3.client("cloudformation", REGION).create_stack(
            StackName=f"{SERVICE}-deployer-{request.param}",
            TemplateBody=without_access_entry(eks_template),
            Parameters=[
                {"ParameterKey": "Environment", "ParameterValue": request.param},
                {"ParameterKey": "ClusterName", "ParameterValue": "shop"},
                *({"ParameterKey": name, "ParameterValue": value} for name, value in IDS.items()),
            ],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        yield str(request.param)


def without_access_entry(template: str) -> str:
    """Moto knows no access entries; what this one says is looked at in a test of its own."""
    start, end = template.index("  AccessEntry:"), template.index("Outputs:")
    return template[:start] + template[end:]


@pytest.mark.parametrize("ids", [False, True], ids=["by name", "by id"])
def test_one_environment_takes_the_role(deployer: str, ids: bool) -> None:
    policy = trust_policy(f"{SERVICE}-deployer-{deployer}")
    (other,) = set(ENVIRONMENTS) - {deployer}
    assert admits(policy, token(REPOSITORY, f"environment:{deployer}", ids=ids))
    for context in (f"environment:{other}", f"environment:{deployer}2", "ref:refs/heads/main", "pull_request"):
        assert not admits(policy, token(REPOSITORY, context, ids=ids)), context
    branch = token(REPOSITORY, f"environment:{deployer}", ids=ids, ref="refs/heads/feature")
    assert not admits(policy, branch), "where the owner forgot to limit the environment to main"


def test_no_other_repository_takes_the_role(deployer: str) -> None:
    policy = trust_policy(f"{SERVICE}-deployer-{deployer}")
    others = strangers(REPOSITORY, f"environment:{deployer}")
    assert [who for who, job in others.items() if admits(policy, job)] == []


def test_of_aws_it_may_find_the_cluster(deployer: str) -> None:
    (statement,) = role_policy(f"{SERVICE}-deployer-{deployer}", "find-the-cluster")
    assert actions(statement) == ["eks:DescribeCluster"]
    assert statement["Resource"] == f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/shop"


def test_the_cluster_knows_the_role_as_the_group_that_deploys(kubernetes: Rendered) -> None:
    path = kubernetes.project / "deploy/eks/deployer.yml"
    eks = kubernetes.answers["kubernetes_access"] == "eks"
    assert path.exists() == eks
    if not eks:
        return
    text = path.read_text()
    entry = text[text.index("  AccessEntry:") : text.index("Outputs:")]
    assert "PrincipalArn: !GetAtt DeployerRole.Arn" in entry
    (group,) = (line.split("!Sub ")[1] for line in entry.splitlines() if "!Sub" in line)
    for environment in ENVIRONMENTS:
        subjects: list[Any] = one(kubernetes.sets[f"setup/{environment}"], "RoleBinding")["subjects"]
        assert group.replace("${Environment}", environment) == subjects[0]["name"]
