//! Which headers an option may add to the handshake (REQ-CONN-20).

/// Names that belong to the handshake itself, or to one hop of it.
const REFUSED: [&str; 11] = [
    "host",
    "content-length",
    "connection",
    "upgrade",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
];

/// Whether a name may be that of a header option; the error does not repeat it.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return Err("headers: a name must be a token of RFC 9110");
    }
    let lower = name.to_ascii_lowercase();
    if REFUSED.contains(&lower.as_str()) || lower.starts_with("sec-websocket-") {
        return Err("headers: this name belongs to the handshake itself");
    }
    Ok(())
}

/// Whether a text may be the value of a header.
pub(crate) fn is_value(value: &str) -> bool {
    value
        .bytes()
        .all(|byte| byte == b'\t' || (0x20..0x7f).contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::{check_name, is_value};

    #[test]
    fn req_conn_20_names_are_tokens_and_not_the_handshakes_own() {
        for name in ["x-key", "Authorization", "Cookie", "a!#$%&'*+-.^_`|~1"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        let evil = [
            "",
            "a b",
            "a:",
            "a\r\nb",
            "é",
            "a\0",
            "HOST",
            "Sec-WebSocket-Key",
            "te",
        ];
        for name in evil.iter().chain(&super::REFUSED) {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn req_conn_20_values_hold_no_line_break_and_no_nul() {
        assert!(is_value("Bearer a b\t~") && is_value(""));
        for value in ["a\nb", "a\r", "\0", "\u{7f}", "é"] {
            assert!(!is_value(value), "{value:?}");
        }
    }
}
