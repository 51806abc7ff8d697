// @solana/web3.js 1.x and @solana/spl-token, as they come.
import {
  AddressLookupTableProgram,
  ComputeBudgetProgram,
  Connection,
  Keypair,
  LAMPORTS_PER_SOL,
  NONCE_ACCOUNT_LENGTH,
  NonceAccount,
  PublicKey,
  SendTransactionError,
  SystemProgram,
  Transaction,
  TransactionExpiredBlockheightExceededError,
  TransactionInstruction,
  TransactionMessage,
  VersionedTransaction,
  sendAndConfirmTransaction,
} from "@solana/web3.js";
import * as token from "@solana/spl-token";

import { FEE, SOL, check, cluster, equal, holds, later, refused, run, until } from "./harness.mjs";

const MEMO = new PublicKey("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr");
const SYSTEM = SystemProgram.programId;
const connection = new Connection(cluster.rpcUrl, {
  commitment: "confirmed",
  wsEndpoint: cluster.wsUrl,
});

async function wallet(lamports = 2 * SOL) {
  const keypair = Keypair.generate();
  const signature = await connection.requestAirdrop(keypair.publicKey, lamports);
  const latest = await connection.getLatestBlockhash();
  const confirmed = await connection.confirmTransaction({ signature, ...latest });
  equal(confirmed.value.err, null, "the airdrop's error");
  return keypair;
}

function pay(from, to, lamports) {
  return SystemProgram.transfer({ fromPubkey: from.publicKey, toPubkey: to, lamports });
}

function send(payer, ...instructions) {
  return sendAndConfirmTransaction(connection, new Transaction().add(...instructions), [payer]);
}

async function versioned(payer, instructions, tables = []) {
  const { blockhash } = await connection.getLatestBlockhash();
  const message = new TransactionMessage({
    payerKey: payer.publicKey,
    recentBlockhash: blockhash,
    instructions,
  }).compileToV0Message(tables);
  const transaction = new VersionedTransaction(message);
  transaction.sign([payer]);
  return transaction;
}

const found = (signature) =>
  until(
    () => connection.getTransaction(signature, { maxSupportedTransactionVersion: 0 }),
    (value) => value !== null,
  );

check("web3js.transfer.confirmed", "sendAndConfirmTransaction: a transfer moves lamports and costs 5,000", async () => {
  const payer = await wallet();
  const to = Keypair.generate().publicKey;
  await send(payer, pay(payer, to, SOL));
  equal(await connection.getBalance(to), SOL, "the receiver's lamports");
  equal(await connection.getBalance(payer.publicKey), SOL - FEE, "the payer's lamports");
});

check("web3js.transfer.transaction", "getTransaction: what a transfer did, field by field", async () => {
  const payer = await wallet();
  const to = Keypair.generate().publicKey;
  const signature = await send(payer, pay(payer, to, SOL));
  const { blockTime, slot, meta, transaction, version } = await found(signature);
  holds(Math.abs(blockTime - Date.now() / 1000) < 3600, `a block time of ${blockTime}`);
  holds(slot > 0, `slot ${slot}`);
  equal(version, "legacy", "the version");
  equal(transaction.signatures, [signature], "the signatures");
  equal(
    transaction.message.accountKeys.map(String),
    [payer.publicKey, to, SYSTEM].map(String),
    "the accounts",
  );
  const { computeUnitsConsumed, costUnits, ...rest } = meta;
  equal(computeUnitsConsumed, 150, "compute units");
  equal(typeof costUnits, "number", "the type of costUnits");
  equal(
    rest,
    {
      err: null,
      fee: FEE,
      innerInstructions: [],
      loadedAddresses: { readonly: [], writable: [] },
      logMessages: [`Program ${SYSTEM} invoke [1]`, `Program ${SYSTEM} success`],
      postBalances: [SOL - FEE, SOL, 1],
      postTokenBalances: [],
      preBalances: [2 * SOL, 0, 1],
      preTokenBalances: [],
      rewards: [],
      status: { Ok: null },
    },
    "the meta",
  );
});

