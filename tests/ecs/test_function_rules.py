"""The stacks of Lambda, read as CloudFormation would: what they give, to whom, and what broke for others."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from shipshape.template import Answers

from tests.ecs.test_dashboard import of_widget
from tests.ecs.test_policies import ACTIONS, as_list, handlers
from tests.support.aws.cloudformation import load, resolve
from tests.support.aws.policies import IDS, admits, strangers, token
from tests.support.render import ORDERS, TEMPLATE
from tests.support.render.answers import LAMBDA
from tests.support.render.document import DEPLOY

STACKS = ("bootstrap", "entry", "queue", "alarms", "proxy", "function", "events", "migrate")
ROLES = {"DeployRole", "StackRole", "FunctionRole", "EventsRole", "ProxyRole"}
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:orders-api-staging"
# What CloudFormation's list has for a resource that this one does not use.
NOT_USED = {
    "code in a bucket, from a layer, signed, or with a file system": {
        "elasticfilesystem:DescribeMountTargets",
        "lambda:DeleteFunctionCodeSigningConfig",
        "lambda:GetCodeSigningConfig",
        "lambda:GetLayerVersion",
        "lambda:PutFunctionCodeSigningConfig",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3files:ListMountTargets",
    },
    "a key of one's own": {"kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"},
    "a managed runtime, machines of one's own, another protection of recursion": {
        "lambda:AssociateRuntimeAlias",
        "lambda:PassCapacityProvider",
        "lambda:PutFunctionRecursionConfig",
        "lambda:PutFunctionScalingConfig",
        "lambda:PutRuntimeManagementConfig",
    },
    "CodeDeploy": {f"codedeploy:{verb}" for verb in (
        "CreateDeployment", "GetDeployment", "GetDeploymentConfig", "GetDeploymentGroup", "StopDeployment",
    )},
}  # fmt: skip
# As tests/ecs/test_policies.py has it for the logs and for the cluster of the migrations.
SHARED = re.compile(r"(logs|ecs|firehose|kms|s3|iam|application-autoscaling):")
# https://docs.aws.amazon.com/lambda/latest/dg/urls-monitoring.html
URL_METRICS = ("UrlRequestCount", "Url4xxCount", "Url5xxCount", "UrlRequestLatency")
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.monitoring.html
DOCUMENTED: dict[str, list[tuple[set[str], set[str]]]] = {
    "AWS/ApiGateway": [({"4xx", "5xx", "Count", "Latency"}, {"ApiId"})],
    "AWS/Lambda": [({"Errors", "Throttles", "ConcurrentExecutions", *URL_METRICS}, {"FunctionName", "Resource"})],
    "AWS/SQS": [({"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}, {"QueueName"})],
    "AWS/RDS": [
        (
            {"MaxDatabaseConnectionsAllowed", "DatabaseConnectionsBorrowLatency"}
            | {"DatabaseConnections", "DatabaseConnectionsCurrentlySessionPinned"},
            {"ProxyName"},
        ),
        ({"AvailabilityPercentage"}, {"ProxyName", "TargetGroup", "TargetRole"}),
    ],
    "orders-api-staging": [({"errors"}, set())],
}


@pytest.fixture(scope="module", params=LAMBDA, ids=["database", "alone", "proxy"])
def project(request: pytest.FixtureRequest, rendered: Callable[[Answers], Path]) -> Path:
    return rendered(request.param)


def resources(project: Path, environment: str = "staging", **more: str) -> dict[str, dict[str, Any]]:
    given = json.loads((project / f"deploy/lambda/parameters/{environment}.json").read_text())["Parameters"]
    found: dict[str, dict[str, Any]] = {}
    for name in STACKS:
        if (path := project / f"deploy/lambda/{name}.yml").exists():
            found |= resolve(load(path), given | IDS | more)
    return found


def statements(project: Path, role: str) -> list[dict[str, Any]]:
    (policy,) = resources(project)[role]["Properties"]["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def allowed(project: Path, role: str) -> set[str]:
    return {action for one in statements(project, role) for action in as_list(one["Action"])}


def test_the_adapter_waits_for_the_service_where_it_listens(project: Path) -> None:
    """By `/healthz`, and by 200 alone: it would ask `/`, which is a request of its own, and take a 404 for well.

    https://github.com/aws/aws-lambda-web-adapter/issues/95, https://github.com/aws/aws-lambda-web-adapter/issues/263
    """
    variables = resources(project)["Function"]["Properties"]["Environment"]["Variables"]
    (port,) = re.findall(r"^EXPOSE (\d+)$", (project / "Dockerfile").read_text(), re.MULTILINE)
    assert variables["AWS_LWA_PORT"] == variables["PORT"] == port
    assert variables["AWS_LWA_READINESS_CHECK_PATH"] == "/healthz"
    assert variables["AWS_LWA_READINESS_CHECK_HEALTHY_STATUS"] == "200"
    assert variables["AWS_LWA_ASYNC_INIT"] == "true", "one that starts for more than ten seconds is started anew"


@pytest.mark.parametrize("language", TEMPLATE.table("languages"))
def test_each_image_has_the_adapter_and_no_other_orchestrator_s_has(
    rendered: Callable[[Answers], Path], language: str
) -> None:
    pin = TEMPLATE.table("pins")["images"]["lambda-adapter"]
    assert re.fullmatch(r"public\.ecr\.aws/awsguru/aws-lambda-adapter:\d+\.\d+\.\d+@sha256:[0-9a-f]{64}", pin)
    for orchestrator in ("lambda", "ecs"):
        text = (rendered({"language": language, "orchestrator": orchestrator}) / "Dockerfile").read_text()
        line = re.compile(rf"^COPY --from={re.escape(pin)} /lambda-adapter (\S+)$", re.MULTILINE)
        wanted = 1 if orchestrator == "lambda" else 0
        found = line.findall(text)
        assert len(found) == wanted
        assert all(path.endswith("/opt/extensions/lambda-adapter") for path in found)
        assert text.count("lambda-adapter") == wanted * 3


def test_an_owner_s_image_has_it_or_is_told(rendered: Callable[[Answers], Path]) -> None:
    yours = {"source": "yours", "language": "node", "manager": "npm", "orchestrator": "lambda", "health": "tcp"}
    project = rendered(yours)
    assert "/opt/extensions/lambda-adapter" in (project / "Dockerfile").read_text()
    variables = resources(project)["Function"]["Properties"]["Environment"]["Variables"]
    assert variables["AWS_LWA_READINESS_CHECK_PROTOCOL"] == "tcp"
    assert "AWS_LWA_READINESS_CHECK_PATH" not in variables
    own = rendered({"source": "yours", "language": "other", "orchestrator": "lambda", "kept": ["Dockerfile"]})
    page = (own / "deploy/README.md").read_text()
    assert f"COPY --from={TEMPLATE.table('pins')['images']['lambda-adapter']} /lambda-adapter" in page


def test_everybody_reaches_the_alias_by_its_url_and_in_no_other_way(rendered: Callable[[Answers], Path]) -> None:
    """Both permissions: with one, each answer is 403. The second alone would let any account of AWS invoke it.

    https://github.com/TerraConstructs/base/issues/98, https://github.com/serverless/serverless/issues/13147
    """
    made = resources(rendered(LAMBDA[1]), TimeoutSeconds="60")
    assert made["Url"]["DependsOn"] == made["Live"]["Properties"]["Name"].capitalize()
    assert made["Url"]["Properties"] == {
        "TargetFunctionArn": "Function", "Qualifier": "live", "AuthType": "NONE", "InvokeMode": "BUFFERED",
    }  # fmt: skip
    callers = [one["Properties"] for one in made.values() if one["Type"] == "AWS::Lambda::Permission"]
    everybody = {"FunctionName": "Live", "Principal": "*"}
    assert callers == [
        everybody | {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"},
        everybody | {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True},
    ]
    assert made["Function"]["Properties"]["Timeout"] == "60"
    assert not (rendered(LAMBDA[1]) / "deploy/lambda/entry.yml").exists()


def test_callers_reach_the_alias_alone(rendered: Callable[[Answers], Path]) -> None:
    made = resources(rendered(LAMBDA[0]))
    uri = made["Integration"]["Properties"]["IntegrationUri"]
    assert uri == f"{FUNCTION}:live"
    assert made["Live"]["Properties"]["Name"] == "live"
    caller = made["Caller"]["Properties"]
    assert caller["FunctionName"] == "Live", "a permission of the function itself would not do for its alias"
    assert caller["Principal"] == "apigateway.amazonaws.com"
    assert caller["SourceArn"] == "arn:aws:execute-api:us-east-1:123456789012:orders-api-staging-api/*/*"
    assert made["Api"]["Properties"]["DisableExecuteApiEndpoint"] is True
    assert made["MetricsRoute"]["Properties"]["AuthorizationType"] == "AWS_IAM"
    assert made["MetricsRoute"]["Properties"]["RouteKey"] == "ANY /metrics"
    (settings,) = made["HostName"]["Properties"]["DomainNameConfigurations"]
    assert settings["SecurityPolicy"] == "TLS_1_2"
    hosts = [resources(rendered(LAMBDA[0]), one, Environment=one)["HostName"]["Properties"]["DomainName"] for one in
             ("staging", "production")]  # fmt: skip
    assert hosts == ["staging.orders-api.example.com", "orders-api.example.com"]


def test_a_version_stays_until_a_script_deletes_it(project: Path) -> None:
    """Its description replaces it, as CloudFormation's schema says; without `Retain` the old one would go at once."""
    version = load(project / "deploy/lambda/function.yml")["Resources"]["Version"]
    assert (version["DeletionPolicy"], version["UpdateReplacePolicy"]) == ("Retain", "Retain")
    given = {"Release": "r", "LiveVersion": "7", "ProvisionedConcurrency": "0"}
    made = resources(project, **given)
    assert made["Version"]["Properties"] == {"FunctionName": "Function", "Description": "r"}
    assert made["Function"]["Properties"]["Environment"]["Variables"]["RELEASE"] == "r"
    assert made["Live"]["Properties"]["FunctionVersion"] == "7"
    first = resources(project, **given | {"LiveVersion": "", "ProvisionedConcurrency": "3"})
    assert first["Live"]["Properties"]["FunctionVersion"] == "Version.Version"
    assert first["Version"]["Properties"]["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": "3"}
    # An alias that has it can not move: https://github.com/hashicorp/terraform/issues/24957
    assert "ProvisionedConcurrencyConfig" not in first["Live"]["Properties"]


