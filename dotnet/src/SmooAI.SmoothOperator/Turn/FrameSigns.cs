namespace SmooAI.SmoothOperator;

/// <summary>What one frame means to the machines of a turn: the verb that it answers, and the guards. Pure.</summary>
internal sealed class FrameSigns
{
    private const long Accepted = 202;
    private const long FirstErrorStatus = 400;

    private readonly MachineEvent _name;
    private readonly MachineGuards _shared;
    private readonly string? _code;

    internal FrameSigns(ServerEvent received, MachineEvent name, TurnState turn, VerbLedger verbs)
    {
        Received = received;
        _name = name;
        _code = (received as ErrorEvent)?.Code;
        TurnGuards = StatusGuards(received);
        Answered = verbs.Answered(name, _code, turn, TurnGuards);
        if (received is ErrorEvent reported)
        {
            var ends = EndsTurn(reported, turn, Answered is not null);
            TurnGuards |= ends ? MachineGuards.TerminalError : MachineGuards.None;
            _shared |= !ends && SparesTurn(reported, turn) ? MachineGuards.VerbError : MachineGuards.None;
        }
        _shared |= (received as OtpInvalidEvent)?.AttemptsRemaining > 0 ? MachineGuards.AttemptsLeft : MachineGuards.None;
        _shared |= _code == "INTERACTION_MISMATCH" ? MachineGuards.Mismatch : MachineGuards.None;
        _shared |= (received as StreamChunkEvent)?.ToolResult is not null ? MachineGuards.ToolResult : MachineGuards.None;
    }

    internal ServerEvent Received { get; }

    /// <summary>The verb that the frame answers; null when it answers none.</summary>
    internal PendingVerb? Answered { get; }

    internal MachineGuards TurnGuards { get; }

    internal MachineGuards GuardsOf(QuestionSlot slot)
    {
        var guards = _shared;
        if (Answered?.Kind == slot.Kind && Answered is not null)
        {
            guards |= MachineGuards.VerbOutstanding;
        }
        if (_code is not null && _code == NoPendingCode(slot.Kind))
        {
            guards |= MachineGuards.NoPending;
        }
        return slot.IsOpen && slot.IsExpired(_name) ? guards | MachineGuards.Expired : guards;
    }

    private static MachineGuards StatusGuards(ServerEvent received)
    {
        var status = received switch
        {
            ImmediateResponseEvent acknowledgement => acknowledgement.Status,
            EventualResponseEvent answer => answer.Status,
            _ => null,
        };
        var guards = status == Accepted ? MachineGuards.Status202 : MachineGuards.None;
        return status >= FirstErrorStatus ? guards | MachineGuards.StatusError : guards;
    }

    /// <summary>Whether an error ends the turn (REQ-TURN-07).</summary>
    private static bool EndsTurn(ErrorEvent reported, TurnState turn, bool answersVerb)
    {
        if (reported.Terminal == false || turn == TurnState.Settled)
        {
            return false;
        }
        return ErrorTable.Find(reported.Code).Terminal switch
        {
            ErrorTerminal.Never => false,
            ErrorTerminal.UnlessVerb => !(turn == TurnState.Running && answersVerb),
            _ => true,
        };
    }

    private static bool SparesTurn(ErrorEvent reported, TurnState turn) =>
        turn == TurnState.Settled || ErrorTable.Find(reported.Code).Terminal == ErrorTerminal.UnlessVerb;

    private static string? NoPendingCode(QuestionKind kind) => kind switch
    {
        QuestionKind.Confirmation => "NO_PENDING_CONFIRMATION",
        QuestionKind.Interaction => "NO_PENDING_INTERACTION",
        _ => null,
    };
}