check("web3js.transfer.parsed", "getParsedTransaction: a transfer and a memo in words", async () => {
  const payer = await wallet();
  const to = Keypair.generate().publicKey;
  const memo = new TransactionInstruction({
    programId: MEMO,
    keys: [],
    data: Buffer.from("well met"),
  });
  const signature = await send(payer, pay(payer, to, SOL), memo);
  const parsed = await until(
    () => connection.getParsedTransaction(signature),
    (value) => value !== null,
  );
  const [first, second] = parsed.transaction.message.instructions;
  equal(
    { ...first, programId: String(first.programId) },
    {
      parsed: {
        info: {
          destination: String(to),
          lamports: SOL,
          source: String(payer.publicKey),
        },
        type: "transfer",
      },
      program: "system",
      programId: String(SYSTEM),
      stackHeight: 1,
    },
    "the transfer",
  );
  equal(
    { ...second, programId: String(second.programId) },
    { parsed: "well met", program: "spl-memo", programId: String(MEMO), stackHeight: 1 },
    "the memo",
  );
  equal(
    parsed.transaction.message.accountKeys.map(({ pubkey, signer, writable, source }) => [
      String(pubkey),
      signer,
      writable,
      source,
    ]),
    [
      [String(payer.publicKey), true, true, "transaction"],
      [String(to), false, true, "transaction"],
      [String(SYSTEM), false, false, "transaction"],
      [String(MEMO), false, false, "transaction"],
    ],
    "the accounts",
  );
});

check("web3js.transfer.lookup-table", "a lookup table made, filled, and used by a version 0 transaction", async () => {
  const payer = await wallet();
  const to = Keypair.generate().publicKey;
  const recentSlot = await connection.getSlot("finalized");
  const [create, address] = AddressLookupTableProgram.createLookupTable({
    authority: payer.publicKey,
    payer: payer.publicKey,
    recentSlot,
  });
  const extend = AddressLookupTableProgram.extendLookupTable({
    lookupTable: address,
    authority: payer.publicKey,
    payer: payer.publicKey,
    addresses: [to],
  });
  await send(payer, create, extend);
  const made = await connection.getSlot("confirmed");
  await until(() => connection.getSlot("confirmed"), (slot) => slot > made + 1);
  const { value: table } = await connection.getAddressLookupTable(address);
  equal(table.state.addresses.map(String), [String(to)], "the table's addresses");
  const transaction = await versioned(payer, [pay(payer, to, SOL)], [table]);
  equal(transaction.message.addressTableLookups.length, 1, "lookups");
  const signature = await connection.sendTransaction(transaction);
  const latest = await connection.getLatestBlockhash();
  await connection.confirmTransaction({ signature, ...latest });
  equal(await connection.getBalance(to), SOL, "the receiver's lamports");
  const { meta, version } = await found(signature);
  equal(version, 0, "the version");
  equal(meta.loadedAddresses.writable.map(String), [String(to)], "the loaded addresses");
});

check("web3js.transfer.nonce", "a transaction on a durable nonce lands, and only once", async () => {
  const payer = await wallet();
  const nonce = Keypair.generate();
  const rent = await connection.getMinimumBalanceForRentExemption(NONCE_ACCOUNT_LENGTH);
  equal(rent, 1_447_680, "the rent-exempt minimum of a nonce account");
  await sendAndConfirmTransaction(
    connection,
    new Transaction().add(
      SystemProgram.createNonceAccount({
        fromPubkey: payer.publicKey,
        noncePubkey: nonce.publicKey,
        authorizedPubkey: payer.publicKey,
        lamports: rent,
      }),
    ),
    [payer, nonce],
  );
  const read = async () =>
    NonceAccount.fromAccountData((await connection.getAccountInfo(nonce.publicKey)).data);
  const before = await read();
  equal(String(before.authorizedPubkey), String(payer.publicKey), "the nonce's authority");
  equal(before.feeCalculator.lamportsPerSignature, FEE, "lamports per signature");
  const to = Keypair.generate().publicKey;
  const transaction = new Transaction({
    feePayer: payer.publicKey,
    nonceInfo: {
      nonce: before.nonce,
      nonceInstruction: SystemProgram.nonceAdvance({
        noncePubkey: nonce.publicKey,
        authorizedPubkey: payer.publicKey,
      }),
    },
    minContextSlot: await connection.getSlot(),
  }).add(pay(payer, to, SOL / 2));
  await sendAndConfirmTransaction(connection, transaction, [payer]);
  equal(await connection.getBalance(to), SOL / 2, "the receiver's lamports");
  holds((await read()).nonce !== before.nonce, "the nonce has advanced");
  const second = new Transaction({
    feePayer: payer.publicKey,
    nonceInfo: transaction.nonceInfo,
    minContextSlot: 0,
  }).add(pay(payer, to, SOL / 4));
  second.sign(payer);
  const error = await refused(connection.sendRawTransaction(second.serialize()));
  holds(
    error.message.includes("Transaction simulation failed: Blockhash not found"),
    `the refusal: ${error.message}`,
  );
});

