using System.Buffers;

namespace SmooAI.SmoothOperator;

/// <summary>What may be a header of the handshake (REQ-CONN-20). Messages name the option, never a value.</summary>
internal static class HeaderRules
{
    private const string OwnPrefix = "Sec-WebSocket-";

    private static readonly SearchValues<char> TokenSigns = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    private static readonly SearchValues<char> Breaks = SearchValues.Create("\r\n\0");

    /// <summary>Headers that belong to the connection; an option must not set them.</summary>
    private static readonly HashSet<string> Reserved = new(StringComparer.OrdinalIgnoreCase)
    {
        "Host", "Content-Length", "Connection", "Upgrade", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding",
        "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization",
    };

    /// <summary>Returns the headers of an attempt.</summary>
    internal static IReadOnlyDictionary<string, string> Of(SmoothAgentClientOptions options, string? token)
    {
        var headers = new Dictionary<string, string>(
            options.Headers ?? new Dictionary<string, string>(), StringComparer.OrdinalIgnoreCase);
        if (options.Origin is not null)
        {
            headers["Origin"] = options.Origin;
        }
        if (token is not null && options.TokenIn == TokenPlace.Header)
        {
            headers["Authorization"] = $"Bearer {token}";
        }
        return headers;
    }

    /// <exception cref="ArgumentException">A name is no token or reserved, or a value holds a line break or NUL.</exception>
    internal static void Check(IReadOnlyDictionary<string, string>? headers, string option)
    {
        foreach (var (name, value) in headers ?? new Dictionary<string, string>())
        {
            if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(TokenSigns))
            {
                throw new ArgumentException($"{option}: the name of a header is not a token of RFC 9110.", option);
            }
            if (Reserved.Contains(name) || name.StartsWith(OwnPrefix, StringComparison.OrdinalIgnoreCase))
            {
                throw new ArgumentException($"{option}: '{name}' belongs to the connection and cannot be set.", option);
            }
            CheckValue(value, option);
        }
    }

    /// <exception cref="ArgumentException">The value holds a line break or NUL, or is missing.</exception>
    internal static void CheckValue(string? value, string option)
    {
        if (value is null || value.AsSpan().ContainsAny(Breaks))
        {
            throw new ArgumentException($"{option}: a value of a header is missing or holds CR, LF or NUL.", option);
        }
    }
}
