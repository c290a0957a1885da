"""What the supervisor tells those who watch over it, by HTTP on a Unix socket and, where set, on a loopback port.

    /metrics    figures for Prometheus      /livez    200 while a restart would not help
    /stats      the same in JSON            /readyz   200 while mail is taken

Read-only, and without any secret; LMTP never waits for it. A client that is slow is left after CLIENT_SECONDS.
"""

import os
import socket
import socketserver
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from mda.errors import SettingsError
from mda.metrics import wire
from mda.servers import exposition
from mda.servers.board import Board, Finding
from mda.servers.listeners import MAX_SOCKET_PATH, loopback
from mda.settings import Settings

CLIENT_SECONDS = 5.0

Page = tuple[int, str, bytes]


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"
    timeout = CLIENT_SECONDS
    server_version = "mda"
    sys_version = ""

    def do_GET(self) -> None:
        status, kind, raw = self.server.page(self.path.partition("?")[0])
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(raw)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """A scrape every few seconds is no event."""

    def address_string(self) -> str:
        return "local"


class _Server(socketserver.ThreadingMixIn, HTTPServer):
    daemon_threads = True
    page: Callable[[str], Page]

    def server_bind(self) -> None:
        # Not HTTPServer's, which asks the name service for our own name.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", 0

    def handle_error(self, *_: object) -> None:
        """A client that has gone is no event either."""


class _UnixServer(_Server):
    address_family = socket.AF_UNIX


class _Loopback6Server(_Server):
    address_family = socket.AF_INET6


class Monitor:
    """Serves `board` from threads of its own; the settings' sockets are there once it is made."""

    def __init__(self, settings: Settings, board: Board) -> None:
        self._board = board
        self._servers: list[_Server] = []
        self._path = settings.monitor_socket
        try:
            if settings.monitor.socket:
                self._servers.append(_on_path(settings.monitor_socket, settings.monitor.socket_mode))
            if settings.monitor.tcp:
                self._servers.append(_on_port(settings.monitor.tcp))
        except OSError as error:
            self.close()
            raise SettingsError(f"monitor: can't listen: {error.strerror}", "see [monitor] of mda.toml") from error
        for server in self._servers:
            server.page = self._page
            threading.Thread(target=server.serve_forever, name="monitor", daemon=True).start()

    def close(self) -> None:
        for server in self._servers:
            if hasattr(server, "page"):
                server.shutdown()
            server.server_close()
            if isinstance(server, _UnixServer):
                self._path.unlink(missing_ok=True)
        self._servers.clear()

    def _page(self, path: str) -> Page:
        match path:
            case "/metrics":
                return 200, exposition.TEXT_TYPE, exposition.to_text(self._board.figures())
            case "/stats":
                return 200, "application/json", wire.to_json(self._board.figures())
            case "/livez":
                return _health(self._board.is_alive())
            case "/readyz":
                return _health(self._board.is_ready())
            case _:
                return 404, "text/plain", b"/metrics /stats /livez /readyz\n"


def _health(findings: Sequence[Finding]) -> Page:
    lines = "".join(f"{'ok' if one.is_well else 'not ok'} {one.name}: {one.text}\n" for one in findings)
    return 200 if all(one.is_well for one in findings) else 503, "text/plain; charset=utf-8", lines.encode()


def _on_path(path: Path, mode: str) -> _Server:
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        raise SettingsError(
            f"socket path {path} is longer than {MAX_SOCKET_PATH} octets", "set a shorter monitor.socket"
        )
    # The supervisor's lock is held: whatever stands there is left from one that has died.
    temporary = path.with_name(f".monitor-{os.getpid()}")
    temporary.unlink(missing_ok=True)
    server = _UnixServer(str(temporary), _Handler)  # type: ignore[arg-type]
    temporary.chmod(int(mode, 8))
    temporary.rename(path)
    return server


def _on_port(place: str) -> _Server:
    address, port = loopback("monitor.tcp", place)
    kind = _Loopback6Server if address.version == 6 else _Server
    kind.allow_reuse_address = True
    return kind((str(address), port), _Handler)
