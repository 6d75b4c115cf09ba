namespace SmooAI.SmoothOperator;

/// <summary>Draws requestIds (REQ-CALL-01).</summary>
internal sealed class RequestIds(SmoothAgentClientOptions options)
{
    internal string Next() => options.IdGenerator?.Invoke() ?? Draw();

    /// <summary>Returns an id for what never goes out; the injected generator is not asked.</summary>
    internal string Unsent() => Draw();

    private string Draw()
    {
        Span<byte> bytes = stackalloc byte[16];
        options.RandomSource(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x40); // version 4
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80); // variant of RFC 9562
        return "req-" + new Guid(bytes, bigEndian: true).ToString("D");
    }
}
