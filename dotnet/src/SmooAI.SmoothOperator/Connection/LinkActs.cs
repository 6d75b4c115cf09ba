using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>
/// Takes note of what the table of the connection asks for. The rows of a client that reconnects do not fire while the
/// fact <c>autoReconnect</c> is not known, so their effects ask for nothing.
/// </summary>
internal sealed class LinkActs : IConnectionActs
{
    /// <summary>Whether the state is told to the listeners.</summary>
    internal bool IsTold { get; private set; }

    /// <summary>The code of the close frame to send; null for none.</summary>
    internal int? CloseCode { get; private set; }

    public void State(LinkState linkState) => IsTold = true;

    public void Close(int closeCode) => CloseCode = closeCode;

    public void Fail(Ending ending)
    {
    }

    public void Schedule(StepTimer timer)
    {
    }

    public void Attempt(Which which)
    {
    }

    public void RenewToken()
    {
    }

    public void Probe()
    {
    }
}
