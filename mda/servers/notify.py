"""sd_notify(3) without its library: one datagram to the socket that systemd names."""

import socket


def notify(address: str, *states: str) -> None:
    """Sends `states` (READY=1, STOPPING=1 ...); without an address nothing, and nothing fails for it."""
    if not address:
        return
    target = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
        try:
            speaker.sendto("\n".join(states).encode(), target)
        except OSError:
            # A service manager that is not there must not keep us from serving.
            return
