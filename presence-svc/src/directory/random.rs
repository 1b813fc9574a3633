//! Ids that nobody can guess.

/// `N` random bytes as `2 * N` hexadecimal digits.
///
/// # Errors
/// When the system gives no random numbers.
pub(crate) fn hex<const N: usize>() -> Result<String, getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
