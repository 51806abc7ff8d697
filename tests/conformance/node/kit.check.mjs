// @solana/kit with the generated clients of the System and Token programs, as they come.
import {
  SOLANA_ERROR__JSON_RPC__INVALID_PARAMS,
  SOLANA_ERROR__JSON_RPC__METHOD_NOT_FOUND,
  SOLANA_ERROR__JSON_RPC__SERVER_ERROR_BLOCK_NOT_AVAILABLE,
  SOLANA_ERROR__JSON_RPC__SERVER_ERROR_MIN_CONTEXT_SLOT_NOT_REACHED,
  SOLANA_ERROR__JSON_RPC__SERVER_ERROR_SEND_TRANSACTION_PREFLIGHT_FAILURE,
  airdropFactory,
  appendTransactionMessageInstructions,
  assertIsTransactionWithBlockhashLifetime,
  compileTransaction,
  createSolanaRpc,
  createSolanaRpcSubscriptions,
  createTransactionMessage,
  generateKeyPairSigner,
  getBase64EncodedWireTransaction,
  getBase64Decoder,
  getCompiledTransactionMessageEncoder,
  compileTransactionMessage,
  getSignatureFromTransaction,
  isSolanaError,
  lamports,
  pipe,
  sendAndConfirmTransactionFactory,
  setTransactionMessageFeePayerSigner,
  setTransactionMessageLifetimeUsingBlockhash,
  signTransactionMessageWithSigners,
} from "@solana/kit";
import { SYSTEM_PROGRAM_ADDRESS, getCreateAccountInstruction, getTransferSolInstruction } from "@solana-program/system";
import {
  TOKEN_PROGRAM_ADDRESS,
  fetchMint,
  fetchToken,
  findAssociatedTokenPda,
  getCreateAssociatedTokenIdempotentInstructionAsync,
  getInitializeMint2Instruction,
  getMintSize,
  getMintToCheckedInstruction,
  getTransferCheckedInstruction,
} from "@solana-program/token";

import { check, cluster, equal, holds, later, refused, run, until } from "./harness.mjs";

const SOL = 1_000_000_000n;
const FEE = 5_000n;
const commitment = "confirmed";
const rpc = createSolanaRpc(cluster.rpcUrl);
const rpcSubscriptions = createSolanaRpcSubscriptions(cluster.wsUrl);
const airdrop = airdropFactory({ rpc, rpcSubscriptions });
const sendAndConfirm = sendAndConfirmTransactionFactory({ rpc, rpcSubscriptions });

async function wallet(amount = 2n * SOL) {
  const signer = await generateKeyPairSigner();
  await airdrop({ recipientAddress: signer.address, lamports: lamports(amount), commitment });
  return signer;
}

async function message(payer, ...instructions) {
  const { value: latest } = await rpc.getLatestBlockhash({ commitment }).send();
  return pipe(
    createTransactionMessage({ version: 0 }),
    (m) => setTransactionMessageFeePayerSigner(payer, m),
    (m) => setTransactionMessageLifetimeUsingBlockhash(latest, m),
    (m) => appendTransactionMessageInstructions(instructions, m),
  );
}

async function signed(payer, ...instructions) {
  const transaction = await signTransactionMessageWithSigners(await message(payer, ...instructions));
  assertIsTransactionWithBlockhashLifetime(transaction);
  return transaction;
}

async function send(payer, ...instructions) {
  const transaction = await signed(payer, ...instructions);
  await sendAndConfirm(transaction, { commitment });
  return getSignatureFromTransaction(transaction);
}

const pay = (source, destination, amount) =>
  getTransferSolInstruction({ source, destination, amount: lamports(amount) });

const balance = async (address) => (await rpc.getBalance(address, { commitment }).send()).value;

/** The first notification of a subscription that `act` causes, `act` done once it is in place. */
async function first(subscription, act) {
  const stop = new AbortController();
  const notifications = await subscription.subscribe({ abortSignal: stop.signal });
  const told = later();
  (async () => {
    for await (const notification of notifications) told.resolve(notification);
  })().catch(() => {});
  const done = await act();
  const notification = await told.promise;
  stop.abort();
  return [notification, done];
}

