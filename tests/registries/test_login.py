"""A job logs in to Artifact Registry and to Azure by its OIDC token: against stand-ins of GitHub, Google and Entra."""

import subprocess
from collections.abc import Callable

import pytest

from tests.registries.conftest import Clouds, Programs

Script = Callable[..., subprocess.CompletedProcess[str]]
JOB = {
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://token.actions.test/job?api-version=2.0",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token",
}
PROVIDER = "projects/42/locations/global/workloadIdentityPools/github/providers/repository-7"
SETTINGS = {
    "gar": JOB | {"WORKLOAD_IDENTITY_PROVIDER": PROVIDER},
    "acr": JOB | {"AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "client"},
}
# What each is called with: the address, and the name that stands for a token.
LOGIN = {
    "gar": "--username oauth2accesstoken --password-stdin https://us-central1-docker.pkg.dev",
    "acr": "--username 00000000-0000-0000-0000-000000000000 --password-stdin https://exampleregistry.azurecr.io",
}
SECRETS = ["request-token", "oidc+token/=", "access+token/=", "refresh+token/="]


@pytest.fixture(autouse=True)
def _answers(clouds: Clouds, programs: Programs) -> None:
    clouds.answers |= {
        "token.actions.test": (200, {"value": "oidc+token/="}),
        "sts.googleapis.com": (200, {"access_token": "access+token/="}),
        "login.microsoftonline.com": (200, {"access_token": "access+token/="}),
        "exampleregistry.azurecr.io": (200, {"refresh_token": "refresh+token/="}),
    }
    programs.put("docker", f'cat > "{programs.folder}/password"; echo docker')
    programs.put("curl", 'exec /usr/bin/env -S PATH="${PATH#*:}" curl "$@"')


@pytest.mark.parametrize("registry", SETTINGS)
def test_an_oidc_token_becomes_a_login(script: Script, programs: Programs, registry: str) -> None:
    result = script(registry, "login.sh", **SETTINGS[registry])
    assert result.returncode == 0, result.stderr
    assert programs.calls[-1] == f"docker login {LOGIN[registry]}"
    password = (programs.folder / "password").read_text()
    assert password == {"gar": "access+token/=", "acr": "refresh+token/="}[registry]


def test_google_is_asked_as_its_token_exchange_wants_it(script: Script, clouds: Clouds) -> None:
    # https://docs.cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token
    script("gar", "login.sh", **SETTINGS["gar"])
    _, fields, authorization = clouds.asked_of("token.actions.test")
    assert (fields["audience"], fields["api-version"]) == (f"https://iam.googleapis.com/{PROVIDER}", "2.0")
    assert authorization == "Bearer request-token"
    path, fields, _ = clouds.asked_of("sts.googleapis.com")
    assert path == "/v1/token"
    assert fields["audience"] == f"//iam.googleapis.com/{PROVIDER}"
    assert fields["subjectToken"] == "oidc+token/="
    assert fields["grantType"] == "urn:ietf:params:oauth:grant-type:token-exchange"


def test_entra_and_the_registry_are_asked_one_after_the_other(script: Script, clouds: Clouds) -> None:
    script("acr", "login.sh", **SETTINGS["acr"])
    _, fields, authorization = clouds.asked_of("token.actions.test")
    assert (fields["audience"], authorization) == ("api://AzureADTokenExchange", "Bearer request-token")
    path, fields, _ = clouds.asked_of("login.microsoftonline.com")
    assert path == "/tenant/oauth2/v2.0/token"
    assert (fields["client_id"], fields["client_assertion"]) == ("client", "oidc+token/=")
    assert fields["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    path, fields, _ = clouds.asked_of("exampleregistry.azurecr.io")
    assert path == "/oauth2/exchange"
    assert fields == {
        "grant_type": "access_token",
        "service": "exampleregistry.azurecr.io",
        "tenant": "tenant",
        "access_token": "access+token/=",
    }


@pytest.mark.parametrize("registry", SETTINGS)
def test_no_token_is_an_argument_or_in_the_log(script: Script, programs: Programs, registry: str) -> None:
    result = script(registry, "login.sh", **SETTINGS[registry])
    said = "\n".join([*programs.calls, result.stdout, result.stderr])
    assert not [secret for secret in SECRETS if secret in said]
    assert [call for call in programs.calls if call.startswith("curl")]


@pytest.mark.parametrize(
    ("registry", "host", "says"),
    [
        # https://github.com/google-github-actions/auth/blob/main/docs/TROUBLESHOOTING.md
        ("gar", "sts.googleapis.com", "login: Google does not accept this job"),
        # https://github.com/Azure/login/issues/617
        ("acr", "login.microsoftonline.com", "login: Entra does not accept this job"),
        ("acr", "exampleregistry.azurecr.io", "login: the registry does not accept this job"),
        ("gar", "token.actions.test", "login: GitHub gave no OIDC token"),
    ],
)
def test_a_refusal_is_said_with_its_reason(script: Script, clouds: Clouds, registry: str, host: str, says: str) -> None:
    clouds.answers[host] = (401, {"error_description": "AADSTS700213: No matching federated identity record found"})
    result = script(registry, "login.sh", **SETTINGS[registry])
    assert result.returncode == 1
    assert says in result.stderr
    assert "No matching federated identity record found" in result.stderr
    assert "docker" not in result.stdout, "the stand-in for docker says that it was called"


@pytest.mark.parametrize(
    ("registry", "missing", "says"),
    [
        ("gar", "ACTIONS_ID_TOKEN_REQUEST_URL", "id-token: write"),
        ("acr", "ACTIONS_ID_TOKEN_REQUEST_URL", "id-token: write"),
        ("gar", "WORKLOAD_IDENTITY_PROVIDER", "deploy/gar/setup.sh"),
        ("acr", "AZURE_CLIENT_ID", "deploy/acr/setup.sh"),
    ],
)
def test_what_is_not_set_up_is_named(script: Script, clouds: Clouds, registry: str, missing: str, says: str) -> None:
    given = {name: value for name, value in SETTINGS[registry].items() if name != missing}
    result = script(registry, "login.sh", **given)
    assert result.returncode == 1
    assert says in result.stderr
    assert not clouds.asked
