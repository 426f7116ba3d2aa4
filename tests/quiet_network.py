"""Runs a command in a network namespace and reports the hosts it contacts: `quiet_network.py REPORT COMMAND…`.

The namespace has a loopback device that all addresses lead to, so every connection is seen and refused. REPORT is a
JSON list of `address:port`, with only DNS servers of the loopback addresses. Linux only.
"""

import contextlib
import ctypes
import ipaddress
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

ROUTES = ("link set lo up", "route add local 0.0.0.0/0 dev lo", "-6 route add local ::/0 dev lo")
EVERY_PROTOCOL, PR_SET_PDEATHSIG = 0x0003, 1  # linux/if_ether.h, linux/prctl.h
DNS = 53


def can_be_had() -> bool:
    """Return True if this machine permits a network namespace."""
    tried = subprocess.run([sys.executable, __file__, os.devnull, "true"], capture_output=True, check=False)
    return tried.returncode == 0


def main() -> None:
    report, *command = sys.argv[1:]
    user, group = os.geteuid(), os.getegid()
    os.unshare(os.CLONE_NEWNET if user == 0 else os.CLONE_NEWNET | os.CLONE_NEWUSER)
    if user != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    for route in ROUTES:
        subprocess.run(["ip", *route.split()], check="-6" not in route)
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(EVERY_PROTOCOL))
    asked: set[str] = set()
    threading.Thread(target=listen, args=(listener, asked), daemon=True).start()
    process = subprocess.Popen(command, preexec_fn=end_with_parent)  # noqa: PLW1509  # only the listener runs beside it
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    code = process.wait()
    with contextlib.suppress(OSError):
        Path(report).write_text(json.dumps(sorted(asked)))
    sys.exit(code)


def end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def listen(listener: socket.socket, asked: set[str]) -> None:
    while True:
        packet = listener.recv(2048)
        if packet[0] >> 4 == 4:
            address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(packet[16:20])
            ports = packet[(packet[0] & 15) * 4 :]
        else:
            address, ports = ipaddress.ip_address(packet[24:40]), packet[40:]
        port = struct.unpack("!2H", ports[:4])[1] if len(ports) >= 4 else 0
        source = packet[12:16] if packet[0] >> 4 == 4 else packet[8:24]
        answer = ipaddress.ip_address(source) == address  # packets to other hosts come from their address
        if port == DNS or not (address.is_loopback or address.is_multicast or (answer and port > 1024)):
            asked.add(f"{address}:{port}")


if __name__ == "__main__":
    main()
