"""The scripts of Lambda, run for real against an account of moto's: forwards, back, and again after a kill.

No container runs: what a version answers is `Lambda.answer`, and a server on loopback answers at the host name.
"""

import re
import subprocess
import time
from collections.abc import Callable
from itertools import groupby
from operator import itemgetter

import pytest

from tests.ecs.function import IMAGE, NAME, SETUP, Place, digest, place_of  # noqa: F401 (a fixture)
from tests.ecs.test_scripts import set_alarm, wait_until
from tests.support import step
from tests.support.aws import stacks
from tests.support.aws.functions import URL, Function
from tests.support.render import document
from tests.support.tools import run

ANY = f"{IMAGE}@sha256:…"  # as deploy/README.md has it
STEP = 'deploy/lambda/deploy.sh staging "$IMAGE"'


@pytest.fixture
def place(place_of: Callable[..., Place]) -> Place:  # noqa: F811
    """Staging, set up; nothing is deployed yet."""
    place = place_of()
    place.make(*SETUP)
    return place


@pytest.fixture
def running(place: Place) -> Place:
    """Staging, which runs the image a, made without the script: quicker."""
    place.make("function", "events", Image=digest("a"), Release="sha256:a made")
    return place


def succeed(place: Place, script: str, *arguments: str, **settings: str) -> str:
    result = place.run(script, *arguments, **settings)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def refused(place: Place, code: int, *command: str, **settings: str) -> str:
    result = place.run(*command, **settings)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stderr.strip()


def unready(status: int | None) -> Callable[..., int | None]:
    """A version that lives, and answers so where it is asked whether it can work."""
    return lambda _, path: status if path == "/readyz" else 200


def follow(place: Place, heading: str, values: dict[str, str]) -> str:
    """What stands under a heading of deploy/README.md, command by command."""
    result = document.run(place.project, document.shell(place.project, heading, values), place.environment)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def test_setup_deployment_and_rollback(place_of: Callable[..., Place]) -> None:  # noqa: F811
    place = place_of()
    assert re.search(r"point staging.orders-api.example.com to d-\d+.execute-api", follow(place, "AWS", {}))
    assert "staging runs" in follow(place, "Deploy", {ANY: digest("a")})
    assert place.live() == digest("a")
    succeed(place, "deploy.sh", "staging", digest("b"))
    assert (place.live(), place.takes_messages()) == (digest("b"), digest("b"))
    set_alarm(place, f"{NAME}-5xx", "ALARM")  # going back must work all the same
    assert f"staging runs {digest('a')}" in follow(place, "Roll back", {ANY: digest("a")})
    assert (place.live(), place.takes_messages()) == (digest("a"), digest("a"))
    assert "ignoring alarms already in ALARM" in succeed(place, "deploy.sh", "staging", digest("c"))


def test_a_version_is_asked_before_it_has_traffic(running: Place) -> None:
    running.cloud.functions.pending = 3  # as while Lambda prepares the image
    seen: list[str] = []
    running.cloud.functions.answer = lambda _, __: seen.append(running.live()) or 200  # type: ignore[func-returns-value]
    succeed(running, "deploy.sh", "staging", digest("b"))
    assert [(version, path) for version, path, _ in running.cloud.functions.invoked] == [
        ("2", "/healthz"),
        ("2", "/readyz"),
    ]
    assert seen == [digest("a")] * 2
    assert running.live() == digest("b")
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    event = running.cloud.functions.invoked[0][2]
    assert (event["version"], event["requestContext"]["http"]["method"]) == ("2.0", "GET")
    assert event["headers"]["host"] == "staging.orders-api.example.com"


def test_one_that_does_not_answer_well_gets_no_traffic(running: Place) -> None:
    for number, status in enumerate((503, None), start=2):
        running.cloud.functions.answer = unready(status)
        said = refused(running, 1, "deploy.sh", "staging", digest(str(number)))
        assert said.splitlines()[-1] == f"deploy: staging runs {digest('a')} as before"
        assert f"version {number} answers /readyz so, and not by 200" in said
        assert running.live() == digest("a")
    assert not running.service.asked, "no traffic has switched"
    running.cloud.functions.answer = lambda *_: 200
    succeed(running, "deploy.sh", "staging", digest("c"))
    assert list(running.function().versions) == ["4"], "those that failed are cleared away"


