namespace SmooAI.SmoothOperator;

/// <summary>Something in flight that ends with an answer.</summary>
internal interface IAnswered
{
    /// <summary>The wait for it.</summary>
    Task Ended { get; }
}

/// <summary>Something that waits for frames of one requestId: a call or a turn. Every call comes inside the gate.</summary>
internal interface IInFlight
{
    /// <summary>Place among all that is in flight, by when it began.</summary>
    long Order { get; set; }

    /// <summary>A frame of this id came; false when it is nothing to this inFlight.</summary>
    bool OnEvent(in DecodedFrame frame);

    /// <summary>There is a link: writes what goes before all that waits for it.</summary>
    void OnOpened();

    /// <summary>The attempt that this waited for failed.</summary>
    /// <param name="error">Why.</param>
    /// <param name="sought">Whether another attempt follows.</param>
    void OnAttemptFailed(Exception error, bool sought);

    /// <summary>The next message of a session goes out.</summary>
    void OnNextSend(string sessionId);

    /// <summary>The link is gone.</summary>
    void OnEnded(LinkEnd end);
}