check("kit.transfer.confirmed", "sendAndConfirmTransaction: a transfer moves lamports and costs 5,000", async () => {
  const payer = await wallet();
  const { address } = await generateKeyPairSigner();
  await send(payer, pay(payer, address, SOL));
  equal(await balance(address), SOL, "the receiver's lamports");
  equal(await balance(payer.address), SOL - FEE, "the payer's lamports");
});

check("kit.transfer.transaction", "getTransaction: lamports as bigint, logs, the version", async () => {
  const payer = await wallet();
  const { address } = await generateKeyPairSigner();
  const signature = await send(payer, pay(payer, address, SOL));
  const found = await until(
    () =>
      rpc
        .getTransaction(signature, { commitment, encoding: "json", maxSupportedTransactionVersion: 0 })
        .send(),
    (value) => value !== null,
  );
  equal(found.version, 0, "the version");
  equal(found.transaction.signatures, [signature], "the signatures");
  equal(
    found.transaction.message.accountKeys,
    [payer.address, address, SYSTEM_PROGRAM_ADDRESS],
    "the accounts",
  );
  const { err, fee, logMessages, postBalances, preBalances, computeUnitsConsumed } = found.meta;
  equal(
    { err, fee, logMessages, postBalances, preBalances, computeUnitsConsumed },
    {
      err: null,
      fee: FEE,
      logMessages: [
        `Program ${SYSTEM_PROGRAM_ADDRESS} invoke [1]`,
        `Program ${SYSTEM_PROGRAM_ADDRESS} success`,
      ],
      postBalances: [SOL - FEE, SOL, 1n],
      preBalances: [2n * SOL, 0n, 1n],
      computeUnitsConsumed: 150n,
    },
    "the meta",
  );
});

check("kit.transfer.finalized", "sendAndConfirmTransaction at finalized: the balance is final too", async () => {
  const payer = await wallet();
  const { address } = await generateKeyPairSigner();
  const transaction = await signed(payer, pay(payer, address, SOL));
  await sendAndConfirm(transaction, { commitment: "finalized" });
  const { value } = await rpc.getBalance(address, { commitment: "finalized" }).send();
  equal(value, SOL, "the receiver's lamports");
});

check("kit.fees", "getFeeForMessage: 5,000 for one signature", async () => {
  const payer = await wallet();
  const compiled = compileTransactionMessage(await message(payer, pay(payer, payer.address, 1n)));
  const bytes = getCompiledTransactionMessageEncoder().encode(compiled);
  const { value } = await rpc.getFeeForMessage(getBase64Decoder().decode(bytes), { commitment }).send();
  equal(value, FEE, "the fee");
});

check("kit.simulate", "simulateTransaction: units and the accounts after it", async () => {
  const payer = await wallet();
  const { address } = await generateKeyPairSigner();
  const wire = getBase64EncodedWireTransaction(await signed(payer, pay(payer, address, SOL)));
  const { value } = await rpc
    .simulateTransaction(wire, {
      commitment,
      encoding: "base64",
      sigVerify: true,
      accounts: { addresses: [address], encoding: "base64" },
    })
    .send();
  equal([value.err, value.unitsConsumed], [null, 150n], "err and units");
  equal(value.accounts[0].lamports, SOL, "the receiver's lamports after it");
  const unsigned = compileTransaction(await message(payer, pay(payer, address, 5n * SOL)));
  const replaced = await rpc
    .simulateTransaction(getBase64EncodedWireTransaction(unsigned), {
      commitment,
      encoding: "base64",
      replaceRecentBlockhash: true,
    })
    .send();
  equal(replaced.value.err, { InstructionError: [0n, { Custom: 1n }] }, "err");
});

check("kit.errors.preflight", "a preflight failure is a SolanaError with the cause, logs and units", async () => {
  const payer = await wallet();
  const { address } = await generateKeyPairSigner();
  const transaction = await signed(payer, pay(payer, address, 5n * SOL));
  const error = await refused(sendAndConfirm(transaction, { commitment }));
  holds(
    isSolanaError(error, SOLANA_ERROR__JSON_RPC__SERVER_ERROR_SEND_TRANSACTION_PREFLIGHT_FAILURE),
    `the error: ${error.message}`,
  );
  equal(error.cause.message, "Custom program error: #1 (instruction #1)", "the cause");
  equal(error.context.unitsConsumed, 150n, "units");
  equal(
    error.context.logs[1],
    `Transfer: insufficient lamports ${2n * SOL - FEE}, need ${5n * SOL}`,
    "the log",
  );
});

