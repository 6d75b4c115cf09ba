using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>The actions of a fake server, each answered as <c>spec/behaviour.md</c> says. Guarded by the world's gate.</summary>
/// <param name="world">What there is.</param>
/// <param name="choose">Gives what plays the turn of a message.</param>
internal sealed class ActionTable(World world, Func<string, Func<Play, IEnumerable<Wait>>> choose)
{
    private const int UsualPage = 50;

    internal Answering Answering { get; } = new(world);

    /// <summary>Answers one action; a refusal is thrown.</summary>
    internal void Handle(JsonObject frame, ILink link)
    {
        switch ((string)frame["action"]!)
        {
            case "ping":
                link.Write(Frames.Pong((string?)frame["requestId"], world.NowMs));
                break;
            case "create_conversation_session":
                Create(frame, link);
                break;
            case "get_session":
                Get(frame, link);
                break;
            case "get_conversation_messages":
                Messages(frame, link);
                break;
            case "list_conversations":
                List(frame, link);
                break;
            case "rename_conversation":
                Rename(frame, link);
                break;
            case "confirm_tool_action":
                Answering.Confirm(frame, link);
                break;
            case "verify_otp":
                Answering.VerifyOtp(frame, link);
                break;
            case "submit_interaction":
                Answering.Submit(frame, link);
                break;
            default:
                new TurnActions(world, choose).Handle(frame, link);
                break;
        }
    }

    private void Create(JsonObject frame, ILink link)
    {
        var found = world.Conversations.GetValueOrDefault((string?)frame["conversationId"] ?? "");
        if (found is null || found.Owner != link.Owner)
        {
            found = new FakeConversation(world.NewId(), link.Owner);
            world.Conversations[found.Id] = found;
        }
        if (frame["supports"] is JsonArray supports)
        {
            found.Words = supports.Select(word => (string)word!).Intersect(world.Words).ToHashSet();
        }
        var session = new FakeSession(world.NewId(), found, (string)frame["agentId"]!, world.NewId(), world.NewId());
        world.Sessions[session.Id] = session;
        Answering.Value(frame, link, Descriptor(session, link, "spec_1_1"));
    }

    private void Get(JsonObject frame, ILink link)
    {
        var session = world.Session((string)frame["sessionId"]!, link.Owner);
        Answering.Value(frame, link, Descriptor(session, link, "spec_1_2"));
    }

    /// <summary>What a session is, with the server's words for who knows them.</summary>
    private JsonObject Descriptor(FakeSession session, ILink link, string knows)
    {
        var data = new JsonObject
        {
            ["sessionId"] = session.Id,
            ["conversationId"] = session.Conversation.Id,
            ["agentId"] = session.AgentId,
            ["agentName"] = world.Options.AgentName,
            ["userParticipantId"] = session.UserId,
            ["agentParticipantId"] = session.RobotId,
        };
        if (session.Replays && session.Conversation.Running is { Session.Replays: true } turn)
        {
            turn.Told.Add(link.Number);
            data["openTurn"] = new JsonObject { ["requestId"] = turn.RequestId, ["lastSeq"] = turn.Events.Count };
        }
        if (session.Words.Contains(knows))
        {
            data["capabilities"] = new JsonArray([.. world.Words.Select(word => (JsonNode)word)]);
        }
        return data;
    }

    private void Messages(JsonObject frame, ILink link)
    {
        var session = world.Session((string)frame["sessionId"]!, link.Owner);
        var newest = Enumerable.Reverse(session.Conversation.Messages).ToList();
        var data = Page(newest, frame, message => message.Id, out var page);
        data["messages"] = new JsonArray([.. page.Select(message => Shown(message, session.Words.Contains("spec_1_2")))]);
        Answering.Value(frame, link, data);
    }

    /// <summary>The caller's conversations, newest first; empty ones do not show.</summary>
    private void List(JsonObject frame, ILink link)
    {
        var query = (string?)frame["query"] ?? "";
        var mine = world.Conversations.Values
            .Where(one => one.Owner == link.Owner && one.Messages.Count > 0)
            .Where(one => one.ShownTitle.Contains(query, StringComparison.OrdinalIgnoreCase))
            .OrderByDescending(one => one.Touched).ToList();
        var data = Page(mine, frame, one => one.Id, out var page);
        data["conversations"] = new JsonArray([.. page.Select(one => new JsonObject
        {
            ["conversationId"] = one.Id,
            ["title"] = one.ShownTitle,
            ["updatedAt"] = Frames.Shown(one.Messages[^1].CreatedAt),
            ["messageCount"] = one.Messages.Count,
        })]);
        Answering.Value(frame, link, data);
    }

    private void Rename(JsonObject frame, ILink link)
    {
        var found = world.Conversations.GetValueOrDefault((string)frame["conversationId"]!);
        if (found is null || found.Owner != link.Owner)
        {
            throw new RefusedException("CONVERSATION_NOT_FOUND", "the conversation is unknown");
        }
        found.Title = (string)frame["title"]!;
        Answering.Value(frame, link, new JsonObject { ["conversationId"] = found.Id, ["title"] = found.Title });
    }

    /// <summary>Cuts one page out, and returns what says how to go on (REQ-SRV-12).</summary>
    private static JsonObject Page<T>(List<T> rows, JsonObject frame, Func<T, string> idOf, out List<T> page)
    {
        var limit = frame["limit"] is { } given ? (int)given.GetValue<double>() : UsualPage;
        var start = 0;
        if ((string?)frame["cursor"] is { } cursor)
        {
            start = rows.FindIndex(row => idOf(row) == cursor) + 1;
            if (start == 0)
            {
                throw new RefusedException("VALIDATION_ERROR", "/cursor is unknown");
            }
        }
        page = [.. rows.Skip(start).Take(limit)];
        var more = start + limit < rows.Count;
        return new JsonObject { ["nextCursor"] = more ? idOf(page[^1]) : null, ["hasMore"] = more };
    }

    private static JsonObject Shown(StoredMessage message, bool tells)
    {
        var shown = new JsonObject
        {
            ["id"] = message.Id,
            ["direction"] = message.Direction,
            ["content"] = new JsonObject { ["text"] = message.Text },
            ["createdAt"] = Frames.Shown(message.CreatedAt),
        };
        if (tells)
        {
            shown["requestId"] = message.RequestId;
            if (message.Turn is { } turn)
            {
                shown["turn"] = turn;
            }
        }
        return shown;
    }
}
