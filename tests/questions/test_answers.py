"""The answers' names are an interface, their defaults a working service, their validators one clear line."""

import json
import re
import subprocess
import sys
from pathlib import Path

import botocore
import pytest
import yaml
from copier import run_update
from shipshape.template import Answers

from tests.support.expectations import rows
from tests.support.render import TEMPLATE, commit, plain_copy, render

KUBERNETES = {"orchestrator": "kubernetes"}
NEW_FOR_ENTRANCE = {"kubernetes_gateway", "kubernetes_ingress_class", "kubernetes_proxy_namespace"}
# Asked only with such answers to other questions.
ONLY_FOR: dict[str, Answers] = {
    name: row["asked_with"] for name, row in rows("question").items() if "asked_with" in row
}

REFUSED = [
    ("service_name=Orders", "use a name like orders-api"),
    ("service_name=my orders", "use a name like orders-api"),
    ("service_name=1orders", "use a name like orders-api"),
    ("service_name=orders-", "use a name like orders-api"),
    ("service_name=orders\n", "use a name like orders-api"),
    ("service_description=a\\b", "one line of text"),
    (f"service_name={'o' * 41}", "at most 40"),
    ("service_description=two\nlines", "one line of text"),
    ('service_description=say "hi"', "one line of text"),
    ("service_description= ", "one line of text"),
    ("repository=-octo/orders", "use OWNER/NAME"),
    (f"repository={'o' * 40}/orders", "use OWNER/NAME"),
    (f"repository=octo/{'o' * 101}", "use OWNER/NAME"),
    ("repository=octo org/orders", "use OWNER/NAME"),
    ("repository=orders", "use OWNER/NAME"),
    ("repository=octo/shop/orders", "use OWNER/NAME"),
    ("repository=https://github.com/octo/orders", "without https://"),
    ("repository=octo/orders.git", "without .git"),
    ("repository=octo/..", "use OWNER/NAME"),
    ("repository=octo/orders\n", "use OWNER/NAME"),
    ("github_owner=octo org", "use OWNER/NAME"),  # the name that the question had
    ("language=cobol", "'cobol' is not in ['python'"),
    ("language_version=2.7", "'2.7' is not in ['3.14', '3.13']"),
    ("database=mysql", "'mysql' is not in ['postgres', 'none']"),
    ("registry=floppy", "'floppy' is not in ['ghcr'"),
    ("image_namespace=Octo", "use lower-case letters"),
    ("image_namespace=octo//shop", "use lower-case letters"),
    ("orchestrator=cron", "'cron' is not in ['compose'"),
    ("production_host=orders", "use a DNS name in lower case"),
    ("production_host=https://orders.example.com", "without https:// and without a path"),
    ("production_host=Orders.example.com", "use a DNS name in lower case"),
    ("production_host=orders_api.example.com", "use a DNS name in lower case"),
    ("production_host=-orders.example.com", "use a DNS name in lower case"),
    ("production_host=10.0.0.1", "use a DNS name in lower case"),
    (f"production_host={'o' * 64}.example.com", "use a DNS name in lower case"),
    (f"production_host={'o.' * 122}com", "use a DNS name in lower case"),
    ("port=80", "use a number from 1025 to 65535"),
    ("port=70000", "use a number from 1025 to 65535"),
    ("port=http", "invalid literal for int()"),
    ("platforms=linux/s390x", "'linux/s390x' is not in ['linux/amd64'"),
    ("dependency_updates=me", "'me' is not in ['renovate'"),
    ("license=GPL", "'GPL' is not in ['MIT'"),
]

