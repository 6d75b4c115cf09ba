namespace SmooAI.SmoothOperator.Testing;

/// <summary>A conversation of one owner.</summary>
internal sealed class FakeConversation(string id, string owner)
{
    internal string Id { get; } = id;

    internal string Owner { get; } = owner;

    /// <summary>What was said, oldest first.</summary>
    internal List<StoredMessage> Messages { get; } = [];

    internal string? Title { get; set; }

    /// <summary>The title, or what was said first.</summary>
    internal string ShownTitle => Title ?? (Messages.Count > 0 ? Messages[0].Text : "");

    /// <summary>Capability words that its newest session listed.</summary>
    internal IReadOnlySet<string> Words { get; set; } = new HashSet<string>();

    internal Dictionary<string, FakeTurn> Turns { get; } = [];

    internal FakeTurn? Running { get; set; }

    /// <summary>Ids that were promised to be never, and who may use them all the same (REQ-SRV-28).</summary>
    internal Dictionary<string, ILink> Fences { get; } = [];

    /// <summary>Grows with what is said in any conversation: the newest one has the greatest.</summary>
    internal long Touched { get; set; }
}

/// <summary>A session on a conversation, with the words that both sides know.</summary>
internal sealed class FakeSession(string id, FakeConversation conversation, string agentId, string userId, string robotId)
{
    internal string Id { get; } = id;

    internal FakeConversation Conversation { get; } = conversation;

    internal string AgentId { get; } = agentId;

    internal string UserId { get; } = userId;

    internal string RobotId { get; } = robotId;

    internal IReadOnlySet<string> Words { get; } = conversation.Words;

    /// <summary>Whether events of its turns are numbered and kept.</summary>
    internal bool Replays => Words.Contains("replay");

    internal bool IsVerified { get; set; }

    /// <summary>Tries at a code; null when no code is waited for.</summary>
    internal int? Attempts { get; set; }

    internal string Code { get; set; } = "";
}
