using System.Text.Json;
using Microsoft.Extensions.AI;

namespace SmooAI.SmoothOperator.Extensions.AI;

/// <summary>Makes chat updates of a turn's events. Does no I/O.</summary>
internal sealed class Updates(ITurn turn, IConversation conversation)
{
    private int _questions;
    private OtpVerificationRequiredEvent? _codeAsked;
    private OtpSentEvent? _codeSent;
    private InteractionRequiredEvent? _formAsked;

    /// <summary>What was asked last; null before the first question.</summary>
    internal InputRequestContent? Asked { get; private set; }

    /// <summary>Returns the update of an event; null for those that show nothing: the acceptance, a sign of life, the end.</summary>
    internal ChatResponseUpdate? Of(ServerEvent received) => received switch
    {
        ImmediateResponseEvent or KeepaliveEvent or EventualResponseEvent or CancelledEvent => null,
        _ => New(received, [.. ContentsOf(received)]),
    };

    /// <summary>Returns the last update: text that was not streamed, citations, usage.</summary>
    internal ChatResponseUpdate Last(TurnResult result)
    {
        var contents = new List<AIContent>();
        var text = turn.PartialText.Length == 0 ? result.Text : "";
        if (text.Length > 0 || result.Citations.Count > 0)
        {
            contents.Add(new TextContent(text) { Annotations = result.Citations.Count > 0 ? [.. result.Citations.Select(Cited)] : null });
        }
        if (result.Usage is { } usage)
        {
            contents.Add(new UsageContent(Counted(usage)));
        }
        var update = New(result, contents);
        update.FinishReason = result.Outcome == TurnOutcome.Cancelled ? new ChatFinishReason("cancelled") : ChatFinishReason.Stop;
        return update;
    }

    private ChatResponseUpdate New(object raw, IList<AIContent> contents) => new(ChatRole.Assistant, contents)
    {
        RawRepresentation = raw,
        ResponseId = turn.RequestId,
        MessageId = turn.RequestId,
        ConversationId = conversation.ConversationId,
        AuthorName = conversation.AgentName,
    };

    private IEnumerable<AIContent> ContentsOf(ServerEvent received) => received switch
    {
        StreamTokenEvent piece => [new TextContent(piece.Token)],
        StreamReasoningEvent piece => [new TextReasoningContent(piece.Token)],
        StreamPreambleEvent piece => [new TextReasoningContent(piece.Token)],
        StreamChunkEvent chunk => StepsOf(chunk),
        _ when turn.Handled(received) => [],
        WriteConfirmationRequiredEvent ask => [Ask(new ToolApprovalRequestContent(NextId(), CallOf(ask)))],
        OtpVerificationRequiredEvent or OtpSentEvent or OtpInvalidEvent => CodeAskedBy(received),
        InteractionRequiredEvent or InteractionInvalidEvent => FormAskedBy(received),
        _ => [],
    };

    /// <summary>A code is asked for once it is known where it went: its two events are one question.</summary>
    private IEnumerable<AIContent> CodeAskedBy(ServerEvent received)
    {
        switch (received)
        {
            case OtpVerificationRequiredEvent asked:
                (_codeAsked, _codeSent) = (asked, null);
                return [];
            case OtpSentEvent sent:
                _codeSent = sent;
                return [Ask(new OtpRequestContent(NextId(), _codeAsked, sent, null))];
            case OtpInvalidEvent { AttemptsRemaining: > 0 } wrong:
                return [Ask(new OtpRequestContent(NextId(), _codeAsked, _codeSent, wrong))];
            default:
                return [];
        }
    }

    private IEnumerable<AIContent> FormAskedBy(ServerEvent received)
    {
        if (received is InteractionRequiredEvent asked)
        {
            _formAsked = asked;
        }
        return _formAsked is { } form
            ? [Ask(new InteractionRequestContent(NextId(), form, received as InteractionInvalidEvent))]
            : [];
    }

    private T Ask<T>(T request)
        where T : InputRequestContent
    {
        Asked = request;
        return request;
    }

    private string NextId() => $"{turn.RequestId}/{++_questions}";

    private static IEnumerable<AIContent> StepsOf(StreamChunkEvent chunk)
    {
        if (chunk.ToolCall is { } call)
        {
            yield return new FunctionCallContent(call.CallId ?? call.Name, call.Name, ArgumentsOf(call))
            {
                InformationalOnly = true,
                RawRepresentation = call,
            };
        }
        if (chunk.ToolResult is { } result)
        {
            yield return new FunctionResultContent(result.CallId ?? result.Name, result.Result) { RawRepresentation = result };
        }
    }

    private static Dictionary<string, object?>? ArgumentsOf(ToolCall call) => call.Arguments is { ValueKind: JsonValueKind.Object } given
        ? given.EnumerateObject().GroupBy(member => member.Name).ToDictionary(same => same.Key, same => (object?)same.Last().Value)
        : null;

    /// <summary>The call runs at the server once it is approved: nobody here may invoke a function of that name.</summary>
    private static FunctionCallContent CallOf(WriteConfirmationRequiredEvent ask) =>
        new(ask.ConfirmationId ?? ask.ToolId, ask.ToolId, new Dictionary<string, object?> { ["actionDescription"] = ask.ActionDescription })
        {
            InformationalOnly = true,
            RawRepresentation = ask,
        };

    private static AIAnnotation Cited(Citation citation) => new CitationAnnotation
    {
        Title = citation.Title,
        Url = Uri.TryCreate(citation.Url, UriKind.Absolute, out var address) ? address : null,
        FileId = citation.Id,
        Snippet = citation.Snippet,
        RawRepresentation = citation,
    };

    private static UsageDetails Counted(Usage usage) => new()
    {
        InputTokenCount = usage.PromptTokens,
        OutputTokenCount = usage.CompletionTokens,
        TotalTokenCount = usage.PromptTokens + usage.CompletionTokens,
    };
}
