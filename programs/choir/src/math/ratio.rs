//! Multiplication and division in one step, with the direction of rounding said aloud.

/// Which way a quotient that is not whole goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
}

/// `a · b / divisor` without losing bits in between.
pub fn mul_div(a: u64, b: u64, divisor: u64, rounding: Rounding) -> Option<u64> {
    let product = u128::from(a).checked_mul(u128::from(b))?;
    let divisor = u128::from(divisor);
    let quotient = product.checked_div(divisor)?;
    let quotient = u64::try_from(quotient).ok()?;
    match rounding {
        Rounding::Down => Some(quotient),
        Rounding::Up => {
            let whole = u128::from(quotient).checked_mul(divisor)? == product;
            quotient.checked_add(u64::from(!whole))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rounding_brackets_the_true_quotient(a: u64, b: u64, divisor in 1u64..) {
            let product = u128::from(a) * u128::from(b);
            let down = mul_div(a, b, divisor, Rounding::Down);
            let up = mul_div(a, b, divisor, Rounding::Up);
            match down {
                Some(q) => {
                    prop_assert!(u128::from(q) * u128::from(divisor) <= product);
                    prop_assert!(product - u128::from(q) * u128::from(divisor) < u128::from(divisor));
                }
                None => prop_assert!(product / u128::from(divisor) > u128::from(u64::MAX)),
            }
            if let (Some(q), Some(r)) = (down, up) {
                prop_assert_eq!(r - q, u64::from(product % u128::from(divisor) != 0));
            }
        }
    }

    #[test]
    fn a_zero_divisor_is_refused() {
        assert_eq!(mul_div(1, 1, 0, Rounding::Down), None);
        assert_eq!(mul_div(0, 0, 0, Rounding::Up), None);
    }

    #[test]
    fn rounding_up_past_the_last_integer_is_refused() {
        assert_eq!(mul_div(u64::MAX, 3, 2, Rounding::Down), None);
        let (a, b, d) = (u64::MAX, u64::MAX - 1, u64::MAX - 1);
        assert_eq!(mul_div(a, b, d, Rounding::Up), Some(u64::MAX));
        // 2^32+1 squared is 2^64 + 2^33 + 1
        assert_eq!(
            mul_div((1 << 32) + 1, (1 << 32) + 1, 2, Rounding::Up),
            Some((1 << 63) + (1 << 32) + 1)
        );
    }
}
