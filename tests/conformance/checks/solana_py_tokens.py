"""solana-py's SPL Token client, and the token methods of the RPC."""

from __future__ import annotations

from solana.rpc.commitment import Confirmed
from solana.rpc.types import MemcmpOpts, TokenAccountOpts, TxOpts
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from spl.token.async_client import AsyncToken
from spl.token.constants import TOKEN_PROGRAM_ID
from spl.token.instructions import TransferCheckedParams, transfer_checked
from tests.conformance.checks.solana_py_transactions import refused
from tests.conformance.net import Net
from tests.conformance.registry import check, equal, true

OPTS = TxOpts(skip_confirmation=False, preflight_commitment=Confirmed)
ACCOUNT_RENT = 2_039_280


async def minted(net: Net, owner: Keypair, decimals: int) -> AsyncToken:
    """A new mint of `owner`."""
    token = await AsyncToken.create_mint(
        net.client, owner, owner.pubkey(), decimals, TOKEN_PROGRAM_ID
    )

    async def there() -> object:
        return (await net.client.get_account_info(token.pubkey, Confirmed)).value

    await net.until(there, lambda value: value is not None)
    return token


@check("solana-py.tokens.life", "a mint, two accounts, minting, a transfer, a burn, closing")
async def _(net: Net) -> None:
    owner, other = await net.wallet(), Keypair()
    token = await minted(net, owner, 6)
    mine = await token.create_associated_token_account(owner.pubkey())
    theirs = await token.create_associated_token_account(other.pubkey())
    await token.mint_to(mine, owner, 10_000_000, opts=OPTS)
    await token.transfer(mine, theirs, owner, 4_000_000, opts=OPTS)
    await token.burn(mine, owner.pubkey(), 1_000_000, opts=OPTS)
    equal((await token.get_account_info(mine, Confirmed)).amount, 5_000_000, "the sender's")
    equal((await token.get_account_info(theirs, Confirmed)).amount, 4_000_000, "the receiver's")
    info = await token.get_mint_info()
    equal(
        (info.supply, info.decimals, info.mint_authority, info.freeze_authority),
        (9_000_000, 6, owner.pubkey(), None),
        "the mint",
    )
    supply = (await net.client.get_token_supply(token.pubkey, Confirmed)).value
    equal((supply.amount, supply.ui_amount_string), ("9000000", "9"), "the supply")
    balance = (await net.client.get_token_account_balance(theirs, Confirmed)).value
    equal(
        (balance.amount, balance.decimals, balance.ui_amount, balance.ui_amount_string),
        ("4000000", 6, 4.0, "4"),
        "the receiver's balance",
    )
    largest = (await net.client.get_token_largest_accounts(token.pubkey, Confirmed)).value
    equal(
        [(a.address, a.amount.amount) for a in largest],
        [(mine, "5000000"), (theirs, "4000000")],
        "the largest accounts",
    )


@check(
    "solana-py.tokens.owner", "getTokenAccountsByOwner: by mint and by program, typed and parsed"
)
async def _(net: Net) -> None:
    owner = await net.wallet()
    token = await minted(net, owner, 2)
    mine = await token.create_associated_token_account(owner.pubkey())
    for wanted in (
        TokenAccountOpts(mint=token.pubkey),
        TokenAccountOpts(program_id=TOKEN_PROGRAM_ID),
    ):
        found = await net.client.get_token_accounts_by_owner(owner.pubkey(), wanted, Confirmed)
        equal(
            [(a.pubkey, a.account.lamports, len(a.account.data)) for a in found.value],
            [(mine, ACCOUNT_RENT, 165)],
            "the accounts",
        )
    parsed = await net.client.get_token_accounts_by_owner_json_parsed(
        owner.pubkey(), TokenAccountOpts(mint=token.pubkey), Confirmed
    )
    equal(
        parsed.value[0].account.data.parsed["info"],
        {
            "isNative": False,
            "mint": str(token.pubkey),
            "owner": str(owner.pubkey()),
            "state": "initialized",
            "tokenAmount": {
                "amount": "0",
                "decimals": 2,
                "uiAmount": 0.0,
                "uiAmountString": "0",
            },
        },
        "the parsed account",
    )