check("kit.errors.on-chain", "a transaction that fails on chain is told by its confirmation", async () => {
  const payer = await wallet();
  const { address } = await generateKeyPairSigner();
  const transaction = await signed(payer, pay(payer, address, 5n * SOL));
  const error = await refused(sendAndConfirm(transaction, { commitment, skipPreflight: true }));
  holds(isSolanaError(error), `the error: ${error.constructor.name} ${error.message}`);
  const signature = getSignatureFromTransaction(transaction);
  const { value } = await until(
    () => rpc.getSignatureStatuses([signature]).send(),
    ({ value: [status] }) => ["confirmed", "finalized"].includes(status?.confirmationStatus),
  );
  equal(value[0].err, { InstructionError: [0n, { Custom: 1n }] }, "the status's error");
  equal(await balance(payer.address), 2n * SOL - FEE, "the payer's lamports");
});

check("kit.errors.blockhash", "an unknown blockhash: preflight failure, blockhash not found", async () => {
  const payer = await wallet();
  const stale = setTransactionMessageLifetimeUsingBlockhash(
    { blockhash: payer.address, lastValidBlockHeight: 10_000_000n },
    await message(payer, pay(payer, payer.address, 1n)),
  );
  const wire = getBase64EncodedWireTransaction(await signTransactionMessageWithSigners(stale));
  const error = await refused(rpc.sendTransaction(wire, { encoding: "base64" }).send());
  holds(
    isSolanaError(error, SOLANA_ERROR__JSON_RPC__SERVER_ERROR_SEND_TRANSACTION_PREFLIGHT_FAILURE),
    `the error: ${error.message}`,
  );
  equal(error.cause.context.__code, 7050008, "the cause's code");
});

check("kit.errors.codes", "an error's code and message arrive as the kinds kit knows", async () => {
  const params = await refused(rpc.getBalance("abc").send());
  holds(isSolanaError(params, SOLANA_ERROR__JSON_RPC__INVALID_PARAMS), params.message);
  equal(params.context.__serverMessage, "Invalid param: WrongSize", "its message");
  const block = await refused(rpc.getBlock(10n ** 12n, { commitment }).send());
  holds(
    isSolanaError(block, SOLANA_ERROR__JSON_RPC__SERVER_ERROR_BLOCK_NOT_AVAILABLE),
    block.message,
  );
  const slot = await rpc.getSlot({ commitment }).send();
  const early = await refused(
    rpc.getBalance(SYSTEM_PROGRAM_ADDRESS, { commitment, minContextSlot: slot + 10_000n }).send(),
  );
  holds(
    isSolanaError(early, SOLANA_ERROR__JSON_RPC__SERVER_ERROR_MIN_CONTEXT_SLOT_NOT_REACHED),
    early.message,
  );
  equal(typeof early.context.contextSlot, "bigint", "the type of the context slot");
  const { createJsonRpcApi, createRpc, createDefaultRpcTransport } = await import("@solana/kit");
  const raw = createRpc({
    api: createJsonRpcApi({
      responseTransformer: (answer) => answer,
    }),
    transport: createDefaultRpcTransport({ url: cluster.rpcUrl }),
  });
  const { error } = await raw.getNothing().send();
  equal(Number(error.code), SOLANA_ERROR__JSON_RPC__METHOD_NOT_FOUND, "an unknown method's code");
});

