"""The questionnaire in a real terminal."""

import sys
from pathlib import Path

import pexpect
import pyte
import yaml

from tests.questions.test_answers import ONLY_FOR
from tests.support.render import TEMPLATE

DOWN, ENTER = "\x1b[B", "\r"


class Terminal:
    """Runs `copier copy` in a pseudo-terminal and keeps the screen that a person would see."""

    def __init__(self, template: Path, destination: Path) -> None:
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.Stream(self.screen)
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "copier", "copy", "--quiet", str(template), str(destination)],
            dimensions=(ROWS, COLUMNS),
            encoding="utf-8",
            timeout=30,
            env=None,
        )

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def until(self, text: str) -> None:
        """Read on until the text is on the screen; where the program asks for the cursor, answer as terminals do."""
        while text not in self.text:
            output = self.child.read_nonblocking(4096)
            self.stream.feed(output)
            if "\x1b[6n" in output:
                self.child.send(f"\x1b[{self.screen.cursor.y + 1};{self.screen.cursor.x + 1}R")

    def end(self) -> int:
        try:
            while True:
                self.stream.feed(self.child.read_nonblocking(4096))
        except pexpect.EOF:
            self.child.close()
        return self.child.exitstatus or 0


ASKED = [name for name in TEMPLATE.questions() if name not in ONLY_FOR]
COLUMNS, ROWS = 80, 2 * len(ASKED) + 4  # a question takes two lines with its answer, the last more while it is asked


def first_words(name: str) -> str:
    help_text: str = TEMPLATE.questions()[name]["help"]
    return help_text.split("(", maxsplit=1)[0].strip()


def test_who_takes_the_defaults_sees_all_of_it_on_one_screen(template: Path, tmp_path: Path) -> None:
    terminal = Terminal(template, tmp_path / "orders")
    for name in ASKED:
        terminal.until(first_words(name))
        terminal.child.send(ENTER)
    assert terminal.end() == 0, terminal.text
    for name in ASKED:
        assert first_words(name) in terminal.text, f"{name} has left the screen:\n{terminal.text}"
    assert (tmp_path / "orders" / "Dockerfile").exists()


def test_a_bad_answer_is_refused_where_it_is_typed(template: Path, tmp_path: Path) -> None:
    terminal = Terminal(template, tmp_path / "orders")
    terminal.until("the service called?")
    terminal.child.send("-Bad")
    terminal.child.send(ENTER)
    terminal.until("use a name like orders-api")
    terminal.child.send("\x7f" * len("orders-Bad") + "billing" + ENTER)
    for name in ASKED[1:]:
        terminal.until(first_words(name))
        # the second choice of the version, the default of all others
        terminal.child.send((DOWN if name == "language_version" else "") + ENTER)
    assert terminal.end() == 0, terminal.text
    answers = yaml.safe_load((tmp_path / "orders" / ".copier-answers.yml").read_text())
    assert answers["service_name"] == "billing"
    assert answers["language_version"] == TEMPLATE.table("languages")["python"]["versions"][1]
