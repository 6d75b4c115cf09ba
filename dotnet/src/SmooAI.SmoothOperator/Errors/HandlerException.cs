namespace SmooAI.SmoothOperator;

public partial class HandlerException
{
    /// <summary>Kind of the question whose handler failed; what it threw is the inner exception.</summary>
    public QuestionKind Question => Details.OpenQuestion!.Kind;
}
