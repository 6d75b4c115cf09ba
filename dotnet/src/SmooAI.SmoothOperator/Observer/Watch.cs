namespace SmooAI.SmoothOperator;

/// <summary>Tells an observer, later and in order, and keeps what it throws from the client. Without one it does nothing.</summary>
internal sealed class Watch(Observer? observer, Dispatcher dispatcher, Log log)
{
    private bool _blamed;

    /// <summary>Whether anybody is told.</summary>
    internal bool IsOn => observer is not null;

    internal void Attempt(string host, Exception? error) => Tell(it => it.Attempt(host, error));

    internal void Call(string action, string requestId, Exception? error) => Tell(it => it.Call(action, requestId, error));

    internal void TurnStarted(string requestId, string sessionId) => Tell(it => it.TurnStarted(requestId, sessionId));

    internal void FirstToken(string requestId) => Tell(it => it.FirstToken(requestId));

    internal void Question(string requestId, QuestionKind kind) => Tell(it => it.Question(requestId, kind));

    internal void TurnSettled(string requestId, TurnOutcome outcome, Exception? error) =>
        Tell(it => it.TurnSettled(requestId, outcome, error));

    private void Tell(Action<Observer> hook)
    {
        if (observer is not null)
        {
            dispatcher.Post(() => Run(observer, hook));
        }
    }

    private void Run(Observer told, Action<Observer> hook)
    {
        try
        {
            hook(told);
        }
        catch (Exception fault)
        {
            if (!_blamed) // the dispatcher runs one hook at a time
            {
                _blamed = true;
                log.Warning("The observer threw.", fault);
            }
        }
    }
}