def test_the_page_counts_the_versions_that_cost(project: Path) -> None:
    """Each has its provisioned concurrency for as long as it is there."""
    kept = "before_version" in (project / "deploy/lambda/strategy.sh").read_text()
    assert ("has the traffic, and the one before it; during" in (project / DEPLOY).read_text()) == kept


def test_the_dashboard_shows_the_log_of_each_line_that_counts(project: Path) -> None:
    made = resources(project)
    filters = [one["Properties"]["LogGroupName"] for one in made.values() if one["Type"] == "AWS::Logs::MetricFilter"]
    counted = {made[name]["Properties"]["LogGroupName"] for name in filters}
    widgets = json.loads(made["Dashboard"]["Properties"]["DashboardBody"])["widgets"]
    (query,) = (one["properties"]["query"] for one in widgets if one["type"] == "log")
    assert set(re.findall(r"SOURCE '([^']+)'", query)) == counted
    assert re.match(r"(SOURCE '[^']+' \| )+fields ", query)


def test_no_batch_is_larger_than_lambda_takes_at_once(rendered: Callable[[Answers], Path]) -> None:
    """For more than ten messages it must be told how long to wait for them.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    events = load(rendered(LAMBDA[0]) / "deploy/lambda/events.yml")
    assert "MaximumBatchingWindowInSeconds" not in events["Resources"]["Source"]["Properties"]
    size = events["Parameters"]["BatchSize"]
    assert (size["MinValue"], size["MaxValue"]) == (1, 10)


def test_the_stack_role_may_do_what_cloudformation_calls_and_no_more(project: Path) -> None:
    kinds = {
        resource["Type"]
        for stack in ("migrate", "function", "events")
        if (path := project / f"deploy/lambda/{stack}.yml").exists()
        for resource in load(path)["Resources"].values()
    }
    called = set[str]().union(*map(handlers, kinds))
    unused = set[str]().union(*NOT_USED.values())
    # Beside what CloudFormation lists: what it puts in for a secret, what Lambda asks of who makes a function of an
    # image, handing over a role, and ECS's own.
    beside = {
        "secretsmanager:GetSecretValue", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "iam:PassRole",
        "iam:CreateServiceLinkedRole",
    }  # fmt: skip
    found = allowed(project, "StackRole")
    ours = {action for action in called - unused if not SHARED.match(action)}
    if not (project / "deploy/lambda/migrate.yml").exists():
        ours -= {action for action in ours if action.startswith("ec2:")}
    assert {action for action in found - beside if not SHARED.match(action)} == ours
    assert {action for action in found - beside if SHARED.match(action)} <= called


def test_each_action_exists_and_names_its_resource(project: Path) -> None:
    for role in sorted(ROLES & resources(project).keys()):
        for statement in statements(project, role):
            for action in as_list(statement["Action"]):
                assert "*" not in action
                service, _, name = action.partition(":")
                known = {one.lower(): kinds for one, kinds in ACTIONS[service]["Actions"].items()}[name.lower()]
                network = (
                    role in {"FunctionRole", "EventsRole"} and service == "ec2"
                )  # AWS's own policy for a VPC has `*` for all
                if "*" in as_list(statement["Resource"]):
                    assert network or not known.get("Resources"), action


def test_only_its_own_names_are_within_reach(project: Path) -> None:
    for role in sorted(ROLES & resources(project).keys()):
        for statement in statements(project, role):
            for resource in as_list(statement["Resource"]):
                if resource.startswith("arn:") and not resource.endswith("/AWSServiceRoleForECS"):
                    own = "orders-api-staging" in resource
                    own |= resource.endswith(
                        ":event-source-mapping:*"
                    )  # whose name AWS makes; of which function, is said
                    assert own or resource.endswith(":repository/orders-api") or ":secret:" in resource, resource


def test_the_pipeline_can_not_touch_the_function_itself(project: Path) -> None:
    for statement in statements(project, "DeployRole"):
        if {"lambda:DeleteFunction", "lambda:InvokeFunction"} & set(as_list(statement["Action"])):
            assert as_list(statement["Resource"]) == [f"{FUNCTION}:*"]
    assert not {one for one in allowed(project, "DeployRole") if one.startswith(("lambda:Update", "lambda:Create"))}


def test_the_service_has_none_of_the_rights_by_which_lambda_joins_the_vpc(
    rendered: Callable[[Answers], Path],
) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-best-practice."""
    _, network, refusal = statements(rendered(LAMBDA[0]), "FunctionRole")
    assert (refusal["Effect"], refusal["Action"]) == ("Deny", network["Action"])
    assert refusal["Condition"] == {"ArnEquals": {"lambda:SourceFunctionArn": FUNCTION}}
    (log,) = statements(rendered(LAMBDA[1]), "FunctionRole")
    assert log["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"], "it may not make a group without an end"


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_who_may_take_the_deploy_role(project: Path, environment: str) -> None:
    policy = resources(project, environment)["DeployRole"]["Properties"]["AssumeRolePolicyDocument"]
    repository, context = ORDERS["repository"], f"environment:{environment}"
    for ids in (False, True):
        assert admits(policy, token(repository, context, ids=ids))
        for other in ("ref:refs/heads/main", "pull_request", f"{context}2"):
            assert not admits(policy, token(repository, other, ids=ids)), other
    assert [who for who, job in strangers(repository, context).items() if admits(policy, job)] == []


