namespace SmooAI.SmoothOperator;

/// <summary>Answer to a ping (REQ-CALL-06).</summary>
/// <param name="ServerTime">The server's clock in milliseconds since the epoch; null when the pong did not say it.</param>
/// <param name="RoundTripMs">Milliseconds from the call to the answer, by the client's clock.</param>
public sealed record Pong(long? ServerTime, double RoundTripMs);
