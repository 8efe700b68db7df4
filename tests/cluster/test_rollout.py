"""Every language, by either strategy, from one version to the next under load."""

import pytest

from tests.cluster.conftest import Start, answers, loaded
from tests.support.cluster import wait_until
from tests.support.render import TEMPLATE
from tests.support.run import figures

pytestmark = pytest.mark.engine
# Java, several instances at once, beside another layer's tests on two cores.
PATIENCE = {"ROLLOUT_SECONDS": "240"}


@pytest.mark.parametrize("strategy", TEMPLATE.table("strategies"))
@pytest.mark.parametrize("language", TEMPLATE.table("languages"))
def test_no_request_is_lost_from_one_version_to_the_next(start: Start, language: str, strategy: str) -> None:
    release = start(language, strategy)
    release.deploy(release.image("v1"), **PATIENCE)
    answers(release, "v1")
    with loaded(release) as load, figures.timed(f"{language}-{strategy}", "rolled out in"):
        release.deploy(release.image("v2"), **PATIENCE)
    answers(release, "v2")
    figures.note(f"{language}-{strategy}", "requests meanwhile", sum(load.answers.values()), "")
    figures.note(f"{language}-{strategy}", "asked again", load.asked_again, "times")
    wait_until("the old pods to go", lambda: release.images() == {release.image("v2")})
    release.remove()