def test_rollback_after_an_alarm_moves_the_alias_alone(running: Place) -> None:
    running.service.on_ask = lambda: set_alarm(running, f"{NAME}-crashes", "ALARM")
    said = refused(running, 1, "deploy.sh", "staging", digest("b"))
    assert said.splitlines()[-1] == f"deploy: staging runs {digest('a')} as before"
    assert (running.live(), running.function().aliases, running.function().last) == (digest("a"), {"live": "1"}, 2)


def test_messages_go_to_a_version_that_has_the_traffic_and_back(running: Place) -> None:
    """With the settings of before: old code never gets new ones."""
    path = running.project / "deploy/lambda/config/staging.env"
    path.write_text("LOG_LEVEL=warn\n")
    seen: list[str] = []
    running.service.on_ask = lambda: seen.append(running.takes_messages())
    begun: list[str] = []

    def fire() -> int:
        begun.append(running.takes_messages())
        return 200

    running.cloud.functions.answer = lambda *_: fire()
    stacks.endings[f"{NAME}-events"] = ["UPDATE_ROLLBACK_COMPLETE"]  # the last step of a deployment fails
    refused(running, 1, "deploy.sh", "staging", digest("b"))
    assert {*seen, *begun} == {digest("a")}
    assert (running.live(), running.takes_messages()) == (digest("a"), digest("a"))
    set_alarm(running, f"{NAME}-5xx", "OK")
    running.cloud.functions.answer = lambda *_: 200
    running.service.on_ask = lambda: set_alarm(running, f"{NAME}-failed", "ALARM")
    refused(running, 1, "deploy.sh", "staging", digest("c"))
    assert (running.live(), running.takes_messages()) == (digest("a"), digest("a"))
    variables = running.function(f"{NAME}-events").latest["Environment"]["Variables"]
    assert "LOG_LEVEL" not in variables, "the stack of before was made without"


def test_the_first_version_has_nothing_to_go_back_to(place: Place) -> None:
    place.cloud.functions.answer = lambda *_: None
    assert "nothing to roll back to" in refused(place, 1, "deploy.sh", "staging", digest("a"))
    place.cloud.functions.answer = lambda *_: 200
    succeed(place, "deploy.sh", "staging", digest("b"))
    assert place.live() == digest("b")


def test_a_change_that_cloudformation_undoes(running: Place) -> None:
    stacks.endings[f"{NAME}-function"] = ["UPDATE_ROLLBACK_COMPLETE"]
    running.service.well = False  # which would fail what comes after
    assert f"staging runs {digest('a')} as before" in refused(running, 1, "deploy.sh", "staging", digest("b"))
    assert running.function().aliases == {"live": "1"}


def test_a_parameter_alone_is_another_version(running: Place) -> None:
    """Lambda publishes none where the function is the same, and CloudFormation fails; what is reserved is no part.

    https://github.com/serverless/serverless/issues/7822, https://github.com/serverless/serverless/issues/8251
    """
    changes = {"MaxConcurrency": "50", "ProvisionedConcurrency": "2"}
    for number, (parameter, value) in enumerate(changes.items(), start=2):
        running.change(**{parameter: value})
        succeed(running, "deploy.sh", "staging", digest("a"))
        assert running.function().aliases == {"live": str(number)}, parameter
    succeed(running, "deploy.sh", "staging", digest("a"))
    assert running.function().last == 3, "the same once more is no other version"


def test_a_setting_alone_is_another_version(running: Place) -> None:
    path = running.project / "deploy/lambda/config/staging.env"
    assert path.read_text() == "LOG_LEVEL=debug\n"
    path.write_text('# mine\n\nLOG_LEVEL=warn\nGREETING=say: "hi" # $HOME ${x}\\n\nEMPTY=\nSWITCH=on\n')
    succeed(running, "deploy.sh", "staging", digest("a"))
    variables = running.function().versions["2"]["Environment"]["Variables"]
    own = {name: variables[name] for name in ("LOG_LEVEL", "GREETING", "EMPTY", "SWITCH")}
    assert own == {"LOG_LEVEL": "warn", "GREETING": 'say: "hi" # $HOME ${x}\\n', "EMPTY": "", "SWITCH": "on"}
    run(["cfn-lint", str(running.project / ".cache/function-staging.yml")])