check("web3js.transfer.expired", "confirmTransaction gives up at the last valid block height", async () => {
  const payer = await wallet();
  const latest = await connection.getLatestBlockhash();
  const transaction = new Transaction({ feePayer: payer.publicKey, ...latest });
  transaction.add(pay(payer, payer.publicKey, 1)).sign(payer);
  const { signature } = transaction.signatures[0];
  const { default: bs58 } = await import("bs58");
  const error = await refused(
    connection.confirmTransaction({ signature: bs58.encode(signature), ...latest }),
  );
  holds(
    error instanceof TransactionExpiredBlockheightExceededError,
    `the error: ${error.constructor.name} ${error.message}`,
  );
});

check("web3js.errors.preflight", "SendTransactionError: message, logs", async () => {
  const payer = await wallet();
  const to = Keypair.generate().publicKey;
  const error = await refused(send(payer, pay(payer, to, 5 * SOL)));
  holds(error instanceof SendTransactionError, `the error: ${error.constructor.name}`);
  equal(
    error.transactionError.message,
    "Transaction simulation failed: Error processing Instruction 0: custom program error: 0x1",
    "the message",
  );
  equal(
    error.logs,
    [
      `Program ${SYSTEM} invoke [1]`,
      `Transfer: insufficient lamports ${2 * SOL - FEE}, need ${5 * SOL}`,
      `Program ${SYSTEM} failed: custom program error: 0x1`,
    ],
    "the logs",
  );
});

check("web3js.errors.on-chain", "a transaction that fails on chain: confirmTransaction tells the error", async () => {
  const payer = await wallet();
  const to = Keypair.generate().publicKey;
  const transaction = await versioned(payer, [pay(payer, to, 5 * SOL)]);
  const signature = await connection.sendTransaction(transaction, { skipPreflight: true });
  const latest = await connection.getLatestBlockhash();
  // the client throws the error itself when it learns it by asking and not by its subscription
  const { value } = await connection
    .confirmTransaction({ signature, ...latest })
    .catch((err) => ({ value: { err } }));
  equal(value.err, { InstructionError: [0, { Custom: 1 }] }, "the error");
  await found(signature);
  equal(await connection.getBalance(payer.publicKey), 2 * SOL - FEE, "the payer's lamports");
});

check("web3js.errors.version", "a version 0 transaction is not given to a client that asks for legacy", async () => {
  const payer = await wallet();
  const signature = await connection.sendTransaction(
    await versioned(payer, [pay(payer, payer.publicKey, 1)]),
  );
  const latest = await connection.getLatestBlockhash();
  await connection.confirmTransaction({ signature, ...latest });
  await found(signature);
  const error = await refused(connection.getTransaction(signature, { commitment: "confirmed" }));
  equal(
    [error.code, error.message],
    [
      -32015,
      "failed to get transaction: Transaction version (0) is not supported by the requesting" +
        " client. Please try the request again with the following configuration parameter:" +
        ' "maxSupportedTransactionVersion": 0',
    ],
    "the error",
  );
});

