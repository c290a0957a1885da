"""The composition root of a worker: builds the services of `DeliveryService` from the settings, and ends them in order.

The order of the end matters: bodies that were submitted are written, their rows committed, the commit records noted,
and only then are the segments sealed and the connections closed.
"""

import asyncio
import pwd
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from mda.antispam.classifier import Classifier
from mda.binding import CampaignTable
from mda.delivery.author import Sources
from mda.delivery.books import Books
from mda.delivery.commit_lane import CommitLane
from mda.delivery.flights import Flights, Over
from mda.delivery.housekeeping import FORGET_SECONDS, REVIVE_SECONDS, keep_house, name_late
from mda.delivery.job import BatchLimits
from mda.delivery.listening import Listening
from mda.delivery.lookout import LOOK_SECONDS, look_out
from mda.delivery.lookup import Lookup
from mda.delivery.metered import MeteredCommitter, Stopwatch, metered
from mda.delivery.plan import Policy
from mda.delivery.quota_house import QuotaBooks, count_domains, write_warning
from mda.delivery.remembered import Remembered
from mda.delivery.service import DeliveryService, Services
from mda.delivery.shard_lane import ShardLane
from mda.delivery.shard_lanes import ShardLanes
from mda.delivery.shares import AccountShares
from mda.delivery.store import Store
from mda.delivery.tracer import Tracer
from mda.delivery.warner import Warner, Write
from mda.errors import MdaError
from mda.identifiers import IdentifierSource, format_id
from mda.logs import logger
from mda.metadata.delivery import receipts, traces
from mda.metadata.delivery.deliver import Committer
from mda.metadata.directory import shards
from mda.metadata.directory.changes import Changes
from mda.metadata.directory.resolve import Directory
from mda.metadata.postgresql import engine
from mda.metadata.postgresql.hang_up import Calls
from mda.settings import Replicas, Settings, Spam
from mda.storage.abandoned import SweptSegment, seal_abandoned
from mda.storage.dictionaries import Dictionaries
from mda.storage.encode import Encoder
from mda.storage.shard import Shard, ShardState
from mda.storage.writer import SegmentWriter

POOL_THREADS = 2
"""For the inspection of large messages and nothing else: what may hang must not hold those up."""

CHORE_THREADS = 4
"""For rare blocking calls; the lanes have threads of their own."""

GATHER_SECONDS = 0.05
"""For commit records, of which each lone message would have one of its own."""

MODEL_LOOK_SECONDS = 1.0
"""How long a worker may judge with a model after a newer one has been written."""

LAST_TURN_SECONDS = 5.0
"""For the warnings of quotas at the end; a database that hangs must not hold up what is to be ended."""

MAIL_OWNER = "postfix"


@asynccontextmanager
async def compose(settings: Settings, *, keeps_receipts: bool = True) -> AsyncIterator[DeliveryService]:
    """A delivery service over the settings' database and shards, for as long as the block lasts.

    `keeps_receipts=False` is for mail that has no redelivery to recognise (`mda deliver`).
    """
    with (
        engine.database(settings) as url,
        ThreadPoolExecutor(POOL_THREADS, "inspect") as pool,
        ThreadPoolExecutor(CHORE_THREADS, "chore") as chores,
    ):
        _start_all(pool, POOL_THREADS)
        _start_all(chores, CHORE_THREADS)
        loop = asyncio.get_running_loop()
        identifiers = IdentifierSource()
        database = engine.make_engine(url, settings.database)
        calls = Calls(database)
        stopwatch = Stopwatch()

        def list_shards() -> list[Shard]:
            return [_storage_shard(row) for row in shards.list_all(database)]

        over = Over(loop)
        lanes = _Lanes(settings, url, list_shards, identifiers, chores, stopwatch, over.end_batch)
        directory = Directory(url, settings.database, settings.delivery.recipient_delimiter)
        tracer = Tracer(partial(traces.append, database, identifiers), stopwatch, lanes.shards.name)
        warner = Warner(QuotaBooks(database, settings.quota), chores, settings.quota.warn_percent)
        shares = AccountShares(settings.delivery.account_in_flight)
        flights = Flights(over, lanes.shards, shares, Books(warner, tracer).keep)
        remembered = Remembered(settings.database.lookup_cache_seconds)
        lookup = Lookup(directory, remembered, settings.delivery.deadline_seconds)
        listening = Listening(
            Changes(url, settings.database),
            lambda word: loop.call_soon_threadsafe(remembered.hear, word),
            lambda until: loop.call_soon_threadsafe(remembered.trust, until),
        )
        services = Services(
            lookup=lookup,
            store=Store(
                lanes.shards,
                shares,
                flights,
                settings.delivery.deadline_seconds,
                writes_replicas=settings.delivery.replicas is Replicas.BEFORE_REPLY,
            ),
            flights=flights,
            classifier=_classifier(settings, chores),
            identifiers=identifiers,
            pool=pool,
            policy=Policy(
                settings.delivery.over_quota,
                settings.spam.threshold,
                settings.spam.front_weight,
                settings.quota.grace_percent,
            ),
            deadline_seconds=settings.delivery.deadline_seconds,
            keeps_receipts=keeps_receipts,
            sources=_sources(settings.spam),
            campaigns=_campaigns(settings),
            tracer=tracer,
            warner=warner,
            requeue_uid=_uid_of(MAIL_OWNER),
        )
        service = DeliveryService(services)
        write = partial(write_warning, service, settings.quota.warning_file)
        days = settings.delivery.receipt_days
        house = (
            asyncio.create_task(
                keep_house("forget_receipts", lambda: receipts.forget_old(database, days), chores, FORGET_SECONDS)
            ),
            asyncio.create_task(
                keep_house(
                    "forget_traces",
                    lambda: traces.forget_old(database, settings.delivery.trace_days),
                    chores,
                    FORGET_SECONDS,
                )
            ),
            asyncio.create_task(keep_house("look_out", lambda: look_out(list_shards), chores, LOOK_SECONDS)),
            asyncio.create_task(name_late(lanes.shards.complain_of_late)),
            asyncio.create_task(
                keep_house(
                    "count_domains",
                    lambda: count_domains(database, settings.quota),
                    chores,
                    settings.quota.domain_seconds,
                )
            ),
            asyncio.create_task(warner.run(write)),
            asyncio.create_task(keep_house("revive", lambda: engine.revive(settings), chores, REVIVE_SECONDS)),
        )
        try:
            yield service
        finally:
            for chore in house:
                chore.cancel()
            await _last_turn(warner, write)
            await loop.run_in_executor(None, partial(_end, listening, lookup, lanes, tracer))
            calls.hang_up()  # else a chore would be waited for as long as the server says nothing
            database.dispose()