def test_a_setting_that_can_not_be_is_refused(running: Place) -> None:
    for line, reason in {
        "PORT=9000": "sets PORT, which deploy/lambda/function.yml or AWS does",
        "AWS_REGION=x": "sets AWS_REGION, which deploy/lambda/function.yml or AWS does",
        "AWS_LWA_PORT=9": "sets AWS_LWA_PORT, which",
        "LOG LEVEL": "has a line that is not NAME=VALUE: LOG LEVEL",
        "_NAME=x": "has a line that is not NAME=VALUE: _NAME=x",
    }.items():
        (running.project / "deploy/lambda/config/staging.env").write_text(f"{line}\n")
        script = "here=deploy/lambda environment=staging; source deploy/lambda/stack.sh; with_settings function"
        done = subprocess.run(["bash", "-c", script], cwd=running.project, capture_output=True, text=True, check=False)
        assert f"staging.env {reason}" in done.stderr
    assert "staging.env has a line" in refused(running, 1, "deploy.sh", "staging", digest("b"))
    assert running.live() == digest("a")


def test_a_rotated_secret_is_in_the_next_version(running: Place) -> None:
    """As deploy/README.md has it. CloudFormation reads a secret only where something else changes.

    https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/369
    """
    secrets = running.client("secretsmanager")
    folder = running.project / ".secrets/staging"
    folder.mkdir(parents=True)
    for role, name in (("app", "DatabaseSecretArn"), ("owner", "DatabaseOwnerSecretArn")):
        running.change(**{name: secrets.create_secret(Name=role, SecretString='{"password": "old"}')["ARN"]})
        (folder / role).write_text(f"new-{role}")
    succeed(running, "deploy.sh", "staging", digest("a"))
    secret = "DATABASE_PASSWORD"  # noqa: S105 - its name
    assert running.function().versions["2"]["Environment"]["Variables"][secret] == "old"
    set_alarm(running, f"{NAME}-5xx", "ALARM")
    said = follow(running, "Rotate the passwords", {})
    assert f"staging runs {digest('a')} in version 3" in said
    assert "new-app" not in said
    assert running.function().aliases == {"live": "3"}
    assert list(running.function().versions) == ["3"], "one that has the old password is of no use"
    assert running.function().versions["3"]["Environment"]["Variables"][secret] == "new-app"


