using System.Text.Json;
using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>The handlers of one turn: who is called when, and what becomes of what they give (REQ-ASK). Guarded by the gate.</summary>
/// <remarks>
/// The driver tells what happens to questions while it carries out a step, and calls <see cref="Run"/> when the step is
/// over.
/// </remarks>
internal sealed class TurnHandling(ClientContext context, TurnDriver turn, Handlers handlers)
{
    private static readonly TimeSpan Unseen = TimeSpan.FromMilliseconds(Limits.QuestionUnseen);

    private readonly List<(string Kind, ServerEvent? Wrong)> _queue = [];
    private readonly List<(string Kind, Exception Error)> _refused = [];
    private readonly List<string> _unwatched = [];
    private readonly List<string> _untold = [];
    private readonly Dictionary<string, int> _wrong = new(StringComparer.Ordinal);
    private readonly Dictionary<string, LimitTimer> _unseen = new(StringComparer.Ordinal);
    private HandlerCall? _active;
    private HandlerCall? _signalled;
    private bool _stopped;

    /// <summary>Whether somebody iterates the turn for its items (REQ-ASK-10).</summary>
    internal bool IsLookedAt { get; set; }

    internal bool GivesCodes => handlers.Otp is not null;

    /// <summary>Whether a code may still be given and looked at.</summary>
    internal bool ExpectsCode => turn.Questions["otp"].Asked is not null && !_stopped
        && (IsUnderWay("otp") || turn.States.Verbs.Any(verb => verb.Row.OutlivesTurn));

    /// <summary>Whether an event asks what a handler answers (REQ-ASK-09).</summary>
    internal bool Handles(ServerEvent received) => Array.Find(StepMachines.Questions, machine =>
        machine.Question!.Shows == received.Type || machine.Question.UpdatedBy.Contains(received.Type)) is { } asking
        && HasHandler(asking.Name, received);

    /// <summary>Takes note of a question, or of more about one that was asked before.</summary>
    internal void Opened(QuestionRow question, ServerEvent received, bool fresh)
    {
        var (kind, updates) = (question.Kind, question.UpdatedBy.Contains(received.Type));
        if (fresh || !updates)
        {
            _wrong.Remove(kind);
        }
        if (!updates)
        {
            Ended(kind);
        }
        else if (IsUnderWay(kind))
        {
            return;
        }
        var settled = turn.States.IsSettled;
        if (_stopped)
        {
            return;
        }
        if (!HasHandler(kind, received))
        {
            if (fresh && !settled)
            {
                _unwatched.Add(kind);
            }
        }
        else if (question.UpdatedBy.Length > 0 && !updates && !settled)
        {
            _untold.Add(kind);
            _unwatched.Add(kind);
        }
        else
        {
            Due(kind, null);
        }
    }

    /// <summary>Asks again when the answer was wrong (REQ-ASK-03).</summary>
    internal void Reopened(string kind, ServerEvent? received)
    {
        var wrong = received is OtpInvalidEvent or InteractionInvalidEvent && !_stopped;
        if (wrong && !IsUnderWay(kind) && IsMine(kind))
        {
            Due(kind, received);
        }
    }

    /// <summary>Takes note that a question was answered or closed.</summary>
    internal void Ended(string kind)
    {
        Seen(kind);
        _queue.RemoveAll(waiting => waiting.Kind == kind);
        if (_active?.Kind == kind)
        {
            Signal();
        }
    }

    /// <summary>Lets no handler count any more: the turn is stopped (REQ-ASK-06).</summary>
    internal void Stop()
    {
        _stopped = true;
        _queue.Clear();
        SeenAll();
        Signal();
    }

    /// <summary>Asks now for a code that nothing said to be sent: the turn settles (REQ-ASK-02).</summary>
    internal void Settling()
    {
        foreach (var kind in _untold.ToArray())
        {
            Due(kind, null);
        }
        SeenAll();
    }

    /// <summary>Takes note that an error refused what a handler gave.</summary>
    internal void Refuse(string kind, Exception error) => _refused.Add((kind, error));

