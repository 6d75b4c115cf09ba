using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>What a handshake that was refused said (REQ-CONN-22).</summary>
internal sealed record RefusedHandshake(int Status, long? RetryAfterMs, string? Body, string? RequestId);

/// <summary>Keeps the answer of a refused handshake, which the library drops.</summary>
internal sealed class AnswerTap(HttpMessageHandler inner, TimeProvider clock) : DelegatingHandler(inner)
{
    /// <summary>The refusal that came; null for none.</summary>
    internal RefusedHandshake? Refused { get; private set; }

    /// <summary>Whether the answer agreed to an extension, though nobody offered one.</summary>
    internal bool HasExtension { get; private set; }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var answer = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (answer.StatusCode == HttpStatusCode.SwitchingProtocols)
        {
            HasExtension = answer.Headers.Contains("Sec-WebSocket-Extensions");
            return answer;
        }
        Refused = new RefusedHandshake((int)answer.StatusCode, RetryAfter(answer.Headers), null, Named(answer.Headers));
        Refused = Refused with { Body = await BodyAsync(answer, cancellationToken).ConfigureAwait(false) };
        return answer;
    }

    private static string? Named(HttpResponseHeaders headers) =>
        headers.TryGetValues("x-request-id", out var values) ? values.First() : null;

    private static async Task<string?> BodyAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        var bytes = new byte[Limits.RefusalBodyBytes];
        var count = 0;
        try
        {
            using var body = await answer.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
            count = await body.ReadAtLeastAsync(bytes, Limits.RefusalBodyBytes, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // What came before the break is kept.
        }
        return count == 0 ? null : Encoding.UTF8.GetString(bytes, 0, count);
    }

    private long? RetryAfter(HttpResponseHeaders headers)
    {
        if (headers.RetryAfter?.Delta is { } delta)
        {
            return (long)delta.TotalMilliseconds;
        }
        if (headers.RetryAfter?.Date is { } date)
        {
            return Math.Max(0, (long)(date - clock.GetUtcNow()).TotalMilliseconds);
        }
        var given = headers.TryGetValues("Retry-After", out var values) ? values.First() : null;
        return long.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds < long.MaxValue / 1000
            ? seconds * 1000
            : null;
    }
}
