"""What the cluster itself refuses: deploy/policy/ is about the service's two namespaces and its images."""

import re
from typing import Any

from tests.support.cluster.manifests import ENVIRONMENTS, Manifest, Rendered, of_kind, one
from tests.support.expectations import expected
from tests.support.render import ORDERS

PIPELINE = {
    "issuer": "https://token.actions.githubusercontent.com",
    "subject": f"https://github.com/{ORDERS['repository']}/.github/workflows/build.yml@refs/heads/main",
}
# What `cosign sign` and `cosign attest --type slsaprovenance1` write: pkg/types/predicate.go and
# cmd/cosign/cli/options/predicate.go of cosign 3.
STATEMENTS = ["https://sigstore.dev/cosign/sign/v1", "https://slsa.dev/provenance/v1"]
KINDS = {"none": [], "kyverno": ["ImageValidatingPolicy"], "policy-controller": ["ClusterImagePolicy"]}


def namespaces(kubernetes: Rendered) -> set[str]:
    return {
        one(kubernetes.sets[f"setup/{environment}"], "Namespace")["metadata"]["name"] for environment in ENVIRONMENTS
    }


def selected(policy: dict[str, Any]) -> set[str]:
    (expression,) = policy["namespaceSelector"]["matchExpressions"]
    assert (expression["key"], expression["operator"]) == ("kubernetes.io/metadata.name", "In")
    return set(expression["values"])


def signatures(kubernetes: Rendered) -> list[Manifest]:
    found = of_kind(kubernetes.sets["policy"], *KINDS["kyverno"], *KINDS["policy-controller"])
    return [policy for policy in found if policy["metadata"]["name"].endswith("-signatures")]


def test_the_images_are_checked_in_both_namespaces(kubernetes: Rendered) -> None:
    policy = one(kubernetes.sets["policy"], "ValidatingAdmissionPolicy")
    binding = one(kubernetes.sets["policy"], "ValidatingAdmissionPolicyBinding")["spec"]
    assert binding["policyName"] == policy["metadata"]["name"]
    assert "Deny" in binding["validationActions"]
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert selected(binding["matchResources"]) == namespaces(kubernetes)


def test_only_the_registry_s_own_place_is_allowed(kubernetes: Rendered) -> None:
    variables = {v["name"]: v["expression"] for v in one(
        kubernetes.sets["policy"], "ValidatingAdmissionPolicy")["spec"]["variables"]}  # fmt: skip
    (prefix,) = re.findall(r"startsWith\('([^']*)'\)", variables["foreign"])
    image = expected("registry", kubernetes.answers["registry"])["image"]
    assert image.startswith(prefix)
    assert prefix.endswith("/"), "without its end, the name of a stranger's place may begin with ours"


def test_who_checks_signatures_is_the_one_that_was_asked_for(kubernetes: Rendered) -> None:
    found = [policy["kind"] for policy in signatures(kubernetes)]
    assert found == KINDS[kubernetes.answers["kubernetes_verification"]]


def test_signature_and_provenance_of_this_pipeline_are_demanded(kubernetes: Rendered) -> None:
    for policy in signatures(kubernetes):
        spec = policy["spec"]
        if policy["kind"] == "ImageValidatingPolicy":
            (attestor,) = spec["attestors"]
            identities = attestor["cosign"]["keyless"]["identities"]
            kinds = [attestation["intoto"]["type"] for attestation in spec["attestations"]]
            assert (spec["failurePolicy"], spec["validationActions"]) == ("Fail", ["Deny"])
            assert selected(spec["matchConstraints"]) == namespaces(kubernetes)
            assert "matchImageReferences" not in spec, "what matches none of them is not looked at"
            checks = [validation["expression"] for validation in spec["validations"]]
            demanded = (
                r"variables\.images\.all\(image, verifyAttestationSignatures\(image, attestations\.(\w+), .*\) > 0\)"
            )
            assert [re.findall(demanded, check) for check in checks] == [["signature"], ["provenance"]]
            (images,) = spec["variables"]
            everywhere, _, filtered = images["expression"].partition(" .filter(")
            image = expected("registry", kubernetes.answers["registry"])["image"]
            assert set(everywhere.strip("()").split(" + ")) == {
                "images.containers",
                "images.initContainers",
                "images.ephemeralContainers",
            }
            # Another service in the namespace has a policy of its own.
            ways = [
                re.fullmatch(r"image\.startsWith\('(.+)'\)", way) for way in filtered[len("image, ") : -1].split(" || ")
            ]
            begins = tuple(way[1] for way in ways if way)
            assert len(begins) == len(ways)
            # deploy/policy/images.yml admits each of these forms.
            for ours in (f"{image}@sha256:{'a' * 64}", f"{image}:x@sha256:{'a' * 64}", f"{image}:x"):
                assert ours.startswith(begins), f"{ours} is not looked at"
            assert not f"{image}-other@sha256:{'a' * 64}".startswith(begins)
        else:
            (authority,) = spec["authorities"]
            identities = authority["keyless"]["identities"]
            assert authority["signatureFormat"] == "bundle", "what cosign 3 writes"
            kinds = [attestation["predicateType"] for attestation in authority["attestations"]]
            assert spec["mode"] == "enforce"
            assert spec["images"] == [{"glob": f"{expected('registry', kubernetes.answers['registry'])['image']}@*"}]
        assert identities == [PIPELINE]
        assert kinds == STATEMENTS


def test_the_pipeline_signs_as_the_policies_demand(kubernetes: Rendered) -> None:
    assert '"$attest" "$image" provenance' in (kubernetes.project / "scripts/sign.sh").read_text()
    assert f"builder={PIPELINE['subject']}\n" in (kubernetes.project / "scripts/lib.sh").read_text()
