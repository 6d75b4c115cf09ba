namespace SmooAI.SmoothOperator;

/// <summary>The three question machines of a turn. Guarded by the gate.</summary>
internal sealed class Questions
{
    internal Questions(ClientContext context, Action<QuestionSlot> late)
    {
        Confirmation = new QuestionSlot<ConfirmationState>(
            context, QuestionKind.Confirmation, late, Machines.Confirmation, ConfirmationState.Open, ConfirmationState.Answered);
        Otp = new QuestionSlot<OtpState>(
            context, QuestionKind.Otp, late, Machines.Otp, OtpState.Open, OtpState.Answered);
        Interaction = new QuestionSlot<InteractionState>(
            context, QuestionKind.Interaction, late, Machines.Interaction, InteractionState.Open, InteractionState.Answered);
        All = [Confirmation, Otp, Interaction];
    }

    internal QuestionSlot Confirmation { get; }

    internal QuestionSlot Otp { get; }

    internal QuestionSlot Interaction { get; }

    internal QuestionSlot[] All { get; }

    internal bool AnyOpen => Confirmation.IsOpen || Otp.IsOpen || Interaction.IsOpen;

    /// <summary>Whether every machine is where it began.</summary>
    internal bool NoneAsked => Confirmation.IsNone && Otp.IsNone && Interaction.IsNone;

    /// <summary>The open questions, in the order of their kinds.</summary>
    internal IReadOnlyList<Question> Open => [.. All.Where(slot => slot.IsOpen).Select(slot => slot.Asked!)];

    internal QuestionSlot Of(QuestionKind kind) => All[(int)kind];

    internal void StopAll()
    {
        foreach (var slot in All)
        {
            slot.Stop();
        }
    }
}
