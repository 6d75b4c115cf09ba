using System.Text.Json;
using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>What the agent does with a message: steps that run in order. Every verb returns the reply.</summary>
/// <remarks>
/// Made by <see cref="FakeServer.OnMessage()"/>; one of its own serves as the branch of a rejected confirmation. A reply
/// without <see cref="Finish"/> or <see cref="Error"/> leaves its turn open, for tests of limits and of cancellation.
/// </remarks>
public sealed class Reply
{
    /// <summary>Close code of a link that ends without a close frame.</summary>
    internal const int Abnormal = 1006;

    internal const string FakeTool = "fake_tool";

    private readonly List<Step> _steps = [];
    private string? _end;

    internal IReadOnlyList<Step> Steps => [.. _steps];

    internal bool ServesOnce { get; private set; }

    /// <summary>Streams pieces of the answer, one <c>stream_token</c> each.</summary>
    /// <param name="words">Joined they are the answer.</param>
    public Reply Tokens(params string[] words) => Pieces("stream_token", words);

    /// <summary>Thinks aloud, one <c>stream_reasoning</c> each; never part of the answer.</summary>
    /// <param name="words">What is thought.</param>
    public Reply Reasoning(params string[] words) => Pieces("stream_reasoning", words);

    /// <summary>Says something before the work begins: one <c>stream_preamble</c>.</summary>
    /// <param name="text">What is said.</param>
    public Reply Preamble(string text) => Pieces("stream_preamble", [text]);

    /// <summary>Reports a step of the agent: one <c>stream_chunk</c>.</summary>
    /// <param name="node">Tool or phase that reports.</param>
    /// <param name="toolCall">The tool that was called.</param>
    /// <param name="toolResult">What it said.</param>
    /// <param name="done">Whether the node is done; null says nothing of it.</param>
    public Reply Chunk(string node, ToolCall? toolCall = null, ToolResult? toolResult = null, bool? done = null)
    {
        ArgumentNullException.ThrowIfNull(node);
        var raw = new JsonObject();
        if (toolCall is not null)
        {
            raw["toolCall"] = JsonNode.Parse(Json.Bytes(toolCall).Span);
        }
        if (toolResult is not null)
        {
            raw["toolResult"] = JsonNode.Parse(Json.Bytes(toolResult).Span);
        }
        return Add(new Step.Chunk(node, Frames.Element(raw), done));
    }

    /// <summary>
    /// Asks whether a tool may run, and waits for the answer. Approved: the next step. Rejected, or not answered in time:
    /// the next step as well, or those of <paramref name="rejected"/> instead.
    /// </summary>
    /// <param name="description">What the tool would do.</param>
    /// <param name="toolId">The tool; <c>fake_tool</c> by default.</param>
    /// <param name="rejected">Writes the steps of a rejection; null goes on.</param>
    public Reply Confirm(string description, string? toolId = null, Action<Reply>? rejected = null)
    {
        ArgumentNullException.ThrowIfNull(description);
        Reply? branch = null;
        if (rejected is not null)
        {
            rejected(branch = new Reply());
        }
        return Add(new Step.Confirm(description, toolId ?? FakeTool, branch));
    }

    /// <summary>
    /// Asks for a one-time code, tells where it was sent, and waits for the right one. A wrong code leaves one attempt
    /// less. Without any left, and when the code is declined or not given in time, the turn ends with AGENT_ERROR.
    /// </summary>
    /// <param name="code">The right code.</param>
    /// <param name="attempts">How often it may be tried; at least 1.</param>
    /// <param name="channel"><c>email</c> or <c>sms</c>.</param>
    /// <param name="masked">Where it was sent, as people are shown it.</param>
    /// <exception cref="ScriptException">Less than one attempt, or a channel that the protocol does not have.</exception>
    public Reply Otp(string code = "123456", int attempts = 3, string channel = "email", string masked = "a***@example.com")
    {
        ArgumentNullException.ThrowIfNull(code);
        ArgumentNullException.ThrowIfNull(masked);
        if (attempts < 1)
        {
            throw new ScriptException($"Otp(): {attempts} attempts leave none; expected at least 1");
        }
        if (!new OtpChannel(channel).IsKnown)
        {
            throw new ScriptException($"Otp(): '{channel}' is no channel; expected 'email' or 'sms'");
        }
        return Add(new Step.Otp(code, attempts, new OtpChannel(channel), masked));
    }

