namespace SmooAI.SmoothOperator;

public partial class UnexpectedEventException
{
    /// <summary>The event that came instead of the answer; null when a page cursor repeated.</summary>
    public ServerEvent? Event => Facts.Event;
}
