//! Parts of a whole, in percent.

/// The shares of parts in their sum, in percent with one decimal, in the order of the parts.
///
/// They add up to 100.0: what rounding down leaves goes to those that lost most by it (the method of
/// the largest remainder). `None` where the sum is nothing.
pub(super) fn shares(parts: &[u64]) -> Vec<Option<f64>> {
    let whole: u128 = parts.iter().map(|part| u128::from(*part)).sum();
    if whole == 0 {
        return vec![None; parts.len()];
    }
    // A part and a whole of all of them: 64 bits, times a thousand, fit 128.
    let scaled = |part: &u64| u128::from(*part) * 1000;
    let mut tenths: Vec<u128> = parts.iter().map(|part| scaled(part) / whole).collect();
    let mut by_loss: Vec<_> =
        parts.iter().map(|part| scaled(part) % whole).zip(&mut tenths).collect();
    by_loss.sort_by_key(|(loss, _)| std::cmp::Reverse(*loss));
    let left = 1000_u128.saturating_sub(by_loss.iter().map(|(_, tenths)| **tenths).sum());
    for (_, tenths) in by_loss.into_iter().take(usize::try_from(left).unwrap_or_default()) {
        *tenths += 1;
    }
    let percent = |tenths: u128| Some(f64::from(u32::try_from(tenths).ok()?) / 10.0);
    tenths.into_iter().map(percent).collect()
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
