using System.Text;

namespace SmooAI.SmoothOperator;

/// <summary>Builds the address of an attempt from the option and the token (REQ-CONN-10, REQ-CONN-19).</summary>
internal static class Endpoint
{
    private static readonly UriCreationOptions Verbatim = new() { DangerousDisablePathAndQueryCanonicalization = true };

    /// <exception cref="ArgumentException">Not an absolute URL of the schemes ws and wss, or one that holds more than it may.</exception>
    internal static void Check(string? url)
    {
        // The URL itself stays out of every text: its query may hold a token.
        if (string.IsNullOrEmpty(url) || !Uri.TryCreate(url, UriKind.Absolute, out var parsed)
            || parsed.Scheme is not ("ws" or "wss") || parsed.Host.Length == 0)
        {
            throw Refused("must be an absolute ws: or wss: URL");
        }
        if (url.AsSpan().ContainsAnyInRange('\0', ' ') || url.AsSpan().ContainsAny('\u007f', '\\') || url.Any(char.IsControl))
        {
            throw Refused("holds a space, a control character or a backslash");
        }
        var authority = Authority(url);
        if (authority.Contains('@', StringComparison.Ordinal))
        {
            throw Refused("holds a user name or password");
        }
        if (!Ascii.IsValid(authority))
        {
            throw Refused("has a host name that is not ASCII");
        }
        if (HasHalfPair(url))
        {
            throw Refused("holds half of a surrogate pair");
        }
    }

    /// <summary>Returns the address: the query as it was, without its tokens, and with the given one last.</summary>
    internal static Uri Build(string url, string? token, TokenPlace place)
    {
        var text = Escaped(url.Split('#', 2)[0]);
        if (token is not null)
        {
            text = WithoutTokens(text);
            if (place == TokenPlace.Query)
            {
                text += (text.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "token=" + Uri.EscapeDataString(token);
            }
        }
        return new Uri(text, in Verbatim);
    }

    /// <summary>Returns host and port, which an error may name.</summary>
    internal static string HostOf(string url) => Authority(url);

    private static ArgumentException Refused(string why) =>
        new($"{nameof(SmoothAgentClientOptions.Url)} {why}.", nameof(SmoothAgentClientOptions.Url));

    private static string Authority(string url)
    {
        var from = url.IndexOf("//", StringComparison.Ordinal) + 2;
        var length = url.AsSpan(from).IndexOfAny('/', '?', '#');
        return length < 0 ? url[from..] : url.Substring(from, length);
    }

    private static bool HasHalfPair(string text)
    {
        for (var at = 0; at < text.Length; at++)
        {
            if (char.IsHighSurrogate(text[at]) && at + 1 < text.Length && char.IsLowSurrogate(text[at + 1]))
            {
                at++;
            }
            else if (char.IsSurrogate(text[at]))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Percent-encodes what is not ASCII as UTF-8 and leaves the rest alone.</summary>
    private static string Escaped(string text)
    {
        if (Ascii.IsValid(text))
        {
            return text;
        }
        var escaped = new StringBuilder(text.Length * 2);
        foreach (var rune in text.EnumerateRunes())
        {
            escaped.Append(rune.IsAscii ? rune.ToString() : Uri.EscapeDataString(rune.ToString()));
        }
        return escaped.ToString();
    }

    private static string WithoutTokens(string text)
    {
        var parts = text.Split('?', 2);
        if (parts.Length < 2)
        {
            return text;
        }
        var kept = parts[1].Split('&').Where(pair => pair.Length > 0 && Name(pair) != "token").ToArray();
        return kept.Length == 0 ? parts[0] : parts[0] + "?" + string.Join('&', kept);
    }

    private static string Name(string pair) => Uri.UnescapeDataString(pair.Split('=', 2)[0]);
}
