"""Every language, and either strategy, from one version to the next under load."""

import pytest

from tests.cluster.conftest import Start, answers, loaded
from tests.cluster.test_stack import LANGUAGES
from tests.support.cluster import wait_until
from tests.support.render import TEMPLATE
from tests.support.render.answers import strategies
from tests.support.run import figures

pytestmark = pytest.mark.engine
# Java, several instances at once, beside another layer's tests on two cores.
PATIENCE = {"ROLLOUT_SECONDS": "240"}
# The scripts of a strategy are the same for each language; what differs is how its service starts and ends.
# Those of test_stack.py are rolled there, one behind the other.
ROLLOUTS = [(language, "rolling") for language in TEMPLATE.table("languages") if language not in LANGUAGES]
ROLLOUTS += [("go", strategy) for strategy in strategies(every=False) if strategy != "rolling"]


@pytest.mark.parametrize(("language", "strategy"), ROLLOUTS)
def test_no_request_is_lost_from_one_version_to_the_next(start: Start, language: str, strategy: str) -> None:
    release = start(language, strategy)
    release.deploy(release.image("v1"), **PATIENCE)
    answers(release, "v1")
    with loaded(release, pause=0.02) as load, figures.timed(f"{language}-{strategy}", "rolled out in"):
        release.deploy(release.image("v2"), **PATIENCE)
    answers(release, "v2")
    figures.note(f"{language}-{strategy}", "requests meanwhile", sum(load.answers.values()), "")
    figures.note(f"{language}-{strategy}", "asked again", load.asked_again, "times")
    wait_until("the old pods to go", lambda: release.images() == {release.image("v2")})
    release.remove()
