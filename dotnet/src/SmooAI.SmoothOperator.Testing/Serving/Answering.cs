using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>What people say to the questions of a turn, and how that is acknowledged; how refusals are told.</summary>
internal sealed class Answering(World world)
{
    /// <summary>Answers a call with its result.</summary>
    internal void Value(JsonObject frame, ILink link, JsonObject data) =>
        link.Write(Frames.Value((string?)frame["requestId"], world.NowMs, data));

    /// <summary>Tells that an action is refused; of a verb in its turn, where it has one (REQ-SRV-24).</summary>
    internal void Refuse(JsonObject frame, ILink link, RefusedException refused)
    {
        if (FieldRules.IsVerb(TextOf(frame, "action")) && TurnOf(frame, link) is { } turn)
        {
            new Play(world, turn).Emit(head => Frames.Error(head.Id, head.Seq, head.At, refused.Code, refused.Message));
            return;
        }
        link.Write(Frames.Text(Frames.Error(TextOf(frame, "requestId"), null, world.NowMs, refused.Code, refused.Message)));
    }

    /// <summary>Takes a yes or no; a stale one is refused (REQ-SRV-07).</summary>
    internal void Confirm(JsonObject frame, ILink link)
    {
        var session = SessionOf(frame, link, "NO_PENDING_CONFIRMATION");
        var (named, approved) = ((string?)frame["confirmationId"], (bool)frame["approved"]!);
        var turn = Asking(session, QuestionKind.Confirmation);
        if (turn?.Question is not { } question || (named is not null && named != question.Id))
        {
            if (IsSaidAgain(session, named, approved, link))
            {
                return;
            }
            throw new RefusedException("NO_PENDING_CONFIRMATION", "nothing waits for this confirmation");
        }
        turn.Answered[question.Id] = approved;
        Say(turn, frame, link, Frames.Taken);
        new Play(world, turn).Answer(question, approved);
    }

    /// <summary>Takes one try at the code, or a refusal to give one.</summary>
    internal void VerifyOtp(JsonObject frame, ILink link)
    {
        var session = world.Session((string)frame["sessionId"]!, link.Owner);
        var turn = Asking(session, QuestionKind.Otp);
        if ((bool?)frame["declined"] == true && session.Attempts is not null)
        {
            session.Attempts = null;
            Say(turn, frame, link, Frames.Taken);
            Decide(turn, false);
        }
        else if (session.Attempts is not { } attempts)
        {
            Say(turn, frame, link, Frames.OtpInvalid(OtpInvalidReason.NotFound, 0, "No code is waited for."));
        }
        else if ((string?)frame["code"] == session.Code)
        {
            (session.Attempts, session.IsVerified) = (null, true);
            Say(turn, frame, link, head => new OtpVerifiedEvent
            {
                RequestId = head.Id,
                Seq = head.Seq,
                Message = "The code is right.",
                Timestamp = head.At,
            });
            Decide(turn, true);
        }
        else
        {
            var left = attempts - 1;
            session.Attempts = left > 0 ? left : null;
            var why = left > 0 ? OtpInvalidReason.InvalidCode : OtpInvalidReason.MaxAttempts;
            Say(turn, frame, link, Frames.OtpInvalid(why, left, "The code is wrong."));
            if (left == 0)
            {
                Decide(turn, false);
            }
        }
    }

    /// <summary>Takes a form that was filled in, or the refusal to.</summary>
    internal void Submit(JsonObject frame, ILink link)
    {
        var session = SessionOf(frame, link, "NO_PENDING_INTERACTION");
        var (named, declined) = ((string)frame["interactionId"]!, (bool?)frame["declined"] == true);
        var said = declined ? new JsonObject { ["status"] = "declined" } : frame["values"];
        var turn = Asking(session, QuestionKind.Interaction);
        if (turn?.Question is not { } question)
        {
            if (IsSaidAgain(session, named, said, link))
            {
                return;
            }
            throw new RefusedException("NO_PENDING_INTERACTION", "nothing waits for this interaction");
        }
        if (named != question.Id || (frame["kind"] is { } kind && (string?)kind != question.FormKind))
        {
            throw new RefusedException("INTERACTION_MISMATCH", "another interaction waits");
        }
        if (said is null)
        {
            throw new RefusedException("VALIDATION_ERROR", "/values is missing"); // REQ-SRV-14
        }
        var faults = declined ? [] : Forms.Of(question.FormKind, question.Spec!, Frames.Element(said.AsObject()));
        if (faults.Count > 0)
        {
            Say(turn, frame, link, head => new InteractionInvalidEvent
            {
                RequestId = head.Id,
                Seq = head.Seq,
                InteractionId = question.Id,
                Kind = question.FormKind,
                Errors = faults,
                Message = "Some fields need attention.",
                Timestamp = head.At,
            });
            return;
        }
        turn.Answered[question.Id] = said.DeepClone();
        Say(turn, frame, link, Frames.Taken);
        new Play(world, turn).Answer(
            question, declined ? said : new JsonObject { ["status"] = "submitted", ["values"] = said.DeepClone() });
    }

    internal static string? TextOf(JsonObject frame, string name) =>
        frame[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    /// <summary>Returns the turn on this link that a verb is about, where its events are numbered.</summary>
    private FakeTurn? TurnOf(JsonObject frame, ILink link)
    {
        var running = world.Sessions.GetValueOrDefault(TextOf(frame, "sessionId") ?? "")?.Conversation.Running;
        return running is { Session.Replays: true } && running.RequestId == TextOf(frame, "requestId") && running.Holder == link
            ? running
            : null;
    }

    private FakeSession SessionOf(JsonObject frame, ILink link, string refusal) =>
        world.Session((string)frame["sessionId"]!, link.Owner, refusal);

    private static FakeTurn? Asking(FakeSession session, QuestionKind kind) =>
        session.Conversation.Running is { } turn && turn.Session == session && turn.Question?.Kind == kind ? turn : null;

    private void Decide(FakeTurn? turn, bool answer)
    {
        if (turn?.Question is { } question)
        {
            new Play(world, turn).Answer(question, answer);
        }
    }

    /// <summary>Whether the link of a turn says again what it said (REQ-SRV-41).</summary>
    private static bool IsSaidAgain(FakeSession session, string? named, JsonNode? answer, ILink link) =>
        named is not null && session.Replays && session.Conversation.Running is { } turn && turn.Holder == link
        && turn.Answered.TryGetValue(named, out var before) && JsonNode.DeepEquals(before, answer);

    /// <summary>Answers a verb: in the turn where that is numbered, and to who asked.</summary>
    private void Say(FakeTurn? turn, JsonObject frame, ILink link, Func<FrameHead, ServerEvent> make)
    {
        var id = (string)frame["requestId"]!;
        if (turn is { Session.Replays: true } && turn.RequestId == id)
        {
            new Play(world, turn).Emit(make);
            if (turn.Holder == link)
            {
                return;
            }
        }
        link.Write(Frames.Text(make(new FrameHead(id, null, world.NowMs))));
    }
}
