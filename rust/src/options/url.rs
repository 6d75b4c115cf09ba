//! Where to connect to: checked when the client is built, completed before every attempt.

use std::net::Ipv6Addr;

/// A `ws:` or `wss:` URL, taken apart. The fragment is dropped, the query kept.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    authority: String,
    path: String,
    query: Option<String>,
}

impl Target {
    /// Takes a URL apart; the error names the option and does not repeat the URL (REQ-CONN-19).
    pub(crate) fn parse(url: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = url.split_once("://").ok_or("url has no scheme")?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "ws" => false,
            "wss" => true,
            _ => return Err("url must begin with ws:// or wss://"),
        };
        if url
            .chars()
            .any(|it| it.is_control() || it.is_whitespace() || it == '\\')
        {
            return Err("url must hold no space, no control character and no backslash");
        }
        let rest = rest.split_once('#').map_or(rest, |(kept, _)| kept);
        let (place, query) = rest
            .split_once('?')
            .map_or((rest, None), |(place, query)| (place, Some(query)));
        let (authority, path) = place
            .find('/')
            .map_or((place, "/"), |at| place.split_at(at));
        if authority.contains('@') {
            return Err("url must carry no user name and no password");
        }
        let (host, port) = split_port(authority, if tls { 443 } else { 80 })?;
        Ok(Self {
            tls,
            host: host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
            port,
            authority: authority.to_owned(),
            path: carried(path),
            query: query.map(carried),
        })
    }

    /// Host and port, for texts.
    pub(crate) fn place(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// The URL of one attempt. A token takes the place of every `token` pair of the query and
    /// stands last (REQ-CONN-10).
    pub(crate) fn uri(&self, token: Option<&str>) -> String {
        let scheme = if self.tls { "wss" } else { "ws" };
        let mut uri = format!("{scheme}://{}{}", self.authority, self.path);
        let kept = self.query.as_deref().map(|query| match token {
            None => query.to_owned(),
            Some(_) => query
                .split('&')
                .filter(|pair| pair.split('=').next() != Some("token"))
                .collect::<Vec<_>>()
                .join("&"),
        });
        let token = token.map(|token| format!("token={}", percent_encoded(token)));
        let parts: Vec<String> = [kept, token]
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
            .collect();
        if !parts.is_empty() {
            uri.push('?');
            uri.push_str(&parts.join("&"));
        }
        uri
    }
}

fn split_port(authority: &str, default: u16) -> Result<(&str, u16), &'static str> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (
            host,
            Some(port)
                .filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|port| port.parse().ok())
                .ok_or("url has a port that is no number up to 65535")?,
        ),
        _ => (authority, default),
    };
    let inside = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let valid = match inside {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(named),
    };
    valid
        .then_some((host, port))
        .ok_or("url has no valid host: a name in ASCII letters, or an address")
}

/// A path or query as it travels: what is not ASCII, or what no URL may hold, percent-encoded.
fn carried(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>`{}|^".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Everything but the unreserved characters of RFC 3986 as %XX.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::Target;

    fn uri(url: &str, token: Option<&str>) -> String {
        Target::parse(url).expect("a good URL").uri(token)
    }

    #[test]
    fn req_conn_10_the_query_is_kept_and_the_fragment_dropped() {
        assert_eq!(uri("ws://h:1/ws?a=1&b#frag", None), "ws://h:1/ws?a=1&b");
        assert_eq!(uri("ws://h:1/ws?token=old", None), "ws://h:1/ws?token=old");
        assert_eq!(uri("ws://h", None), "ws://h/");
    }

    #[test]
    fn req_conn_10_a_token_replaces_every_old_one_and_stands_last_percent_encoded() {
        assert_eq!(
            uri("ws://h/ws?token=x&a=1&token=y", Some("n w")),
            "ws://h/ws?a=1&token=n%20w"
        );
        assert_eq!(
            uri("ws://h/ws?token=x", Some("a+/=é&~")),
            "ws://h/ws?token=a%2B%2F%3D%C3%A9%26~"
        );
        assert_eq!(
            uri("ws://h/ws?tokens=1", Some("t")),
            "ws://h/ws?tokens=1&token=t"
        );
    }

    #[test]
    fn req_conn_01_urls_that_are_no_web_socket_urls_are_refused() {
        for url in [
            "http://h",
            "h:1",
            "",
            "ws://",
            "ws://h:99999",
            "ws://u:p@h",
            "ws://h/ a",
            "ws://:1",
            "ws://h:+80",
            "ws://h:",
            "ws://h\\x",
            "ws://h/\r\nX-Evil: 1",
            "ws://h/?a=\u{0}",
            "ws://h/\u{a0}",
            "ws://é.example/",
            "ws://[::1/",
            "ws://[zz]/",
        ] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn req_conn_19_what_is_not_ascii_travels_percent_encoded() {
        assert_eq!(
            uri("ws://h/é?q=é€#é", None),
            "ws://h/%C3%A9?q=%C3%A9%E2%82%AC"
        );
        assert_eq!(uri("ws://h/%C3%A9?q=a%20b", None), "ws://h/%C3%A9?q=a%20b");
        assert_eq!(
            uri("ws://h/{a}?q=\"<>|^`", None),
            "ws://h/%7Ba%7D?q=%22%3C%3E%7C%5E%60"
        );
    }

    #[test]
    fn ipv6_hosts_lose_their_brackets_where_they_are_looked_up() {
        let target = Target::parse("wss://[::1]:9/x").expect("a good URL");
        assert_eq!(
            (target.host.as_str(), target.port, target.tls),
            ("::1", 9, true)
        );
        assert_eq!(
            Target::parse("wss://[::1]/x").expect("a good URL").port,
            443
        );
    }
}
