namespace SmooAI.SmoothOperator.Testing;

/// <summary>Plays the steps of a reply.</summary>
internal static class ReplyPlay
{
    /// <summary>Runs the steps in order, from wait to wait; a turn without an end stays open.</summary>
    internal static IEnumerable<Wait> Run(Play play, Reply reply)
    {
        var steps = reply.Steps;
        for (var at = 0; at < steps.Count; at++)
        {
            var step = steps[at];
            // A cut directly behind a question comes while that is open.
            var cut = step is Step.Confirm or Step.Otp or Step.Interaction ? steps.ElementAtOrDefault(at + 1) as Step.Cut : null;
            at += cut is null ? 0 : 1;
            if (step is Step.Confirm { Rejected: { } rejected } asked)
            {
                var wait = play.Confirm(asked.Description, asked.ToolId);
                CutAt(play, cut);
                yield return wait;
                if (!wait.Approves)
                {
                    foreach (var inner in Run(play, rejected))
                    {
                        yield return inner;
                    }
                    yield break;
                }
            }
            else if (step is Step.Otp otp)
            {
                var wait = play.Otp(otp);
                CutAt(play, cut);
                yield return wait;
                if (!wait.Approves)
                {
                    play.Fail("AGENT_ERROR", "The code was not given.");
                }
            }
            else if (Waits(play, step) is { } wait)
            {
                CutAt(play, cut);
                yield return wait;
            }
            else
            {
                Tell(play, step);
            }
            if (play.Turn.IsSettled)
            {
                yield break;
            }
        }
    }

    /// <summary>Ends the turn at once.</summary>
    internal static IEnumerable<Wait> Fail(Play play, string message)
    {
        play.Fail("AGENT_ERROR", message);
        yield break;
    }

    private static void CutAt(Play play, Step.Cut? cut)
    {
        if (cut is not null)
        {
            play.Turn.Holder.End(cut.Code);
        }
    }

    private static Wait? Waits(Play play, Step step) => step switch
    {
        Step.Confirm asked => play.Confirm(asked.Description, asked.ToolId),
        Step.Delay delay => play.Pause(delay.Time),
        Step.Interaction form when play.Turn.Session.Words.Contains(Forms.WordOf(form.Kind)) =>
            play.Form(form.Kind, form.Spec, "The agent asks."),
        _ => null,
    };

    private static void Tell(Play play, Step step)
    {
        switch (step)
        {
            case Step.Piece piece:
                play.Piece(piece.Type, piece.Text);
                break;
            case Step.Chunk chunk:
                play.Chunk(chunk.Node, chunk.Raw, chunk.Done);
                break;
            case Step.Interaction form:
                play.Fail("AGENT_ERROR", $"interaction('{form.Kind}') needs a client that supports '{Forms.WordOf(form.Kind)}'.");
                break;
            case Step.Malformed malformed:
                play.Turn.Holder.Write(malformed.Text);
                break;
            case Step.Cut cut:
                play.Turn.Holder.End(cut.Code);
                break;
            case Step.Fail fail:
                play.Fail(fail.Code, fail.Message);
                break;
            case Step.Finish finish:
                play.Finish(finish.Text ?? play.Turn.Text, finish.Citations, finish.Usage, finish.Suggestions);
                break;
        }
    }
}
