"""Keys from files, the environment and elsewhere; none of them is ever told in an error."""

import json

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature

from choir.errors import WalletError
from choir.wallet import KeypairSigner, Signer, sign_message, signer_from_environment


@pytest.fixture
def keypair():
    return Keypair()


@pytest.fixture
def key_file(tmp_path, keypair):
    return KeypairSigner(keypair).save(tmp_path / "id.json")


def test_a_saved_key_is_solanas_format_and_private(key_file, keypair):
    assert json.loads(key_file.read_text()) == list(bytes(keypair))
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert KeypairSigner.from_file(key_file).pubkey == keypair.pubkey()
    with pytest.raises(WalletError, match="never overwritten"):
        KeypairSigner.generate().save(key_file)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_others_can_read_is_refused_with_what_to_do(key_file, mode):
    key_file.chmod(mode)
    with pytest.raises(WalletError, match="chmod 600"):
        KeypairSigner.from_file(key_file)
    assert KeypairSigner.from_file(key_file, allow_readable_by_others=True)


@pytest.mark.parametrize(
    "text", ["", "[]", "[1, 2]", "{", "[300]", "not base58 0OIl", "1" * 200, json.dumps([1] * 64)]
)
def test_what_is_no_key_is_refused_without_being_repeated(tmp_path, text):
    path = tmp_path / "bad.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(WalletError, match="does not hold a key") as caught:
        KeypairSigner.from_file(path)
    assert len(text) < 10 or text not in str(caught.value)


def test_a_missing_file_and_a_directory_are_told(tmp_path):
    with pytest.raises(WalletError, match="no key file at"):
        KeypairSigner.from_file(tmp_path / "none.json")
    with pytest.raises(WalletError, match="cannot read"):
        KeypairSigner.from_file(tmp_path)


def test_the_environments_order(tmp_path, key_file, keypair):
    other = KeypairSigner.generate()
    other_file = other.save(tmp_path / "other.json")
    home = tmp_path / "home"
    default = KeypairSigner.generate()
    default.save(home / ".config" / "solana" / "id.json")
    env = {
        "HOME": str(home),
        "ANCHOR_WALLET": str(other_file),
        "CHOIR_KEYPAIR": str(keypair),
    }
    assert signer_from_environment(env, key_file=other_file).pubkey == other.pubkey
    assert signer_from_environment(env).pubkey == keypair.pubkey()
    assert signer_from_environment(env | {"CHOIR_KEYPAIR": keypair.to_json()}).pubkey == (
        keypair.pubkey()
    )
    assert signer_from_environment(env | {"CHOIR_KEYPAIR": str(key_file)}).pubkey == (
        keypair.pubkey()
    )
    del env["CHOIR_KEYPAIR"]
    assert signer_from_environment(env).pubkey == other.pubkey
    del env["ANCHOR_WALLET"]
    assert signer_from_environment(env).pubkey == default.pubkey
    with pytest.raises(WalletError, match="no wallet"):
        signer_from_environment({"HOME": str(tmp_path)})


def a_message(*signers):
    metas = [AccountMeta(key, True, True) for key in signers]
    instruction = Instruction(Pubkey.new_unique(), b"", metas)
    from solders.hash import Hash

    return MessageV0.try_compile(signers[0], [instruction], [], Hash.default())


async def test_signatures_go_to_their_places_whatever_the_order_of_signers():
    one, two = KeypairSigner.generate(), KeypairSigner.generate()
    signed = await sign_message(a_message(one.pubkey, two.pubkey), [two, one])
    assert all(signed.verify_with_results())


async def test_signatures_already_there_are_kept():
    one, two = KeypairSigner.generate(), KeypairSigner.generate()
    message = a_message(one.pubkey, two.pubkey)
    whole = await sign_message(message, [one, two])
    kept = [Signature.default(), whole.signatures[1]]
    assert (await sign_message(message, [one], existing=kept)).signatures == whole.signatures
    with pytest.raises(WalletError, match="needs the signature"):
        await sign_message(message, [one])


async def test_a_remote_wallet_is_a_signer_and_a_wrong_signature_is_caught():
    class Remote:
        def __init__(self, pubkey, keypair):
            self.pubkey, self._keypair = pubkey, keypair

        async def sign(self, message):
            return self._keypair.sign_message(message)

    keypair = Keypair()
    honest, wrong = Remote(keypair.pubkey(), keypair), Remote(keypair.pubkey(), Keypair())
    assert isinstance(honest, Signer)
    await sign_message(a_message(keypair.pubkey()), [honest])
    with pytest.raises(WalletError, match="does not verify"):
        await sign_message(a_message(keypair.pubkey()), [wrong])


def test_a_signer_does_not_print_its_key(keypair):
    assert str(keypair) not in repr(KeypairSigner(keypair))