check("web3js.simulate", "simulateTransaction: units, logs, accounts, inner instructions, no effect", async () => {
  const payer = await wallet();
  const to = Keypair.generate().publicKey;
  const transaction = await versioned(payer, [
    ComputeBudgetProgram.setComputeUnitLimit({ units: 1_000 }),
    pay(payer, to, SOL),
  ]);
  const { value } = await connection.simulateTransaction(transaction, {
    sigVerify: true,
    innerInstructions: true,
    accounts: { encoding: "base64", addresses: [to.toBase58()] },
  });
  equal(value.err, null, "err");
  equal(value.unitsConsumed, 300, "units");
  equal(
    value.logs,
    [
      "Program ComputeBudget111111111111111111111111111111 invoke [1]",
      "Program ComputeBudget111111111111111111111111111111 success",
      `Program ${SYSTEM} invoke [1]`,
      `Program ${SYSTEM} success`,
    ],
    "logs",
  );
  equal(value.accounts[0].lamports, SOL, "the receiver's lamports after it");
  equal(value.innerInstructions, [], "inner instructions");
  equal(await connection.getBalance(to), 0, "the receiver's lamports");
});

check("web3js.fees", "getFeeForMessage and the prioritization fees of a block", async () => {
  const payer = await wallet();
  const transaction = await versioned(payer, [
    ComputeBudgetProgram.setComputeUnitLimit({ units: 10_000 }),
    ComputeBudgetProgram.setComputeUnitPrice({ microLamports: 250_000 }),
    pay(payer, payer.publicKey, 1),
  ]);
  const { value } = await connection.getFeeForMessage(transaction.message);
  equal(value, FEE + 2_500, "the fee");
  const signature = await connection.sendTransaction(transaction);
  await connection.confirmTransaction({ signature, ...(await connection.getLatestBlockhash()) });
  const { slot } = await found(signature);
  const fees = await until(
    () =>
      connection.getRecentPrioritizationFees({ lockedWritableAccounts: [payer.publicKey] }),
    (all) => all.some((fee) => fee.slot === slot),
  );
  const [paid] = fees.filter((fee) => fee.slot === slot);
  equal(paid.prioritizationFee, 250_000, "the lowest price that wrote to the wallet");
});

check("web3js.history.pages", "getSignaturesForAddress: newest first, before, until, limit", async () => {
  const payer = await wallet();
  const to = Keypair.generate().publicKey;
  const sent = [];
  for (let lamports = 1; lamports <= 4; lamports += 1) {
    sent.unshift(await send(payer, pay(payer, to, SOL / 8 + lamports)));
  }
  const signatures = async (options) =>
    (await connection.getSignaturesForAddress(to, options)).map(({ signature }) => signature);
  await until(() => signatures(), (all) => all.length === 4);
  equal(await signatures(), sent, "all of them");
  equal(await signatures({ limit: 2 }), sent.slice(0, 2), "the newest two");
  equal(await signatures({ before: sent[1] }), sent.slice(2), "before the second");
  equal(await signatures({ until: sent[2] }), sent.slice(0, 2), "until the third");
  equal(
    await signatures({ before: sent[0], until: sent[3], limit: 1 }),
    [sent[1]],
    "between the first and the last, one of them",
  );
  const [newest] = await connection.getSignaturesForAddress(to, { limit: 1 });
  const { blockTime, confirmationStatus, slot, transactionIndex, ...rest } = newest;
  equal(rest, { err: null, memo: null, signature: sent[0] }, "the rest of an entry");
  holds(["confirmed", "finalized"].includes(confirmationStatus), confirmationStatus);
  holds(slot > 0 && blockTime > 0, "slot and block time");
});

check("web3js.history.memo", "getSignaturesForAddress: memos and errors", async () => {
  const payer = await wallet();
  const memo = new TransactionInstruction({
    programId: MEMO,
    keys: [],
    data: Buffer.from("hello"),
  });
  const good = await send(payer, memo);
  const bad = await connection.sendTransaction(
    await versioned(payer, [pay(payer, payer.publicKey, 5 * SOL)]),
    { skipPreflight: true },
  );
  await until(
    () => connection.getSignatureStatus(bad),
    ({ value }) => ["confirmed", "finalized"].includes(value?.confirmationStatus),
  );
  const entries = await until(
    () => connection.getSignaturesForAddress(payer.publicKey),
    (all) => all.length === 3,
  );
  const of = (signature) => entries.find((entry) => entry.signature === signature);
  equal(of(good).memo, "[5] hello", "the memo");
  equal(of(bad).err, { InstructionError: [0, { Custom: 1 }] }, "the error");
});

