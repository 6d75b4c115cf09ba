namespace SmooAI.SmoothOperator.Testing;

/// <summary>A file is no cassette that this kit reads; the message names file and line.</summary>
public sealed class CassetteException : FormatException
{
    internal CassetteException(string message)
        : base(message)
    {
    }
}
