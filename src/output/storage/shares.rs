//! Shares in percent.

use std::cmp::Reverse;

/// Returns the shares of parts in their sum, in percent with one decimal, in the order of the parts.
///
/// They add up to 100.0: the remainder of rounding down is given to the parts that lost most by it
/// (largest remainder method). `None` if the sum is zero.
pub(super) fn shares(parts: &[u64]) -> Vec<Option<f64>> {
    let whole: u128 = parts.iter().map(|part| u128::from(*part)).sum();
    if whole == 0 {
        return vec![None; parts.len()];
    }
    let mut tenths = Vec::new();
    let mut by_loss = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        // 64 bits times a thousand fit in 128 bits.
        let scaled = u128::from(*part) * 1000;
        tenths.push(scaled / whole);
        by_loss.push((Reverse(scaled % whole), index));
    }
    by_loss.sort_unstable();
    let left = 1000_u128.saturating_sub(tenths.iter().sum());
    let left = usize::try_from(left).unwrap_or_default();
    for (_, index) in by_loss.into_iter().take(left) {
        if let Some(tenths) = tenths.get_mut(index) {
            *tenths += 1;
        }
    }
    tenths.into_iter().map(percent).collect()
}

fn percent(tenths: u128) -> Option<f64> {
    Some(f64::from(u32::try_from(tenths).ok()?) / 10.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn thirds_add_up() {
        assert_eq!(shares(&[1, 1, 1]), [Some(33.4), Some(33.3), Some(33.3)]);
        assert_eq!(shares(&[u64::MAX, 0]), [Some(100.0), Some(0.0)]);
        assert_eq!(shares(&[0, 0]), [None, None]);
        assert_eq!(shares(&[]), []);
    }

    proptest! {
        #[test]
        #[expect(clippy::cast_precision_loss, reason = "a tenth of a percent is compared")]
        fn shares_add_up_and_are_near_the_exact_ones(
            parts in prop::collection::vec(0_u64..1_000_000, 1..200),
        ) {
            let whole: u64 = parts.iter().sum();
            prop_assume!(whole > 0);

            let shares: Vec<f64> = shares(&parts).into_iter().map(|share| share.unwrap()).collect();

            let tenths: f64 = shares.iter().map(|share| (share * 10.0).round()).sum();
            prop_assert!((tenths - 1000.0).abs() < 0.5);
            for (share, part) in shares.iter().zip(&parts) {
                prop_assert!((share - *part as f64 * 100.0 / whole as f64).abs() < 0.1001);
            }
        }
    }
}
