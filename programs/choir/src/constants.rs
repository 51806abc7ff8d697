//! Seeds, limits and time spans that are part of the program's interface.

/// Seed of the [`crate::state::Config`] account.
pub const CONFIG_SEED: &[u8] = b"config";
/// Seed of the [`crate::state::Treasury`] account.
pub const TREASURY_SEED: &[u8] = b"treasury";
/// Seed of the treasury's token account.
pub const TREASURY_VAULT_SEED: &[u8] = b"treasury_vault";
/// First seed of a [`crate::state::Thread`]; the second is sha256 of its id, because a seed holds at
/// most 32 bytes.
pub const THREAD_SEED: &[u8] = b"thread";
/// First seed of a thread's token account; the second is the thread.
pub const VAULT_SEED: &[u8] = b"vault";
/// First seed of a [`crate::state::Position`]; then the thread and the owner.
pub const POSITION_SEED: &[u8] = b"position";
/// First seed of a [`crate::state::Spec`]; then the thread, the author and the content hash.
pub const SPEC_SEED: &[u8] = b"spec";
/// First seed of a spec's token account; the second is the spec.
pub const ESCROW_SEED: &[u8] = b"escrow";
/// First seed of a [`crate::state::Message`]; then the thread and the index (u64, little endian).
pub const MESSAGE_SEED: &[u8] = b"message";
/// What the hash chain of every thread starts from, together with the hash of the thread's id.
pub const CHAIN_DOMAIN: &[u8] = b"choir:thread";

/// Version written into every account.
pub const ACCOUNT_VERSION: u8 = 1;
/// Longest thread id, in bytes of UTF-8.
pub const MAX_THREAD_ID_BYTES: usize = 64;
/// Most co-authors of one thread; the decision bitmaps of a spec are as wide.
pub const MAX_CO_AUTHORS: usize = 16;
/// Most signers of the treasury.
pub const MAX_TREASURY_SIGNERS: usize = 11;
/// Fewest shares an open thread may have. A share is then worth at most a thousandth of the thread,
/// which bounds what a deposit can lose to rounding and makes inflating the price of a share pointless.
pub const MINIMUM_TOTAL_SHARES: u64 = 1_000;

/// Seconds in an hour: the width of the message-rate window.
pub const HOUR: i64 = 3_600;
/// Seconds in a day.
pub const DAY: i64 = 86_400;
/// Longest approval window, divest cooldown and inactivity window, in seconds.
pub const MAX_WINDOW: i64 = 365 * DAY;
/// Longest parameter timelock, in seconds.
pub const MAX_PARAMETER_TIMELOCK: i64 = 90 * DAY;

/// Pause bit of `create_thread` and `deposit`.
pub const PAUSE_THREADS: u8 = 1;
/// Pause bit of `post_message`.
pub const PAUSE_MESSAGES: u8 = 1 << 1;
/// Pause bit of `submit_spec`.
pub const PAUSE_SPECS: u8 = 1 << 2;
/// Pause bit of `process_approval`.
pub const PAUSE_DECISIONS: u8 = 1 << 3;
/// Pause bit of what takes money out: `claim`, `divest`, `expire_spec`.
pub const PAUSE_EXITS: u8 = 1 << 4;
/// Pause bit of `set_privacy`.
pub const PAUSE_SETTINGS: u8 = 1 << 5;
