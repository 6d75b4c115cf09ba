namespace SmooAI.SmoothOperator;

/// <summary>Builds the address of an attempt from the option and the token (REQ-CONN-10).</summary>
internal static class Endpoint
{
    private static readonly UriCreationOptions Verbatim = new() { DangerousDisablePathAndQueryCanonicalization = true };

    /// <exception cref="ArgumentException">Not an absolute URL of the schemes ws and wss.</exception>
    internal static void Check(string? url)
    {
        if (string.IsNullOrEmpty(url) || !Uri.TryCreate(url, UriKind.Absolute, out var parsed)
            || parsed.Scheme is not ("ws" or "wss") || parsed.Host.Length == 0)
        {
            // The URL itself stays out of the text: its query may hold a token.
            throw new ArgumentException("Url must be an absolute ws: or wss: URL.", nameof(url));
        }
    }

    /// <summary>Returns the address: the query as it was, without its tokens, and with the given one last.</summary>
    internal static Uri Build(string url, string? token, TokenPlace place)
    {
        var text = url.Split('#', 2)[0];
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
