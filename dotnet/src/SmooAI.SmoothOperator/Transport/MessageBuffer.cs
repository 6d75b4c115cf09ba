namespace SmooAI.SmoothOperator;

/// <summary>Joins the parts of one message; a message in one part costs one copy.</summary>
internal sealed class MessageBuffer
{
    private byte[] _bytes = [];

    internal int Length { get; private set; }

    internal ReadOnlyMemory<byte> Bytes => _bytes.AsMemory(0, Length);

    internal void Add(ReadOnlySpan<byte> part, bool last)
    {
        var needed = Length + part.Length;
        if (_bytes.Length < needed)
        {
            // The last part ends the growth: no byte more than the message has.
            Array.Resize(ref _bytes, last ? needed : Math.Max(needed, _bytes.Length * 2));
        }
        part.CopyTo(_bytes.AsSpan(Length));
        Length = needed;
    }
}
