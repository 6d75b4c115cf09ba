using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>Carries out what the table of the connection asks for in one step. Guarded by the gate.</summary>
/// <param name="link">Whose step it is.</param>
/// <param name="seeking">Its attempts.</param>
/// <param name="news">What the state event of the step says, as far as it is known.</param>
/// <param name="outlook">What the event says about another attempt.</param>
internal sealed class LinkActs(Supervisor link, Seeking seeking, StateChange news, Outlook outlook) : IConnectionActs
{
    /// <summary>What the state event of the step says.</summary>
    internal StateChange News { get; private set; } = news;

    /// <summary>Whether the socket was closed by the step.</summary>
    internal bool IsClosing { get; private set; }

    public void State(LinkState linkState)
    {
        News = News with { Current = link.State };
        link.Tell(News);
    }

    public void Close(int closeCode)
    {
        IsClosing = true;
        News = News with { Code = closeCode };
        link.CloseSocket(closeCode);
    }

    public void Fail(Ending ending)
    {
        if (ending == Ending.ReconnectExhausted)
        {
            News = News with { Error = link.Exhausted(News.Error ?? seeking.Error) };
        }
    }

    public void Schedule(StepTimer timer) =>
        News = News with { Attempt = seeking.Number, RetryIn = seeking.Schedule(outlook) };

    public void RenewToken()
    {
        seeking.Renew();
        News = News with { Attempt = seeking.Number, RetryIn = TimeSpan.Zero };
    }

    public void Attempt(Which which)
    {
        if (which == Which.Reset)
        {
            seeking.BeginAnew();
        }
        else if (!link.IsAttempting)
        {
            seeking.Attempt();
        }
    }

    public void Ping() => link.Ping(probes: false);

    public void Probe() => link.Ping(probes: true);
}