REFUSED_FOR = [
    ("registry=ecr", "aws_account_id=12345678901", "use the account's 12 digits"),
    ("registry=ecr", "aws_account_id=1234-5678-9012", "use the account's 12 digits"),
    ("registry=ecr", "aws_region=eu-central-9", "use the code of an AWS region"),
    ("registry=ecr", "aws_region=Frankfurt", "use the code of an AWS region"),
    ("orchestrator=compose", "host_machine=gcp", "'gcp' is not in ['own', 'aws']"),
    ("orchestrator=ecs", "aws_production_account_id=12345678901", "use the account's 12 digits"),
    ("orchestrator=ecs", "aws_production_region=Frankfurt", "use the code of an AWS region"),
    ("registry=gar", "google_project=Shop", "use the project's id"),
    ("registry=gar", "google_project=123456", "use the project's id"),
    ("registry=gar", "google_region=europe west", "use a region or a multi-region"),
    ("registry=acr", "azure_registry=shop.azurecr.io", "what stands before .azurecr.io"),
    ("registry=acr", "azure_registry=Shop1", "what stands before .azurecr.io"),
    ("registry=private", "registry_host=https://registry.example.com", "without https:// and without a path"),
    ("registry=private", "registry_host=registry.example.com/team", "without https:// and without a path"),
    ("registry=private", "registry_host=localhost", "use a host"),
    ("registry=private", "registry_host=Registry.example.com", "use a host in lower case"),
    ("registry=private", "image_namespace=Team", "use lower-case letters"),
    ("registry=dockerhub", "image_namespace=Team", "use lower-case letters"),
    ("orchestrator=kubernetes", "kubernetes_namespace=Orders", "use lower-case letters, digits and hyphens"),
    ("orchestrator=kubernetes", "kubernetes_namespace=my.orders", "use lower-case letters, digits and hyphens"),
    ("orchestrator=kubernetes", "kubernetes_namespace=orders-", "use lower-case letters, digits and hyphens"),
    ("orchestrator=kubernetes", f"kubernetes_namespace={'o' * 56}", "at most 55"),
    ("orchestrator=kubernetes", "kubernetes_namespace=default", "not default"),
    ("orchestrator=kubernetes", "kubernetes_namespace=kube-system", "not default"),
    ("orchestrator=kubernetes", "kubernetes_exposure=nodeport", "'nodeport' is not in ['gateway'"),
    ("orchestrator=kubernetes", "kubernetes_gateway=public", "the Gateway's namespace and its name"),
    ("orchestrator=kubernetes", "kubernetes_gateway=a/b/c", "the Gateway's namespace and its name"),
    ("orchestrator=kubernetes", "kubernetes_gateway=gateway_system/public", "the Gateway's namespace and its name"),
    ("orchestrator=kubernetes", "kubernetes_proxy_namespace=Edge", "the name of a namespace"),
    ("orchestrator=kubernetes", "kubernetes_access=ssh", "'ssh' is not in ['kubeconfig'"),
    ("orchestrator=kubernetes", "kubernetes_secrets=vault", "'vault' is not in ['kubectl'"),
    ("orchestrator=kubernetes", "kubernetes_monitoring=zabbix", "'zabbix' is not in ['prometheus-operator'"),
    ("orchestrator=kubernetes", "kubernetes_mesh=consul", "'consul' is not in ['none'"),
    ("orchestrator=kubernetes", "kubernetes_database=zalando", "'zalando' is not in ['external'"),
    ("orchestrator=kubernetes", "kubernetes_verification=gatekeeper", "'gatekeeper' is not in ['none'"),
    ("orchestrator=ecs", "ecs_database=aurora", "'aurora' is not in ['external'"),
    ("orchestrator=lambda", "registry=ghcr", "takes images from Amazon ECR alone: use ecr"),
    ("orchestrator=lambda", "platforms=linux/amd64,linux/arm64", "no index of several: use linux/amd64 or linux/arm64"),
    ("orchestrator=lambda", "aws_production_region=eu-west-1", "images of its own region alone: use us-east-1"),
    ("orchestrator=lambda", "lambda_events=kafka", "'kafka' is not in ['none', 'sqs']"),
    ("orchestrator=lambda", "lambda_database_access=pgbouncer", "'pgbouncer' is not in ['direct', 'rds-proxy']"),
    ("orchestrator=lambda", "lambda_exposure=alb", "'alb' is not in ['http-api', 'function-url']"),
    ("orchestrator=lambda", "port=9001", "on Lambda its own API has port 9001: use another"),
    ("orchestrator=lambda", "lambda_provisioned_concurrency=-1", "a whole number: 0 for none, at most 1000"),
]

