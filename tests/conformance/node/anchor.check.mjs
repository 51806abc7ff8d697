// Anchor's TypeScript client, with the program's IDL as it is.
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

import anchor from "@anchor-lang/core";
import { Connection, Keypair, PublicKey } from "@solana/web3.js";
import * as token from "@solana/spl-token";

import { SOL, check, cluster, equal, holds, later, refused, run, until } from "./harness.mjs";

const { AnchorProvider, BN, Program, Wallet } = anchor;
const idl = JSON.parse(
  readFileSync(new URL("../../../py/choir/artifact/choir.json", import.meta.url), "utf8"),
);
const connection = new Connection(cluster.rpcUrl, {
  commitment: "confirmed",
  wsEndpoint: cluster.wsUrl,
});
const stakeMint = new PublicKey(cluster.stakeMint);
const DEPOSIT = 20_000_000;

const programId = new PublicKey(idl.address);
const pda = (...seeds) => PublicKey.findProgramAddressSync(seeds, programId)[0];
const seed = (text) => Buffer.from(text);
const config = pda(seed("config"));
const cpi = { eventAuthority: pda(seed("__event_authority")), program: programId };

/** A wallet with lamports and stake tokens, and the program as it sees it. */
async function member() {
  const keypair = Keypair.generate();
  const signature = await connection.requestAirdrop(keypair.publicKey, 2 * SOL);
  await connection.confirmTransaction({ signature, ...(await connection.getLatestBlockhash()) });
  const minter = Keypair.fromSecretKey(Uint8Array.from(cluster.mintAuthority));
  const account = await token.getOrCreateAssociatedTokenAccount(
    connection,
    keypair,
    stakeMint,
    keypair.publicKey,
  );
  await token.mintTo(connection, keypair, stakeMint, account.address, minter, BigInt(DEPOSIT));
  const provider = new AnchorProvider(connection, new Wallet(keypair), {
    commitment: "confirmed",
    preflightCommitment: "confirmed",
  });
  return { keypair, program: new Program(idl, provider) };
}

check("anchor.config", "fetch: the program's configuration", async () => {
  const provider = new AnchorProvider(connection, new Wallet(Keypair.generate()), {
    commitment: "confirmed",
  });
  const program = new Program(idl, provider);
  const [{ account }] = await program.account.config.all();
  equal(String(account.stakeMint), cluster.stakeMint, "the stake mint");
  const authority = Keypair.fromSecretKey(Uint8Array.from(cluster.authority)).publicKey;
  equal(String(account.authority), String(authority), "the authority");
  equal(account.mintDecimals, 6, "decimals");
  const again = await program.account.config.fetch(config);
  equal(String(again.treasury), String(account.treasury), "the treasury");
});

check("anchor.accounts.none", "fetchNullable: an account that does not exist is null", async () => {
  const program = new Program(
    idl,
    new AnchorProvider(connection, new Wallet(Keypair.generate()), { commitment: "confirmed" }),
  );
  equal(
    await program.account.thread.fetchNullable(Keypair.generate().publicKey),
    null,
    "the thread",
  );
  const error = await refused(program.account.thread.fetch(stakeMint));
  holds(error.message.includes("Invalid account discriminator"), error.message);
});

/** A new thread of a new member: its addresses, and the signature that made it. */
async function opened() {
  const { keypair, program } = await member();
  const id = `anchor-${randomBytes(8).toString("hex")}`;
  const thread = pda(seed("thread"), createHash("sha256").update(id).digest());
  const position = pda(seed("position"), thread.toBuffer(), keypair.publicKey.toBuffer());
  const signature = await program.methods
    .createThread(id, new BN(DEPOSIT), { public: {} })
    .accountsStrict({
      creator: keypair.publicKey,
      config,
      thread,
      vault: pda(seed("vault"), thread.toBuffer()),
      position,
      creatorToken: token.getAssociatedTokenAddressSync(stakeMint, keypair.publicKey),
      stakeMint,
      tokenProgram: token.TOKEN_PROGRAM_ID,
      systemProgram: new PublicKey("11111111111111111111111111111111"),
      ...cpi,
    })
    .rpc();
  const author = { author: keypair.publicKey, config, thread, position, ...cpi };
  return { author, id, keypair, position, program, signature, thread };
}

