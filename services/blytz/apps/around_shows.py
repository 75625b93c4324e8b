"""What stands around shows in the catalogue: which adapters their calls use."""

from collections.abc import Callable

from blytz.apps.shows import Shows
from blytz.kit.http.litestar import RouteGroup
from blytz.kit.ratelimit.user_limit import UserLimit
from blytz.kit.sql.database import Database
from blytz.kit.telemetry.metrics import Metrics
from blytz.show.audit.http.routes import audit_routes
from blytz.show.audit.service import AuditService
from blytz.show.chat.service import ShowChat
from blytz.show.following.http.routes import following_routes
from blytz.show.following.service import FollowingService
from blytz.show.following.sql.store import SqlFollowing
from blytz.show.images.encoder import PillowEncoder
from blytz.show.images.http.routes import image_routes
from blytz.show.images.service import ImageService
from blytz.show.images.sql.store import SqlImages
from blytz.show.images.store import ImageFiles
from blytz.show.moderation.http.routes import moderation_routes
from blytz.show.moderation.rules_service import ChatRulesService
from blytz.show.moderation.service import ModerationService
from blytz.show.moderation.sql.store import SqlChatRules
from blytz.show.people.http.routes import people_routes
from blytz.show.people.service import PeopleService
from blytz.show.people.sql.store import SqlPeople
from blytz.show.reports.http.routes import report_routes
from blytz.show.reports.service import ReportService
from blytz.show.reports.sql.store import SqlReports
from blytz.show.sql.acts import SqlAuditTrail
from blytz.show.templates.http.routes import template_routes
from blytz.show.templates.service import TemplateService
from blytz.show.templates.sql.store import SqlTemplates


def routes_around_shows(
    database: Database,
    files: ImageFiles,
    shows: Shows,
    now: Callable[[], int],
    metrics: Metrics,
    stored_bytes: UserLimit,
) -> list[RouteGroup]:
    """`files` are those of images; `now` is in milliseconds since the Unix epoch, on the Redis clock."""
    standings, people_store = shows.standings, SqlPeople(database)
    following = FollowingService(SqlFollowing(database), shows.service, people_store, stored_bytes)

    async def on_block(seller_id: str, user_id: str, is_blocked: bool) -> None:
        await following.on_block(seller_id, user_id, is_blocked)
        await standings.on_block(seller_id, user_id, is_blocked)

    people = PeopleService(people_store, shows.service, now, stored_bytes, on_block, standings.on_approval)
    return [
        image_routes(ImageService(SqlImages(database), files, PillowEncoder(metrics), now, stored_bytes)),
        template_routes(TemplateService(SqlTemplates(database), stored_bytes)),
        following_routes(following),
        people_routes(people),
        report_routes(ReportService(SqlReports(database), shows.service, shows.chat, now, stored_bytes)),
        audit_routes(AuditService(SqlAuditTrail(database), shows.service)),
    ]


def chat_routes(
    database: Database,
    shows: Shows,
    now: Callable[[], int],
    chat_of_user: UserLimit,
    stored_bytes: UserLimit,
) -> RouteGroup:
    """Chat over HTTP, its rules and its moderation."""
    log = shows.chat
    chat = ShowChat(log, shows.topics.fill, chat_of_user)
    trail = SqlAuditTrail(database)
    moderation = ModerationService(trail, log, shows.service, shows.topics.fill, stored_bytes)
    rules = ChatRulesService(SqlChatRules(database), shows.service, now, stored_bytes)
    return moderation_routes(moderation, chat, rules)


def described_routes_around_shows() -> list[RouteGroup]:
    """The same without services, for the documentation."""
    routes = (
        image_routes,
        template_routes,
        following_routes,
        people_routes,
        report_routes,
        audit_routes,
        moderation_routes,
    )
    return [of_one_noun() for of_one_noun in routes]
