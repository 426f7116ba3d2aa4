import socket

import pytest

from local.host import ports
from local.host.ports import RANGE, all_free, free_ports


def test_ports_are_different_and_free() -> None:
    found = free_ports(20)
    assert len(set(found)) == 20
    assert all_free(found)
    assert all(port in RANGE for port in found)


def test_a_port_in_use_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    (taken,) = free_ports(1)
    with socket.create_server(("127.0.0.1", taken)):
        assert not all_free([taken])
        monkeypatch.setattr(ports, "RANGE", range(taken, taken + 1))
        with pytest.raises(OSError, match=f"no 1 ports of 127.0.0.1 are free between {taken} and {taken}"):
            free_ports(1)
