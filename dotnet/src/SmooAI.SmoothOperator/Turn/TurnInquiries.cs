using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator;

/// <summary>Asks what the server does with turns that failed here (REQ-RESUME-12).</summary>
/// <param name="context">The client's.</param>
/// <param name="router">Who waits for which id.</param>
/// <param name="sender">Queues what goes out.</param>
internal sealed class TurnInquiries(ClientContext context, Router router, Sender sender)
{
    /// <summary>Returns what became of a turn, once it has ended or the time is over; throws when nobody can be asked.</summary>
    internal async Task<TurnFate> FateAsync(TurnDriver turn, CancellationToken cancellationToken)
    {
        TurnInquiry? own = null;
        var limit = new Waiter<TurnFate>(context);
        using (context.Gate.Enter())
        {
            limit.CancelBy(cancellationToken, () => own?.Drop());
            limit.Limit(context.Options.ResumeTimeout, () =>
            {
                own?.Drop();
                limit.Resolve(TurnFate.Unknown);
            });
        }
        try
        {
            while (Ask(turn, limit, ref own) is { } asked)
            {
                var first = await Task.WhenAny(limit.Task, asked).ConfigureAwait(false);
                if (first == asked && await asked.ConfigureAwait(false) is { } fate)
                {
                    return fate;
                }
            }
            return await limit.Task.ConfigureAwait(false);
        }
        finally
        {
            using (context.Gate.Enter())
            {
                own?.Drop();
                limit.Resolve(TurnFate.Unknown);
            }
        }
    }

    /// <summary>
    /// Asks, or waits for what is in flight under the id, beside which it cannot be asked; null = look again. No task once the
    /// time is over: its question was dropped in the same gate, and whoever waited for that must not ask anew.
    /// </summary>
    private Task<TurnFate?>? Ask(TurnDriver turn, Waiter<TurnFate> limit, ref TurnInquiry? own)
    {
        using (context.Gate.Enter())
        {
            if (limit.IsSettled)
            {
                return null;
            }
            var id = turn.RequestId;
            switch (router.Find(id) ?? router.Tails(id).OfType<TurnDriver>().FirstOrDefault())
            {
                case TurnDriver there:
                    var over = new TaskCompletionSource<TurnFate?>(TaskCreationOptions.RunContinuationsAsynchronously);
                    there.WhenSettled(() => over.TrySetResult(TurnFate.Over));
                    return over.Task;
                case TurnInquiry other:
                    return other.Task;
                case IAnswered call:
                    return Ended(call);
                default:
                    var action = turn.ResumeAction();
                    own = new TurnInquiry(context, router, sender, action, id);
                    own.Begin(Sender.Encode(action, id), CancellationToken.None);
                    return own.Task;
            }
        }
    }

    private static async Task<TurnFate?> Ended(IAnswered call)
    {
        await Task.WhenAny(call.Ended).ConfigureAwait(false);
        return null;
    }
}