@check(
    "solana-py.tokens.delegate", "getTokenAccountsByDelegate: who may spend, until it is revoked"
)
async def _(net: Net) -> None:
    owner, delegate = await net.wallet(), Keypair().pubkey()
    token = await minted(net, owner, 0)
    mine = await token.create_associated_token_account(owner.pubkey())
    await token.approve(mine, delegate, owner.pubkey(), 7, opts=OPTS)

    async def found() -> list[Pubkey]:
        answer = await net.client.get_token_accounts_by_delegate(
            delegate, TokenAccountOpts(mint=token.pubkey), Confirmed
        )
        return [a.pubkey for a in answer.value]

    equal(await found(), [mine], "the accounts")
    await token.revoke(mine, owner.pubkey(), opts=OPTS)
    equal(await found(), [], "the accounts after revoking")


@check("solana-py.tokens.program", "getProgramAccounts: token accounts of a mint by memcmp")
async def _(net: Net) -> None:
    owner = await net.wallet()
    token = await minted(net, owner, 0)
    mine = await token.create_associated_token_account(owner.pubkey())
    filters: list[int | MemcmpOpts] = [165, MemcmpOpts(offset=0, bytes=str(token.pubkey))]
    found = await net.client.get_program_accounts(
        TOKEN_PROGRAM_ID, Confirmed, "base64", filters=filters
    )
    equal([(a.pubkey, len(a.account.data)) for a in found.value], [(mine, 165)], "the accounts")
    wrapped = await net.call(
        "getProgramAccounts",
        str(TOKEN_PROGRAM_ID),
        {
            "commitment": "confirmed",
            "encoding": "base64",
            "withContext": True,
            "filters": [{"dataSize": 165}, {"memcmp": {"offset": 0, "bytes": str(token.pubkey)}}],
        },
    )
    equal(sorted(wrapped), ["context", "value"], "the answer with its context")
    equal(wrapped["value"][0]["account"]["space"], 165, "the account's space")


@check("solana-py.tokens.parsed", "getTransaction in words: a token transfer and its inner parts")
async def _(net: Net) -> None:
    owner, other = await net.wallet(), Keypair().pubkey()
    token = await minted(net, owner, 3)
    mine = await token.create_associated_token_account(owner.pubkey())
    theirs = await token.create_associated_token_account(other)
    await token.mint_to(mine, owner, 9_000, opts=OPTS)
    signature = await net.land(owner, _transfer(token.pubkey, mine, theirs, owner, 2_500))
    config = {
        "commitment": "confirmed",
        "encoding": "jsonParsed",
        "maxSupportedTransactionVersion": 0,
    }
    found = await net.until(
        lambda: net.call("getTransaction", signature, config), lambda t: t is not None
    )
    [instruction] = found["transaction"]["message"]["instructions"]
    equal(
        instruction,
        {
            "parsed": {
                "info": {
                    "authority": str(owner.pubkey()),
                    "destination": str(theirs),
                    "mint": str(token.pubkey),
                    "source": str(mine),
                    "tokenAmount": {
                        "amount": "2500",
                        "decimals": 3,
                        "uiAmount": 2.5,
                        "uiAmountString": "2.5",
                    },
                },
                "type": "transferChecked",
            },
            "program": "spl-token",
            "programId": str(TOKEN_PROGRAM_ID),
            "stackHeight": 1,
        },
        "the instruction",
    )
    after = {b["owner"]: b["uiTokenAmount"]["amount"] for b in found["meta"]["postTokenBalances"]}
    equal(after, {str(owner.pubkey()): "6500", str(other): "2500"}, "token balances after it")


@check("solana-py.tokens.overdrawn", "more tokens than there are: Custom 1 of the Token program")
async def _(net: Net) -> None:
    owner = await net.wallet()
    token = await minted(net, owner, 0)
    mine = await token.create_associated_token_account(owner.pubkey())
    theirs = await token.create_associated_token_account(Keypair().pubkey())
    error = await refused(
        net, await net.build(owner, _transfer(token.pubkey, mine, theirs, owner, 1, 0))
    )
    equal(error["data"]["err"], {"InstructionError": [0, {"Custom": 1}]}, "err")
    true(
        any("insufficient funds" in line for line in error["data"]["logs"]),
        f"a log says why: {error['data']['logs']}",
    )


def _transfer(
    mint: Pubkey, source: Pubkey, dest: Pubkey, owner: Keypair, amount: int, decimals: int = 3
) -> Instruction:
    return transfer_checked(
        TransferCheckedParams(
            program_id=TOKEN_PROGRAM_ID,
            source=source,
            mint=mint,
            dest=dest,
            owner=owner.pubkey(),
            amount=amount,
            decimals=decimals,
            signers=[],
        )
    )
