"""The database of one noun: a SQLite file of its own in the data folder, or a PostgreSQL schema of its own.

SQLite is opened with a write-ahead log, so that readers never wait for the one writer, and with
`synchronous=FULL`, so that a committed transaction is on disk. PostgreSQL may be reached through PgBouncer in
transaction mode: nothing is prepared or set for a whole connection.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from blytz.kit.problems import Overloaded, StoreUnavailable

MAX_CONNECTIONS: Final = 4
"""Per process and database."""
MAX_WRITERS: Final = 2
"""Of them, so that readers find a connection while writers wait for each other. SQLite has one writer."""
WAIT_S: Final = 2.0
"""The longest wait for a connection of the pool, for the one writer of SQLite, and for PostgreSQL to let us in."""
STATEMENT_S: Final = 5.0
"""The longest statement on PostgreSQL; it is cancelled then."""
_WRITES: Final = "blytz_writes"


class ReadOnly(OSError):
    """The database answers and takes no writes: a standby, or one that was set so."""


class Database:
    """Raises `StoreUnavailable` where the database cannot be reached or a statement took too long, and
    `Overloaded` where all connections are in use. `IntegrityError` is for the store, which knows the
    constraint."""

    def __init__(self, name: str, url: str, data: Path) -> None:
        """`name` is that of the SQLite file or the schema. Without a `url` (of PostgreSQL) it is a file in
        `data`."""
        self.name = name
        self.is_sqlite = not url
        file = data / f"{name}.sqlite"
        self.where = str(file) if self.is_sqlite else make_url(url).render_as_string(hide_password=True)
        """For people; without the password."""
        self._engine = _sqlite(file) if self.is_sqlite else _postgresql(url, name)
        self._writers = asyncio.Semaphore(1 if self.is_sqlite else MAX_WRITERS)
        self._is_failing = False
        self.on_failure: Callable[[str], None] | None = None
        """Called with the reason of the first failure after a success."""

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that sees one state of the database."""
        async with self._translated(), self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction, committed at its end or rolled back by an exception. On SQLite it takes the write lock
        at once: a transaction that reads first and then writes could otherwise fail half-way."""
        async with self._writer(), self._translated(), self._engine.connect() as plain:
            connection = await plain.execution_options(**{_WRITES: True})
            async with connection.begin():
                yield connection

    async def check(self) -> None:
        """Returns when it could be written to. Nothing is changed."""
        async with self.writing() as connection:
            if not self.is_sqlite:
                mode = (await connection.exec_driver_sql("SHOW transaction_read_only")).scalar()
                if mode == "on":
                    raise ReadOnly("the database takes no writes")

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def _writer(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(WAIT_S):
                await self._writers.acquire()
        except TimeoutError:
            raise Overloaded from None
        try:
            yield
        finally:
            self._writers.release()

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        """No connection outlives a failure: one that was opened while the database was read-only would stay so."""
        try:
            yield
        except PoolTimeout:
            raise Overloaded from None
        except (IntegrityError, ProgrammingError, DataError):
            # A fault of ours, which an error in the log has to tell, or a constraint, which the store knows.
            raise
        except (DBAPIError, OSError, TimeoutError) as error:
            if not self._is_failing and self.on_failure:
                self.on_failure(str(error).partition("\n")[0] or type(error).__name__)
            self._is_failing = True
            await self._engine.dispose()
            raise StoreUnavailable from error
        else:
            self._is_failing = False


def _sqlite(path: Path) -> AsyncEngine:
    # Nobody else may read hidden reserves. Where this fails, connecting says why.
    with suppress(OSError):
        path.touch(0o600)
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        pool_size=MAX_CONNECTIONS,
        max_overflow=0,
        hide_parameters=True,  # of messages: a log has no hidden reserve
        pool_timeout=WAIT_S,
        connect_args={"timeout": WAIT_S},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, _: Any) -> None:
        # The driver would begin transactions by itself, and only before some statements.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: str, schema: str) -> AsyncEngine:
    address = make_url(url).set(drivername="postgresql+asyncpg")
    # The driver has another name for what every other program calls `sslmode`.
    query = {"ssl" if name == "sslmode" else name: value for name, value in address.query.items()}
    engine = create_async_engine(
        address.set(query=query),
        pool_size=MAX_CONNECTIONS,
        max_overflow=0,
        hide_parameters=True,  # of messages: a log has no hidden reserve
        pool_timeout=WAIT_S,
        pool_pre_ping=True,
        connect_args={
            "timeout": WAIT_S,
            "command_timeout": STATEMENT_S,
            # PgBouncer gives each transaction another connection of the server.
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": lambda: f"blytz_{uuid4().hex}",
        },
    )
    return engine.execution_options(schema_translate_map={None: schema})
