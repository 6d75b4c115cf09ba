using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>The actions that begin, stop and take up turns. Guarded by the world's gate.</summary>
internal sealed class TurnActions(World world, Func<string, Func<Play, IEnumerable<Wait>>> choose)
{
    /// <summary>How long the events of a turn are kept behind its terminal event (REQ-SRV-34).</summary>
    private static readonly TimeSpan EventsKept = TimeSpan.FromSeconds(120);

    private static readonly string[] BodyNames = ["message", "images", "files", "stream", "model", "skill", "sessionId"];

    /// <summary>Answers one action.</summary>
    internal void Handle(JsonObject frame, ILink link)
    {
        switch ((string)frame["action"]!)
        {
            case "send_message":
                Send(frame, link);
                break;
            case "cancel":
                Cancel(frame, link);
                break;
            default:
                Resume(frame, link);
                break;
        }
    }

    /// <summary>Accepts a message and runs its turn, or finds the turn that it was.</summary>
    private void Send(JsonObject frame, ILink link)
    {
        var session = world.Session((string)frame["sessionId"]!, link.Owner);
        var conversation = session.Conversation;
        var id = (string?)frame["requestId"] ?? world.NewId();
        if (session.Replays && conversation.Turns.TryGetValue(id, out var known))
        {
            if (!JsonNode.DeepEquals(BodyOf(frame), known.Body))
            {
                throw new RefusedException("VALIDATION_ERROR", "/requestId names another message");
            }
            TakeUp(known, session, link, 0);
            return;
        }
        if (conversation.Fences.TryGetValue(id, out var fence) && fence != link)
        {
            return; // it was promised that this never happens (REQ-SRV-28)
        }
        if (conversation.Running is not null)
        {
            throw new RefusedException("TURN_IN_PROGRESS", "another turn of the conversation runs");
        }
        Begin(session, id, frame, link);
    }

    private void Begin(FakeSession session, string id, JsonObject frame, ILink link)
    {
        session.Attempts = null;
        var text = (string)frame["message"]!;
        var message = new StoredMessage(world.NewId(), "inbound", text, id, world.Clock.GetUtcNow()) { Turn = "running" };
        var turn = new FakeTurn(id, session, BodyOf(frame), link, message);
        session.Conversation.Messages.Add(message);
        world.Touch(session.Conversation);
        session.Conversation.Turns[id] = session.Conversation.Running = turn;
        var play = new Play(world, turn);
        play.Accept();
        turn.Steps = choose(text)(play).GetEnumerator();
        play.GoOn();
    }

    /// <summary>Stops the turn that is named, if there is one (REQ-SRV-15).</summary>
    private void Cancel(JsonObject frame, ILink link)
    {
        if (Named(frame, link) is not { IsSettled: false } turn)
        {
            return;
        }
        var holder = turn.Holder;
        new Play(world, turn).Cancel();
        if (link != holder)
        {
            link.Write(Frames.Text(Frames.Cancelled(new FrameHead(turn.RequestId, null, world.NowMs))));
        }
    }

    private FakeTurn? Named(JsonObject frame, ILink link)
    {
        var id = (string?)frame["requestId"];
        if ((string?)frame["sessionId"] is { } sessionId)
        {
            var found = world.Sessions.GetValueOrDefault(sessionId)?.Conversation;
            var fits = found?.Owner == link.Owner && (id is null || id == found.Running?.RequestId);
            return fits ? found!.Running : null;
        }
        var mine = world.Running.Where(turn => turn.Holder == link && (id is null || id == turn.RequestId)).ToArray();
        return mine.Length == 1 ? mine[0] : null;
    }

    /// <summary>Goes on with a turn on this link.</summary>
    private void Resume(JsonObject frame, ILink link)
    {
        var session = world.Session((string)frame["sessionId"]!, link.Owner);
        if (!session.Replays)
        {
            throw new RefusedException("UNSUPPORTED_ACTION", "the action is unknown");
        }
        var (id, after) = ((string)frame["requestId"]!, (long)frame["afterSeq"]!.GetValue<double>());
        if (!session.Conversation.Turns.TryGetValue(id, out var turn))
        {
            session.Conversation.Fences[id] = link;
            link.Write(Frames.Resumed(id, world.NowMs, ResumeState.Never, 0));
        }
        else if (after > turn.Events.Count || IsForgotten(turn))
        {
            link.Write(Frames.Resumed(id, world.NowMs, ResumeState.Gone, turn.Events.Count));
        }
        else
        {
            TakeUp(turn, session, link, (int)after);
        }
    }

    private bool IsForgotten(FakeTurn turn) =>
        !turn.Session.Replays || (turn.SettledAt is { } at && world.Clock.GetElapsedTime(at) > EventsKept);

    /// <summary>Hands a turn to a link, its questions to a session; who loses it is told (REQ-SRV-30, REQ-SRV-31).</summary>
    private void TakeUp(FakeTurn turn, FakeSession session, ILink link, int after)
    {
        var (old, last) = (turn.Holder, turn.Events.Count);
        if (!turn.IsSettled && old.Number > link.Number && old.IsOpen && !turn.Told.Contains(link.Number))
        {
            link.Write(Frames.Resumed(turn.RequestId, world.NowMs, ResumeState.Moved, last));
            return;
        }
        if (!turn.IsSettled && old != link && old.IsOpen)
        {
            old.Write(Frames.Resumed(turn.RequestId, world.NowMs, ResumeState.Moved, last));
        }
        if (turn.Question?.Kind == QuestionKind.Otp)
        {
            (session.Code, session.Attempts) = (turn.Session.Code, turn.Session.Attempts);
        }
        (turn.Session, turn.Holder, turn.Sent) = (session, link, after);
        turn.Told.Clear();
        new Play(world, turn).LinkIsThere();
        link.Write(Frames.Resumed(turn.RequestId, world.NowMs, turn.IsSettled ? ResumeState.Settled : ResumeState.Running, last));
        turn.Pump();
    }

    private static JsonObject BodyOf(JsonObject frame)
    {
        var body = new JsonObject();
        foreach (var name in BodyNames)
        {
            body[name] = frame[name]?.DeepClone();
        }
        return body;
    }
}
