namespace SmooAI.SmoothOperator;

/// <remarks>
/// Of a turn that was suspended, <see cref="SmoothAgentException.Details"/> hold what the server said of it:
/// <see cref="ErrorDetails.State"/> or <see cref="ErrorDetails.Code"/>.
/// </remarks>
public partial class TurnInterruptedException
{
    /// <summary>Whether the message had been handed to the socket: if so, the server may have acted on it.</summary>
    public bool Sent => Facts.Sent;

    /// <summary>Asks what became of the message, as <see cref="ITurn.RecoverAsync"/> (REQ-TURN-30).</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="SmoothAgentException">Nobody could be asked.</exception>
    public Task<Recovery> RecoverAsync(CancellationToken cancellationToken = default) => Facts.Recover!(cancellationToken);
}
