namespace SmooAI.SmoothOperator;

public partial class TurnInterruptedException
{
    /// <summary>Whether the message had been handed to the socket: if so, the server may have acted on it.</summary>
    public bool Sent => Facts.Sent;
}
