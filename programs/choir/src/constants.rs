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
/// Lowest minimum thread balance the settings may have, base units.
pub const MIN_THREAD_BALANCE_FLOOR: u64 = 1_000;
/// A deposit may lose at most one part in this many to rounding.
pub const DEPOSIT_PRECISION: u64 = 1_000;

/// Seconds in an hour: the width of the message-rate window.
pub const HOUR: i64 = 3_600;
/// Seconds in a day.
pub const DAY: i64 = 86_400;
/// Shortest approval window, in seconds: co-authors must have a chance to see a spec.
pub const MIN_APPROVAL_WINDOW: i64 = HOUR;
/// Shortest inactivity window, in seconds: the longest pause, in which nobody can act, and a day more.
pub const MIN_INACTIVITY_WINDOW: i64 = MAX_PAUSE + DAY;
/// Longest approval window and inactivity window, in seconds.
pub const MAX_WINDOW: i64 = 365 * DAY;
/// Longest divest cooldown, in seconds.
pub const MAX_DIVEST_COOLDOWN: i64 = 90 * DAY;
/// Shortest parameter timelock, in seconds.
pub const MIN_PARAMETER_TIMELOCK: i64 = DAY;
/// Longest parameter timelock, in seconds.
pub const MAX_PARAMETER_TIMELOCK: i64 = 90 * DAY;
/// How long a change of settings can be applied once its timelock is over, in seconds.
pub const CONFIG_CHANGE_LIFE: i64 = 14 * DAY;
/// How long a treasury proposal can be approved and executed, in seconds.
pub const PROPOSAL_LIFE: i64 = 14 * DAY;
/// Longest pause, in seconds.
pub const MAX_PAUSE: i64 = 7 * DAY;
/// How long after a pause has ended its family cannot be paused again, in seconds.
pub const PAUSE_COOL_OFF: i64 = DAY;

/// How many families of instructions can be paused on their own.
pub const PAUSE_FAMILIES: usize = 7;
/// Pause bit of `create_thread` and `deposit`.
pub const PAUSE_THREADS: u8 = 1;
/// Pause bit of `post_message`.
pub const PAUSE_MESSAGES: u8 = 1 << 1;
/// Pause bit of `submit_spec`.
pub const PAUSE_SPECS: u8 = 1 << 2;
/// Pause bit of `process_approval`.
pub const PAUSE_DECISIONS: u8 = 1 << 3;
/// Pause bit of what takes money out or ends a part in a thread: `claim`, `divest`, `expire_spec`,
/// `withdraw_spec`, `leave_thread`, `wind_down_thread`, `close_thread`.
pub const PAUSE_EXITS: u8 = 1 << 4;
/// Pause bit of `set_privacy` and `retire_author`.
pub const PAUSE_SETTINGS: u8 = 1 << 5;
/// Pause bit of `propose_treasury`, `approve_treasury` and `execute_treasury`.
pub const PAUSE_TREASURY: u8 = 1 << 6;
/// All pause bits there are.
pub const PAUSE_ALL: u8 = (1 << PAUSE_FAMILIES) - 1;
