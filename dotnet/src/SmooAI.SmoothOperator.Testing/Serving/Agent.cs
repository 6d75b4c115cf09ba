using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>What decides over a message: replies, a script or a cassette; never two of them. Guarded by the world's gate.</summary>
internal sealed class Agent
{
    private readonly List<(Func<string, bool> Fits, Reply Reply)> _replies = [];

    internal List<string> Unmatched { get; } = [];

    internal Cassette? Cassette { get; set; }

    internal Script? Script
    {
        get;
        set
        {
            if (_replies.Count > 0 || Cassette is not null)
            {
                throw new ScriptException($"Script(): this server {(Cassette is null ? "has replies of OnMessage()" : "plays a cassette")}");
            }
            field = value;
        }
    }

    internal Reply On(Func<string, bool> fits)
    {
        if (Cassette is not null || Script is not null)
        {
            throw new ScriptException($"OnMessage(): this server plays a {(Cassette is null ? "script" : "cassette")}");
        }
        var reply = new Reply();
        _replies.Add((fits, reply));
        return reply;
    }

    /// <summary>Returns what plays the turn of a message.</summary>
    internal Func<Play, IEnumerable<Wait>> Choose(string message)
    {
        if (Script is { } script)
        {
            return script.Run;
        }
        foreach (var (fits, reply) in _replies)
        {
            bool taken;
            try
            {
                taken = fits(message);
            }
            catch (Exception fault)
            {
                return play => ReplyPlay.Fail(play, $"The matcher threw {fault.GetType().Name}.");
            }
            if (taken)
            {
                if (reply.ServesOnce)
                {
                    _replies.Remove((fits, reply));
                }
                return play => ReplyPlay.Run(play, reply);
            }
        }
        Unmatched.Add(message);
        return play => ReplyPlay.Fail(play, "No reply fits the message.");
    }

    /// <summary>Answers an action as the cassette has it.</summary>
    internal void GiveBack(JsonObject frame, ILink link)
    {
        if (!Cassette!.Answer(frame, link))
        {
            Unmatched.Add(Answering.TextOf(frame, "action") ?? "");
            throw new RefusedException("VALIDATION_ERROR", "the cassette does not hold this action");
        }
    }
}
