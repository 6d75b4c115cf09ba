namespace SmooAI.SmoothOperator;

/// <summary>Where the token travels.</summary>
public enum TokenPlace
{
    /// <summary>As the last pair <c>token=</c> of the URL's query.</summary>
    Query,

    /// <summary>As <c>Authorization: Bearer</c>, and nowhere else.</summary>
    Header,
}
