namespace SmooAI.SmoothOperator;

/// <summary>What an action does while a lost link is sought again (REQ-CONN-40).</summary>
public enum QueuePolicy
{
    /// <summary>It waits for the link, inside its own limits.</summary>
    Wait,

    /// <summary>It fails with <see cref="NotConnectedException"/>, and nothing is sent.</summary>
    FailFast,
}
