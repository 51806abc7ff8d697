"""Keys that sign: from a file, from the environment, made on the spot, or somewhere else.

`Signer` is the port: a public key and a signature over a message's bytes. A remote wallet (a
browser, a hardware key, a service) is one by implementing two members.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from solders.keypair import Keypair
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from choir.errors import WalletError

__all__ = ["KeypairSigner", "Signer", "sign_message", "signer_from_environment"]


@runtime_checkable
class Signer(Protocol):
    """Someone who can sign. `sign` may take its time and may raise `WalletError` to refuse."""

    @property
    def pubkey(self) -> Pubkey:
        """The public key the signatures verify under."""
        ...

    async def sign(self, message: bytes) -> Signature:
        """The Ed25519 signature over exactly these bytes."""
        ...


class KeypairSigner:
    """A signer that holds its key in memory."""

    def __init__(self, keypair: Keypair) -> None:
        self._keypair = keypair

    @property
    def pubkey(self) -> Pubkey:
        return self._keypair.pubkey()

    @property
    def keypair(self) -> Keypair:
        """The key itself, for libraries that want one (anchorpy)."""
        return self._keypair

    async def sign(self, message: bytes) -> Signature:
        return self._keypair.sign_message(message)

    def __repr__(self) -> str:
        return f"KeypairSigner({self.pubkey})"

    @classmethod
    def generate(cls) -> KeypairSigner:
        """A new random key, which nothing keeps."""
        return cls(Keypair())

    @classmethod
    def from_text(cls, text: str, *, source: str = "the text") -> KeypairSigner:
        """From the JSON array of 64 numbers that Solana's tools write, or from base58.

        Raises WalletError, which never repeats the key.
        """
        text = text.strip()
        try:
            if text.startswith("["):
                return cls(Keypair.from_json(text))
            return cls(Keypair.from_base58_string(text))
        except BaseException as error:
            # solders panics (a BaseException) on some malformed keys
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            raise WalletError(
                f"{source} does not hold a key: a JSON array of 64 numbers, or base58, was due"
            ) from None

    @classmethod
    def from_file(
        cls, path: str | Path, *, allow_readable_by_others: bool = False
    ) -> KeypairSigner:
        """From a key file in the format of `solana-keygen`.

        Raises WalletError when it is missing or malformed, and when other users may read it
        (like ssh) unless `allow_readable_by_others`.
        """
        path = Path(path).expanduser()
        try:
            mode = path.stat().st_mode
            text = path.read_text()
        except FileNotFoundError:
            raise WalletError(
                f"there is no key file at {path}; make one with `choir config new-key {path}`"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise WalletError(f"cannot read the key file {path}: {error}") from None
        shared = os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO)
        if shared and not allow_readable_by_others:
            raise WalletError(
                f"the key file {path} can be read by other users (mode {mode & 0o777:o}); "
                f"run: chmod 600 {path}"
            )
        return cls.from_text(text, source=f"the key file {path}")

    def save(self, path: str | Path) -> Path:
        """Write the key for its owner alone. Never overwrites: raises WalletError if it exists."""
        path = Path(path).expanduser()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise WalletError(f"{path} already exists; a key is never overwritten") from None
        except OSError as error:
            raise WalletError(f"cannot write the key file {path}: {error}") from None
        with os.fdopen(handle, "w") as file:
            file.write(self._keypair.to_json())
        return path


def signer_from_environment(
    environment: Mapping[str, str] | None = None,
    *,
    key_file: str | Path | None = None,
) -> KeypairSigner:
    """The wallet a command runs with.

    In this order: `key_file`; CHOIR_KEYPAIR (the key itself, or the path of a key file);
    ANCHOR_WALLET (a path); ~/.config/solana/id.json. Raises WalletError.
    """
    env = os.environ if environment is None else environment
    if key_file is not None:
        return KeypairSigner.from_file(key_file)
    if value := env.get("CHOIR_KEYPAIR", "").strip():
        # a key is a JSON array or ~88 letters of base58; a path has a separator, a dot or a tilde
        if value.startswith("[") or (len(value) > 80 and value.isalnum()):
            return KeypairSigner.from_text(value, source="CHOIR_KEYPAIR")
        return KeypairSigner.from_file(value)
    if value := env.get("ANCHOR_WALLET", "").strip():
        return KeypairSigner.from_file(value)
    home = Path(env["HOME"]) if "HOME" in env else Path.home()
    default = home / ".config" / "solana" / "id.json"
    if not default.exists():
        raise WalletError(
            "no wallet: pass --keypair, set CHOIR_KEYPAIR to a key file, "
            f"or make one with `choir config new-key {default}`"
        )
    return KeypairSigner.from_file(default)


async def sign_message(
    message: MessageV0, signers: Sequence[Signer], *, existing: Iterable[Signature] = ()
) -> VersionedTransaction:
    """A transaction of `message` signed by everyone it asks for.

    Raises WalletError when a required signer is not among `signers`.
    """
    required = message.account_keys[: message.header.num_required_signatures]
    by_key = {signer.pubkey: signer for signer in signers}
    held = dict(zip(required, existing, strict=False))
    raw = to_bytes_versioned(message)
    signatures: list[Signature] = []
    for key in required:
        if key in by_key:
            signature = await by_key[key].sign(raw)
            if not signature.verify(key, raw):
                raise WalletError(f"the wallet {key} gave a signature that does not verify")
            signatures.append(signature)
        elif (kept := held.get(key)) is not None and kept != Signature.default():
            signatures.append(kept)
        else:
            raise WalletError(f"the transaction needs the signature of {key}, which is not here")
    return VersionedTransaction.populate(message, signatures)
