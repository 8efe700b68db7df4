"""The rules of `shipshape audit` for people, in docs/audit.md; run as a module it writes them."""

from itertools import groupby

from shipshape.audit.rules import Rule, rules

from tests.support.paths import ROOT

PAGE = ROOT / "docs/audit.md"
BEGIN = "<!-- rules: made by `make rules` from rules.yml; a test compares -->"
END = "<!-- /rules -->"


def tables() -> str:
    """A table for each kind of file, in the order of rules.yml."""
    parts = []
    for area, listed in groupby(rules().values(), key=lambda rule: rule.area):
        rows = ["| rule | weight | what, and why | mend |", "|---|---|---|---|", *map(row, listed)]
        parts.append(f"### {area}\n\n" + "\n".join(rows))
    return "\n\n".join(parts)


def row(rule: Rule) -> str:
    """One line of a table; a bar would end its cell."""
    cells = [
        f"[`{rule.id}`]({rule.source})",
        f"{rule.weight}, {rule.severity}",
        f"{rule.title}. {rule.why}",
        rule.mend + (f" Also {', '.join(rule.same)}." if rule.same else ""),
    ]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def written() -> str:
    """The tables as the page has them."""
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0].strip()


def write() -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{tables()}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    write()
