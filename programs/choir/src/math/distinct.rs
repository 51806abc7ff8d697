//! Whether keys are all different.

/// Whether no two of some keys are the same.
///
/// Keys that differ in six bits of their first byte need no comparison, and hardly any two of sixteen
/// share them: this compares each with a word of bits first, and with the others only when its bit is
/// set.
pub fn all_distinct<'a>(keys: impl Iterator<Item = &'a [u8; 32]> + Clone) -> bool {
    let mut seen = 0u64;
    for (place, key) in keys.clone().enumerate() {
        let bit = 1u64.wrapping_shl(u32::from(key[0]));
        if seen & bit != 0 && keys.clone().take(place).any(|earlier| earlier == key) {
            return false;
        }
        seen |= bit;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn says_what_comparing_all_with_all_says(
            keys in prop::collection::vec(prop::array::uniform32(0u8..3), 0..20),
            twice: Option<(prop::sample::Index, prop::sample::Index)>,
        ) {
            let mut keys = keys;
            if let (Some((from, to)), false) = (twice, keys.is_empty()) {
                let same = keys[from.index(keys.len())];
                keys.insert(to.index(keys.len()), same);
            }
            let distinct = (0..keys.len()).all(|i| !keys[..i].contains(&keys[i]));
            prop_assert_eq!(all_distinct(keys.iter()), distinct);
        }
    }
}
