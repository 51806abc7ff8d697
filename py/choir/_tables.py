"""What other programs' and the runtime's errors mean, in words for a person.

Sources: anchor-lang-error 1.2, spl-token 8 and system-interface 2, solana-transaction-error.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ANCHOR_ERRORS", "SYSTEM_ERRORS", "TOKEN_ERRORS", "TRANSACTION_ERRORS"]


def _run(start: int, *rows: tuple[str, str]) -> dict[int, tuple[str, str]]:
    return {start + offset: row for offset, row in enumerate(rows)}


ANCHOR_ERRORS: Final[dict[int, tuple[str, str]]] = {
    **_run(
        100,
        ("InstructionMissing", "the instruction data has no discriminator"),
        ("InstructionFallbackNotFound", "the program has no such instruction; it may be older"),
        ("InstructionDidNotDeserialize", "the program could not read the instruction's arguments"),
        ("InstructionDidNotSerialize", "the program could not write the instruction"),
    ),
    1500: ("EventInstructionStub", "the program was built without event CPI"),
    **_run(
        2000,
        ("ConstraintMut", "an account must be writable"),
        ("ConstraintHasOne", "an account does not belong with another of the instruction"),
        ("ConstraintSigner", "an account must sign"),
        ("ConstraintRaw", "an account breaks a condition of the instruction"),
        ("ConstraintOwner", "an account has the wrong owner"),
        ("ConstraintRentExempt", "an account must be rent exempt"),
        ("ConstraintSeeds", "an account is not the address its seeds give"),
        ("ConstraintExecutable", "an account must be a program"),
        ("ConstraintState", "an account is in the wrong state"),
        ("ConstraintAssociated", "an account is not the associated one"),
        ("ConstraintAssociatedInit", "an associated account could not be made"),
        ("ConstraintClose", "an account cannot be closed to itself"),
        ("ConstraintAddress", "an account has the wrong address"),
        ("ConstraintZero", "an account must be empty"),
        ("ConstraintTokenMint", "a token account is for another mint"),
        ("ConstraintTokenOwner", "a token account belongs to someone else"),
        ("ConstraintMintMintAuthority", "the mint has another mint authority"),
        ("ConstraintMintFreezeAuthority", "the mint has another freeze authority"),
        ("ConstraintMintDecimals", "the mint has other decimals"),
        ("ConstraintSpace", "an account has the wrong size"),
        ("ConstraintAccountIsNone", "an account the condition needs was left out"),
        ("ConstraintTokenTokenProgram", "a token account belongs to the other token program"),
        ("ConstraintMintTokenProgram", "the mint belongs to the other token program"),
        (
            "ConstraintAssociatedTokenTokenProgram",
            "an associated token account belongs to the other token program",
        ),
        ("ConstraintMintGroupPointerExtension", "the mint's group pointer is not right"),
        (
            "ConstraintMintGroupPointerExtensionAuthority",
            "the mint's group pointer has another authority",
        ),
        (
            "ConstraintMintGroupPointerExtensionGroupAddress",
            "the mint's group pointer points elsewhere",
        ),
        (
            "ConstraintMintGroupMemberPointerExtension",
            "the mint's group member pointer is not right",
        ),
        (
            "ConstraintMintGroupMemberPointerExtensionAuthority",
            "the mint's group member pointer has another authority",
        ),
        (
            "ConstraintMintGroupMemberPointerExtensionMemberAddress",
            "the mint's group member pointer points elsewhere",
        ),
        ("ConstraintMintMetadataPointerExtension", "the mint's metadata pointer is not right"),
        (
            "ConstraintMintMetadataPointerExtensionAuthority",
            "the mint's metadata pointer has another authority",
        ),
        (
            "ConstraintMintMetadataPointerExtensionMetadataAddress",
            "the mint's metadata pointer points elsewhere",
        ),
        ("ConstraintMintCloseAuthorityExtension", "the mint's close authority is not right"),
        (
            "ConstraintMintCloseAuthorityExtensionAuthority",
            "the mint has another close authority",
        ),
        (
            "ConstraintMintPermanentDelegateExtension",
            "the mint's permanent delegate is not right",
        ),
        (
            "ConstraintMintPermanentDelegateExtensionDelegate",
            "the mint has another permanent delegate",
        ),
        ("ConstraintMintTransferHookExtension", "the mint's transfer hook is not right"),
        (
            "ConstraintMintTransferHookExtensionAuthority",
            "the mint's transfer hook has another authority",
        ),
        (
            "ConstraintMintTransferHookExtensionProgramId",
            "the mint's transfer hook is another program",
        ),
        ("ConstraintDuplicateMutableAccount", "the same writable account was given twice"),
        ("AccountAlreadyMigrated", "the account is already migrated"),
        ("AccountNotMigrated", "the account must be migrated first"),
        ("ConstraintMintPausableExtension", "the mint's pausable extension is not right"),
        (
            "ConstraintMintPausableAuthority",
            "the mint's pausable extension has another authority",
        ),
        (
            "ConstraintMintInterestBearingExtension",
            "the mint's interest-bearing extension is not right",
        ),
        (
            "ConstraintMintInterestBearingAuthority",
            "the mint's interest rate has another authority",
        ),
        ("ConstraintMintInterestBearingRate", "the mint has another interest rate"),
    ),
    **_run(
        2500,
        ("RequireViolated", "a condition of the program does not hold"),
        ("RequireEqViolated", "two values that must be equal are not"),
        ("RequireKeysEqViolated", "two addresses that must be equal are not"),
        ("RequireNeqViolated", "two values that must differ are equal"),
        ("RequireKeysNeqViolated", "two addresses that must differ are equal"),
        ("RequireGtViolated", "a value must be greater"),
        ("RequireGteViolated", "a value must be greater or equal"),
    ),
    **_run(
        3000,
        ("AccountDiscriminatorAlreadySet", "the account already exists"),
        ("AccountDiscriminatorNotFound", "the account holds no data of this program"),
        ("AccountDiscriminatorMismatch", "the account is of another type"),
        ("AccountDidNotDeserialize", "the account's data cannot be read"),
        ("AccountDidNotSerialize", "the account's data cannot be written"),
        ("AccountNotEnoughKeys", "the instruction was given too few accounts"),
        ("AccountNotMutable", "an account must be writable"),
        ("AccountOwnedByWrongProgram", "the account belongs to another program"),
        ("InvalidProgramId", "a program account is not the program it should be"),
        ("InvalidProgramExecutable", "a program account is not executable"),
        ("AccountNotSigner", "an account must sign"),
        ("AccountNotSystemOwned", "an account must belong to the system program"),
        ("AccountNotInitialized", "the account does not exist yet"),
        ("AccountNotProgramData", "an account is not the program's data account"),
        ("AccountNotAssociatedTokenAccount", "an account is not the associated token account"),
        ("AccountSysvarMismatch", "an account is not the sysvar it should be"),
        ("AccountReallocExceedsLimit", "the account would grow too much at once"),
        ("AccountDuplicateReallocs", "an account would be resized twice"),
    ),
    **_run(
        4100,
        ("DeclaredProgramIdMismatch", "the program runs at an address it was not built for"),
        (
            "TryingToInitPayerAsProgramAccount",
            "the payer cannot become an account of the program",
        ),
        ("InvalidNumericConversion", "a number does not fit"),
    ),
    5000: ("Deprecated", "the program uses something deprecated"),
}

TOKEN_ERRORS: Final[dict[int, tuple[str, str]]] = _run(
    0,
    ("NotRentExempt", "a token account does not hold enough lamports to exist"),
    ("InsufficientFunds", "the token account does not hold enough tokens"),
    ("InvalidMint", "the account is not a mint"),
    ("MintMismatch", "the token account is for another mint"),
    ("OwnerMismatch", "the token account belongs to someone else"),
    ("FixedSupply", "the mint's supply is fixed"),
    ("AlreadyInUse", "the token account already exists"),
    ("InvalidNumberOfProvidedSigners", "the number of signers is not right"),
    ("InvalidNumberOfRequiredSigners", "the number of required signers is not right"),
    ("UninitializedState", "the token account does not exist yet"),
    ("NativeNotSupported", "this cannot be done with wrapped SOL"),
    ("NonNativeHasBalance", "a token account can be closed only when it is empty"),
    ("InvalidInstruction", "the token program does not know this instruction"),
    ("InvalidState", "the token account is in the wrong state"),
    ("Overflow", "the amount is too large"),
    ("AuthorityTypeNotSupported", "this kind of authority does not apply here"),
    ("MintCannotFreeze", "the mint cannot freeze accounts"),
    ("AccountFrozen", "the token account is frozen"),
    ("MintDecimalsMismatch", "the mint has other decimals"),
    ("NonNativeNotSupported", "this can be done only with wrapped SOL"),
)

SYSTEM_ERRORS: Final[dict[int, tuple[str, str]]] = _run(
    0,
    ("AccountAlreadyInUse", "an account with this address already exists"),
    (
        "ResultWithNegativeLamports",
        "the wallet does not hold enough SOL for this and for the rent of new accounts",
    ),
    ("InvalidProgramId", "an account cannot be assigned to this program"),
    ("InvalidAccountDataLength", "an account of this size cannot be made"),
    ("MaxSeedLengthExceeded", "a seed is longer than 32 bytes"),
    ("AddressWithSeedMismatch", "the address is not the one its seed gives"),
    ("NonceNoRecentBlockhashes", "the nonce cannot advance: no recent blockhash"),
    ("NonceBlockhashNotExpired", "the nonce cannot advance yet: its blockhash has not expired"),
    ("NonceUnexpectedBlockhashValue", "the nonce account holds another blockhash"),
)

TRANSACTION_ERRORS: Final[dict[str, str]] = {
    "AccountInUse": "an account is in use by another transaction; try again",
    "AccountNotFound": "the wallet that pays does not exist on this chain; it needs SOL",
    "ProgramAccountNotFound": "the program does not exist on this chain",
    "InsufficientFundsForFee": "the wallet that pays does not hold enough SOL for the fee",
    "InvalidAccountForFee": "the account that pays cannot pay fees",
    "AlreadyProcessed": "this very transaction has already run",
    "BlockhashNotFound": "the blockhash is too old or from another chain",
    "SignatureFailure": "a signature is wrong",
    "TooManyAccountLocks": "the transaction uses too many accounts",
    "InsufficientFundsForRent": "an account would be left with too little SOL to exist",
    "ComputationalBudgetExceeded": "the transaction ran out of compute units",
    "ComputeBudgetExceeded": "the transaction ran out of compute units",
    "InsufficientFunds": "the account does not hold enough",
    "MissingRequiredSignature": "a signature is missing",
    "AccountAlreadyInitialized": "the account already exists",
    "UninitializedAccount": "the account does not exist yet",
    "NotEnoughAccountKeys": "the instruction was given too few accounts",
    "AccountBorrowFailed": "the same account was used twice",
    "InvalidArgument": "an argument is not valid",
    "InvalidInstructionData": "the program could not read the instruction",
    "InvalidAccountData": "an account does not hold what it should",
    "InvalidAccountOwner": "an account belongs to the wrong program",
    "IncorrectProgramId": "an account belongs to the wrong program",
    "InvalidSeeds": "an address is not the one its seeds give",
    "UnsupportedProgramId": "the program does not exist on this chain",
    "PrivilegeEscalation": "an account was used as a signer or writable without permission",
    "ProgramFailedToComplete": "the program stopped in the middle; the logs say where",
    "IllegalOwner": "the owner may not be this one",
    "ArithmeticOverflow": "a number grew too large",
    "Immutable": "the account cannot be changed",
    "UnbalancedInstruction": "lamports were created or lost",
}