check("web3js.history.block", "getBlock: the transaction in its block, at every level of detail", async () => {
  const payer = await wallet();
  const signature = await send(payer, pay(payer, payer.publicKey, 1));
  const { slot, blockTime } = await found(signature);
  const options = { maxSupportedTransactionVersion: 0, rewards: false };
  const full = await connection.getBlock(slot, options);
  holds(
    full.transactions.some(({ transaction }) => transaction.signatures[0] === signature),
    "the transaction is in its block",
  );
  equal(full.blockTime, blockTime, "the block's time");
  equal(await connection.getBlockTime(slot), blockTime, "getBlockTime");
  const brief = await connection.getBlockSignatures(slot, "confirmed");
  holds(brief.signatures.includes(signature), "the signature is in the brief form");
  equal(brief.blockhash, full.blockhash, "the blockhash");
  const parent = await connection.getBlock(full.parentSlot, {
    ...options,
    transactionDetails: "none",
  });
  equal(parent.blockhash, full.previousBlockhash, "the parent's blockhash");
  const accounts = await connection.getBlock(slot, {
    ...options,
    transactionDetails: "accounts",
  });
  const [mine] = accounts.transactions.filter((t) => t.transaction.signatures[0] === signature);
  equal(
    mine.transaction.accountKeys.map(({ pubkey, signer, source, writable }) => [
      String(pubkey),
      signer,
      source,
      writable,
    ]),
    [
      [String(payer.publicKey), true, "transaction", true],
      [String(SYSTEM), false, "transaction", false],
    ],
    "its accounts",
  );
  const slots = await connection.getBlocks(full.parentSlot, slot, "confirmed");
  equal(slots, [full.parentSlot, slot], "getBlocks from the parent");
});

check("web3js.accounts.program", "getProgramAccounts: memcmp, dataSize, dataSlice", async () => {
  const payer = await wallet();
  const mint = await token.createMint(connection, payer, payer.publicKey, null, 2);
  const mine = await token.createAccount(connection, payer, mint, payer.publicKey);
  const other = Keypair.generate();
  const theirs = await token.createAccount(connection, payer, mint, other.publicKey);
  const byMint = { memcmp: { offset: 0, bytes: mint.toBase58() } };
  const find = async (...filters) =>
    (
      await connection.getProgramAccounts(token.TOKEN_PROGRAM_ID, {
        filters,
        dataSlice: { offset: 32, length: 32 },
      })
    )
      .map(({ pubkey, account }) => [String(pubkey), String(new PublicKey(account.data))])
      .sort();
  equal(
    await find({ dataSize: 165 }, byMint),
    [
      [String(mine), String(payer.publicKey)],
      [String(theirs), String(other.publicKey)],
    ].sort(),
    "accounts of the mint",
  );
  const owner = { memcmp: { offset: 32, bytes: other.publicKey.toBase58() } };
  equal(
    (await find({ dataSize: 165 }, byMint, owner)).map(([address]) => address),
    [String(theirs)],
    "accounts of the mint and the owner",
  );
  equal(await find({ dataSize: 164 }, byMint), [], "accounts of another size");
});

check("web3js.accounts.several", "getMultipleAccountsInfo keeps the order and the gaps", async () => {
  const [first, second] = [await wallet(SOL), await wallet(2 * SOL)];
  const nobody = Keypair.generate().publicKey;
  const accounts = await connection.getMultipleAccountsInfo([
    second.publicKey,
    nobody,
    first.publicKey,
  ]);
  equal(accounts.map((account) => account?.lamports ?? null), [2 * SOL, null, SOL], "lamports");
});