check("kit.history", "getSignaturesForAddress: before, until, limit, and the block of one", async () => {
  const payer = await wallet();
  const { address } = await generateKeyPairSigner();
  const sent = [];
  for (const amount of [1n, 2n, 3n]) {
    sent.unshift(await send(payer, pay(payer, address, SOL / 8n + amount)));
  }
  const signatures = async (options) =>
    (await rpc.getSignaturesForAddress(address, { commitment, ...options }).send()).map(
      ({ signature }) => signature,
    );
  await until(() => signatures(), (all) => all.length === 3);
  equal(await signatures(), sent, "all of them");
  equal(await signatures({ before: sent[0], limit: 1 }), [sent[1]], "one before the newest");
  equal(await signatures({ until: sent[2] }), sent.slice(0, 2), "until the oldest");
  const [{ slot }] = await rpc.getSignaturesForAddress(address, { commitment, limit: 1 }).send();
  const block = await rpc
    .getBlock(slot, {
      commitment,
      maxSupportedTransactionVersion: 0,
      transactionDetails: "signatures",
      rewards: false,
    })
    .send();
  holds(block.signatures.includes(sent[0]), "the newest is in its block");
  equal(typeof block.blockHeight, "bigint", "the type of the block's height");
});

check("kit.accounts", "getAccountInfo, getMultipleAccounts and getProgramAccounts", async () => {
  const owner = await wallet(3n * SOL);
  const { value } = await rpc.getAccountInfo(owner.address, { commitment, encoding: "base64" }).send();
  equal(
    value,
    {
      data: ["", "base64"],
      executable: false,
      lamports: 3n * SOL,
      owner: SYSTEM_PROGRAM_ADDRESS,
      rentEpoch: 18446744073709551615n,
      space: 0n,
    },
    "the account",
  );
  const { address } = await generateKeyPairSigner();
  const several = await rpc
    .getMultipleAccounts([address, owner.address], { commitment, encoding: "base64" })
    .send();
  equal(several.value.map((a) => a?.lamports ?? null), [null, 3n * SOL], "several accounts");
});

check("kit.tokens", "the Token program: a mint, accounts, minting and a transfer", async () => {
  const payer = await wallet();
  const mint = await generateKeyPairSigner();
  const other = await generateKeyPairSigner();
  const space = BigInt(getMintSize());
  const rent = await rpc.getMinimumBalanceForRentExemption(space).send();
  equal(rent, 1_461_600n, "the rent-exempt minimum of a mint");
  const [[mine], [theirs]] = await Promise.all(
    [payer, other].map(({ address }) =>
      findAssociatedTokenPda({
        mint: mint.address,
        owner: address,
        tokenProgram: TOKEN_PROGRAM_ADDRESS,
      }),
    ),
  );
  await send(
    payer,
    getCreateAccountInstruction({
      payer,
      newAccount: mint,
      lamports: rent,
      space,
      programAddress: TOKEN_PROGRAM_ADDRESS,
    }),
    getInitializeMint2Instruction({
      mint: mint.address,
      decimals: 4,
      mintAuthority: payer.address,
    }),
    await getCreateAssociatedTokenIdempotentInstructionAsync({
      payer,
      mint: mint.address,
      owner: payer.address,
    }),
    await getCreateAssociatedTokenIdempotentInstructionAsync({
      payer,
      mint: mint.address,
      owner: other.address,
    }),
  );
  await send(
    payer,
    getMintToCheckedInstruction({
      mint: mint.address,
      token: mine,
      mintAuthority: payer,
      amount: 90_000n,
      decimals: 4,
    }),
    getTransferCheckedInstruction({
      source: mine,
      mint: mint.address,
      destination: theirs,
      authority: payer,
      amount: 40_000n,
      decimals: 4,
    }),
  );
  equal((await fetchMint(rpc, mint.address, { commitment })).data.supply, 90_000n, "the supply");
  equal((await fetchToken(rpc, mine, { commitment })).data.amount, 50_000n, "the sender's tokens");
  const { value } = await rpc.getTokenAccountBalance(theirs, { commitment }).send();
  equal(
    value,
    { amount: "40000", decimals: 4, uiAmount: 4, uiAmountString: "4" },
    "the receiver's balance",
  );
  const owned = await rpc
    .getTokenAccountsByOwner(
      other.address,
      { mint: mint.address },
      { commitment, encoding: "jsonParsed" },
    )
    .send();
  equal(owned.value.map(({ pubkey }) => pubkey), [theirs], "the receiver's accounts");
  equal(
    owned.value[0].account.data.parsed.info.tokenAmount.amount,
    "40000",
    "the amount in the parsed form",
  );
});

