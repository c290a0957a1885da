"""`mda serve`: holds the listening sockets and keeps the workers going, over restarts, crashes and reloads.

    serve(...)    runs until SIGTERM or SIGINT; returns the exit status

SIGTERM, SIGINT   workers finish their open transactions, then exit 0
SIGHUP            settings are read again; bad ones are refused and the old stay; new workers take over from the old
a worker dies     it is replaced at once, with a growing pause when workers die again and again at their start
kill -9 on us     the workers serve on until the next supervisor has put its socket in place: see `worker`
"""

import fcntl
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TypeAlias

from mda import logs
from mda.errors import Conflict, SettingsError
from mda.metrics import recorder
from mda.metrics.families import START_TIME, WORKER_DEATHS, WORKER_STALLS, WORKERS, WORKERS_WANTED
from mda.servers.assignment import Order
from mda.servers.board import Board
from mda.servers.child import Child, Stage
from mda.servers.listeners import Listener, open_listeners, passed
from mda.servers.monitor import Monitor
from mda.servers.notify import notify
from mda.servers.signals import SignalSocket
from mda.settings import ServiceManager, Settings, service_manager

COMPOSER = "mda.delivery.compose:compose"
"""Builds the deliverer in each worker, as module:function; see `worker.Compose`."""

LOCK_NAME = "serve.lock"
TICK_SECONDS = 1.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
STARTED_WELL_SECONDS = 1.0
"""A worker that dies younger than this has died at its start."""

Prepare: TypeAlias = Callable[[Settings], AbstractContextManager[object]]
"""What must be there before the workers (an embedded database); left after the last worker has gone."""


def serve(
    load_settings: Callable[[], Settings],
    prepare: Prepare = nullcontext,
    composer: str = COMPOSER,
) -> int:
    """Runs the server in the foreground. MdaError when it can't begin; `load_settings` is called again on SIGHUP."""
    settings = load_settings()
    logs.configure(settings.log)
    manager = service_manager()
    signals = SignalSocket()
    with _locked(Path(settings.data_dir)), ExitStack() as stack:
        with signals.ending():  # a database that replays its log takes as long as it takes
            stack.enter_context(prepare(settings))
        listeners = open_listeners(settings, passed(manager.listen_fds))
        supervisor = Supervisor(settings, listeners, composer, signals, manager)
        return supervisor.run(load_settings)


