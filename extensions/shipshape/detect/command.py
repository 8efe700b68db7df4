"""Finds the program that serves in a command as people write it: through shells, wrappers and scripts."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field, replace

from .dockerfile import expand
from .files import Repository

_DEEPEST = 6  # scripts that call scripts
_LONGEST = 1000  # lines of a script
_LONGEST_LINE = 20_000
_CHANGES = re.compile(r"\bmigrat|\balembic\b|\bupgrade\b")
_SHELLS = {"sh", "bash", "ash", "dash", "zsh"}
# Programs that only start another one: how many words they are, and which of their options take a value.
_WRAPPERS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("exec",): ("-a",),
    ("dumb-init",): ("--rewrite", "-r"),
    ("tini",): ("-p", "-e"),
    ("catatonit",): (),
    ("docker-entrypoint.sh",): (),
    ("nohup",): (),
    ("npx",): ("--package", "-p"),
    ("pnpm", "exec"): (),
    ("yarn", "exec"): (),
    ("poetry", "run"): (),
    ("pipenv", "run"): (),
    ("pdm", "run"): ("-p",),
    ("uv", "run"): ("--with", "--group", "--extra", "--package", "--env-file", "--python", "-p"),
}
_SEPARATORS = {"&&", ";", "||", "&", "\n"}
_BINARIES = re.compile(r"(?:/usr(?:/local)?|/opt/[\w./-]+|.*venv|.*/\.local|)/bin/([\w.-]+)$")
_DEVELOPMENT = re.compile(
    r"--reload\b|--watch\b|--debug\b|\brunserver\b|\bnodemon\b|\bts-node-dev\b|\bwatchmedo\b|\breflex\b|\bdlv\b|\bair\b"
    r"|\b(?:npm|pnpm|yarn|bun)(?: run)? (?:run )?(?:start:)?(?:dev|watch|debug)\b|\bnext dev\b|\bvite(?! preview)\b"
    r"|\bcargo (?:watch|run)\b|\bspring-boot:run\b|\bbootRun\b|\bgo run\b|\bfastapi dev\b|\bflask .*\brun\b"
    r"|\btail -f\b|\bsleep (?:infinity|\d)"
)
_PORTS = re.compile(
    # --port 8000, and options with an address before it: --bind 0.0.0.0:8000; Django's runserver 0.0.0.0:8000
    r"(?:^|\s)(?:--(?:http-|server[.-]|listen-)?port[= ]|-p[= ]?|--server\.port[= ]|-Dserver\.port=)(\d{2,5})(?=\s|$)"
    r"|(?:^|\s)(?:--(?:bind|(?:http-|listen-)?addr(?:ess)?|listen|host-port|http(?:-socket)?)[= ]|-b[= ]?"
    r"|-(?:(?:http-)?addr|listen)[= ])(?:tcp://)?[\w.\[\]:*-]*:(\d{2,5})(?=\s|$)"
    r"|\brunserver\s+(?:[\d.]+:)?(\d{2,5})(?=\s|$)"
)
_LOOPBACK = re.compile(r"(?:^|[\s=/])(?:127\.0\.0\.1|localhost|\[::1\])(?=$|[\s:])")


def with_port(text: str, old: int, new: int) -> str:
    """A command's text with another port in the option that names it; the text itself where none does."""
    match = _PORTS.search(text)
    place = next((n for n in range(1, _PORTS.groups + 1) if match and match[n] == str(old)), 0)
    return f"{text[: match.start(place)]}{new}{text[match.end(place) :]}" if match and place else text


@dataclass
class Command:
    """A command taken apart: the `words` of the program that serves, and the commands that run `before` it.

    `whole` says whether nothing of the text was left out that a shell would have done (a pipe, a variable without a
    value): else it is a guess. `place` is the script that it was found in, if it was.
    """

    words: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    whole: bool = True
    place: tuple[str, int] | None = None

    @property
    def text(self) -> str:
        """One line that a shell splits into the words again."""
        return shlex.join(self.words)

    @property
    def development(self) -> bool:
        """Whether it starts a server that developers use: one that reloads, or debugs."""
        return bool(_DEVELOPMENT.search(" ".join(self.words)))

    @property
    def port(self) -> int | None:
        """The port that one of its options names."""
        match = _PORTS.search(" ".join(self.words))
        return next((int(one) for one in match.groups() if one), None) if match else None

    @property
    def loopback(self) -> bool:
        """Whether an option binds it to the machine's own address."""
        return bool(_LOOPBACK.search(" ".join(word for word in self.words if "://" not in word)))


@dataclass(frozen=True)
class Place:
    """What a command's words mean where it runs: the repository, ENV values, the working directory in the image."""

    repository: Repository
    values: dict[str, str] = field(default_factory=dict)
    folder: str = ""


def simplify(command: str | list[str], place: Place, arguments: list[str] | None = None, depth: int = 0) -> Command:
    """Take a command apart, as text for a shell or as words; `arguments` are those of an ENTRYPOINT, its CMD."""
    arguments = arguments or []
    if isinstance(command, str):
        return _shell(command, place, arguments, depth)
    words = _unwrapped([expand(word, place.values) for word in command] + arguments)
    if not words or depth > _DEEPEST:
        return Command(words, whole=False)
    if words[0].rsplit("/", 1)[-1] in _SHELLS and len(words) > 1:
        option = next((i for i, word in enumerate(words[1:], 1) if not word.startswith("-")), 0)
        if option and any(re.fullmatch(r"-[a-z]*c[a-z]*", word) for word in words[1:option]):
            return _shell(words[option], place, words[option + 1 :], depth)
        words = words[option:] if option else words
    script = _script(words[0], place.repository)
    if script:
        return _read(script, words[1:], place, depth)
    words = [_relative(word, place.folder) for word in words]
    return Command(words, whole=not any("$" in word for word in words))