KEPT = {"kept_images", "kept_source", "kept_answers"}  # what an update compares with, and nobody is asked for

ACCEPTED: dict[str, list[object]] = {
    "service_name": ["o", "a1", "orders-api-v2", "o" * 40],
    "service_description": ["Bestellungen: größer & schneller, zu 100 %.", "it's #1 {of} <all>"],
    "repository": ["a/b", "Octo-Org/Orders.Shop", "octo_corp/orders_api", "octo/.github", f"{'o' * 39}/{'r' * 100}"],
    "image_namespace": ["octo", "octo-org/shop/team_a", "a.b"],
    "port": [1025, 65535],
    "production_host": ["a.io", "orders.shop.example.com", f"{'o' * 63}.example.com", "xn--bcher-kva.example"],
}


def test_each_question_is_one_plain_line() -> None:
    for name, question in TEMPLATE.questions().items():
        text = question["help"]
        assert text.endswith("?") or text.endswith(")"), name
        assert "\n" not in text, name
        assert len(text.split("{{")[0]) <= 74, f"{name} does not fit on a line of a terminal"
        assert question.get("default") not in {None, ""}, f"{name} has no default"
        assert question.get("choices") or question.get("validator"), f"{name} takes anything"


def test_the_defaults_are_a_service_named_like_its_folder(plain_template: Path, tmp_path: Path) -> None:
    project = render(plain_template, tmp_path / "Orders_API.git")
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert answers["service_name"] == "orders-api-git"
    stored = {name for name in answers if not name.startswith("_")} - KEPT
    assert rows("question").keys() - set(ONLY_FOR) == stored


@pytest.mark.parametrize("name", [name for name, beside in ONLY_FOR.items() if beside and "service_path" not in beside])
def test_what_only_some_need_is_asked_of_them_alone(name: str, plain_template: Path, tmp_path: Path) -> None:
    def asked(destination: str, **answers: object) -> bool:
        project = render(plain_template, tmp_path / destination, **answers)
        return name in yaml.safe_load((project / ".copier-answers.yml").read_text())

    assert asked("with", **ONLY_FOR[name])
    assert not asked("without")


@pytest.mark.parametrize(
    "answers",
    [
        {"orchestrator": "ecs"},
        {"orchestrator": "compose", "host_machine": "aws"},
        {"orchestrator": "lambda", "registry": "ecr"},
        KUBERNETES | {"kubernetes_access": "eks"},
    ],
)
def test_what_runs_on_aws_asks_for_the_account_whatever_the_registry(
    plain_template: Path, tmp_path: Path, answers: Answers
) -> None:
    given = {"registry": "ghcr", "aws_account_id": "111122223333"} | answers
    project = render(plain_template, tmp_path / "orders", **given)
    kept = yaml.safe_load((project / ".copier-answers.yml").read_text())
    # one account for both, until somebody says otherwise
    assert [kept[f"aws_{name}"] for name in ("account_id", "production_account_id")] == ["111122223333"] * 2
    assert [kept[f"aws_{name}"] for name in ("region", "production_region")] == ["us-east-1"] * 2


def test_a_service_on_ecr_keeps_its_cluster_on_eks(plain_template: Path, tmp_path: Path) -> None:
    """Before `kubernetes_access` was asked, one followed from the other."""
    project = render(plain_template, tmp_path / "orders", **KUBERNETES, registry="ecr")
    assert yaml.safe_load((project / ".copier-answers.yml").read_text())["kubernetes_access"] == "eks"


def test_who_is_called_from_inside_alone_has_no_host(plain_template: Path, tmp_path: Path) -> None:
    answers = KUBERNETES | {"kubernetes_exposure": "none"}
    project = render(plain_template, tmp_path / "orders", **answers)
    kept = set(yaml.safe_load((project / ".copier-answers.yml").read_text()))
    assert not ({"production_host"} | NEW_FOR_ENTRANCE) & kept