class Supervisor:
    def __init__(
        self,
        settings: Settings,
        listeners: tuple[Listener, ...],
        composer: str,
        signals: SignalSocket,
        manager: ServiceManager,
    ) -> None:
        self._settings = settings
        self._listeners = listeners
        self._dropped: tuple[Listener, ...] = ()
        self._composer = composer
        self._signals = signals
        self._notify_address = manager.notify_socket
        self._alive = ("WATCHDOG=1",) if manager.watchdog else ()
        self._board = Board()
        self._monitor = Monitor(settings, self._board)
        self._children: list[Child] = []
        self._generation = 0
        self._early_deaths = 0
        self._start_at = 0.0
        self._is_stopping = self._is_announced = False
        self._log = logs.logger("supervisor")

    def run(self, load_settings: Callable[[], Settings]) -> int:
        self._log.info("serving", places=[one.place for one in self._listeners], workers=self._settings.worker_count)
        recorder.put(START_TIME, time.time())
        while not (self._is_stopping and not self._children):
            self._start_missing()
            self._show()
            self._wait()
            heard = self._signals.take()
            if heard & {signal.SIGTERM, signal.SIGINT}:
                self._stop()
            elif signal.SIGHUP in heard:
                self._reload(load_settings)
            self._reap()
            self._retire_old()
        self._monitor.close()
        self._log.info("stopped")
        return 0

    def _show(self) -> None:
        """To the monitor, and to whoever would end us if we stood still."""
        stages = [child.stage for child in self._children]
        for stage in Stage:
            recorder.put(WORKERS, stages.count(stage), stage.value)
        recorder.put(WORKERS_WANTED, self._settings.worker_count)
        self._board.publish([child.region for child in self._children], stages.count(Stage.READY), self._is_stopping)
        if self._alive:
            notify(self._notify_address, *self._alive)

    def _wait(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._signals.readable, selectors.EVENT_READ)
            for child in self._children:
                selector.register(child.channel, selectors.EVENT_READ, child)
            ready = selector.select(self._patience())
        for key, _ in ready:
            if isinstance(key.data, Child):
                key.data.hear()

    def _patience(self) -> float:
        pause = self._start_at - time.monotonic()
        return min(pause, TICK_SECONDS) if pause > 0 else TICK_SECONDS

    # Workers come and go.

    @property
    def _current(self) -> list[Child]:
        return [one for one in self._children if one.generation == self._generation and one.stage is not Stage.LEAVING]

    def _start_missing(self) -> None:
        if self._is_stopping or time.monotonic() < self._start_at:
            return
        taken = {child.rank for child in self._current}
        for rank in (one for one in range(self._settings.worker_count) if one not in taken):
            try:
                child = Child(self._settings, self._listeners, self._composer, self._generation, rank)
            except OSError as error:
                # Out of processes, memory or descriptors: the other workers serve on, and we try again.
                self._log.error("worker could not be started", error=str(error))
                self._pause()
                return
            self._children.append(child)
            self._log.debug("worker started", pid=child.pid)

    def _pause(self) -> None:
        self._early_deaths += 1
        pause = min(FIRST_PAUSE_SECONDS * 2 ** min(self._early_deaths - 1, 10), LONGEST_PAUSE_SECONDS)
        self._start_at = time.monotonic() + pause

    def _reap(self) -> None:
        for child in tuple(self._children):
            status = child.exit_status()
            if status is not None:
                self._children.remove(child)
                child.channel.close()
                self._board.retire(child.region)
                self._note_exit(child, status)
            elif child.kill_if_overdue():
                self._log.warning("worker killed: it did not finish in time", pid=child.pid)
            elif child.kill_if_still():
                recorder.add(WORKER_STALLS)
                self._log.error("worker killed: it stood still", pid=child.pid)

    def _note_exit(self, child: Child, status: int) -> None:
        if child.stage is Stage.LEAVING or self._is_stopping:
            self._log.debug("worker left", pid=child.pid, status=status)
            return
        recorder.add(WORKER_DEATHS)
        self._log.error("worker died", pid=child.pid, status=status, age_seconds=round(child.age_seconds, 1))
        if child.stage is Stage.STARTING or child.age_seconds < STARTED_WELL_SECONDS:
            self._pause()

    def _retire_old(self) -> None:
        """Once the workers of this generation serve, those before it are not needed."""
        current = self._current
        if self._is_stopping or len(current) < self._settings.worker_count:
            return
        if any(one.stage is not Stage.READY for one in current):
            return
        if min(one.age_seconds for one in current) > STARTED_WELL_SECONDS:
            self._early_deaths = 0
        self._order_away(Order.FINISH if self._dropped else Order.DRAIN, self._generation)
        for listener in self._dropped:
            listener.retire()
        self._dropped = ()
        self._announce_ready()

    def _order_away(self, order: Order, before_generation: int) -> None:
        for child in self._children:
            if child.generation < before_generation and child.stage is not Stage.LEAVING:
                child.order(order)

    # What the admin asks for.

    def _stop(self) -> None:
        if self._is_stopping:
            return
        self._is_stopping = True
        self._log.info("stopping")
        notify(self._notify_address, "STOPPING=1")
        # First the path goes, so that nothing more can arrive; the workers then take what waits.
        for listener in (*self._listeners, *self._dropped):
            listener.retire()
        self._order_away(Order.FINISH, self._generation + 1)

    def _reload(self, load_settings: Callable[[], Settings]) -> None:
        notify(self._notify_address, "RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        self._is_announced = False
        try:
            settings = load_settings()
            if settings.data_dir != self._settings.data_dir:
                raise SettingsError("data_dir can't change while serving", "stop and start instead")
            listeners = self._open_all(settings)
        except Exception as error:
            # Whatever is wrong with the new ones, it must not end the service.
            self._log.error("settings refused, the old ones stay", error=str(error))
            self._announce_ready()
            return
        self._take_over(settings, listeners)

    def _take_over(self, settings: Settings, listeners: tuple[Listener, ...]) -> None:
        self._dropped += tuple(one for one in self._listeners if one not in listeners)
        self._settings, self._listeners = settings, listeners
        logs.configure(settings.log)
        self._generation += 1
        self._early_deaths, self._start_at = 0, 0.0
        for child in self._children:
            if child.stage is Stage.STARTING:
                child.order(Order.DRAIN)
        self._log.info("settings read, starting new workers", workers=settings.worker_count)

    def _open_all(self, settings: Settings) -> tuple[Listener, ...]:
        """Monitor and listeners as the settings say; where one of them can't be had, SettingsError and all old stay."""
        self._monitor_by(settings, self._settings)
        try:
            return open_listeners(settings, self._listeners)
        except BaseException:
            self._monitor_by(self._settings, settings)
            raise

    def _monitor_by(self, settings: Settings, before: Settings) -> None:
        """Its sockets follow the settings; where the new ones can't be had, SettingsError and the old stay."""
        if settings.monitor == before.monitor:
            return
        self._monitor.close()
        try:
            self._monitor = Monitor(settings, self._board)
        except SettingsError:
            self._monitor = Monitor(before, self._board)
            raise

    def _announce_ready(self) -> None:
        if not self._is_announced:
            self._is_announced = True
            notify(self._notify_address, "READY=1")
            self._log.info("ready", workers=len(self._current))


@contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """One supervisor per data folder. The lock goes with the process, however it ends."""
    try:
        fd = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingsError(f"{data_dir}: {error.strerror}", "run: mda init") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.read(fd, 32).decode("ascii", "replace").strip()
        os.close(fd)
        raise Conflict(f"mda serve runs on {data_dir} already (pid {owner})", f"stop it first: kill {owner}") from error
    try:
        os.truncate(fd, 0)
        os.write(fd, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(fd)
