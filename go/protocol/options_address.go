package protocol

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// Headers that belong to the handshake itself or to the hop; those that begin with Sec-WebSocket- do
// as well.
var handshakeHeaders = map[string]bool{
	"host": true, "content-length": true, "connection": true, "upgrade": true, "keep-alive": true, "te": true,
	"trailer": true, "transfer-encoding": true, "proxy-connection": true, "proxy-authenticate": true,
	"proxy-authorization": true,
}

// checkURL refuses what is no address of a WebSocket, or could be read as more than one (REQ-CONN-19).
func checkURL(text string) error {
	if text == "" {
		return invalidArgument("Options.URL is missing")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f && r < 0xa0 }) {
		return invalidArgument("Options.URL must not hold a space, a control character or a backslash")
	}
	if !utf8.ValidString(text) {
		return invalidArgument("Options.URL must be UTF-8")
	}
	u, err := url.Parse(address(text, ""))
	switch {
	case err != nil || u.Scheme != "ws" && u.Scheme != "wss" || u.Hostname() == "":
		return invalidArgument("Options.URL must be ws://host… or wss://host…")
	case u.User != nil:
		return invalidArgument("Options.URL must not hold a user name or password")
	case !isASCII(u.Host):
		return invalidArgument("Options.URL must name its host in ASCII")
	}
	return nil
}

// checkHeaders refuses names and values that would be more than one header, and those that the
// handshake sets itself (REQ-CONN-20).
func (o *Options) checkHeaders() error {
	for name, values := range o.Header {
		lower := strings.ToLower(name)
		switch {
		case !isHeaderName(name):
			return invalidArgument("Options.Header holds a name that is no token of RFC 9110")
		case handshakeHeaders[lower] || strings.HasPrefix(lower, "sec-websocket-"):
			return invalidArgument("Options.Header must not hold " + name)
		}
		for _, value := range values {
			if !isHeaderValue(value) {
				return invalidArgument("Options.Header holds CR, LF or NUL in the value of " + name)
			}
		}
	}
	if !isHeaderValue(o.Origin) {
		return invalidArgument("Options.Origin must not hold CR, LF or NUL")
	}
	return o.checkToken("Options.Token", o.Token)
}

// checkToken refuses a token that could not travel; what names where it comes from.
func (o *Options) checkToken(what, token string) error {
	if o.TokenIn == TokenInHeader && !isHeaderValue(token) {
		return invalidArgument(what + " must not hold CR, LF or NUL when it travels in a header")
	}
	return nil
}

func isHeaderName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

func isHeaderValue(value string) bool { return !strings.ContainsAny(value, "\r\n\x00") }

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 })
}

// safeURL returns a URL without user, query and fragment.
func safeURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "invalid URL"
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// hostOf returns host and port of a URL, for texts.
func hostOf(text string) string {
	u, err := url.Parse(address(text, ""))
	if err != nil {
		return ""
	}
	if u.Port() != "" {
		return u.Host
	}
	return u.Host + map[string]string{"ws": ":80", "wss": ":443"}[u.Scheme]
}

// address returns the URL to dial: without fragment, what is not ASCII behind the host
// percent-encoded, and with the token, if there is one, as the only and last pair of that name.
// Everything else of the query stays as written (REQ-CONN-10, REQ-CONN-19).
func address(text, token string) string {
	text, _, _ = strings.Cut(text, "#")
	scheme, rest, _ := strings.Cut(text, "://")
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		text = scheme + "://" + rest[:end] + percentEncode(rest[end:], func(c byte) bool { return c < 0x80 })
	}
	if token == "" {
		return text
	}
	base, query, _ := strings.Cut(text, "?")
	pairs := strings.Split(query, "&")
	kept := pairs[:0]
	for _, pair := range pairs {
		name, _, _ := strings.Cut(pair, "=")
		if pair != "" && name != "token" {
			kept = append(kept, pair)
		}
	}
	kept = append(kept, "token="+percentEncode(token, isUnreserved))
	return base + "?" + strings.Join(kept, "&")
}

// isUnreserved reports whether RFC 3986 lets a byte stand for itself everywhere.
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// percentEncode escapes the bytes that do not stand for themselves.
func percentEncode(text string, plain func(byte) bool) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(text) {
		if c := text[i]; plain(c) {
			out.WriteByte(c)
		} else {
			out.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return out.String()
}
