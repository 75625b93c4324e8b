"""Where the chat rules of a seller get to, on SQLite and on PostgreSQL."""

from blytz.kit.sql.database import Database
from blytz.show.acts import Verb
from blytz.show.chat.rules import NO_RULES, ChatRules
from blytz.show.model import ShowStatus
from blytz.show.moderation.sql.store import SqlChatRules
from blytz.show.running import rules
from blytz.show.running.store import Acted, Which
from blytz.show.sql.acts import SqlAuditTrail
from blytz.show.sql.run_store import SqlRuns
from blytz.show.sql.store import SqlCatalogue
from tests.support.shows import SELLER, act, lot, show


async def test_rules_reach_the_shows_that_are_on_and_those_that_start_later(
    catalogue: SqlCatalogue, database: Database
) -> None:
    store, runs = SqlChatRules(database), SqlRuns(database, lambda: 2_000)
    for number, status in enumerate((ShowStatus.LIVE, ShowStatus.PAUSED, ShowStatus.SCHEDULED), 1):
        started_at = None if status is ShowStatus.SCHEDULED else 1
        await catalogue.create_show(show(f"shw_{number}", status=status, started_at=started_at))
    await catalogue.add_lot(lot(1, "shw_3"))
    changed = act(Verb.CHAT_RULES_CHANGED, show_id=None)
    assert await store.chat_rules(SELLER.id) == NO_RULES

    first = ChatRules(("junk",))
    last = ChatRules(("junk", "trash"), links="allowed", on_match="mask")
    for mine in (first, last):
        assert await store.set_chat_rules(SELLER.id, mine, changed) == ["shw_1", "shw_2"]
        assert await store.chat_rules(SELLER.id) == mine
        assert await store.set_chat_rules(SELLER.id, mine, changed) == []
    assert isinstance(await runs.act("shw_3", rules.start, Which.NONE), Acted)

    told = [intent.announcement for intent in await runs.intents("shw_2")]
    assert [one and one.chat_rules for one in told] == [first, last]
    assert not any("junk" in str(one and one.public) for one in told)
    assert [
        intent.announcement.chat_rules
        for intent in await runs.intents("shw_3")
        if intent.announcement and intent.announcement.kind == "show_started"
    ] == [last]
    snapshot = await runs.snapshot("shw_3")
    assert snapshot is not None
    assert snapshot.chat_rules == last
    recorded = await SqlAuditTrail(database).acts("shw_1", SELLER.id, None, 10)
    assert [one.verb for one in recorded.acts] == ["chat_rules_changed"] * 2