check("web3js.tokens.life", "spl-token: a mint, two accounts, minting, a transfer, the balances", async () => {
  const payer = await wallet();
  const mint = await token.createMint(connection, payer, payer.publicKey, payer.publicKey, 6);
  const mine = await token.getOrCreateAssociatedTokenAccount(
    connection,
    payer,
    mint,
    payer.publicKey,
  );
  const other = Keypair.generate().publicKey;
  const theirs = await token.getOrCreateAssociatedTokenAccount(connection, payer, mint, other);
  await token.mintTo(connection, payer, mint, mine.address, payer, 5_000_000n);
  await token.transferChecked(
    connection,
    payer,
    mine.address,
    mint,
    theirs.address,
    payer,
    1_500_000n,
    6,
  );
  equal((await token.getAccount(connection, mine.address)).amount, 3_500_000n, "the sender's");
  const { value: balance } = await connection.getTokenAccountBalance(theirs.address);
  equal(
    balance,
    { amount: "1500000", decimals: 6, uiAmount: 1.5, uiAmountString: "1.5" },
    "the receiver's balance",
  );
  const { value: supply } = await connection.getTokenSupply(mint);
  equal(supply.amount, "5000000", "the supply");
  const info = await token.getMint(connection, mint);
  equal(
    [info.supply, info.decimals, String(info.mintAuthority), String(info.freezeAuthority)],
    [5_000_000n, 6, String(payer.publicKey), String(payer.publicKey)],
    "the mint",
  );
  const { value: largest } = await connection.getTokenLargestAccounts(mint);
  equal(
    largest.map(({ address, amount }) => [String(address), amount]),
    [
      [String(mine.address), "3500000"],
      [String(theirs.address), "1500000"],
    ],
    "the largest accounts",
  );
});

check("web3js.tokens.parsed", "getParsedTokenAccountsByOwner: a token account in words", async () => {
  const payer = await wallet();
  const mint = await token.createMint(connection, payer, payer.publicKey, null, 6);
  const mine = await token.createAssociatedTokenAccount(connection, payer, mint, payer.publicKey);
  await token.mintTo(connection, payer, mint, mine, payer, 12_340_000n);
  const { value } = await connection.getParsedTokenAccountsByOwner(payer.publicKey, { mint });
  equal(value.length, 1, "accounts");
  equal(String(value[0].pubkey), String(mine), "its address");
  const { data, lamports, owner } = value[0].account;
  equal([lamports, String(owner)], [2_039_280, String(token.TOKEN_PROGRAM_ID)], "lamports, owner");
  equal(
    data,
    {
      parsed: {
        info: {
          isNative: false,
          mint: String(mint),
          owner: String(payer.publicKey),
          state: "initialized",
          tokenAmount: {
            amount: "12340000",
            decimals: 6,
            uiAmount: 12.34,
            uiAmountString: "12.34",
          },
        },
        type: "account",
      },
      program: "spl-token",
      space: 165,
    },
    "its data",
  );
  const ofProgram = await connection.getTokenAccountsByOwner(payer.publicKey, {
    programId: token.TOKEN_PROGRAM_ID,
  });
  equal(ofProgram.value.map(({ pubkey }) => String(pubkey)), [String(mine)], "by program");
});

check("web3js.tokens.transaction", "token balances before and after in a transaction's meta", async () => {
  const payer = await wallet();
  const mint = await token.createMint(connection, payer, payer.publicKey, null, 3);
  const mine = await token.createAssociatedTokenAccount(connection, payer, mint, payer.publicKey);
  const other = Keypair.generate().publicKey;
  const theirs = await token.createAssociatedTokenAccount(connection, payer, mint, other);
  await token.mintTo(connection, payer, mint, mine, payer, 9_000n);
  const signature = await token.transfer(connection, payer, mine, theirs, payer, 2_500n);
  const { meta, transaction } = await found(signature);
  const keys = transaction.message.accountKeys.map(String);
  const of = (balances) =>
    Object.fromEntries(
      balances.map((b) => [
        keys[b.accountIndex],
        [b.mint, b.owner, b.programId, b.uiTokenAmount.amount, b.uiTokenAmount.uiAmountString],
      ]),
    );
  const [m, me, you, program] = [mint, payer.publicKey, other, token.TOKEN_PROGRAM_ID].map(String);
  equal(
    of(meta.preTokenBalances),
    { [mine]: [m, me, program, "9000", "9"], [theirs]: [m, you, program, "0", "0"] },
    "before",
  );
  equal(
    of(meta.postTokenBalances),
    { [mine]: [m, me, program, "6500", "6.5"], [theirs]: [m, you, program, "2500", "2.5"] },
    "after",
  );
});