def _shell(text: str, place: Place, arguments: list[str], depth: int) -> Command:
    """The last command of a line for a shell, and those before it."""
    if len(text) > _LONGEST_LINE:
        return Command(whole=False)
    lexer = shlex.shlex(expand(text, place.values), posix=True, punctuation_chars="&;|<>()\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    try:
        tokens = list(lexer)
    except ValueError:
        return Command([text], whole=False)
    whole = not {"|", "<", ">", ">>", "(", ")", "||"} & set(tokens) and "$(" not in text and "`" not in text
    parts: list[list[str]] = [[]]
    for token in tokens:
        if token in _SEPARATORS or set(token) <= {"&", ";", "\n"}:
            parts.append([])
        else:
            parts[-1].append(token)
    commands = [part for part in (_unset(part) for part in parts) if part]
    last = commands.pop() if commands else []
    if last[-1:] == ["$@"]:
        last = [*last[:-1], *arguments] if last != ["exec", "$@"] else arguments
    if depth > _DEEPEST or not last:
        return Command(last, whole=False)
    found = simplify(last, place, [], depth + 1)
    before = [shlex.join(part) for part in commands if part[0] not in ("cd", "set", "echo", "printf", "export")]
    moved = next((part[1] for part in commands if part[0] == "cd" and len(part) > 1), "")
    found.before = before + found.before
    found.whole = found.whole and whole and _relative(moved, place.folder) in ("", ".", place.folder)
    return found


def _read(path: str, arguments: list[str], place: Place, depth: int) -> Command:
    """The last command of a script of the repository: the one that it hands over to."""
    lines = re.sub(r"\\\n", "  ", place.repository.text(path) or "").split("\n")
    for line in lines[:_LONGEST]:
        match = re.match(r"""\s*(?:export\s+)?([A-Za-z_]\w*)=["']?(\S*?)["']?\s*$""", line)
        if match:
            place = replace(place, values={**place.values, match[1]: expand(match[2], place.values)})
    numbered = [(number, line.strip()) for number, line in enumerate(lines[:_LONGEST], 1)]
    idle = ("#", "set ", "echo ", "printf ", "fi", "done", "esac", "}")
    commands = [(number, line) for number, line in numbered if line and not line.startswith(idle)]
    handing = [(number, line) for number, line in commands if line.startswith("exec ")]
    if not commands or depth > _DEEPEST:
        return Command([path, *arguments], whole=False)
    number, line = (handing or commands)[-1]
    found = _shell(line.replace('"$@"', "$@"), place, arguments, depth + 1)
    branches = any(line.startswith(("if ", "case ", "for ", "while ")) for _, line in commands)
    several = len({line for _, line in handing}) > 1 or (branches and not handing)
    found.before = [line for n, line in commands if n < number and _CHANGES.search(line)] + found.before
    found.whole = found.whole and not several
    found.place = found.place or (path, number)
    return found


def _script(word: str, repository: Repository) -> str | None:
    """The file of the repository that a word names, if it is a shell's: images copy scripts to other folders."""
    name = word.rsplit("/", 1)[-1]
    if not (name.endswith((".sh", ".bash")) or name in ("entrypoint", "docker-entrypoint", "start", "run", "boot")):
        return None
    found = repository.named(name)
    exact = [path for path in found if word.removeprefix("./").removeprefix("/").endswith(path)]
    return next(iter(exact or found), None)


def _unwrapped(words: list[str]) -> list[str]:
    """The words without the programs that only start another one."""
    while words:
        name = words[0].rsplit("/", 1)[-1]
        wrapper = next((w for w in _WRAPPERS if [name, *words[1:2]][: len(w)] == list(w)), None)
        if wrapper:
            words = _after_options(words[len(wrapper) :], _WRAPPERS[wrapper])
        elif name == "env" or re.fullmatch(r"[A-Za-z_]\w*=.*", words[0], re.DOTALL):
            words = words[1:]
        else:
            break
    return words


def _after_options(words: list[str], valued: tuple[str, ...]) -> list[str]:
    while words and words[0].startswith("-"):
        if words[0] == "--":
            return words[1:]
        words = words[2:] if words[0] in valued else words[1:]
    return words


def _unset(words: list[str]) -> list[str]:
    """The words without settings before the command, if a command follows."""
    rest = list(words)
    while rest and re.fullmatch(r"[A-Za-z_]\w*=.*", rest[0], re.DOTALL):
        rest.pop(0)
    return rest


def _relative(word: str, folder: str) -> str:
    """A path in the image as one from the service's folder; a program of a virtual environment by its name."""
    match = _BINARIES.match(word)
    if match:
        return match[1]
    if folder and word.startswith(f"{folder.rstrip('/')}/"):
        return word[len(folder.rstrip("/")) + 1 :]
    return word
