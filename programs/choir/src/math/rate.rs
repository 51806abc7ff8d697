//! The hourly limit on messages.

/// The window after one more message at `now`: when it began and how many messages it holds. `None`
/// when the message is over the limit.
///
/// A window begins with its first message and lasts `width` seconds; times are Unix seconds.
pub fn count_message(
    start: i64,
    count: u16,
    now: i64,
    width: i64,
    limit: u16,
) -> Option<(i64, u16)> {
    if count == 0 || now.saturating_sub(start) >= width {
        return (limit > 0).then_some((now, 1));
    }
    (count < limit).then_some((start, count.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_the_limit(limit in 1u16..20, steps in prop::collection::vec(0i64..1_000, 1..200)) {
            let (mut now, mut start, mut count) = (1_000_000i64, 0, 0);
            let mut in_window = 0u16;
            for step in steps {
                now += step;
                let Some((s, c)) = count_message(start, count, now, 3_600, limit) else {
                    prop_assert!(count == limit && now - start < 3_600);
                    continue;
                };
                in_window = if c == 1 { 1 } else { in_window + 1 };
                prop_assert!(c == in_window && c <= limit && now - s < 3_600);
                (start, count) = (s, c);
            }
        }
    }

    #[test]
    fn the_limit_holds_until_the_window_ends() {
        assert_eq!(count_message(0, 0, 50, 3_600, 2), Some((50, 1)));
        assert_eq!(count_message(50, 1, 60, 3_600, 2), Some((50, 2)));
        assert_eq!(count_message(50, 2, 3_649, 3_600, 2), None);
        assert_eq!(count_message(50, 2, 3_650, 3_600, 2), Some((3_650, 1)));
    }
}