check("web3js.tokens.overdrawn", "more tokens than there are: custom program error 0x1", async () => {
  const payer = await wallet();
  const mint = await token.createMint(connection, payer, payer.publicKey, null, 0);
  const mine = await token.createAssociatedTokenAccount(connection, payer, mint, payer.publicKey);
  const error = await refused(token.transfer(connection, payer, mine, mine, payer, 1n));
  equal(
    error.transactionError?.message,
    "Transaction simulation failed: Error processing Instruction 0: custom program error: 0x1",
    "the message",
  );
});

check("web3js.tokens.closed", "a token account that is closed is gone, and its rent is back", async () => {
  const payer = await wallet();
  const mint = await token.createMint(connection, payer, payer.publicKey, null, 0);
  const mine = await token.createAssociatedTokenAccount(connection, payer, mint, payer.publicKey);
  const before = await connection.getBalance(payer.publicKey);
  await token.closeAccount(connection, payer, mine, payer.publicKey, payer);
  equal(await connection.getAccountInfo(mine), null, "the account");
  equal(await connection.getBalance(payer.publicKey), before + 2_039_280 - FEE, "the lamports");
});

check("web3js.tokens.wrapped", "wrapped SOL: a native account follows its lamports", async () => {
  const payer = await wallet();
  const account = await token.createWrappedNativeAccount(
    connection,
    payer,
    payer.publicKey,
    SOL / 2,
  );
  const read = await token.getAccount(connection, account);
  equal([read.amount, read.isNative], [BigInt(SOL / 2), true], "amount, native");
});

check("web3js.subscribe.account", "onAccountChange: a wallet's new balance with its slot", async () => {
  const owner = await wallet();
  const payer = await wallet();
  const told = later();
  const id = connection.onAccountChange(owner.publicKey, (account, context) =>
    told.resolve([account.lamports, String(account.owner), context.slot > 0]),
  );
  await settled();
  await send(payer, pay(payer, owner.publicKey, SOL));
  equal(await told.promise, [3 * SOL, String(SYSTEM), true], "what was told");
  await connection.removeAccountChangeListener(id);
});

check("web3js.subscribe.logs", "onLogs: the logs of transactions that mention an address", async () => {
  const payer = await wallet();
  const told = later();
  const id = connection.onLogs(payer.publicKey, (logs) => told.resolve(logs));
  await settled();
  const signature = await send(payer, pay(payer, payer.publicKey, 1));
  equal(
    await told.promise,
    {
      err: null,
      logs: [`Program ${SYSTEM} invoke [1]`, `Program ${SYSTEM} success`],
      signature,
    },
    "what was told",
  );
  await connection.removeOnLogsListener(id);
});

check("web3js.subscribe.logs-failed", "onLogs: a transaction that failed comes with its error", async () => {
  const payer = await wallet();
  const told = later();
  const id = connection.onLogs(payer.publicKey, (logs) => told.resolve(logs));
  await settled();
  const transaction = await versioned(payer, [pay(payer, payer.publicKey, 5 * SOL)]);
  const signature = await connection.sendTransaction(transaction, { skipPreflight: true });
  const logs = await told.promise;
  equal(
    [logs.signature, logs.err],
    [signature, { InstructionError: [0, { Custom: 1 }] }],
    "signature and error",
  );
  await connection.removeOnLogsListener(id);
});

