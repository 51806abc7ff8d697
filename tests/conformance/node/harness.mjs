// What the checks of every JavaScript client share: registering, running, reporting.
//
// A file registers its checks and calls `run`; each result is one line of JSON on stdout. The
// cluster comes in the environment, as the Python side of the suite hands it over.
import assert from "node:assert/strict";

export const cluster = JSON.parse(process.env.CHOIR_CONFORMANCE ?? "null");
export const FEE = 5_000;
export const SOL = 1_000_000_000;
const AT_ONCE = 4;
const TIME_LIMIT_MS = 150_000;
const POLL_MS = 50;

const checks = [];

/** Register a check. The declaration is read by the Python side too: id and title are literals. */
export function check(id, title, body) {
  checks.push({ id, title, body });
}

/** Fail unless both are equal, type and value, all the way down. */
export function equal(actual, wanted, what) {
  assert.deepStrictEqual(actual, wanted, `${what}: got ${show(actual)}, expected ${show(wanted)}`);
}

/** Fail unless the condition holds. */
export function holds(condition, what) {
  assert.ok(condition, what);
}

/** The error a promise rejects with; fails when it does not. */
export async function refused(promise) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: `got ${show(value)}, expected an error` });
}

/** Ask until the answer is what is waited for. */
export async function until(ask, done) {
  for (;;) {
    const value = await ask();
    if (done(value)) return value;
    await new Promise((resume) => setTimeout(resume, POLL_MS));
  }
}

/** A promise with its resolver outside: what a subscription's callback fulfils. */
export function later() {
  let resolve;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}

function show(value) {
  return JSON.stringify(value, (_, item) => (typeof item === "bigint" ? `${item}n` : item));
}

async function runOne({ id, title, body }) {
  const started = performance.now();
  let error = null;
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("not done in time")), TIME_LIMIT_MS);
  });
  try {
    await Promise.race([body(), limit]);
  } catch (failure) {
    const text = failure instanceof Error ? failure.message : show(failure);
    const name = failure?.constructor?.name ?? "Error";
    error = (name === "AssertionError" ? text : `${name}: ${text}`).replace(/\s+/g, " ");
  }
  clearTimeout(timer);
  const seconds = Math.round((performance.now() - started) / 10) / 100;
  const conformance = { id, title, ok: error === null, seconds, error };
  process.stdout.write(`${JSON.stringify({ conformance })}\n`);
}

/** Run the checks that are wanted, a few at once, and end the process. */
export async function run() {
  const waiting = checks.filter(({ id }) => cluster.only.includes(id));
  const worker = async () => {
    for (let one = waiting.shift(); one; one = waiting.shift()) await runOne(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  process.exit(0);
}
