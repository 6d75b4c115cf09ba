using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>When it is too late for a frame: some time after a moment of the clock.</summary>
/// <param name="Since">Timestamp of the clock.</param>
/// <param name="After">How long after that.</param>
internal readonly record struct Lateness(long Since, TimeSpan After)
{
    /// <summary>Whether it is, to the millisecond.</summary>
    internal bool IsOver(TimeProvider clock) => Math.Round((After - clock.GetElapsedTime(Since)).TotalMilliseconds) <= 0;
}

/// <summary>One frame on its way out; steps through the machine <c>frame</c>. Guarded by the gate.</summary>
internal sealed class Outgoing(string action, string? requestId, ReadOnlyMemory<byte> text) : IFrameActs
{
    private static readonly Facts Sought = new() { Sought = true };
    private static readonly Facts NotSought = new() { Sought = false };

    private string _state = StepMachines.Frame.Initial;

    /// <summary>Returns a frame that another client wrote.</summary>
    internal static Outgoing Elsewhere(string action, string requestId) => new(action, requestId, default) { _state = "written" };

    internal string Action { get; } = action;

    internal string? RequestId { get; } = requestId;

    internal ReadOnlyMemory<byte> Text { get; } = text;

    /// <summary>The outbox that it waits in; null before it was queued.</summary>
    internal Outbox? Box { get; set; }

    /// <summary>When it is not written any more; null = never.</summary>
    internal Lateness? Late { get; set; }

    /// <summary>Place among the frames of a client, by the call that caused it; null before it was queued.</summary>
    internal long? Place { get; set; }

    /// <summary>Whether it may have left this machine: from then on it cannot be taken back (REQ-CONN-16).</summary>
    internal bool MayHaveLeft => _state is "writing" or "written";

    /// <summary>Whether nothing more becomes of it.</summary>
    internal bool IsOver => _state is "written" or "dropped";

    /// <summary>Steps on what happened to the frame or to the link.</summary>
    /// <param name="word">What happened.</param>
    /// <param name="sought">Whether another link follows this one.</param>
    internal void On(string word, bool sought = false)
    {
        foreach (var effect in StepMachines.Frame.Step(ref _state, word, sought ? Sought : NotSought))
        {
            effect.Do(this);
        }
    }

    /// <summary>Returns the same frame, to be written once more in its old place (REQ-CALL-13).</summary>
    internal Outgoing Again() => new(Action, RequestId, Text) { Place = Place };

    /// <summary>Takes it back, if that is still possible.</summary>
    internal void Withdraw()
    {
        On(LocalEvent.Withdrawn);
        if (!MayHaveLeft)
        {
            Box?.Forget(this);
        }
    }

    /// <summary>Gives it to the link that is ready.</summary>
    void IFrameActs.Offer() => Box!.Taker!.Take(this);
}