def test_the_regions_are_those_of_aws() -> None:
    partition = json.loads((Path(botocore.__file__).parent / "data/endpoints.json").read_text())["partitions"][0]
    regions: object = TEMPLATE.table("aws_regions")
    assert regions == sorted(partition["regions"])


@pytest.mark.parametrize(("folder", "name"), [("123", "service"), ("x" * 50, "x" * 40), ("-Ab--c-", "ab-c")])
def test_any_folder_gives_a_sound_name(plain_template: Path, tmp_path: Path, folder: str, name: str) -> None:
    project = render(plain_template, tmp_path / folder)
    assert yaml.safe_load((project / ".copier-answers.yml").read_text())["service_name"] == name


@pytest.mark.parametrize(("answer", "expected"), REFUSED, ids=[answer for answer, _ in REFUSED])
def test_bad_input_is_refused_and_nothing_is_written(
    plain_template: Path, tmp_path: Path, answer: str, expected: str
) -> None:
    refused(plain_template, tmp_path / "orders", expected, answer)


@pytest.mark.parametrize(("beside", "answer", "expected"), REFUSED_FOR, ids=[answer for _, answer, _ in REFUSED_FOR])
def test_bad_input_is_refused_where_it_is_asked(
    plain_template: Path, tmp_path: Path, beside: str, answer: str, expected: str
) -> None:
    refused(plain_template, tmp_path / "orders", expected, beside, answer)


CANARY = ("orchestrator=kubernetes", "deployment_strategy=canary")


@pytest.mark.parametrize("exposure", ["ingress", "alb", "none"])
def test_a_canary_on_kubernetes_needs_weights(plain_template: Path, tmp_path: Path, exposure: str) -> None:
    expected = "canary needs weights, which gateway alone has: use that, or another deployment_strategy"
    refused(plain_template, tmp_path / "orders", expected, *CANARY, f"kubernetes_exposure={exposure}")


@pytest.mark.parametrize(
    ("orchestrator", "answer", "expected"),
    [
        ("kubernetes", "canary_steps=10,50", "use percentages from 1 to 99 with spaces between them: 10 50"),
        ("kubernetes", "canary_steps=50 100", "use percentages from 1 to 99 with spaces between them: 10 50"),
        ("kubernetes", "canary_steps=", "use percentages from 1 to 99 with spaces between them: 10 50"),
        ("ecs", "canary_steps=5 25", "use one percentage, for only Kubernetes takes several steps: 5"),
        ("lambda", "canary_steps=5 25", "use one percentage, for only Kubernetes takes several steps: 5"),
        ("kubernetes", "canary_minutes=0", "at least one minute, and at most 10 for all steps together"),
        ("kubernetes", "canary_minutes=6", "at least one minute, and at most 10 for all steps together"),
        ("ecs", "canary_minutes=11", "at least one minute, and at most 10 for all steps together"),
        ("ecs", "canary_failed_percent=100", "use a whole number from 1 to 99"),
        ("kubernetes", "canary_p95_seconds=500ms", "use seconds from 0.005 up, such as 0.5"),
        ("kubernetes", "canary_p95_seconds=0.004", "use seconds from 0.005 up, such as 0.5"),
    ],
)
def test_a_canary_s_steps_and_limits_are_in_bounds(
    plain_template: Path, tmp_path: Path, orchestrator: str, answer: str, expected: str
) -> None:
    """The job that deploys ends after 25 minutes, and ECS and Lambda know one share."""
    beside = (f"orchestrator={orchestrator}", "deployment_strategy=canary")
    refused(plain_template, tmp_path / "orders", expected, *beside, answer)


def test_a_canary_of_an_owner_s_code_needs_its_metrics(plain_template: Path, tmp_path: Path) -> None:
    expected = "is judged by its metrics: say where they are (/metrics), or use another deployment_strategy"
    refused(plain_template, tmp_path / "orders", expected, *CANARY, "source=yours", "language=go", "metrics=")