    /// <summary>Asks with a form, and waits for values that it takes, or for a refusal.</summary>
    /// <param name="kind"><c>identity_intake</c> or <c>choices</c>.</param>
    /// <param name="spec">What is asked for, as <c>spec/interactions/</c> has it for the kind: <c>fields</c> or <c>questions</c>.</param>
    /// <exception cref="ScriptException">The protocol does not have the kind, or the spec is not that kind's.</exception>
    public Reply Interaction(string kind, JsonObject spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return Add(new Step.Interaction(kind, Forms.Checked(kind, spec, "Interaction(): ")));
    }

    /// <summary>Does nothing until the server's clock has moved.</summary>
    /// <param name="time">How long; not negative.</param>
    /// <exception cref="ScriptException">The time is negative.</exception>
    public Reply Delay(TimeSpan time) => time < TimeSpan.Zero
        ? throw new ScriptException($"Delay(): {time.TotalMilliseconds:0} ms lie in the past; expected at least 0")
        : Add(new Step.Delay(time));

    /// <summary>Ends the turn with an <c>error</c> event.</summary>
    /// <param name="code">One of the protocol's codes that end a turn.</param>
    /// <param name="message">What people are told.</param>
    /// <exception cref="ScriptException">The protocol does not have the code, or it ends no turn.</exception>
    public Reply Error(string code, string message = "The agent failed.")
    {
        ArgumentException.ThrowIfNullOrEmpty(code);
        var row = ErrorTable.Find(code);
        if (row.Code != code)
        {
            throw new ScriptException($"Error(): '{code}' is no code of the protocol");
        }
        return row.Terminal == "never"
            ? throw new ScriptException($"Error(): {code} ends no turn")
            : Add(new Step.Fail(code, message), "Error()");
    }

    /// <summary>
    /// Ends the client's link here; 1006 without a close frame. In a replay session the turn goes on behind it and can be
    /// resumed; in any other it is lost.
    /// </summary>
    /// <param name="code">Close code of RFC 6455 that a peer may send.</param>
    /// <exception cref="ScriptException">No peer may send the code.</exception>
    public Reply Cut(int code = Abnormal) => Add(new Step.Cut(CheckedCode(code, "Cut()")));

    /// <summary>Sends a text as a frame, as it is.</summary>
    /// <param name="text">The text.</param>
    public Reply Malformed(string text = "{")
    {
        ArgumentNullException.ThrowIfNull(text);
        return Add(new Step.Malformed(text));
    }

    /// <summary>Ends the turn with its answer.</summary>
    /// <param name="text">The answer; null is that of the tokens.</param>
    /// <param name="citations">What it rests on.</param>
    /// <param name="usage">What it cost.</param>
    /// <param name="suggestions">What people may ask next.</param>
    public Reply Finish(
        string? text = null,
        IReadOnlyList<Citation>? citations = null,
        Usage? usage = null,
        IReadOnlyList<string>? suggestions = null) =>
        Add(new Step.Finish(text, citations ?? [], usage, suggestions ?? []), "Finish()");

    /// <summary>Serves a single message, and no further one.</summary>
    public Reply Once()
    {
        ServesOnce = true;
        return this;
    }

    /// <summary>How many steps there are.</summary>
    public override string ToString() => $"{nameof(Reply)} of {_steps.Count} steps";

    /// <summary>Returns a close code that a peer may send, or 1006 for none.</summary>
    internal static int CheckedCode(int code, string verb) => code is Abnormal or (>= 1000 and <= 1003) or (>= 1007 and <= 1014) or (>= 3000 and <= 4999)
        ? code
        : throw new ScriptException($"{verb}: no peer may send the close code {code}");

    private Reply Pieces(string type, string[] words)
    {
        ArgumentNullException.ThrowIfNull(words);
        foreach (var word in words)
        {
            Add(new Step.Piece(type, word ?? throw new ArgumentNullException(nameof(words))));
        }
        return this;
    }

    private Reply Add(Step step, string? end = null)
    {
        if (_end is not null)
        {
            throw new ScriptException($"a reply has ended with {_end}: no step can follow");
        }
        _steps.Add(step);
        _end = end;
        return this;
    }
}