/** The events of a transaction: inner instructions of the program to itself. */
async function events(program, signature) {
  const found = await until(
    () => connection.getTransaction(signature, { maxSupportedTransactionVersion: 0 }),
    (value) => value !== null,
  );
  const keys = found.transaction.message.getAccountKeys().staticAccountKeys;
  const { bs58, base64 } = anchor.utils.bytes;
  return found.meta.innerInstructions
    .flatMap(({ instructions }) => instructions)
    .filter(({ programIdIndex }) => keys[programIdIndex].equals(programId))
    .map(({ data }) => program.coder.events.decode(base64.encode(bs58.decode(data).subarray(8))));
}

check("anchor.thread.created", "createThread: the account, the event among the inner instructions", async () => {
  const { id, keypair, position, program, signature, thread } = await opened();
  const account = await program.account.thread.fetch(thread);
  equal(
    [account.threadId, String(account.creator), account.balance.toNumber(), account.privacy],
    [id, String(keypair.publicKey), DEPOSIT, { public: {} }],
    "the thread",
  );
  equal(account.coAuthors.map(String), [String(keypair.publicKey)], "the co-authors");
  const held = await program.account.position.fetch(position);
  equal(String(held.shares), String(account.totalShares), "the creator's shares");
  const [event] = await events(program, signature);
  equal(
    [event.name, String(event.data.thread), event.data.deposit.toNumber()],
    ["threadCreated", String(thread), DEPOSIT],
    "the event",
  );
});

check("anchor.thread.privacy", "setPrivacy changes the account; a second time is the program's error", async () => {
  const { author, program, thread } = await opened();
  await program.methods.setPrivacy({ premium: {} }).accountsStrict(author).rpc();
  const account = await program.account.thread.fetch(thread);
  equal(account.privacy, { premium: {} }, "the level");
  const again = program.methods.setPrivacy({ premium: {} }).accountsStrict(author);
  const error = await refused(again.rpc());
  const declared = idl.errors.find(({ name }) => name === "PrivacyUnchanged");
  holds(error instanceof anchor.AnchorError, `the error: ${error.constructor.name} ${error.message}`);
  equal(
    [error.error.errorCode, error.error.errorMessage],
    [{ code: declared.name, number: declared.code }, declared.msg],
    "the program's error",
  );
  const simulated = await refused(again.simulate());
  equal(
    simulated.simulationResponse?.err,
    { InstructionError: [0, { Custom: declared.code }] },
    "the simulation's error",
  );
});

check("anchor.thread.changed", "account.subscribe: the decoded thread after a change", async () => {
  const { author, program, thread } = await opened();
  const told = later();
  const emitter = program.account.thread.subscribe(thread, "confirmed");
  emitter.on("change", (account) => told.resolve(account.privacy));
  await until(
    () => Object.values(connection._subscriptionsByHash).map(({ state }) => state),
    (states) => states.every((state) => state === "subscribed"),
  );
  await program.methods.setPrivacy({ threadOnly: {} }).accountsStrict(author).rpc();
  equal(await told.promise, { threadOnly: {} }, "the level that was told");
  await program.account.thread.unsubscribe(thread);
});

check("anchor.thread.found", "account.all with a memcmp filter: the threads of one creator", async () => {
  const { id, program, keypair } = await opened();
  const layout = idl.types.find(({ name }) => name === "Thread").type.fields;
  const sizes = { u8: 1, u32: 4, u64: 8, i64: 8, pubkey: 32 };
  let offset = 8;
  for (const { name, type } of layout) {
    if (name === "creator") break;
    // an enum without fields is one byte
    offset += typeof type === "string" ? sizes[type] : 1;
  }
  const found = await program.account.thread.all([
    { memcmp: { offset, bytes: keypair.publicKey.toBase58() } },
  ]);
  equal(found.map(({ account }) => account.threadId), [id], "the threads");
});

await run();