check("kit.subscribe.account", "accountNotifications: a new balance with its slot", async () => {
  const [payer, owner] = [await wallet(), await wallet()];
  const [told] = await first(
    rpcSubscriptions.accountNotifications(owner.address, { commitment, encoding: "base64" }),
    () => send(payer, pay(payer, owner.address, SOL)),
  );
  equal(told.value.lamports, 3n * SOL, "lamports");
  holds(told.context.slot > 0n, "the slot");
});

check("kit.subscribe.logs", "logsNotifications: of transactions that mention an address", async () => {
  const payer = await wallet();
  const [told, signature] = await first(
    rpcSubscriptions.logsNotifications({ mentions: [payer.address] }, { commitment }),
    () => send(payer, pay(payer, payer.address, 1n)),
  );
  equal(
    told.value,
    {
      err: null,
      logs: [
        `Program ${SYSTEM_PROGRAM_ADDRESS} invoke [1]`,
        `Program ${SYSTEM_PROGRAM_ADDRESS} success`,
      ],
      signature,
    },
    "what was told",
  );
});

check("kit.subscribe.program", "programNotifications: accounts that pass the filters", async () => {
  const payer = await wallet();
  const nonce = await generateKeyPairSigner();
  const space = 77n;
  const rent = await rpc.getMinimumBalanceForRentExemption(space).send();
  const [told] = await first(
    rpcSubscriptions.programNotifications(TOKEN_PROGRAM_ADDRESS, {
      commitment,
      encoding: "base64",
      filters: [{ dataSize: space }],
    }),
    () =>
      send(
        payer,
        getCreateAccountInstruction({
          payer,
          newAccount: nonce,
          lamports: rent,
          space,
          programAddress: TOKEN_PROGRAM_ADDRESS,
        }),
      ),
  );
  equal(told.value.pubkey, nonce.address, "the account");
  equal([told.value.account.space, told.value.account.lamports], [space, rent], "space, lamports");
});

check("kit.subscribe.signature", "signatureNotifications: the result ends them; received comes before it or not at all", async () => {
  const payer = await wallet();
  const transaction = await signed(payer, pay(payer, payer.address, 1n));
  const stop = new AbortController();
  const notifications = await rpcSubscriptions
    .signatureNotifications(getSignatureFromTransaction(transaction), {
      commitment,
      enableReceivedNotification: true,
    })
    .subscribe({ abortSignal: stop.signal });
  await rpc
    .sendTransaction(getBase64EncodedWireTransaction(transaction), {
      encoding: "base64",
      preflightCommitment: commitment,
    })
    .send();
  const seen = [];
  for await (const { value } of notifications) {
    seen.push(value);
    if (value !== "receivedSignature") break;
  }
  stop.abort();
  equal(seen.pop(), { err: null }, "what was told at the end");
  holds(seen.length <= 1, `told before it: ${seen}`);
});

check("kit.subscribe.slot", "slotNotifications: each slot's parent is the one before", async () => {
  const stop = new AbortController();
  const notifications = await rpcSubscriptions
    .slotNotifications()
    .subscribe({ abortSignal: stop.signal });
  const seen = [];
  for await (const slot of notifications) {
    seen.push(slot);
    if (seen.length === 3) break;
  }
  stop.abort();
  for (const [index, { parent, root, slot }] of seen.entries()) {
    holds(root < parent && parent < slot, `root ${root}, parent ${parent}, slot ${slot}`);
    if (index > 0) equal(parent, seen[index - 1].slot, "the parent");
  }
});

check("kit.subscribe.root", "rootNotifications: roots in order", async () => {
  const stop = new AbortController();
  const notifications = await rpcSubscriptions
    .rootNotifications()
    .subscribe({ abortSignal: stop.signal });
  const seen = [];
  for await (const root of notifications) {
    seen.push(root);
    if (seen.length === 3) break;
  }
  stop.abort();
  // some are told twice
  holds(seen[0] <= seen[1] && seen[1] <= seen[2], `roots ${seen}`);
});

await run();