@pytest.mark.parametrize(
    ("beside", "answer", "expected"),
    [
        ("language=go", "calls=[payments]", "functions have no network with names in it"),
        ("lambda_exposure=function-url", "lambda_events=sqs", "use http-api for lambda_exposure, which keeps callers"),
        ("service_name=orders--api", "lambda_database_access=rds-proxy", "a service name without two hyphens in a row"),
        ("source=yours", "writable_folders=[cache]", "a function on Lambda writes to /tmp alone"),
        ("source=yours", "data_folders=[uploads]", "has no folder that outlives it"),
    ],
)
def test_what_lambda_does_not_have_is_refused(
    plain_template: Path, tmp_path: Path, beside: str, answer: str, expected: str
) -> None:
    refused(plain_template, tmp_path / "orders", expected, "orchestrator=lambda", beside, answer)


@pytest.mark.parametrize("name", ["Traefik", "team/traefik", ""])
def test_an_ingress_class_s_name_is_one_that_kubernetes_takes(plain_template: Path, tmp_path: Path, name: str) -> None:
    beside = ("orchestrator=kubernetes", "kubernetes_exposure=ingress")
    refused(
        plain_template,
        tmp_path / "orders",
        "`kubectl get ingressclass` lists",
        *beside,
        f"kubernetes_ingress_class={name}",
    )


@pytest.mark.parametrize("mesh", [name for name in TEMPLATE.table("kubernetes_meshes") if name != "none"])
def test_a_mesh_takes_no_load_balancer_that_has_no_identity(plain_template: Path, tmp_path: Path, mesh: str) -> None:
    """It would be refused by its own mesh: https://github.com/istio/istio/issues/43056."""
    beside = ("orchestrator=kubernetes", "kubernetes_exposure=alb")
    said = "use none here, or gateway or ingress for kubernetes_exposure"
    refused(plain_template, tmp_path / "orders", said, *beside, f"kubernetes_mesh={mesh}")


@pytest.mark.parametrize("account", ["prometheus-k8s", "monitoring/", "Monitoring/prometheus", "a/b/c", "*/prometheus"])
def test_prometheus_is_known_by_namespace_and_account(plain_template: Path, tmp_path: Path, account: str) -> None:
    beside = ("orchestrator=kubernetes", "kubernetes_mesh=istio-ambient")
    said = "use its namespace and the name of its service account"
    refused(plain_template, tmp_path / "orders", said, *beside, f"kubernetes_prometheus={account}")


IN_CLUSTER = ("orchestrator=kubernetes", "kubernetes_database=cloudnative-pg")


@pytest.mark.parametrize(
    "bucket",
    [
        "", "shop-backups", "s3://", "s3://ab", "s3://Shop", "s3://shop/path", "s3://shop..backups", "s3://-shop",
        "http://s3.example.com/shop", "https://s3.example.com", "https://s3.example.com/a/shop",
        "https://user:word@s3.example.com/shop", "gs://shop-backups", "s3://shop backups",
    ],
)  # fmt: skip
def test_a_bucket_is_named_with_its_store(plain_template: Path, tmp_path: Path, bucket: str) -> None:
    said = "use s3://BUCKET for AWS, or the address of another store and its bucket"
    refused(plain_template, tmp_path / "orders", said, *IN_CLUSTER, f"kubernetes_database_bucket={bucket}")


@pytest.mark.parametrize("names", [("orders", "o" * 47), ("orders" * 5, "shop" * 5)])
def test_a_database_has_a_namespace_whose_name_fits(
    plain_template: Path, tmp_path: Path, names: tuple[str, str]
) -> None:
    service, namespace = names
    said = f"use external, or shorter names: it would be in {namespace}-{service}-staging-database"
    beside = (*IN_CLUSTER, f"service_name={service}")
    refused(plain_template, tmp_path / "orders", said, *beside, f"kubernetes_namespace={namespace}")


