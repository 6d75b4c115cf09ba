using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>The link that takes frames; by then they may have left. Does not block.</summary>
internal interface IFrameTaker
{
    void Take(Outgoing frame);
}

/// <summary>
/// The frames of a client from queued to written or dropped, in the order of the calls that caused them (REQ-CONN-16).
/// Outlives a link. Each frame belongs to a call, verb or turn that waits, which bounds their number; what has ended is
/// forgotten. Guarded by the gate.
/// </summary>
internal sealed class Outbox(TimeProvider clock)
{
    private List<Outgoing> _waiting = [];
    private List<Outgoing> _taken = [];
    private long _places;

    /// <summary>Counts the frames that wait for a link.</summary>
    internal int CountWaiting()
    {
        DropLate();
        return _waiting.Count;
    }

    /// <summary>The link that is ready; null for none.</summary>
    internal IFrameTaker? Taker { get; private set; }

    /// <summary>
    /// Queues a frame behind all others, one that is written again in its old place; a link that is ready takes it at once.
    /// </summary>
    internal void Put(Outgoing frame)
    {
        frame.Box = this;
        var place = frame.Place ??= _places++;
        if (Taker is not null)
        {
            Offer([frame]);
            return;
        }
        var at = _waiting.FindLastIndex(other => other.Place < place) + 1;
        _waiting.Insert(at, frame);
    }

    /// <summary>Offers all that waits to a link, which takes it.</summary>
    /// <param name="taker">The link.</param>
    /// <param name="first">Writes what goes before that.</param>
    internal void LinkReady(IFrameTaker taker, Action first)
    {
        DropLate();
        (var waiting, _waiting) = (_waiting, []);
        Taker = taker;
        first();
        Offer(waiting);
    }

    /// <summary>The socket has a frame.</summary>
    internal void Flushed(Outgoing frame)
    {
        _taken.Remove(frame); // the first one, unless the link is gone and the frame with it
        frame.On(LocalEvent.Flushed);
    }

    private void Offer(List<Outgoing> waiting)
    {
        foreach (var frame in waiting)
        {
            frame.On(LocalEvent.LinkReady);
            frame.On(LocalEvent.Taken);
            _taken.Add(frame);
        }
    }

    /// <summary>A link or an attempt ended: the table knows what becomes of the frames. What it leaves waits for the next link.</summary>
    /// <param name="word">How it ended.</param>
    /// <param name="sought">Whether another link follows.</param>
    internal void LinkGone(string word, bool sought)
    {
        Taker = null;
        List<Outgoing> frames = [.. _taken, .. _waiting];
        (_taken, _waiting) = ([], []);
        foreach (var frame in frames)
        {
            frame.On(word, sought);
            if (!frame.IsOver)
            {
                _waiting.Add(frame);
            }
        }
    }

    /// <summary>Takes back what nobody wants written any more (REQ-RESUME-08).</summary>
    private void DropLate()
    {
        foreach (var frame in _waiting.Where(frame => frame.Late?.IsOver(clock) ?? false).ToArray())
        {
            frame.Withdraw();
        }
    }

    /// <summary>A frame was taken back.</summary>
    internal void Forget(Outgoing frame) => _waiting.Remove(frame);
}
