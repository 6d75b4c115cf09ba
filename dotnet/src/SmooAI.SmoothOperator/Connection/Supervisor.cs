using System.Collections.Immutable;
using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>
/// Owns the link of a client: its state, one attempt at a time, the frames that wait for it, the close. Decides by the
/// table alone.
/// </summary>
internal sealed class Supervisor(ClientContext context, ILinkListener listener, Listeners<StateChange> states, FrameTap tap)
{
    private readonly Outbox _outbox = new();
    private ImmutableList<Task> _running = [];
    private string _state = StepMachines.Connection.Initial;
    private Attempt? _attempt;
    private Link? _link;

    internal ConnectionState State => States.Connection(_state);

    internal FrameTap Tap { get; } = tap;

    /// <summary>Whether an action can be queued now, at once or behind the attempt that runs.</summary>
    internal bool TakesActions => _link is not null || _attempt is not null;

    /// <summary>Opens the link or joins the attempt that runs (REQ-CONN-03).</summary>
    internal Task ConnectAsync()
    {
        using (context.Gate.Enter())
        {
            if (_link is not null)
            {
                return Task.CompletedTask;
            }
            _attempt ??= Begin();
            return _attempt.Opened;
        }
    }

    /// <summary>Queues a frame behind those of earlier calls; called inside the gate.</summary>
    internal void Submit(Outgoing frame) => _outbox.Put(frame);

    /// <summary>The socket has a frame.</summary>
    internal void Flushed(Outgoing frame)
    {
        using (context.Gate.Enter())
        {
            _outbox.Flushed(frame);
        }
    }

    /// <summary>Closes; returns once nothing of the client runs any more (REQ-CONN-05). Never fails.</summary>
    internal async Task CloseAsync()
    {
        var inListener = context.Dispatcher.IsCurrent;
        using (context.Gate.Enter())
        {
            if (_link is { } link)
            {
                End(link, new(LocalEvent.Close, null));
            }
            else if (_attempt is { } attempt)
            {
                GiveUp(attempt);
            }
        }
        var ending = Task.WhenAll(_running);
        await (inListener ? ending : WithinLimitAsync(Task.WhenAll(ending, context.Dispatcher.WhenIdle()), ending))
            .ConfigureAwait(false);
    }

    /// <summary>A well-formed frame came; what comes after the end of the link is dropped.</summary>
    internal void Receive(Link link, in DecodedFrame frame)
    {
        using (context.Gate.Enter())
        {
            if (_link == link)
            {
                link.MalformedInARow = 0;
                if (Tap.IsWanted)
                {
                    Tap.Show(frame.Event!);
                }
                listener.OnEvent(frame);
            }
        }
    }

    /// <summary>The socket has nothing more for now.</summary>
    internal void Rest()
    {
        using (context.Gate.Enter())
        {
            listener.OnRest();
        }
    }

    /// <summary>A frame that is no event came (REQ-WIRE-04).</summary>
    internal void ReceiveMalformed(Link link, ReadOnlyMemory<byte> text)
    {
        using (context.Gate.Enter())
        {
            if (_link != link)
            {
                return;
            }
            if (Tap.IsWanted)
            {
                Tap.ShowMalformed(text);
            }
            if (link.MalformedInARow++ == 0)
            {
                context.Log.Warning($"A malformed frame of {text.Length} bytes was dropped.");
            }
            if (link.MalformedInARow == Limits.MalformedInARow)
            {
                End(link, new(LocalEvent.MalformedLimit, null));
            }
        }
    }

    /// <summary>Takes the link down for a reason of the connection machine.</summary>
    internal void End(Link link, LinkEnd end)
    {
        using (context.Gate.Enter())
        {
            if (_link != link)
            {
                return;
            }
            _link = null;
            var closing = Move(end.Cause, end.Code, null);
            if (closing is { } code)
            {
                link.Close(code);
            }
            else
            {
                link.Drop();
            }
            listener.OnEnded(end with { Code = end.Cause == LocalEvent.Close ? null : end.Code ?? closing });
            _outbox.LinkGone(end.Cause);
        }
    }