    /// <summary>After a step: fails what was refused, and calls who is next.</summary>
    internal void Run()
    {
        while (_refused.Count > 0)
        {
            var (kind, error) = _refused[0];
            _refused.RemoveAt(0);
            if (turn.States.IsOpen(kind))
            {
                Fail(kind, error);
            }
        }
        while (_unwatched.Count > 0 && turn.IsCurrent)
        {
            var kind = _unwatched[^1];
            _unwatched.RemoveAt(_unwatched.Count - 1);
            _unseen[kind] = new LimitTimer(context, Unseen, () => Look(kind));
        }
        while (_queue.Count > 0 && _active is null && turn.IsCurrent)
        {
            var (kind, wrong) = _queue[0];
            _queue.RemoveAt(0);
            if (!IsMine(kind) || !turn.States.IsOpen(kind))
            {
                continue;
            }
            if (wrong is not null && IsOnceTooOften(kind))
            {
                Fail(kind, new InvalidOperationException($"The server refused {Limits.RefusedAnswers} answers of the handler."));
            }
            else
            {
                Call(kind, wrong);
            }
        }
        turn.ReleaseHeld();
    }

    private bool HasHandler(string kind, ServerEvent asked) => kind switch
    {
        "confirmation" => handlers.Confirm is not null,
        "otp" => handlers.Otp is not null,
        _ => asked is InteractionRequiredEvent interaction && handlers.Interaction.ContainsKey(interaction.Kind),
    };

    private bool IsMine(string kind) => turn.Questions[kind].Asked is { } question && HasHandler(kind, question.Asked);

    private bool IsUnderWay(string kind) => _active?.Kind == kind || _queue.Exists(waiting => waiting.Kind == kind);

    /// <summary>Counts one more wrong answer; returns whether its handler has failed with it (REQ-ASK-14).</summary>
    private bool IsOnceTooOften(string kind)
    {
        var wrong = _wrong[kind] = _wrong.GetValueOrDefault(kind) + 1;
        return wrong >= Limits.RefusedAnswers;
    }

    private void Look(string kind)
    {
        _unseen.Remove(kind);
        if (_untold.Contains(kind))
        {
            Due(kind, null);
            Run();
        }
        else if (!IsLookedAt)
        {
            context.Log.Warning($"A question ({kind}) of {turn.RequestId} waits: it has no handler, and nobody iterates its turn.");
        }
    }

    private void Seen(string kind)
    {
        _untold.Remove(kind);
        _unwatched.Remove(kind);
        if (_unseen.Remove(kind, out var timer))
        {
            timer.Dispose();
        }
    }

    private void SeenAll()
    {
        foreach (var machine in StepMachines.Questions)
        {
            Seen(machine.Name);
        }
    }

    private void Due(string kind, ServerEvent? wrong)
    {
        Seen(kind);
        _queue.Add((kind, wrong));
    }

    private void Call(string kind, ServerEvent? wrong)
    {
        var call = _active = new HandlerCall(kind);
        if (context.Options.HandlerTimeout is var limit && limit > TimeSpan.Zero)
        {
            call.Limit = new LimitTimer(context, limit, () => Late(call, limit));
        }
        var (question, before) = (turn.Questions[kind].Asked!, _signalled);
        context.Gate.After(() => context.Beside.Start(() =>
        {
            Cancel(before); // a signal comes before the next call
            return call.IsClosed ? Task.CompletedTask : AwaitAsync(call, question, wrong);
        }));
    }

    /// <summary>Runs a handler; what it gives counts unless its signal fired before.</summary>
    private async Task AwaitAsync(HandlerCall call, Question question, ServerEvent? wrong)
    {
        object? given = null;
        Exception? error = null;
        try
        {
            given = await AskAsync(question, wrong, call.Signal).ConfigureAwait(false);
        }
        catch (Exception fault)
        {
            error = fault;
        }
        using (context.Gate.Enter())
        {
            if (!End(call))
            {
                if (error is not (null or OperationCanceledException))
                {
                    Log(error);
                }
                return;
            }
            error ??= Answer(call.Kind, given);
            if (error is not null)
            {
                Fail(call.Kind, error);
            }
            Run();
        }
    }

