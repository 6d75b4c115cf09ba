namespace Wire;

/// <summary>
/// Decodes the frames of one link, which it may read from memory that is used again. Remembers the forms of streamed
/// frames; without that, or for any other frame, it is <see cref="WireCodec"/>. Used by one thread at a time.
/// </summary>
internal sealed class FrameReader(bool learns)
{
    private const int MostForms = 4;
    private const int ShelfBytes = 8 * 1024;

    private readonly LearnedFrame?[] _forms = new LearnedFrame?[MostForms];
    private readonly IdMemory _ids = new();
    private int _next;
    private int _last;
    private uint _unlearned;
    private Memory<byte> _shelf;

    /// <summary>Decodes one frame; its bytes are copied where an event keeps them.</summary>
    internal DecodedFrame Decode(ReadOnlySpan<byte> frame)
    {
        if (learns && Known(frame) is { } streamed)
        {
            streamed.Received = Shelved(frame);
            return new(streamed, false);
        }
        var decoded = WireCodec.Decode((ReadOnlyMemory<byte>)frame.ToArray());
        if (learns && decoded.Event is { } received && StreamTable.Find(received) is { } kind)
        {
            Learn(kind, received, frame);
        }
        return decoded;
    }

    private ServerEvent? Known(ReadOnlySpan<byte> frame)
    {
        for (var tried = 0; tried < MostForms; tried++)
        {
            var index = (_last + tried) % MostForms;
            if (_forms[index]?.Read(frame, _ids) is { } known)
            {
                _last = index;
                return known;
            }
        }
        return null;
    }

    /// <summary>Learns less and less often from a peer whose frames are never alike.</summary>
    private void Learn(StreamKind kind, ServerEvent received, ReadOnlySpan<byte> frame)
    {
        var turn = ++_unlearned;
        if ((turn <= MostForms || uint.IsPow2(turn)) && LearnedFrame.Learn(kind, received, frame) is { } form)
        {
            _last = _next;
            _forms[_next] = form;
            _next = (_next + 1) % MostForms;
        }
    }

    /// <summary>Copies a frame to where it can stay; small ones share an array.</summary>
    private ReadOnlyMemory<byte> Shelved(ReadOnlySpan<byte> frame)
    {
        if (frame.Length > ShelfBytes / 4)
        {
            return frame.ToArray();
        }
        if (_shelf.Length < frame.Length)
        {
            _shelf = new byte[ShelfBytes];
        }
        var kept = _shelf[..frame.Length];
        _shelf = _shelf[frame.Length..];
        frame.CopyTo(kept.Span);
        return kept;
    }
}