class _Lanes:
    """The lanes of group commit, wired to each other."""

    def __init__(
        self,
        settings: Settings,
        url: str,
        list_shards: Callable[[], Sequence[Shard]],
        identifiers: IdentifierSource,
        chores: Executor,
        stopwatch: Stopwatch,
        on_told: Callable[[], object],
    ) -> None:
        self._settings = settings
        self._identifiers = identifiers
        self._on_told = on_told
        self._limits = BatchLimits(settings.delivery.batch_messages, settings.delivery.batch_bytes)
        self.shards = ShardLanes(list_shards, self._open, chores)

        def committer(lane: str) -> MeteredCommitter:
            return MeteredCommitter(Committer(url, settings.database, identifiers), lane, stopwatch)

        self.busy = CommitLane(committer("busy"), self._limits, self.shards.note, on_told=on_told)
        self.rows = CommitLane(committer("rows"), self._limits, self.shards.note, self.busy, on_told)

    def end(self) -> None:
        self.shards.drain()
        self.rows.close()
        self.busy.close()
        self.shards.seal()

    def _open(self, shard: Shard) -> ShardLane:
        storage = self._settings.storage
        encoder = Encoder(storage.compression_level, Dictionaries(shard.root))
        # A thread of its own, which nobody waits for: on a disk that hangs it hangs, and is ended with the process.
        threading.Thread(target=_sweep, args=(shard,), name=f"sweep-{shard.name}", daemon=True).start()

        def open_writer() -> SegmentWriter:
            return SegmentWriter(
                shard,
                self._identifiers,
                encoder=encoder,
                segment_bytes=storage.segment_bytes,
                segment_age_seconds=storage.segment_age_seconds,
                gather_seconds=GATHER_SECONDS,
                on_trouble=partial(_log_trouble, shard),
            )

        return ShardLane(shard.name, metered(open_writer, shard.name), encoder, self._limits, self.rows, self._on_told)


async def _last_turn(warner: Warner, write: Write) -> None:
    """Of what it leaves behind, others write what is settled, and the next sweep finds the rest."""
    try:
        async with asyncio.timeout(LAST_TURN_SECONDS):
            await warner.turn(write)
    except TimeoutError:
        logger("delivery").warning("quota_warnings_left", seconds=LAST_TURN_SECONDS)


def _start_all(pool: Executor, threads: int) -> None:
    """Starts the pool's threads now. QUIRK: a thread that finds no memory for its first step dies without a word, and
    who starts it (later that would be the event loop) waits for it for ever: threading.Thread.start of CPython."""
    together = threading.Barrier(threads)
    for _ in range(threads):
        pool.submit(together.wait)


def _end(listening: Listening, lookup: Lookup, lanes: _Lanes, tracer: Tracer) -> None:
    listening.close()
    lookup.close()
    lanes.end()
    tracer.close()


def _storage_shard(row: shards.Shard) -> Shard:
    return Shard(row.id, row.name, row.url, ShardState(row.state.value))


def _sweep(shard: Shard) -> None:
    """Seals what dead workers left open, beside the first deliveries."""
    try:
        for swept in seal_abandoned(shard):
            if isinstance(swept, SweptSegment):
                logger("storage").info("segment_sealed", shard=shard.name, records=swept.record_count)
            else:
                logger("storage").error(
                    "segment_not_sealed",
                    shard=shard.name,
                    segment=format_id(swept.segment),
                    error=swept.trouble.message,
                    remedy=swept.trouble.remedy,
                )
    except MdaError as error:
        logger("storage").error("shard_not_swept", shard=shard.name, error=error.message, remedy=error.remedy)
    except Exception:
        logger("storage").exception("shard_not_swept", shard=shard.name)


def _log_trouble(shard: Shard, trouble: MdaError) -> None:
    logger("storage").error("segment_given_up", shard=shard.name, error=trouble.message, remedy=trouble.remedy)


def _classifier(settings: Settings, chores: Executor) -> Classifier | None:
    if not settings.spam.enabled:
        return None
    model = Path(settings.spam.model) if settings.spam.model else None
    return Classifier(model, settings.trained_model, settings.trained_model.parent, chores, MODEL_LOOK_SECONDS)


def _campaigns(settings: Settings) -> CampaignTable | None:
    if not settings.spam.enabled:
        return None
    try:
        settings.campaigns.parent.mkdir(parents=True, exist_ok=True)
        return CampaignTable(settings.campaigns)
    except OSError as error:
        logger("delivery").error("campaigns_not_counted", file=str(settings.campaigns), error=error.strerror)
        return None


def _sources(spam: Spam) -> Sources:
    return Sources(spam.authserv_id, spam.authserv_strips, spam.front_header)


def _uid_of(name: str) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None