    private async ValueTask<object?> AskAsync(Question question, ServerEvent? wrong, CancellationToken signal) => question.Kind switch
    {
        QuestionKind.Confirmation => await handlers.Confirm!(Asks.Confirm(turn, question), signal).ConfigureAwait(false),
        QuestionKind.Otp => await handlers.Otp!(Asks.Otp(turn, question, wrong as OtpInvalidEvent), signal).ConfigureAwait(false),
        _ => await handlers.Interaction[((InteractionRequiredEvent)question.Asked).Kind](
            Asks.Interaction(turn, question, wrong as InteractionInvalidEvent), signal).ConfigureAwait(false),
    };

    /// <summary>Sends what a handler gave; returns why it is no answer.</summary>
    private Exception? Answer(string kind, object? given)
    {
        try
        {
            Task sent = (kind, given) switch
            {
                ("confirmation", bool approved) => turn.Actions.Confirm(approved, default, byHandler: true),
                ("otp", string code) => turn.Actions.VerifyOtp(code, default, byHandler: true),
                // Where nothing is sent, the question stays open for who has its code (REQ-OTP-05).
                ("otp", _) => turn.Actions.DeclineOtp(OtpCheck.Of, default, byHandler: true),
                (_, System.Text.Json.Nodes.JsonObject values) =>
                    turn.Actions.Submit(JsonElement.Parse(values.ToJsonString()), default, byHandler: true),
                _ => turn.Actions.Decline(default, byHandler: true),
            };
            return sent.Exception?.InnerException as MessageTooLargeException;
        }
        catch (Exception fault) when (fault is ArgumentException or InvalidOperationException or JsonException)
        {
            return fault;
        }
    }

    /// <summary>Answers no, then fails the turn (REQ-ASK-07).</summary>
    private void Fail(string kind, Exception error)
    {
        var asked = turn.Questions[kind].Asked;
        if (kind == "confirmation")
        {
            turn.Actions.Confirm(false, default, byHandler: true);
        }
        else if (kind == "interaction")
        {
            turn.Actions.Decline(default, byHandler: true);
        }
        if (!turn.FailByHandler(asked, error))
        {
            Log(error);
        }
    }

    private void Late(HandlerCall call, TimeSpan limit)
    {
        if (End(call))
        {
            Signal(call);
            Fail(call.Kind, new TimeoutException($"The handler took longer than {limit.TotalSeconds:0.###} s."));
            Run();
        }
    }

    private void Signal()
    {
        if (_active is { } call && End(call))
        {
            call.IsClosed = true;
            Signal(call);
        }
    }

    /// <summary>Fires the token of a call, off the gate: what hangs on it is the application's.</summary>
    private void Signal(HandlerCall call)
    {
        _signalled = call;
        context.Gate.After(() => context.Beside.Start(() =>
        {
            Cancel(call);
            return Task.CompletedTask;
        }));
    }

    private void Cancel(HandlerCall? call)
    {
        try
        {
            call?.Cancel();
        }
        catch (AggregateException thrown)
        {
            Log(thrown.InnerExceptions[0]);
        }
    }

    /// <summary>Takes note that a call has ended; returns whether what it gives counts.</summary>
    private bool End(HandlerCall call)
    {
        if (_active != call)
        {
            return false;
        }
        _active = null;
        call.Limit?.Dispose();
        return true;
    }

    /// <summary>Logs what nobody is told otherwise, by its type alone (REQ-ERR-04).</summary>
    private void Log(Exception error) => context.Log.Warning($"A handler of {turn.RequestId} failed: {error.GetType().Name}.");

    /// <summary>One call of a handler that has not ended.</summary>
    private sealed class HandlerCall(string kind)
    {
        private readonly CancellationTokenSource _source = new();
        private readonly Lock _firing = new();
        private bool _isClosed;

        internal string Kind => kind;

        internal LimitTimer? Limit { get; set; }

        /// <summary>Whether its question is not open any more; one that has not begun then never begins.</summary>
        internal bool IsClosed { get => Volatile.Read(ref _isClosed); set => Volatile.Write(ref _isClosed, value); }

        internal CancellationToken Signal => _source.Token;

        /// <summary>Fires the token, once; whoever comes second waits for the first.</summary>
        internal void Cancel()
        {
            lock (_firing)
            {
                _source.Cancel();
            }
        }
    }
}
