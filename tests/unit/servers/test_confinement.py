"""mda.servers.confinement: what the kernel refuses a confined process. Each in a process of its own: it is for good."""

import errno
import socket
import subprocess
import sys

import pytest

CODE = """
import ctypes, errno, os, socket, sys, threading
from mda.servers.confinement import confine

def tried(make):
    try:
        make().close()
        return 0
    except OSError as error:
        return error.errno

listening = socket.create_server(("127.0.0.1", 0))
if sys.argv[1] == "confined":
    confine()
found = []
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_PACKET, socket.AF_UNIX):
    found.append(tried(lambda: socket.socket(family, socket.SOCK_DGRAM)))
thread = threading.Thread(target=lambda: found.append(tried(lambda: socket.socket(socket.AF_INET))))
thread.start()
thread.join()
child = os.fork()
if child == 0:
    os._exit(tried(lambda: socket.socket(socket.AF_INET)))
found.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
a, b = socket.socketpair()
ctypes.set_errno(0)
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall(425, 8, None)
found.append(ctypes.get_errno())
print(found)
"""


def run(how: str) -> list[int]:
    done = subprocess.run([sys.executable, "-c", CODE, how], capture_output=True, text=True, check=True, timeout=30)
    return [int(one) for one in done.stdout.strip("[]\n").split(",")]


def test_only_unix_sockets_are_left_in_every_thread_and_child() -> None:
    no = errno.EAFNOSUPPORT
    inet, inet6, netlink, packet, unix, thread, child, ring = run("confined")
    assert (inet, inet6, netlink, packet) == (no, no, no, no)
    assert unix == 0
    assert (thread, child) == (no, no)
    assert ring == no


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_without_it_the_same_process_has_them() -> None:
    inet, inet6, _, _, unix, thread, child, ring = run("free")
    assert (inet, inet6, unix, thread, child) == (0, 0, 0, 0, 0)
    assert ring != errno.EAFNOSUPPORT
