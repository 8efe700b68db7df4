"""What setup.sh asks of Google and of Azure: who may push, who may pull, and that nobody else may."""

import json
import re
import subprocess
from collections.abc import Callable

import pytest

from tests.registries.conftest import Programs
from tests.support.render import ORDERS

Script = Callable[..., subprocess.CompletedProcess[str]]
REPOSITORY, ID = ORDERS["repository"], "77"
AZURE = """case "$*" in
  "acr show"*) echo /registry ;;
  "ad app create"*) echo "app-$5" ;;
  "ad sp create"*) echo "principal-$5" ;;
  "account show"*) echo tenant ;;
esac"""
BY_ID = f"repo:Octo-Org@5/Orders.Shop@{ID}"


@pytest.fixture(autouse=True)
def _programs(programs: Programs) -> None:
    """A project and a tenant where nothing is there yet."""
    programs.put("gcloud", 'case "$*" in *projects*) echo 42 ;; *describe*) exit 1 ;; esac')
    programs.put("gh", f'case "$*" in *customization*) echo "{BY_ID}" ;; *api*) echo {ID} ;; esac')
    programs.put("az", AZURE)


def calls(programs: Programs, start: str) -> list[str]:
    return [call for call in programs.calls if call.startswith(start)]


def access(expression: str, subject: str, reference: str) -> str:
    """What a CEL expression of the form A ? x : B ? y : z gives; of its functions it knows those that it has."""
    push, _, pull, _, other = re.split(r" [?:] ", expression)
    for condition, value in ((push, f"{ID}-push"), (pull, f"{ID}-pull")):
        said = re.sub(r"assertion\.sub\.contains\((.*?)\)", r"(\1 in sub)", condition)
        said = said.replace("assertion.sub.endsWith", "sub.endswith").replace("assertion.ref", "ref")
        said = said.replace("||", "or").replace("&&", "and")
        if eval(said, {"sub": subject, "ref": reference}):  # noqa: S307 - our own script's expression
            return value
    return other.strip("'")


MAIN, VERSION = "refs/heads/main", "refs/tags/v1.2.3"
JOBS = [
    (f"ref:{MAIN}", MAIN, "push"),
    (f"ref:{VERSION}", VERSION, "push"),
    ("environment:staging", MAIN, "pull"),
    ("environment:production", MAIN, "pull"),
    ("environment:production", "refs/heads/feature", "none"),
    ("environment:preview", MAIN, "none"),
    ("environment:production2", MAIN, "none"),
    ("ref:refs/heads/feature", "refs/heads/feature", "none"),
    ("ref:refs/heads/not-main", "refs/heads/not-main", "none"),
    ("ref:refs/tags/nightly", "refs/tags/nightly", "none"),
    ("pull_request", "refs/pull/1/merge", "none"),
]


@pytest.mark.parametrize("prefix", [f"repo:{REPOSITORY}", BY_ID], ids=["by name", "by id"])
@pytest.mark.parametrize("job", JOBS, ids=lambda job: " ".join(job[:2]))
def test_google_lets_a_job_do_what_it_runs_for(
    script: Script, programs: Programs, prefix: str, job: tuple[str, str, str]
) -> None:
    entity, reference, wanted = job
    result = script("gar", "setup.sh")
    assert result.returncode == 0, result.stderr
    (call,) = [call for call in calls(programs, "gcloud") if "create-oidc" in call]
    assert f"--attribute-condition assertion.repository_id == '{ID}'" in call
    expression = call.partition("attribute.access=")[2]
    assert "," not in expression, "gcloud takes a comma for the next attribute"
    assert access(expression, f"{prefix}:{entity}", reference) == f"{ID}-{wanted}"


def test_google_s_roles_are_the_least_that_do(script: Script, programs: Programs) -> None:
    script("gar", "setup.sh")
    granted = {
        tuple(re.findall(r"roles/artifactregistry\.(\w+) .*attribute\.access/(\S+)", call)[0])
        for call in calls(programs, "gcloud")
        if "add-iam-policy-binding" in call
    }
    assert granted == {("writer", f"{ID}-push"), ("reader", f"{ID}-pull")}
    assert not [call for call in programs.calls if "projects add-iam" in call], "on the repository, not on the project"


def test_google_s_provider_is_where_the_workflows_look_for_it(script: Script, programs: Programs) -> None:
    script("gar", "setup.sh")
    provider = f"projects/42/locations/global/workloadIdentityPools/github/providers/repository-{ID}"
    assert calls(programs, "gh variable") == [
        f"gh variable set GOOGLE_WORKLOAD_IDENTITY_PROVIDER --repo {REPOSITORY} --body {provider}"
    ]


def test_google_s_set_up_can_be_run_again(script: Script, programs: Programs) -> None:
    programs.put("gcloud", 'case "$*" in *projects*) echo 42 ;; esac')  # whatever is described is there
    result = script("gar", "setup.sh")
    assert result.returncode == 0, result.stderr
    assert not [call for call in programs.calls if " create" in call]
    assert [call for call in programs.calls if "update-oidc" in call]


def credentials(programs: Programs) -> dict[str, set[str]]:
    """Application to the subjects and expressions that it trusts."""
    found: dict[str, set[str]] = {}
    said = "\n".join(programs.calls)
    for body, application in re.findall(r"--body (\{.*?\n\}) --url \S+appId='app-(\S+?)'", said, re.DOTALL):
        credential = json.loads(body)
        assert credential["issuer"] == "https://token.actions.githubusercontent.com"
        assert credential["audiences"] == ["api://AzureADTokenExchange"]
        matching = credential.get("claimsMatchingExpression", {}).get("value")
        found.setdefault(application, set()).add(matching or credential["subject"])
    return found


@pytest.mark.parametrize("prefix", [BY_ID, f"repo:{REPOSITORY}"], ids=["by id", "by name"])
def test_entra_trusts_main_and_versions_to_push_and_environments_to_pull(
    script: Script, programs: Programs, prefix: str
) -> None:
    # https://github.com/Azure/login/issues/617: a subject in the other form than GitHub's is never matched
    programs.put("gh", f'case "$*" in *customization*) echo "{prefix}" ;; esac')
    result = script("acr", "setup.sh")
    assert result.returncode == 0, result.stderr
    assert credentials(programs) == {
        "orders-api-push": {f"{prefix}:ref:{MAIN}", f"claims['sub'] matches '{prefix}:ref:refs/tags/v*'"},
        "orders-api-pull": {f"{prefix}:environment:staging", f"{prefix}:environment:production"},
    }


def test_azure_s_roles_are_the_least_that_do(script: Script, programs: Programs) -> None:
    script("acr", "setup.sh")
    granted = set(
        re.findall(
            r"role assignment create --role (\w+) --scope /registry .* (principal-\S+)", "\n".join(programs.calls)
        )
    )
    assert granted == {("AcrPush", "principal-app-orders-api-push"), ("AcrPull", "principal-app-orders-api-pull")}


def test_azure_s_ids_are_where_the_workflows_look_for_them(script: Script, programs: Programs) -> None:
    script("acr", "setup.sh")
    said = dict(re.findall(r"gh variable set (\S+) --repo \S+ --body (\S+)", "\n".join(programs.calls)))
    assert said == {
        "AZURE_PUSH_CLIENT_ID": "app-orders-api-push",
        "AZURE_PULL_CLIENT_ID": "app-orders-api-pull",
        "AZURE_TENANT_ID": "tenant",
    }