def test_lambda_may_read_the_images_of_this_service_alone(project: Path, rendered: Callable[[Answers], Path]) -> None:
    """Else Lambda would write that policy itself, as who deploys, who may not; or lose it: "does not have permission".

    https://github.com/aws-controllers-k8s/community/issues/1886, https://github.com/aws/aws-cdk/issues/27007
    """
    production = "222233334444" if "arm64" in (project / "deploy/lambda/function.yml").read_text() else "123456789012"
    repository = resolve(load(project / "deploy/ecr/registry.yml"), IDS)["Repository"]["Properties"]
    first, *others = repository["RepositoryPolicyText"]["Statement"]
    assert first["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert first["Action"] == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    assert first["Condition"]["StringLike"]["aws:SourceArn"] == [
        f"{FUNCTION}*",
        f"arn:aws:lambda:us-east-1:{production}:function:orders-api-production*",
    ]
    assert [one["Sid"] for one in others] == (["Production"] if production != "123456789012" else [])
    for one in others:
        assert one["Condition"]["ArnEquals"]["aws:PrincipalArn"] == [
            f"arn:aws:iam::{production}:role/orders-api-production-stack"
        ]
    elsewhere = rendered({"language": "go", "registry": "ecr", "orchestrator": "ecs"})
    assert "lambda" not in (elsewhere / "deploy/ecr/registry.yml").read_text()


