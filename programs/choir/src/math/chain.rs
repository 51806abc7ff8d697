//! The hash chain over a thread's messages.

use crate::constants::CHAIN_DOMAIN;
use solana_sha256_hasher::{hash, hashv};

/// sha256 of a thread's id: the seed of its address.
pub fn thread_id_hash(thread_id: &str) -> [u8; 32] {
    hash(thread_id.as_bytes()).to_bytes()
}

/// Head of the chain before any message: sha256(`"choir:thread"` ‖ sha256(thread id)).
pub fn genesis_head(thread_id_hash: &[u8; 32]) -> [u8; 32] {
    hashv(&[CHAIN_DOMAIN, thread_id_hash]).to_bytes()
}

/// Head after a message: sha256(head ‖ index, u64 little endian ‖ author ‖ content hash).
pub fn next_head(
    head: &[u8; 32],
    index: u64,
    author: &[u8; 32],
    content_hash: &[u8; 32],
) -> [u8; 32] {
    hashv(&[head, &index.to_le_bytes(), author, content_hash]).to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_part_changes_the_head(head: [u8; 32], index: u64, author: [u8; 32], content: [u8; 32], bit in 0usize..256) {
            let flip = |bytes: &[u8; 32]| {
                let mut other = *bytes;
                other[bit / 8] ^= 1 << (bit % 8);
                other
            };
            let base = next_head(&head, index, &author, &content);
            prop_assert_ne!(base, next_head(&flip(&head), index, &author, &content));
            prop_assert_ne!(base, next_head(&head, index ^ 1, &author, &content));
            prop_assert_ne!(base, next_head(&head, index, &flip(&author), &content));
            prop_assert_ne!(base, next_head(&head, index, &author, &flip(&content)));
        }
    }
}
