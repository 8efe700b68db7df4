"""The names that are made from the service's and the repository's: each is one that its language takes."""

import keyword
import re
import sys
from pathlib import Path

import pytest
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from tests.support.paths import PROJECT
from tests.support.render import TEMPLATE, plain_copy, render

HOSTILE = {
    "python": ["class", "match", "json", "fastapi", "test", "tests", "platform", "typing-extensions", "sqlalchemy"],
    "rust": ["crate", "core", "std", "test", "fn", "yield", "tokio", "serde-json", "proc-macro"],
    "java": ["new", "class", "true", "null", "enum", "import", "int"],
}
SOUND = ["orders", "orders-api", "a1-2b", "o" * 40, "items", "service"]


def name(entry: str, language: str, service_name: str, repository: str = "octo/shop") -> str:
    """A computed answer, by the template's own expression."""
    context = {
        "language": language, "origin": {"name": service_name, "repository": repository},
        "reserved_names": TEMPLATE.table("reserved_names"),
    }  # fmt: skip
    for before in ("package", "java_group", "java_package"):
        template = SandboxedEnvironment(undefined=StrictUndefined).from_string(TEMPLATE.entries()[before]["default"])
        context[before] = template.render(context)
    return str(context[entry])


@pytest.mark.parametrize(
    ("language", "word"), [(language, word) for language, words in HOSTILE.items() for word in words]
)
def test_a_name_that_is_taken_gets_a_suffix(language: str, word: str) -> None:
    assert name("package", language, word) == f"{word.replace('-', '_')}_service"


@pytest.mark.parametrize("language", TEMPLATE.table("languages"))
@pytest.mark.parametrize("word", SOUND)
def test_another_is_the_service_s_own(language: str, word: str) -> None:
    assert name("package", language, word) == word.replace("-", "_")


def test_python_s_words_and_modules_are_all_known() -> None:
    words = {word for word in (*sys.stdlib_module_names, *keyword.kwlist) if re.fullmatch("[a-z][a-z0-9_]*", word)}
    # from the standard library by Python 3.13: https://docs.python.org/3/whatsnew/3.13.html
    gone = re.findall(
        r"\w+",
        """aifc asynchat asyncore audioop binhex cgi cgitb chunk crypt distutils imghdr imp lib2to3 mailcap msilib nis
        nntplib ossaudiodev pipes smtpd sndhdr spwd sunau telnetlib uu xdrlib""",
    )
    assert words - set(gone) <= set(TEMPLATE.table("reserved_names")["python"])


@pytest.mark.parametrize(("language", "lock"), [("python", "uv.lock*"), ("rust", "Cargo.lock*")])
def test_what_a_starter_installs_is_known(language: str, lock: str) -> None:
    """A package of the same name would hide it, or be hidden."""
    files = list((PROJECT / f"{{{{ only.{language} }}}}").rglob(lock))
    found = {name for file in files for name in re.findall(r'^name = "([\w-]+)"$', file.read_text(), re.MULTILINE)}
    assert len(found) > 40
    own, unusable = {"app", "service"}, re.compile("windows_|.*stubs$")
    known = set(TEMPLATE.table("reserved_names")[language])
    names = {name.lower().replace("-", "_") for name in found} - own
    assert not {name for name in names - known if not unusable.match(name)}, "add them to template/tables/names.yml"


@pytest.mark.parametrize(
    ("repository", "service", "group", "package"),
    [
        ("Octo-Org/Orders.Shop", "orders-api", "io.github.octo_org", "io.github.octo_org.orders_api"),
        ("9lives/shop", "a1", "io.github._9lives", "io.github._9lives.a1"),
        ("new/shop", "new", "io.github.new_", "io.github.new_.new_service"),
        ("octo_corp/shop", "class", "io.github.octo_corp", "io.github.octo_corp.class_service"),
    ],
)
def test_java_s_package_begins_with_the_owner(repository: str, service: str, group: str, package: str) -> None:
    assert name("java_group", "java", service, repository) == group
    assert name("java_package", "java", service, repository) == package
    words = set(TEMPLATE.table("reserved_names")["java"])
    assert all(re.fullmatch("[a-z_][a-z0-9_]*", part) and part not in words for part in package.split("."))


def test_a_database_s_folder_is_there_when_it_was_chosen(tmp_path: Path) -> None:
    template = plain_copy(tmp_path / "template")
    for folder in ("postgres", "no_database"):
        path = template / f"template/project/{{{{ only.python }}}}/{{{{ given.{folder} }}}}/{folder}.txt.jinja"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{{ package }}\n")
    for database, folder in (("postgres", "postgres"), ("none", "no_database")):
        project = render(template, tmp_path / database, service_name="json", database=database)
        assert [path.read_text() for path in project.glob("*.txt")] == ["json_service\n"]
        assert (project / f"{folder}.txt").exists()