def recovered(place: Place) -> str:
    """What recover.sh says; the second time it has nothing to do."""
    first, second = (place.run("recover.sh", "staging") for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert second.stderr == "recover: nothing to roll back: no deployment of staging from this folder is unfinished\n"
    assert place.live() == digest("a")
    return first.stderr


def test_a_cancelled_job_is_rolled_back_while_it_watches(running: Place) -> None:
    environment = running.environment | {"WATCH_SECONDS": "600", "IMAGE": digest("b")}
    with step.start(STEP, running.project, **environment) as process:
        wait_until(lambda: running.service.asked and running.live() == digest("b"))
        step.cancel(process)
        assert recovered(running).splitlines()[-1] == f"recover: staging runs {digest('a')} as before"
        process.communicate(timeout=10)  # nothing that it started is left: its output ends


def test_a_cancelled_rollback_goes_back_to_what_ran(place_of: Callable[..., Place]) -> None:  # noqa: F811
    """Between the two: its requests are with the earlier image, its messages not yet."""
    place = place_of("blue-green")
    place.make(*SETUP)
    place.make("function", "events", Image=digest("a"), Release="sha256:a made")
    before = place.takes_messages()
    (place.project / "scripts/integration.sh").write_text("#!/bin/sh\nsleep 600\n")
    rollback = STEP.replace("deploy.sh", "rollback.sh")
    with step.start(rollback, place.project, **place.environment, IMAGE=digest("b")) as process:
        wait_until(lambda: place.live() == digest("b"))
        step.cancel(process)
        assert recovered(place).splitlines()[-1] == f"recover: staging runs {digest('a')} as before"
        process.communicate(timeout=10)
    assert place.takes_messages() == before


def test_migrations_run_before_a_version_is_published(running: Place) -> None:
    running.cloud.tasks.exit_code = 1
    running.cloud.tasks.log = ["migration failed"]
    assert "migration failed" in refused(running, 1, "deploy.sh", "staging", digest("b"))
    assert running.function().last == 1
    assert running.live() == digest("a")


def test_bad_arguments_are_refused(place_of: Callable[..., Place]) -> None:  # noqa: F811
    place = place_of()
    for script in ("deploy.sh", "rollback.sh"):
        usage = f"Usage: deploy/lambda/{script} staging|production REPOSITORY@DIGEST"
        for arguments, message in {
            (): usage,
            ("testing", digest("a")): "there is no environment testing: use staging or production",
            ("staging", f"{IMAGE}:1.2.3"): f"use {IMAGE}@sha256:…",
            ("staging", f"{IMAGE}-other@sha256:{'a' * 64}"): f"use {IMAGE}@sha256:…",
        }.items():
            assert message in refused(place, 2, script, *arguments)
    assert not place.cloud.calls


def test_what_is_not_set_up_is_said(place_of: Callable[..., Place]) -> None:  # noqa: F811
    place = place_of()
    assert "run deploy/lambda/setup.sh staging" in refused(place, 1, "deploy.sh", "staging", digest("a"))
    assert "has no image yet" in refused(place, 1, "rollback.sh", "staging", digest("a"))
    assert "has no image yet" in refused(place, 1, "restart.sh", "staging")
    path = place.project / "deploy/lambda/parameters/staging.json"
    path.write_text('{"Parameters": {"VpcId": "vpc-00000000000000000"}}')
    assert "put in your own" in refused(place, 1, "setup.sh", "staging")
    path.write_text('{"Parameters": {"CertificateArn": "arn:aws:acm:x:1:certificate/00000000-0000-0000"}}')
    assert "put in your own" in refused(place, 1, "setup.sh", "staging")
    path.write_text('{"Parameters": {"RepositoryOwnerId": "1", "RepositoryId": "0"}}')
    assert "gh api repos/Octo-Org/Orders.Shop --jq '.owner.id, .id'" in refused(place, 1, "setup.sh", "staging")


def test_blue_green_keeps_the_version_before(place_of: Callable[..., Place]) -> None:  # noqa: F811
    """With a function URL, which AWS names in the first deployment: that is where each version is asked."""
    place = place_of("blue-green", lambda_exposure="function-url", lambda_events="none")
    assert "point" not in follow(place, "AWS", {})
    made = sorted(place.client("cloudformation").describe_stacks()["Stacks"], key=itemgetter("CreationTime"))
    # An export that is in use can't go, so what no longer uses it comes first.
    assert [one["StackName"].removeprefix(f"{NAME}-") for one in made] == ["bootstrap", "alarms", "entry"]
    for letter in "abc":
        succeed(place, "deploy.sh", "staging", digest(letter))
        host = URL.removeprefix("https://").removesuffix("/")
        assert place.cloud.functions.invoked[-1][2]["headers"]["host"] == host
        assert place.service.asked[-2:] == [f"{host}/readyz", f"{host}/no-such-page"]
    assert list(place.function().versions) == ["2", "3"]
    succeed(place, "rollback.sh", "staging", digest("b"))
    assert (place.function().aliases, place.function().last) == ({"live": "2"}, 3), "nothing new is published"
    succeed(place, "rollback.sh", "staging", digest("a"))
    assert (place.live(), place.function().last) == (digest("a"), 4), "what is not kept is"


def test_a_canary_has_a_share_until_no_alarm_has_fired(place_of: Callable[..., Place]) -> None:  # noqa: F811
    """And gives it back where one does, though the alias itself never moved; an earlier image gets all at once."""
    place = place_of("canary")
    place.make(*SETUP)
    place.make("function", "events", Image=digest("a"), Release="sha256:a made")
    moves: list[tuple[str, dict[str, float]]] = []
    times: list[float] = []

    def moved(function: Function) -> None:
        moves.append((function.aliases["live"], function.shares))
        times.append(time.monotonic())

    place.cloud.functions.on_move = moved
    succeed(place, "deploy.sh", "staging", digest("b"), CANARY_SECONDS="15")
    assert [move for move, _ in groupby(moves)] == [("1", {}), ("1", {"2": 0.1}), ("2", {})]
    assert times[moves.index(("2", {}))] - times[moves.index(("1", {"2": 0.1}))] > 15, "WATCH_SECONDS is 0"
    # A job whose machine was lost is started again: there is no other version to share with, which Lambda would refuse.
    succeed(place, "deploy.sh", "staging", digest("b"))
    assert (place.live(), place.takes_messages()) == (digest("b"), digest("b"))
    place.cloud.functions.on_move = lambda one: set_alarm(place, f"{NAME}-errors", "ALARM") if one.shares else None
    said = refused(place, 1, "deploy.sh", "staging", digest("c"))
    assert said.splitlines()[-1] == f"deploy: staging runs {digest('b')} as before"
    assert (place.live(), place.function().shares, place.takes_messages()) == (digest("b"), {}, digest("b"))


def test_rollback_to_one_that_does_not_work_leaves_what_runs(running: Place) -> None:
    running.service.well = False
    said = refused(running, 1, "rollback.sh", "staging", digest("b"))
    assert said.endswith(f"{digest('b')} fails too; staging runs {digest('a')}")
    assert running.live() == digest("a")