check("web3js.subscribe.program", "onProgramAccountChange: accounts of a program that pass the filters", async () => {
  const payer = await wallet();
  const mint = await token.createMint(connection, payer, payer.publicKey, null, 0);
  const told = later();
  const id = connection.onProgramAccountChange(
    token.TOKEN_PROGRAM_ID,
    ({ accountId, accountInfo }) => told.resolve([String(accountId), accountInfo.data.length]),
    { filters: [{ dataSize: 165 }, { memcmp: { offset: 0, bytes: mint.toBase58() } }] },
  );
  await settled();
  const mine = await token.createAssociatedTokenAccount(connection, payer, mint, payer.publicKey);
  equal(await told.promise, [String(mine), 165], "what was told");
  await connection.removeProgramAccountChangeListener(id);
});

check("web3js.subscribe.signature", "onSignature: told once, with the error or without", async () => {
  const payer = await wallet();
  for (const [lamports, err] of [
    [1, null],
    [5 * SOL, { InstructionError: [0, { Custom: 1 }] }],
  ]) {
    const transaction = await versioned(payer, [pay(payer, payer.publicKey, lamports)]);
    const { default: bs58 } = await import("bs58");
    const told = later();
    connection.onSignature(bs58.encode(transaction.signatures[0]), (result, { slot }) =>
      told.resolve([result, slot > 0]),
    );
    await settled();
    await connection.sendTransaction(transaction, { skipPreflight: true });
    equal(await told.promise, [{ err }, true], "what was told");
  }
});

check("web3js.subscribe.slot", "onSlotChange: slots in order, with parent and root", async () => {
  const seen = [];
  const told = later();
  const id = connection.onSlotChange((slot) => {
    seen.push(slot);
    if (seen.length === 4) told.resolve();
  });
  await told.promise;
  await connection.removeSlotChangeListener(id);
  for (const [index, { parent, root, slot }] of seen.slice(0, 4).entries()) {
    holds(root < parent && parent < slot, `root ${root}, parent ${parent}, slot ${slot}`);
    if (index > 0) equal(parent, seen[index - 1].slot, "the parent");
  }
});

check("web3js.subscribe.root", "onRootChange: roots in order, behind what is confirmed", async () => {
  const seen = [];
  const told = later();
  const id = connection.onRootChange((root) => {
    seen.push(root);
    if (seen.length === 3) told.resolve();
  });
  await told.promise;
  await connection.removeRootChangeListener(id);
  // some are told twice
  holds(seen[0] <= seen[1] && seen[1] <= seen[2], `roots ${seen}`);
  holds(seen[0] < (await connection.getSlot("confirmed")), "behind the confirmed slot");
});

check("web3js.cluster", "what a wallet asks a cluster: version, genesis, epoch, supply, nodes", async () => {
  const version = await connection.getVersion();
  equal(Object.keys(version).sort(), ["feature-set", "solana-core"], "the version's fields");
  equal(new PublicKey(await connection.getGenesisHash()).toBytes().length, 32, "genesis hash");
  const epoch = await connection.getEpochInfo();
  holds(epoch.absoluteSlot >= epoch.slotIndex, "the epoch");
  const { value: supply } = await connection.getSupply();
  // more lamports than a number in JavaScript tells apart
  const rest = supply.total - supply.circulating - supply.nonCirculating;
  holds(Math.abs(rest) < 1_000, `${rest} lamports are in no part of the supply`);
  const nodes = await connection.getClusterNodes();
  equal(nodes.length, 1, "nodes");
  equal(await connection.getSlotLeader(), nodes[0].pubkey, "the leader");
  holds((await connection.getTransactionCount()) > 0, "transactions");
  holds((await connection.getFirstAvailableBlock()) >= 0, "the first block");
  holds((await connection.getMinimumLedgerSlot()) >= 0, "the first slot");
  const samples = await connection.getRecentPerformanceSamples(1);
  holds(samples.length <= 1, "performance samples");
  equal(LAMPORTS_PER_SOL, SOL, "lamports in a SOL");
});

// A subscription is in place once the node has answered; web3.js does not say when that is.
async function settled() {
  await until(
    () => Object.values(connection._subscriptionsByHash).map(({ state }) => state),
    (states) => states.every((state) => state === "subscribed"),
  );
}

await run();
