"""Files, folders, links and Redis keys named in the documents exist."""

import re
from pathlib import Path

import pytest

from blytz.auction.redis.index import STATUS_KEYS
from blytz.auction.redis.keys import INDEX, SALES, SCHEDULE, Keys

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / f"{name}.md" for name in ("ARCHITECTURE", "CONTRIBUTING", "README", "SECURITY")]
DOCUMENTS += sorted((ROOT / "specs" / "decisions").glob("*.md"))
SOURCES = [ROOT / name for name in (".ci", "bench", "infra", "requirements", "services", "specs", "tests")]
PATH = re.compile(r"`([\w.*-]+(?:/[\w.*-]+)*/?)`")
"""In backquotes, with nothing that no file's name has."""
SHARED_KEY = re.compile(r"""(?:(?<!f)"\{|f"\{\{)([a-z]+)\}+:([a-z:]*)""")
"""A key that begins with a hash tag of its own, in a text or in an f-string."""
ENDINGS = (".lua", ".md", ".py", ".sh", ".toml", ".yaml")


def named_in(text: str) -> set[str]:
    return {name for name in PATH.findall(text) if "/" in name or name.endswith(ENDINGS)}


def exists(name: str) -> bool:
    """Anywhere in the project, because documents may leave out leading folders where the name is unique."""
    return any(ROOT.glob(name)) or any(next(part.rglob(name), None) for part in SOURCES)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_every_file_named_in_a_document_exists(document: Path) -> None:
    text = document.read_text()
    assert sorted(name for name in named_in(text) if not exists(name)) == []
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_a_missing_file_would_be_found() -> None:
    names = named_in("`auction/rules.py`, `lua/`, `test_*.py` and `auction/gone.py`, `GET /health`, `now`")
    assert names == {"auction/rules.py", "lua/", "test_*.py", "auction/gone.py"}
    assert {name for name in names if not exists(name)} == {"auction/gone.py"}


def test_every_redis_key_is_in_the_table() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    of_auction = [key.decode() for key in vars(Keys("auc_…")).values() if isinstance(key, bytes)]
    source = "".join(path.read_text() for path in (ROOT / "services").rglob("*.py"))
    shared = [f"{{{tag}}}:{rest}" for tag, rest in SHARED_KEY.findall(source)]
    assert (len(of_auction), SCHEDULE in shared, "{limits}:" in shared) == (6, True, True)
    shared += [key.rpartition(":")[0] + ":" for key in STATUS_KEYS]
    assert [key for key in (*of_auction, *shared, INDEX, SALES) if f"`{key}" not in text] == []


def test_every_alert_is_explained_to_operators() -> None:
    alerts = re.findall(r"- alert: (\w+)", (ROOT / "infra" / "prometheus" / "alerts.yml").read_text())
    rows = re.findall(r"^\| (\w+) \|", (ROOT / "specs" / "operating.md").read_text(), re.MULTILINE)
    assert len(alerts) > 10
    assert sorted(set(alerts) ^ set(rows)) == ["alert"]


def test_every_redis_key_has_a_retention_rule() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    table = text.partition("| key | type | holds | its end |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]
    assert len(rows) > 10
    assert [row for row in rows if len(row) != 4 or not all(row)] == []
