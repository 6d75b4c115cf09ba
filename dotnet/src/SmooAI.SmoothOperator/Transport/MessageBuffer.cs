namespace SmooAI.SmoothOperator;

/// <summary>Holds the message that is read now, in memory that the next one uses again.</summary>
internal sealed class MessageBuffer
{
    private const int UsualBytes = 16 * 1024;

    private byte[] _bytes = new byte[UsualBytes];
    private int _length;

    /// <summary>Bytes of the message so far.</summary>
    internal int Length => _length;

    /// <summary>The message so far.</summary>
    internal ReadOnlyMemory<byte> Message => _bytes.AsMemory(0, _length);

    /// <summary>What follows the message so far; zeros but for what a failed read left there.</summary>
    internal ReadOnlySpan<byte> Rest => _bytes.AsSpan(_length);

    /// <summary>Returns room for the next part.</summary>
    internal Memory<byte> Room()
    {
        if (_length == _bytes.Length)
        {
            Array.Resize(ref _bytes, _length * 2);
        }
        return _bytes.AsMemory(_length);
    }

    /// <summary>A part of so many bytes came.</summary>
    internal void Grow(int count) => _length += count;

    /// <summary>Forgets the message, and the memory of a large one.</summary>
    internal void Clear()
    {
        if (_bytes.Length > UsualBytes)
        {
            _bytes = new byte[UsualBytes];
        }
        else
        {
            Array.Clear(_bytes, 0, _length);
        }
        _length = 0;
    }
}
