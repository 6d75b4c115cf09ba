using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>One turn; in a replay session its events are kept.</summary>
internal sealed class FakeTurn(string requestId, FakeSession session, JsonObject body, ILink holder, StoredMessage message)
{
    internal string RequestId { get; } = requestId;

    /// <summary>The session whose people answer its questions: the one that took it up last.</summary>
    internal FakeSession Session { get; set; } = session;

    /// <summary>What the message said, to know it again (REQ-SRV-26).</summary>
    internal JsonObject Body { get; } = body;

    internal ILink Holder { get; set; } = holder;

    internal StoredMessage Message { get; } = message;

    internal List<string> Events { get; } = [];

    /// <summary>How many events the holder has.</summary>
    internal int Sent { get; set; }

    /// <summary>The tokens so far.</summary>
    internal string Text { get; set; } = "";

    /// <summary>When it had its terminal event, by the timestamp of the clock.</summary>
    internal long? SettledAt { get; set; }

    internal bool IsSettled => SettledAt is not null;

    /// <summary>What is left to play.</summary>
    internal IEnumerator<Wait>? Steps { get; set; }

    internal Question? Question { get; set; }

    /// <summary>What was said to questions that are answered, by their ids (REQ-SRV-41).</summary>
    internal Dictionary<string, JsonNode?> Answered { get; } = [];

    /// <summary>Links that were told of the turn since another link took it (REQ-SRV-30).</summary>
    internal HashSet<int> Told { get; } = [];

    /// <summary>Runs while nobody holds the turn.</summary>
    internal ITimer? Linkless { get; set; }

    /// <summary>Sends the holder what it has not yet.</summary>
    internal void Pump()
    {
        while (Sent < Events.Count && Holder.IsOpen)
        {
            Sent++;
            Holder.Write(Events[Sent - 1]);
        }
    }
}

/// <summary>What a turn waits for before it goes on: the clock, or an answer.</summary>
internal sealed class Wait
{
    /// <summary>What was said; null when nobody did in time.</summary>
    internal JsonNode? Answer { get; private set; }

    internal bool IsOver { get; private set; }

    internal ITimer? Timer { get; set; }

    internal bool Approves => Answer?.GetValueKind() == System.Text.Json.JsonValueKind.True;

    internal void End(JsonNode? answer)
    {
        IsOver = true;
        Answer = answer;
        Timer?.Dispose();
    }
}

/// <summary>What a person is asked.</summary>
internal sealed record Question(string Id, QuestionKind Kind, Wait Wait, string FormKind = "", JsonObject? Spec = null);

/// <summary>The kinds of questions.</summary>
internal enum QuestionKind
{
    /// <summary>May a tool run?</summary>
    Confirmation,

    /// <summary>Which code was sent?</summary>
    Otp,

    /// <summary>A form.</summary>
    Interaction,
}
