using System.Globalization;
using SmooAI.SmoothOperator.Steps;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>One link, as the server sees it.</summary>
internal interface ILink
{
    /// <summary>Links are counted in the order in which they opened, from 1.</summary>
    int Number { get; }

    /// <summary>The token that it was opened with; people see only what is their own.</summary>
    string Owner { get; }

    bool IsOpen { get; }

    /// <summary>Sends one frame, behind those before it.</summary>
    void Write(string text);

    /// <summary>Ends the link behind its frames; 1006 without a close frame.</summary>
    void End(int code);
}

/// <summary>An action is refused with this code; the message has no value of the frame.</summary>
internal sealed class RefusedException(string code, string message) : Exception(message)
{
    internal string Code { get; } = code;
}

/// <summary>Everything that a fake server has, and where its ids and times come from. Guarded by its gate.</summary>
internal sealed class World
{
    private int _ids;
    private long _touches;

    internal World(TimeProvider clock, FakeServerOptions options)
    {
        Clock = clock;
        Options = options;
        Words = [.. Capabilities.Rows.Select(row => row.Word).Where(word => options.Replay || word != "replay")];
    }

    /// <summary>Held by whoever reads or changes anything.</summary>
    internal Lock Gate { get; } = new();

    internal TimeProvider Clock { get; set; }

    internal FakeServerOptions Options { get; }

    /// <summary>The server's capability words.</summary>
    internal string[] Words { get; }

    internal Dictionary<string, FakeSession> Sessions { get; } = [];

    internal Dictionary<string, FakeConversation> Conversations { get; } = [];

    internal FakeTurn[] Running => [.. Conversations.Values.Select(one => one.Running).OfType<FakeTurn>()];

    internal long NowMs => Math.Max(0, Clock.GetUtcNow().ToUnixTimeMilliseconds());

    internal string NewId() => IdOf(++_ids);

    internal static string IdOf(int number) =>
        string.Create(CultureInfo.InvariantCulture, $"00000000-0000-4000-8000-{number:D12}");

    /// <summary>Takes note that something was said in a conversation.</summary>
    internal void Touch(FakeConversation conversation) => conversation.Touched = ++_touches;

    /// <summary>Returns the session that an action names; one of somebody else is unknown.</summary>
    internal FakeSession Session(string id, string owner, string refusal = "SESSION_NOT_FOUND") =>
        Sessions.TryGetValue(id, out var found) && found.Conversation.Owner == owner
            ? found
            : throw new RefusedException(refusal, "the session is unknown");

    /// <summary>Calls back inside the gate once the clock has moved so far.</summary>
    internal ITimer After(TimeSpan time, Action act) => Clock.CreateTimer(
        _ =>
        {
            lock (Gate)
            {
                act();
            }
        },
        null,
        time,
        Timeout.InfiniteTimeSpan);
}
