namespace SmooAI.SmoothOperator;

/// <summary>Starts turns: registers, queues the message, ties the caller's token to it (REQ-TURN-01).</summary>
/// <param name="context">The client's.</param>
/// <param name="router">Who waits for which id.</param>
/// <param name="sender">Queues what goes out.</param>
/// <param name="lists">Whether the server listed a capability word for a session.</param>
/// <param name="replays">Whether the turns of a session outlive their link (REQ-RESUME-01).</param>
/// <param name="recoverer">Looks messages up in the history.</param>
internal sealed class TurnStarter(
    ClientContext context, Router router, Sender sender, Func<string, string, bool> lists, Func<string, bool> replays, Recoverer recoverer)
{
    private readonly TurnLine _line = new(context);

    /// <summary>Turns that have no outcome yet (REQ-LOG-03).</summary>
    internal int OpenTurns
    {
        get
        {
            using (context.Gate.Enter())
            {
                return router.Live().OfType<TurnDriver>().Count();
            }
        }
    }

    /// <exception cref="ArgumentException">The id is in flight already; nothing was sent.</exception>
    internal Turn Start(SendMessageAction action, Handlers? handlers, CancellationToken token)
    {
        Sender.Check(action);
        using (context.Gate.Enter())
        {
            var aborted = token.IsCancellationRequested;
            var id = action.RequestId ?? (aborted ? context.Ids.Unsent() : context.Ids.Next());
            var writer = new TurnWriter(sender, Again(id), action.SessionId, Again);
            var driver = Driver(writer, handlers);
            if (aborted)
            {
                driver.Abandon(token);
                driver.Cancel();
                return driver.Handle;
            }
            Register(id, driver);
            _line.Enter(driver);
            Follow(driver, token);
            return driver.Handle;
        }

        Outgoing Again(string another) => Sender.Encode(action with { RequestId = null }, another);
    }

    /// <summary>
    /// Returns the turn of a session that runs already: the one that is here while it has not settled, else one that is
    /// taken up; null when the session is no replay session (REQ-RESUME-11).
    /// </summary>
    /// <exception cref="ArgumentException">A call has the id in flight.</exception>
    internal Turn? Open(string sessionId, string id, Handlers? handlers)
    {
        using (context.Gate.Enter())
        {
            if (!replays(sessionId))
            {
                return null;
            }
            if (router.Find(id) is TurnDriver { IsSettled: false } live)
            {
                return live.Handle;
            }
            (router.Find(id) as TurnInquiry)?.Drop();
            var driver = Driver(new TurnWriter(sender, Outgoing.Elsewhere("send_message", id), sessionId), handlers);
            Register(id, driver);
            context.Watch.TurnStarted(id, sessionId);
            driver.Join();
            driver.TakeUp();
            return driver.Handle;
        }
    }

    /// <summary>Returns the live turn of an id: not settled yet, or its OTP question neither answered well nor over (REQ-VERB-08).</summary>
    internal TurnDriver? Find(string id)
    {
        using (context.Gate.Enter())
        {
            return router.Find(id) as TurnDriver
                ?? router.Tails(id).OfType<TurnDriver>().FirstOrDefault(turn => turn.States.AnyOutlives);
        }
    }

    /// <summary>Takes up a turn that begins with the answer to its question (REQ-VERB-15); called inside the gate.</summary>
    /// <param name="frame">What accepted the answer.</param>
    /// <param name="answer">The answer as it went out.</param>
    /// <param name="sessionId">Session of both.</param>
    internal Turn Adopt(in DecodedFrame frame, Outgoing answer, string sessionId)
    {
        var writer = new TurnWriter(sender, answer, sessionId);
        var driver = Driver(writer);
        router.Register(answer.RequestId!, driver);
        context.Watch.TurnStarted(answer.RequestId!, sessionId);
        driver.Join();
        driver.OnEvent(frame);
        return driver.Handle;
    }

    private TurnDriver Driver(TurnWriter writer, Handlers? handlers = null)
    {
        var counting = Handlers.Merged(context.Options.Handlers, handlers);
        var driver = new TurnDriver(context, router, writer, recoverer, _line, replays(writer.SessionId), counting);
        driver.Actions = new TurnVerbs(context, driver, writer, lists);
        driver.Handle = new Turn(context, driver, driver.Actions);
        return driver;
    }

    private void Register(string id, TurnDriver driver)
    {
        try
        {
            router.Register(id, driver);
        }
        catch (ArgumentException)
        {
            driver.Discard();
            throw;
        }
    }

    private void Follow(TurnDriver driver, CancellationToken token)
    {
        if (!token.CanBeCanceled)
        {
            return;
        }
        var following = token.UnsafeRegister(_ =>
        {
            using (context.Gate.Enter())
            {
                driver.Abandon(token);
                if (!driver.IsDetached)
                {
                    driver.Cancel();
                }
            }
        }, null);
        driver.WhenSettled(() => following.Unregister());
    }
}
