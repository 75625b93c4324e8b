"""Mutations of the scripts, by the wrong behaviour that each causes: the text, and the text in its place."""

from typing import Final

_TOO_LOW = "if bid.kind ~= 'buy_now' and bid.amount < minimum(a) then\n"
_LEADING = "if leading and bid.kind ~= 'buy_now' and (bid.kind == 'exact' or bid.amount <= a.ceiling) then"
_NOT_APPROVED = (
    "if a.requires.approved and redis.call('SISMEMBER', KEYS[5], 'approved:' .. bid.bidder_id) == 0 then"
)
_NO_CARD = "if a.requires.has_card and redis.call('SISMEMBER', KEYS[5], 'has_card:' .. bid.bidder_id) == 0 then"
_BID_KEY = "bid.bid_id .. ':' .. bid.bidder_id"
_IN_WINDOW = "a.ends_at - now < a.extension_window_ms"
_SEEN = "if amount ~= ARGV[7] or kind ~= bid.kind then"
_NOT_YET = "if lost_ms > 0 or now < a.ends_at then"

MUTANTS: Final[dict[str, tuple[str, str]]] = {
    # When a bid is accepted
    "a bid is accepted after the end": (
        "if now >= a.ends_at then\n    return '",
        "if false then\n    return '",
    ),
    "a bid is accepted in the millisecond of the end": ("if now >= a.ends_at then", "if now > a.ends_at then"),
    "a bid is accepted while paused": ("if a.status ~= 'open' then", "if FINAL[a.status] then"),
    "event times go back": ("math.max(server_now(), a.clock)", "server_now()"),
    # Who may bid
    "the seller may bid": ("if bid.bidder_id == a.seller_id then", "if false then"),
    "a blocked bidder may bid": (
        "if redis.call('SISMEMBER', KEYS[5], 'blocked:' .. bid.bidder_id) == 1 then",
        "if false then",
    ),
    "a bidder whom the seller has not approved may bid": ("if a.requires.approved and", "if false and"),
    "a bidder without a card may bid": ("if a.requires.has_card and", "if false and"),
    "a card is asked for before the approval": (
        _NOT_APPROVED,
        f"{_NO_CARD}\n    return 'card_required'\n  end\n  {_NOT_APPROVED}",
    ),
    "an approval counts as a card": (
        "'has_card:' .. bid.bidder_id",
        "'approved:' .. bid.bidder_id",
    ),
    "a leader bids against itself": (_LEADING, "if false then"),
    "a leader lowers its ceiling": (_LEADING, "if leading and bid.kind == 'exact' then"),
    "a leader may not buy now": (" and bid.kind ~= 'buy_now' and (bid.kind ==", " and (bid.kind =="),
    # How much
    "bid_too_low is answered before already_leading": (
        _LEADING,
        f"{_TOO_LOW}    return 'bid_too_low'\n  end\n  {_LEADING}",
    ),
    "the minimum itself is too low": ("bid.amount < minimum(a)", "bid.amount <= minimum(a)"),
    "any higher bid is enough": ("return a.price + increment(a, a.price)", "return a.price + 1"),
    "a step begins above its from_price": ("if from > price then", "if from >= price then"),
    # Who leads, at which price
    "a tie goes to the later bid": ("elseif m > rival then", "elseif m >= rival then"),
    "a loser does not push the price by a step": ("math.min(rival, m + increment(a, m))", "math.min(rival, m)"),
    "the price exceeds the leader's ceiling": ("math.min(rival, m + increment(a, m))", "m + increment(a, m)"),
    "the price exceeds the new ceiling": (
        "math.min(m, rival + increment(a, rival))",
        "rival + increment(a, rival)",
    ),
    "a ceiling is public": ("bid.kind == 'exact' and m or a.start_price", "m"),
    "an outbid bid does not count": ("a.bid_count + 1", "a.bid_count + (leading and 1 or 0)"),
    # The reserve, and buying now
    "the reserve is ignored": ("a.reserve_price <= a.ceiling then", "false then"),
    "the reserve is met one short": ("a.reserve_price <= a.ceiling then", "a.reserve_price < a.ceiling then"),
    "sold below the reserve": ("a.leader and reserve_met(a) and 'sold'", "a.leader and 'sold'"),
    "buy now stays open at its price": ("a.price >= bid.amount) then", "a.price > bid.amount) then"),
    "buy now at any amount": ("bid.amount ~= a.buy_now_price or ", ""),
    "buy now does not sell": ("finish(a, 'sold', now)\n  sold = publish(a, 'sold', '', '')", "sold = nil"),
    # Pre-bids
    "the last pre-bid is not decided": ("FIRST_OF_STATE - 4, 4 do", "FIRST_OF_STATE - 8, 4 do"),
    "a pre-bid that is refused counts": ("not seen[key] and not why_refused(a, bid, now)", "not seen[key]"),
    "a pre-bid that is left twice counts twice": ("if not seen[key] and not why", "if not why"),
    "no receipt is stored for a pre-bid": ("for i = 1, #answers, 2 do", "for i = 1, 0, 2 do"),
    "a pre-bid shows its maximum": (
        "amount = whole(ARGV[i + 3], MAX_MONEY, 'amount'), kind = 'max'",
        "amount = whole(ARGV[i + 3], MAX_MONEY, 'amount'), kind = 'exact'",
    ),
    # Snipers
    "a late bid extends nothing": (_IN_WINDOW, "false"),
    "a bid at the edge of the window extends": (_IN_WINDOW, _IN_WINDOW.replace("<", "<=")),
    "sudden death extends": (" and a.ending == 'extended'", ""),
    "an extension exceeds the hard stop": (
        "a.hard_stop_at and math.min(ends_at, a.hard_stop_at) or ends_at",
        "ends_at",
    ),
    "an extension shortens": ("math.max(a.ends_at, capped(a, now + a.extension_ms))", "now + a.extension_ms"),
    "raising the own ceiling extends": (" and moved and", " and"),
    "a refused bid extends": (_TOO_LOW, f"{_TOO_LOW}    redis.call('HINCRBY', KEYS[1], 'ends_at', 1)\n"),
    # The same bid again
    "no receipt is stored for a bid": ("redis.call('HSET', KEYS[4], bid_key,", "local _ = ("),
    "a receipt is stored for a refused bid": (
        _TOO_LOW,
        f"{_TOO_LOW}    redis.call('HSET', KEYS[4], {_BID_KEY}, '1 exact outbid 1 1 1 0 1')\n",
    ),
    "a bid_id can be reused with another amount": (_SEEN, "if kind ~= bid.kind then"),
    "a bid_id can be reused with another kind": (_SEEN, "if amount ~= ARGV[7] then"),
    # The log
    "event numbers have gaps": ("a.seq = a.seq + 1", "a.seq = a.seq + 2"),
    "an event is not recorded": ("redis.call('XADD', KEYS[2],", "local _ = ("),
    # The seller's verbs
    "an auction opens before its time": ("a.starts_at and now < a.starts_at", "false"),
    "a pause by the platform counts as the seller's": ('\'"reason":"\' .. REASON', '\'"reason":"seller\''),
    "a pause consumes remaining time": ("now + a.remaining_ms, nil, nil", "now, nil, nil"),
    "a pause does not move the hard stop": ("a.hard_stop_at + now - a.paused_at", "a.hard_stop_at"),
    "a seller extends past the hard stop": ("capped(a, a.ends_at + BY_MS)", "a.ends_at + BY_MS"),
    "a cancelled auction is cancelled again": ("if a.status == 'cancelled' then", "if false then"),
    # The hammer
    "an auction closes early": (_NOT_YET, _NOT_YET.replace("now <", "now + 1 <")),
    "an auction closes twice": ("{sold = true, unsold = true, cancelled", "{cancelled"),
    "an auction closes during a pause": ("if a.status == 'paused' then\n    return", "if false then\n    return"),
    "a pause before an outage loses the time it ran": ("take_out(a.paused_at,", "take_out(BEGAN_AT,"),
    "a pause during an outage counts as running": (
        "if a.paused_at then\n    take_out",
        "if false then\n    take_out",
    ),
    "a pause that has ended counts as lost time": (
        "take_out(whole(paused_at, MAX_TIME, 'pauses'), whole(resumed_at, MAX_TIME, 'pauses'))",
        "local _ = resumed_at",
    ),
    "a forgotten pause counts as lost time": (
        "a.compensated_until = math.max(a.compensated_until, whole(forgotten_until, MAX_TIME, 'pauses'))",
        "local _ = forgotten_until",
    ),
    "an outage is compensated twice": ("a.clock, a.compensated_until = now, ENDED_AT", "a.clock = now"),
    "an outage gives back less than an extension": ("math.max(by_ms, a.extension_ms)", "by_ms"),
    "two outages in one give the first back twice": (
        "math.max(BEGAN_AT, a.opened_at, a.compensated_until)",
        "a.compensated_until < ENDED_AT and math.max(BEGAN_AT, a.opened_at) or ENDED_AT",
    ),
    "an outage before the opening is compensated": ("BEGAN_AT, a.opened_at, a.comp", "BEGAN_AT, a.comp"),
    "an outage does not move the hard stop": ("a.hard_stop_at and a.hard_stop_at + by_ms", "a.hard_stop_at"),
}


class Mutation:
    """An edit of scripts that knows whether it applied."""

    def __init__(self, text: str, instead: str) -> None:
        self._text, self._instead = text, instead
        self.applied = False

    def __call__(self, source: str) -> str:
        mutated = source.replace(self._text, self._instead)
        self.applied |= mutated != source
        return mutated
