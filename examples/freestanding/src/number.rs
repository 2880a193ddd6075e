//! Decimal numbers in arguments.

/// Parses a number in decimal. Returns `None` if there is no digit or anything but digits, or if the number is larger
/// than `u64::MAX`.
#[must_use]
pub fn parse(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, &digit| {
        let digit = digit.checked_sub(b'0').filter(|&digit| digit <= 9)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}
