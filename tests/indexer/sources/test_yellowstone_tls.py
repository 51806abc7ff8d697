"""A server that is spoken to over TLS, and one that nobody vouches for."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError
from tests.indexer.sources.geyser_server import GeyserServer
from tests.indexer.sources.tape import Tape, TapeNode
from tests.indexer.sources.test_yellowstone import Paced

from choir.testing import ManualClock
from choir_indexer.settings import Settings
from choir_indexer.sources import SourceLost
from choir_indexer.sources.rpc import RpcSource
from choir_indexer.sources.yellowstone import Endpoint, StreamMetrics, YellowstoneSource


def certificate() -> tuple[bytes, bytes]:
    """A new private key for 127.0.0.1, and a certificate by which it vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return secret, made.public_bytes(serialization.Encoding.PEM)


def _source(tape: Tape, url: str, authorities: bytes | None) -> YellowstoneSource:
    node = RpcSource(TapeNode(tape, tape.slots[8]), "ws://nowhere", clock=ManualClock())
    return YellowstoneSource(
        Endpoint(url, "secret", authorities=authorities),
        node,
        clock=Paced(),
        metrics=StreamMetrics(),
    )


def test_a_file_without_a_certificate_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(b"a key, by mistake")
    with pytest.raises(ValidationError, match="holds no certificate in PEM"):
        Settings(database_url="postgresql://", yellowstone_ca=file)
    file.write_bytes(certificate()[1])
    assert Settings(database_url="postgresql://", yellowstone_ca=file).yellowstone_ca == file


async def test_only_who_is_vouched_for_is_spoken_to(tape: Tape) -> None:
    pair = certificate()
    async with GeyserServer(tape, token="secret", certificate=pair) as server:
        for index in range(9):
            server.publish(index)
        async with _source(tape, server.url, pair[1]).feed(after=tape.slots[4]) as feed:
            assert await feed.take()
        for stranger in (None, certificate()[1]):
            with pytest.raises(SourceLost, match=r"127\.0\.0\.1.*(certificate|handshake|connect)"):
                async with _source(tape, server.url, stranger).feed():
                    pass
        assert len(server.requests) == 1  # no token went to a stranger