    private Attempt Begin()
    {
        var attempt = new Attempt(context);
        _attempt = attempt;
        Move(LocalEvent.Connect, null, null);
        var running = Task.Run(() => RunAsync(attempt));
        ImmutableInterlocked.Update(ref _running, all => all.Add(running));
        _ = running.ContinueWith(
            over => ImmutableInterlocked.Update(ref _running, all => all.Remove(over)),
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        return attempt;
    }

    /// <summary>Leads an attempt to its end, and the link that came of it.</summary>
    private async Task RunAsync(Attempt attempt)
    {
        Link? link = null;
        using (attempt)
        using ((context.Clock as ISettlingClock)?.Attach(() => SettleAsync(link)))
        {
            ISocket socket;
            try
            {
                socket = await attempt.OpenAsync().ConfigureAwait(false);
            }
            catch (Exception fault)
            {
                Fail(attempt, fault);
                return;
            }
            link = Adopt(attempt, socket);
            if (link is null)
            {
                socket.Dispose();
                return;
            }
            await link.RunAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Takes over an open socket; null when the attempt was given up meanwhile.</summary>
    private Link? Adopt(Attempt attempt, ISocket socket)
    {
        using (context.Gate.Enter())
        {
            if (_attempt != attempt)
            {
                return null;
            }
            attempt.Limit.Lift();
            (_attempt, _link) = (null, new Link(context, this, socket));
            Move(LocalEvent.Opened, null, null);
            context.Watch.Attempt(context.Host, null);
            attempt.SetOpened();
            _outbox.LinkReady(_link);
            return _link;
        }
    }

    private void Fail(Attempt attempt, Exception error)
    {
        using (context.Gate.Enter())
        {
            if (_attempt == attempt)
            {
                _attempt = null;
                Move(LocalEvent.ConnectFailed, null, error as SmoothAgentException);
                context.Watch.Attempt(context.Host, error);
                attempt.SetFailed(error);
                listener.OnAttemptFailed(error);
                _outbox.LinkGone(LocalEvent.ConnectFailed);
            }
        }
    }

    private void GiveUp(Attempt attempt)
    {
        _attempt = null;
        Move(LocalEvent.Close, null, null);
        attempt.SetFailed(Failure.Local(ErrorKinds.ClientClosed, facts => facts with { Host = context.Host }));
        context.Gate.After(attempt.Limit.GiveUp);
        listener.OnEnded(new(LocalEvent.Close, null));
        _outbox.LinkGone(LocalEvent.Close);
    }

    /// <summary>Steps the machine and tells the listeners; returns the code of a close that the table asks for.</summary>
    private int? Move(string cause, int? code, SmoothAgentException? error)
    {
        var previous = State;
        var acts = new LinkActs();
        foreach (var effect in StepMachines.Connection.Step(ref _state, cause, new()))
        {
            effect.Do(acts);
        }
        if (acts.IsTold)
        {
            context.Log.Info($"link: {cause}");
            var closed = State == ConnectionState.Closed && previous == ConnectionState.Open;
            states.Raise(new StateChange(previous, State, cause, closed ? code ?? acts.CloseCode : null, error));
        }
        return acts.CloseCode;
    }

    /// <summary>Waits for everything inside the close limit; after it for the sockets alone, which are dropped by then (REQ-CONN-27).</summary>
    private async Task WithinLimitAsync(Task everything, Task sockets)
    {
        var limit = context.Options.CloseTimeout;
        if (everything.IsCompleted)
        {
            return;
        }
        if (limit > TimeSpan.Zero)
        {
            using var over = new CancellationTokenSource();
            await Task.WhenAny(everything, Task.Delay(limit, context.Clock, over.Token)).ConfigureAwait(false);
            await over.CancelAsync().ConfigureAwait(false);
        }
        await sockets.ConfigureAwait(false);
    }

    /// <summary>Comes back when frames are written and listeners were called; a peer that does not read stops no clock.</summary>
    private async Task SettleAsync(Link? link)
    {
        var settled = Task.WhenAll(link?.WhenIdle() ?? Task.CompletedTask, context.Dispatcher.WhenIdle());
        await Task.WhenAny(settled, Task.Delay(TimeSpan.FromSeconds(1))).ConfigureAwait(false);
    }
}
