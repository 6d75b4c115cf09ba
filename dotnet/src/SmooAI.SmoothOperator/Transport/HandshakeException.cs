namespace SmooAI.SmoothOperator;

/// <summary>The handshake did not succeed; <c>Refused</c> is the answer where there was one.</summary>
internal sealed class HandshakeException(RefusedHandshake? refused, Exception cause) : Exception("The handshake failed.", cause)
{
    internal RefusedHandshake? Refused { get; } = refused;
}
