namespace SmooAI.SmoothOperator;

/// <summary>What a human is asked for; verbs address questions by kind (REQ-VERB-01).</summary>
public enum QuestionKind
{
    /// <summary>Whether a tool may run.</summary>
    Confirmation,

    /// <summary>A one-time code.</summary>
    Otp,

    /// <summary>The values of a form or a choice.</summary>
    Interaction,
}
