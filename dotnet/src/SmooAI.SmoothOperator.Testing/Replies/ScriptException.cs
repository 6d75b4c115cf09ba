namespace SmooAI.SmoothOperator.Testing;

/// <summary>
/// A reply, or the document of a script, contradicts the protocol; thrown where it is written. The message names the verb
/// or the place in the document, and what is allowed there.
/// </summary>
public sealed class ScriptException : ArgumentException
{
    internal ScriptException(string message)
        : base(message)
    {
    }
}
