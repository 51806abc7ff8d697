//! Program-derived addresses, hashed here.
//!
//! The runtime's search charges 1,500 units for each bump it tries, and as much for checking one. A hash
//! costs a tenth of that, and asking whether a point lies on the curve another tenth.

use crate::{ensure, errors::ChoirError};
use anchor_lang::prelude::*;
use solana_sha256_hasher::hashv;

/// What the hash of a program-derived address ends in.
const MARKER: &[u8] = b"ProgramDerivedAddress";
/// Most seeds of an address of this program, its bump not counted.
const MOST_SEEDS: usize = 4;
/// Every bump, to point at.
static BUMPS: [u8; 256] = {
    let mut bumps = [0; 256];
    let mut bump = 0;
    while bump < 256 {
        bumps[bump] = bump as u8;
        bump += 1;
    }
    bumps
};

/// The canonical bump of a program-derived address; refuses an account that is not at it.
///
/// Anchor's `seeds` does the same with an error that does not say which account is meant.
///
/// The canonical bump is the highest whose hash lies off the curve. The account's address is looked for
/// among the hashes from the highest bump down, and one that is off the curve without being it ends the
/// search. That the address itself is off the curve is left to the runtime, which asks when it is signed
/// for: every address derived here is then created.
pub fn derive(account: &AccountInfo, seeds: &[&[u8]], wrong: ChoirError) -> Result<u8> {
    let mut preimage = Preimage::new(seeds);
    for bump in (0..=u8::MAX).rev() {
        let address = preimage.hash(bump);
        if address == *account.key {
            return Ok(bump);
        }
        ensure!(is_on_curve(&address), wrong);
    }
    // All 256 hashes would have to lie on the curve.
    Err(crate::errors::refuse(wrong))
}

/// Refuses an account that is not at the address of these seeds and a stored bump.
///
/// This is the whole check: the bump was found to be canonical when the account was created and stored
/// next to the seeds by this program, and hashes do not collide.
pub fn require_at(
    account: &AccountInfo,
    seeds: &[&[u8]],
    bump: u8,
    wrong: ChoirError,
) -> Result<()> {
    ensure!(Preimage::new(seeds).hash(bump) == *account.key, wrong);
    Ok(())
}

/// What an address is the hash of: the seeds, the bump, the program, the marker.
struct Preimage<'a> {
    parts: [&'a [u8]; MOST_SEEDS + 3],
    seeds: usize,
}

impl<'a> Preimage<'a> {
    fn new(seeds: &'a [&'a [u8]]) -> Self {
        let mut parts: [&[u8]; MOST_SEEDS + 3] = [&[]; MOST_SEEDS + 3];
        for (part, seed) in parts.iter_mut().zip(seeds) {
            *part = seed;
        }
        for (part, end) in
            parts
                .iter_mut()
                .skip(seeds.len())
                .zip([&[], crate::ID.as_array() as &[u8], MARKER])
        {
            *part = end;
        }
        Self {
            parts,
            seeds: seeds.len(),
        }
    }

    /// The address with a bump, whether or not it lies on the curve.
    fn hash(&mut self, bump: u8) -> Pubkey {
        if let (Some(part), Some(bump)) =
            (self.parts.get_mut(self.seeds), BUMPS.get(usize::from(bump)))
        {
            *part = std::slice::from_ref(bump);
        }
        let end = self.seeds.saturating_add(3);
        Pubkey::new_from_array(hashv(self.parts.get(..end).unwrap_or_default()).to_bytes())
    }
}

/// Whether an address could be a wallet's.
fn is_on_curve(address: &Pubkey) -> bool {
    #[cfg(target_os = "solana")]
    {
        use solana_define_syscall::definitions::sol_curve_validate_point;
        const EDWARDS: u64 = 0;
        // SAFETY: the address is 32 bytes; the result is not written for this curve.
        unsafe {
            sol_curve_validate_point(EDWARDS, address.as_array().as_ptr(), core::ptr::null_mut())
                == 0
        }
    }
    #[cfg(not(target_os = "solana"))]
    address.is_on_curve()
}
