"""How the program's interface is explained."""

from __future__ import annotations

from tests.program.harness import IDL


def test_codes_are_consecutive_and_explained() -> None:
    codes = [error["code"] for error in IDL["errors"]]
    assert codes == list(range(6_000, 6_000 + len(codes)))
    assert all(len(error["msg"]) > 15 for error in IDL["errors"])
    assert len({error["msg"] for error in IDL["errors"]}) == len(codes)


def test_everything_in_the_idl_is_documented() -> None:
    for instruction in IDL["instructions"]:
        assert instruction["docs"], instruction["name"]
        for account in instruction["accounts"]:
            generated = account["name"] in ("event_authority", "program")
            assert generated or account.get("docs"), (instruction["name"], account["name"])
    for definition in IDL["types"]:
        for member in definition["type"].get("fields", []) or definition["type"].get(
            "variants", []
        ):
            assert definition["type"]["kind"] == "enum" or member.get("docs"), (
                definition["name"],
                member,
            )