def test_the_dashboard_shows_what_the_alarms_look_at(project: Path) -> None:
    made = resources(project, LatencyMilliseconds="2500")
    body = json.loads(made["Dashboard"]["Properties"]["DashboardBody"])
    shown = [metric for widget in body["widgets"] for metric in of_widget(widget["properties"].get("metrics", []))]
    alarms = [one["Properties"] for one in made.values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    watched = []
    for alarm in alarms:
        parts = [part["MetricStat"]["Metric"] for part in alarm.get("Metrics", []) if "MetricStat" in part]
        for one in parts or [alarm]:
            dimensions = {part["Name"]: part["Value"] for part in one.get("Dimensions", [])}
            watched.append((one["Namespace"], one["MetricName"], dimensions))
    for namespace, name, dimensions in shown + watched:
        known = [dimensions for names, dimensions in DOCUMENTED[namespace] if name in names]
        assert known == [set(dimensions)], (namespace, name, dimensions)
    assert [one for one in watched if one not in shown] == []
    names = {one["AlarmName"] for one in alarms}
    (listed,) = [one["properties"]["alarms"] for one in body["widgets"] if one["type"] == "alarm"]
    assert {arn.rpartition(":")[2] for arn in listed} == names
    asked = re.search(r'"\$service-\$environment"-\{([\w,]+)\}', (project / "deploy/lambda/deploy.sh").read_text())
    assert asked
    assert {f"orders-api-staging-{one}" for one in asked[1].split(",")} == names


def test_no_reader_of_its_configuration_sees_a_password(rendered: Callable[[Answers], Path]) -> None:
    """A dynamic reference is put in as plain text; a key whose policy leaves IAM out hides it, from administrators too.

    https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1058,
    https://github.com/aws/aws-lambda-roadmap/issues/61; the function's role must decrypt, or no instance starts:
    https://github.com/cattle-ops/terraform-aws-gitlab-runner/pull/1253
    """
    made = resources(rendered(LAMBDA[0]))
    key = made["EnvironmentKey"]["Properties"]
    administration, deployment, start = key["KeyPolicy"]["Statement"]
    assert administration["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}
    uses = {"Decrypt", "Encrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "CreateGrant"}
    given = set(administration["Action"])
    assert not given & {f"kms:{use}" for use in uses}, "root is whoever has these rights by IAM"
    assert not [action for action in given if "*" in action]
    assert handlers("AWS::KMS::Key") - {"kms:CreateKey"} <= given, "else nobody could ever change it"
    assert deployment["Principal"] == {"AWS": "StackRole.Arn"}
    assert set(deployment["Action"]) == NOT_USED["a key of one's own"]
    assert deployment["Condition"] == {"StringEquals": {"kms:ViaService": "lambda.us-east-1.amazonaws.com"}}
    assert start["Principal"] == {"AWS": ["EventsRole.Arn", "FunctionRole.Arn"]}
    assert start["Action"] == "kms:Decrypt"
    functions = [one["Properties"] for one in made.values() if one["Type"] == "AWS::Lambda::Function"]
    assert {one["Role"].rpartition("-")[2] for one in functions} == {"function", "events"}
    assert {one["KmsKeyArn"] for one in functions} == {"orders-api-staging-environment-key"}
    alone = resources(rendered(LAMBDA[1]))
    assert "EnvironmentKey" not in alone
    assert "KmsKeyArn" not in alone["Function"]["Properties"]


def test_a_message_that_fails_comes_again_and_is_kept(rendered: Callable[[Answers], Path]) -> None:
    """Only what the answer names, where Lambda is told so; and an answer of 404 or 500 is a failure, not an answer.

    https://github.com/elastic-ipfs/infrastructure/issues/154, https://github.com/floci-io/floci/issues/3152
    """
    made = resources(rendered(LAMBDA[0]))
    source, queue = made["Source"]["Properties"], made["Queue"]["Properties"]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (source["FunctionName"], source["EventSourceArn"]) == ("EventsFunction", "orders-api-staging-queue")
    function = made["EventsFunction"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"], "else it comes again while it is worked on"
    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": "Failed.Arn", "maxReceiveCount": 5}
    variables, others = (
        made[name]["Properties"]["Environment"]["Variables"] for name in ("EventsFunction", "Function")
    )
    assert variables.items() - others.items() == {
        ("AWS_LWA_PASS_THROUGH_PATH", "/events"),
        ("AWS_LWA_ERROR_STATUS_CODES", "400-599"),
    }
    assert others.keys() <= variables.keys()
    route = made["EventsRoute"]["Properties"]
    assert (route["RouteKey"], route["AuthorizationType"]) == ("ANY /events", "AWS_IAM"), "anybody could send messages"
    (policy,) = made["TlsAlone"]["Properties"]["PolicyDocument"]["Statement"]
    assert policy["Effect"] == "Deny"
    receive = [one for one in statements(rendered(LAMBDA[0]), "EventsRole") if "sqs:ReceiveMessage" in one["Action"]]
    assert [one["Resource"] for one in receive] == ["arn:aws:sqs:us-east-1:123456789012:orders-api-staging"]
    assert "EventsRole" not in resources(rendered(LAMBDA[1]))


def test_no_log_is_kept_for_ever(project: Path) -> None:
    for one in resources(project).values():
        if one["Type"] == "AWS::Logs::LogGroup":
            assert int(one["Properties"]["RetentionInDays"]) == 14
    function = resources(project)["Function"]["Properties"]
    assert function["LoggingConfig"] == {"LogGroup": "Logs"}, "Lambda's own group has no end"


def test_one_processor_and_one_platform(project: Path) -> None:
    """Lambda refuses an index: https://github.com/aws/aws-lambda-roadmap/issues/82."""
    build = yaml.safe_load((project / ".github/workflows/build.yml").read_text())
    runners = json.dumps(build["jobs"])
    (processor,) = resources(project)["Function"]["Properties"]["Architectures"]
    assert (processor == "arm64") == ("-arm" in runners)
