"""The problems that the calls of templates may answer with."""

from typing import Final

from blytz.identity.http.responses import TOKEN
from blytz.kit.http.responses import (
    READ_FAILED,
    SQL_WRITE_FAILED,
    WRITE_FAILED,
    documented,
    malformed,
    malformed_body,
)
from blytz.kit.idempotency import KeyReused
from blytz.kit.problems import RateLimited
from blytz.show.templates.model import TemplateCode
from blytz.show.templates.service import FORBIDDEN, refusal

_SELLER: Final = (*TOKEN, RateLimited(retry_after_ms=150), FORBIDDEN)
_TAKEN: Final = refusal(TemplateCode.NAME_TAKEN)
_UNKNOWN_PARAMETER: Final = malformed("limit", "is not a known parameter")

LIST: Final = documented(*_SELLER, _UNKNOWN_PARAMETER, *READ_FAILED)
CREATE: Final = documented(
    *_SELLER,
    *WRITE_FAILED,
    _TAKEN,
    refusal(TemplateCode.TOO_MANY),
    KeyReused(),
    *malformed_body("name", "is missing"),
)
CHANGE: Final = documented(
    *_SELLER,
    *SQL_WRITE_FAILED,
    refusal(TemplateCode.TEMPLATE_NOT_FOUND),
    _TAKEN,
    *malformed_body("name", "Expected `str`, got `int`"),
)
REMOVE: Final = documented(*_SELLER, *SQL_WRITE_FAILED, _UNKNOWN_PARAMETER)