@pytest.mark.parametrize(
    "blocks",
    [
        "", "10.0.0.0", "10.0.0.0/33", "256.0.0.0/16", "10.0.0.0/16, 10.1.0.0/16", "10.0.0.0/16,", "0.0.0.0/0",
        "10.0.0.1/32", "::/0", "2001:db8::/129", "vpc-1",
    ],
)  # fmt: skip
def test_subnets_are_blocks_of_addresses_and_not_everybody_s(plain_template: Path, tmp_path: Path, blocks: str) -> None:
    beside = ("orchestrator=kubernetes", "kubernetes_exposure=alb")
    said = "use the CIDR blocks of its subnets"
    refused(plain_template, tmp_path / "orders", said, *beside, f"kubernetes_alb_subnets={blocks}")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (
            {"kubernetes_exposure": "gateway", "kubernetes_entrance": "edge/public"},
            {"kubernetes_gateway": "edge/public", "kubernetes_proxy_namespace": "edge"},
        ),
        (
            {"kubernetes_exposure": "ingress", "kubernetes_entrance": "edge/nginx"},
            {"kubernetes_ingress_class": "nginx", "kubernetes_proxy_namespace": "edge"},
        ),
    ],
    ids=["gateway", "ingress"],
)
def test_an_old_answer_for_the_entrance_is_still_understood(
    plain_template: Path, tmp_path: Path, answers: Answers, expected: Answers
) -> None:
    """From the answers file of a service that was rendered when that was one question."""
    template = plain_copy(tmp_path / "template")
    commit(template, "v1", tag="v1.0.0")
    project = render(template, tmp_path / "orders", **KUBERNETES, kubernetes_exposure=answers["kubernetes_exposure"])
    path = project / ".copier-answers.yml"
    old = {name: value for name, value in yaml.safe_load(path.read_text()).items() if name not in NEW_FOR_ENTRANCE}
    path.write_text(yaml.safe_dump(old | answers))
    commit(project, "As it was")
    edit = template / "template/project/{{ only.starter }}/.gitattributes"
    edit.write_text(edit.read_text() + "# v2\n")
    commit(template, "v2", tag="v2.0.0")
    run_update(project, defaults=True, overwrite=True, quiet=True, unsafe=False)
    kept = yaml.safe_load(path.read_text())
    assert {name: kept[name] for name in expected} == expected
    assert "kubernetes_entrance" not in kept


def test_a_store_s_name_is_one_that_kubernetes_takes(plain_template: Path, tmp_path: Path) -> None:
    beside = ("orchestrator=kubernetes", "kubernetes_secrets=external-secrets")
    refused(plain_template, tmp_path / "orders", "use the store's name", *beside, "kubernetes_secret_store=Vault!")


def refused(plain_template: Path, destination: Path, expected: str, *answers: str) -> None:
    with pytest.raises(ValueError, match=re.escape(expected)) as error:
        render(plain_template, destination, **dict(answer.split("=", 1) for answer in answers))
    assert len(str(error.value).splitlines()) == 1
    assert not destination.exists()


@pytest.mark.parametrize(
    ("answer", "expected"), [REFUSED[0], REFUSED[-1], ("port=80", "use a number from 1025 to 65535")]
)
def test_the_command_says_it_in_one_clear_line(
    plain_template: Path, tmp_path: Path, answer: str, expected: str
) -> None:
    destination = tmp_path / "orders"
    command = [sys.executable, "-m", "copier", "copy", "--defaults", "--quiet", f"--data={answer}"]
    result = subprocess.run([*command, plain_template, destination], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert not destination.exists()
    # Copier shows its own trace above the line: https://github.com/copier-org/copier/issues/1436
    assert expected in result.stderr.strip().splitlines()[-1]
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in ACCEPTED.items() for value in values],
    ids=lambda value: str(value)[:20],
)
def test_good_input_is_kept(plain_template: Path, tmp_path: Path, name: str, value: object) -> None:
    project = render(plain_template, tmp_path / "orders", **{name: value})
    assert yaml.safe_load((project / ".copier-answers.yml").read_text())[name] == value
