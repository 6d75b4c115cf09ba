//! Where to connect to: checked when the client is built, completed before every attempt.

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
    /// Takes a URL apart; the error says what is wrong without repeating the URL.
    pub(crate) fn parse(url: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = url.split_once("://").ok_or("the URL has no scheme")?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "ws" => false,
            "wss" => true,
            _ => return Err("the URL must begin with ws:// or wss://"),
        };
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the URL has characters that must be percent-encoded");
        }
        let rest = rest.split_once('#').map_or(rest, |(kept, _)| kept);
        let (place, query) = rest
            .split_once('?')
            .map_or((rest, None), |(place, query)| (place, Some(query)));
        let (authority, path) = place
            .find('/')
            .map_or((place, "/"), |at| place.split_at(at));
        if authority.contains('@') {
            return Err("the URL must not carry credentials");
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
            path: path.to_owned(),
            query: query.map(str::to_owned),
        })
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
            port.parse()
                .map_err(|_| "the URL's port is no number up to 65535")?,
        ),
        _ => (authority, default),
    };
    if host.is_empty() || (host.contains(':') && !(host.starts_with('[') && host.ends_with(']'))) {
        return Err("the URL has no valid host");
    }
    Ok((host, port))
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
        ] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
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
