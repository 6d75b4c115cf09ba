//! Ids of actions and numbers of chance, from a cryptographic source or from the caller's own.

use std::fmt::Write as _;

use crate::errors::Error;

/// Draws ids of actions; called once for every action that needs a new one.
pub(crate) type IdSource = dyn Fn() -> String + Send + Sync;

/// Draws `req-` and a lower-case hyphenated UUIDv4 (REQ-CALL-01).
///
/// # Errors
/// The operating system has no random bytes to give.
pub(crate) fn draw() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|_| Error::argument("the system gave no random bytes for a requestId"))?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40; // version 4
    bytes[8] = (bytes[8] & 0x3f) | 0x80; // variant of RFC 9562
    let mut id = String::with_capacity(40);
    id.push_str("req-");
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        let _ = write!(id, "{byte:02x}");
    }
    Ok(id)
}

/// Draws a number from 0 up to, but not including, 1. Where the system has no random bytes to give
/// it is the middle: a wait needs no secret.
pub(crate) fn number() -> f64 {
    let mut bytes = [0_u8; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0),
        Err(_) => 0.5,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn req_conn_31_numbers_of_chance_lie_from_0_up_to_1() {
        let drawn: Vec<f64> = std::iter::repeat_with(super::number).take(1_000).collect();
        assert!(drawn.iter().all(|it| (0.0..1.0).contains(it)));
        assert!(drawn.iter().any(|it| *it < 0.5) && drawn.iter().any(|it| *it >= 0.5));
    }

    #[test]
    fn req_call_01_ids_are_lower_case_version_4_and_differ() {
        let (one, two) = (
            super::draw().expect("random"),
            super::draw().expect("random"),
        );
        assert_ne!(one, two);
        let uuid = one.strip_prefix("req-").expect("prefix");
        let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert!(
            uuid.chars()
                .all(|c| c == '-' || c.is_ascii_digit() || ('a'..='f').contains(&c))
        );
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]));
    }
}
