namespace SmooAI.SmoothOperator;

public partial class SmoothAuthenticationException
{
    /// <summary>
    /// Makes the error that a <see cref="SmoothAgentClientOptions.TokenProvider"/> throws when nobody is logged in any
    /// more: it ends the seeking of a link, where any other exception fails one attempt (REQ-CONN-28, REQ-CONN-30).
    /// </summary>
    /// <param name="cause">What the provider met; null for nothing.</param>
    public SmoothAuthenticationException(Exception? cause = null)
        : this(new ErrorFacts { Kind = ErrorKinds.Authentication, Retryable = false, Cause = cause })
    {
    }
}
