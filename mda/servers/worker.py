"""A worker process: it composes the deliverer, serves LMTP on the inherited sockets, and finishes when told to.

Started by the supervisor with `python -m mda.servers.worker FD`, never by hand. SIGTERM and the supervisor's orders
drain it: open transactions end, then it exits 0. When the supervisor has died it serves on until a new one has put
its own socket in place, or for ORPHAN_SECONDS.
"""

import asyncio
import faulthandler
import gc
import importlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import uvloop

from mda import logs
from mda.errors import MdaError
from mda.metrics import recorder
from mda.metrics.region import Region
from mda.servers.assignment import READY, Assignment, InheritedListener, Order, from_descriptor
from mda.servers.confinement import confine
from mda.servers.heartbeat import beat
from mda.servers.listeners import Origin, is_in_place
from mda.servers.lmtp.deliverer import Deliverer
from mda.servers.lmtp.server import LmtpServer
from mda.settings import Settings

ORPHAN_SECONDS = 60.0
ORPHAN_LOOK_SECONDS = 1.0

YOUNG_OBJECTS = 20_000
"""Before the garbage collector looks through them: those of about a hundred messages."""

SWITCH_SECONDS = 0.0005
"""How long a thread that waits for the interpreter lets another one have it. A message passes three threads on its way;
with Python's 5 ms, one session was 1.2 to 1.6 times slower, 8 and 32 sessions up to 1.4 times."""

Compose: TypeAlias = Callable[[Settings], AbstractAsyncContextManager[Deliverer]]
"""Builds what a worker needs, and takes it down after the last transaction."""


class Worker:
    def __init__(self, assignment: Assignment) -> None:
        self._settings = assignment.settings
        self._rank = assignment.rank
        self._listeners = {one: socket.socket(fileno=one.fd) for one in assignment.listeners}
        self._channel = socket.socket(fileno=assignment.channel)
        self._log = logs.logger("worker")
        self._is_draining = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    async def run(self, compose: Compose) -> None:
        """Serves until drained."""
        async with compose(self._settings) as deliverer:
            self._server = LmtpServer(self._settings, deliverer, logs.logger("lmtp"), self._rank)
            try:
                await self._serve()
            finally:
                # Whatever has happened: its thread reads with what the deliverer has.
                self._end_server()

    async def _serve(self) -> None:
        self._listen_to_orders()
        self._server.listen(tuple(self._listeners.values()))
        logs.gather(asyncio.get_running_loop().call_soon)
        beating = asyncio.create_task(beat(self._server.figures, self._server.look))
        settle_memory()
        self._report_ready()
        await self._is_draining.wait()
        await self._wait_for_sessions()
        logs.gather(None)
        beating.cancel()

    def _listen_to_orders(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._note_failure)
        loop.add_signal_handler(signal.SIGTERM, self._drain)
        self._channel.setblocking(False)
        loop.add_reader(self._channel.fileno(), self._hear)

    def _note_failure(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._log.error("callback failed", what=context.get("message"), exc_info=context.get("exception"))

    def _report_ready(self) -> None:
        try:
            self._channel.send(READY)
        except OSError:
            self._log.warning("supervisor is gone already")

    def _hear(self) -> None:
        try:
            orders = self._channel.recv(16)
        except (BlockingIOError, ConnectionResetError):
            orders = b""
        if not orders:
            asyncio.get_running_loop().remove_reader(self._channel.fileno())
            if not self._is_draining.is_set():
                self._watch = asyncio.get_running_loop().create_task(self._outlive_supervisor())
        elif Order.FINISH.value in orders:
            self._finish()
        else:
            self._drain()

    async def _wait_for_sessions(self) -> None:
        try:
            async with asyncio.timeout(self._settings.workers.drain_seconds):
                await self._server.closed()
        except TimeoutError:
            self._log.warning("drain took too long", sessions_cut=self._server.abort())

    # How it ends.

    def _end_server(self) -> None:
        """A thread that does not come back would be waited for in vain, and without a supervisor nobody kills us."""
        if not self._server.look():
            self._log.critical("LMTP's thread does not come back, worker ends")
            os._exit(1)
        self._server.close()

    def _drain(self) -> None:
        self._server.drain()
        self._is_draining.set()

    def _finish(self) -> None:
        for listener, one in self._listeners.items():
            # systemd keeps its sockets and what waits in them for the next supervisor.
            if listener.origin is not Origin.PASSED:
                self._server.accept_rest(one)
        self._drain()

    async def _outlive_supervisor(self) -> None:
        """A TCP port can't be bound twice, so it is let go at once; a Unix path is simply renamed over."""
        self._log.warning("supervisor is gone, serving on")
        for listener, one in self._listeners.items():
            if listener.origin is Origin.TCP:
                self._server.accept_rest(one)
        remaining = tuple(one for one in self._listeners if one.origin is not Origin.TCP)
        waited = 0.0
        while remaining and waited < ORPHAN_SECONDS and not any(map(_is_replaced, remaining)):
            await asyncio.sleep(ORPHAN_LOOK_SECONDS)
            waited += ORPHAN_LOOK_SECONDS
        self._log.info("a new supervisor serves" if waited < ORPHAN_SECONDS else "no new supervisor came")
        self._finish()


def _is_replaced(listener: InheritedListener) -> bool:
    return listener.origin is Origin.UNIX and not is_in_place(listener.place, listener.device, listener.inode)


def _find(composer: str) -> Compose:
    module, _, name = composer.partition(":")
    found: Compose = getattr(importlib.import_module(module), name)
    return found


def settle_memory() -> None:
    """What is there now stays to the end: the garbage collector need not look through it again and again, and what a
    message is made of is mostly gone before it looks at all."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


def end_with_threads() -> None:
    """From here on a thread that dies of an exception takes the process with it: a worker without one of its lanes
    would take mail and never answer, where the supervisor can replace it at once."""

    def end(failure: threading.ExceptHookArgs) -> None:
        try:
            name = failure.thread.name if failure.thread else "?"
            error = (failure.exc_type, failure.exc_value, failure.exc_traceback)
            logs.logger("worker").critical("thread died, worker ends", thread=name, exc_info=error)
        finally:
            os._exit(1)

    threading.excepthook = end


def main() -> None:
    faulthandler.enable()
    end_with_threads()
    sys.setswitchinterval(SWITCH_SECONDS)
    # The terminal's Ctrl-C and hang-up are for the supervisor, which gives orders.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assignment = from_descriptor(int(sys.argv[1]))
    logs.configure(assignment.settings.log)
    if assignment.figures >= 0:
        recorder.attach(Region(assignment.figures))
        os.close(assignment.figures)
    try:
        if assignment.settings.workers.unix_sockets_only:
            confine()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(Worker(assignment).run(_find(assignment.composer)))
    except MdaError as error:
        logs.logger("worker").error("worker can't serve", error=str(error))
        sys.exit(1)
    except Exception:
        logs.logger("worker").exception("worker failed")
        sys.exit(1)


if __name__ == "__main__":
    main()
