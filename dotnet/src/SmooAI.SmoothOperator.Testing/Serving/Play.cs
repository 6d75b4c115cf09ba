using System.Text.Json;
using System.Text.Json.Nodes;

namespace SmooAI.SmoothOperator.Testing;

/// <summary>What one turn tells, and what it waits for. Guarded by the world's gate.</summary>
internal sealed class Play(World world, FakeTurn turn)
{
    /// <summary>How long a turn runs on without a link (REQ-SRV-36).</summary>
    private static readonly TimeSpan LinklessTime = TimeSpan.FromSeconds(90);

    internal World World => world;

    internal FakeTurn Turn => turn;

    /// <summary>Plays on until the next wait that is not over.</summary>
    internal void GoOn()
    {
        while (turn.Steps is { } steps && !turn.IsSettled)
        {
            if (!steps.MoveNext())
            {
                turn.Steps = null;
                return;
            }
            if (!steps.Current.IsOver)
            {
                return;
            }
        }
    }

    /// <summary>Numbers an event of the turn, keeps it, and sends it to who holds the turn.</summary>
    internal void Emit(Func<FrameHead, ServerEvent> make)
    {
        var seq = turn.Session.Replays ? turn.Events.Count + 1 : (long?)null;
        turn.Events.Add(Frames.Text(make(new FrameHead(turn.RequestId, seq, world.NowMs))));
        turn.Pump();
    }

    /// <summary>Tells that the turn was taken: its first event.</summary>
    internal void Accept() => Emit(head => new ImmediateResponseEvent
    {
        RequestId = head.Id,
        Seq = head.Seq,
        Status = 202,
        Message = "Accepted",
        Data = Frames.Empty,
        Timestamp = head.At,
    });

    /// <summary>Streams one piece; tokens only where they are wanted (REQ-SRV-08).</summary>
    internal void Piece(string type, string text)
    {
        switch (type)
        {
            case "stream_reasoning":
                Emit(head => new StreamReasoningEvent { RequestId = head.Id, Seq = head.Seq, Token = text, Timestamp = head.At });
                break;
            case "stream_preamble":
                Emit(head => new StreamPreambleEvent { RequestId = head.Id, Seq = head.Seq, Token = text, Timestamp = head.At });
                break;
            default:
                turn.Text += text;
                if ((bool?)turn.Body["stream"] != false)
                {
                    Emit(head => new StreamTokenEvent { RequestId = head.Id, Seq = head.Seq, Token = text, Timestamp = head.At });
                }
                break;
        }
    }

    internal void Chunk(string node, JsonElement? raw, bool? done) => Emit(head => new StreamChunkEvent
    {
        RequestId = head.Id,
        Seq = head.Seq,
        Node = node,
        State = new() { RawResponse = raw },
        Done = done,
        Timestamp = head.At,
    });

    /// <summary>Ends the turn with its answer, which is stored.</summary>
    internal void Finish(string text, IReadOnlyList<Citation> citations, Usage? usage, IReadOnlyList<string> suggestions)
    {
        var conversation = turn.Session.Conversation;
        var said = new StoredMessage(world.NewId(), "outbound", text, turn.RequestId, world.Clock.GetUtcNow());
        conversation.Messages.Add(said);
        world.Touch(conversation);
        Settle("completed");
        Emit(head => new EventualResponseEvent
        {
            RequestId = head.Id,
            Seq = head.Seq,
            Status = 200,
            MessageId = said.Id,
            Response = ResponseOf(text, suggestions),
            Citations = citations.Count > 0 ? citations : null,
            Usage = usage,
            Timestamp = head.At,
        });
    }

    /// <summary>Ends the turn with an error.</summary>
    internal void Fail(string code, string message)
    {
        Settle("failed");
        Emit(head => Frames.Error(head.Id, head.Seq, head.At, code, message));
    }

    /// <summary>Ends the turn as one that was stopped, wherever it is.</summary>
    internal void Cancel()
    {
        Settle("cancelled");
        Emit(Frames.Cancelled);
    }

    /// <summary>Ends the turn for want of a link; nobody is told but who resumes it (REQ-SRV-36).</summary>
    private void Lose() => Fail("AGENT_ERROR", "The turn lost its link.");

    /// <summary>Stores how the turn ended, and lets the next one run.</summary>
    private void Settle(string outcome)
    {
        turn.SettledAt = world.Clock.GetTimestamp();
        turn.Message.Turn = outcome;
        turn.Steps = null;
        CloseQuestion();
        LinkIsThere();
        if (turn.Session.Conversation.Running == turn)
        {
            turn.Session.Conversation.Running = null;
        }
    }

    /// <summary>Goes on without a link for a while, or ends where nobody can come back (REQ-SRV-36).</summary>
    internal void LinkIsGone()
    {
        if (turn.IsSettled)
        {
            return;
        }
        if (!turn.Session.Replays)
        {
            Lose();
        }
        else
        {
            turn.Linkless ??= world.After(LinklessTime, GiveUp);
        }
    }

    /// <summary>Waits no longer for a link.</summary>
    internal void LinkIsThere()
    {
        turn.Linkless?.Dispose();
        turn.Linkless = null;
    }

    private void GiveUp()
    {
        turn.Linkless = null;
        if (turn.Question is not null)
        {
            LinkIsGone();
        }
        else if (!turn.IsSettled)
        {
            Lose();
        }
    }

    /// <summary>Asks whether a tool may run.</summary>
    internal Wait Confirm(string description, string toolId) => Ask(QuestionKind.Confirmation, (head, id, until) => new WriteConfirmationRequiredEvent
    {
        RequestId = head.Id,
        Seq = head.Seq,
        ToolId = toolId,
        ActionDescription = description,
        ConfirmationId = until is null ? null : id,
        ExpiresAt = until,
        Timestamp = head.At,
    });

    /// <summary>Asks for a code; where the client cannot wait for one, the answer is no at once (REQ-OTP-04).</summary>
    internal Wait Otp(Step.Otp otp, string toolId = Reply.FakeTool, string description = "A one-time code is needed.", bool delivers = true)
    {
        (turn.Session.Code, turn.Session.Attempts) = (otp.Code, otp.Attempts);
        ServerEvent Required(FrameHead head, string id, long? until) => new OtpVerificationRequiredEvent
        {
            RequestId = head.Id,
            Seq = head.Seq,
            ToolId = toolId,
            ActionDescription = description,
            AvailableChannels = [otp.Channel],
            AuthLevel = "end_user",
            ExpiresAt = until,
            Timestamp = head.At,
        };
        Wait wait;
        if (turn.Session.Words.Contains("otp_park"))
        {
            wait = Ask(QuestionKind.Otp, Required);
        }
        else
        {
            wait = new Wait();
            wait.End(false);
            Emit(head => Required(head, "", null));
        }
        if (delivers)
        {
            Emit(head => new OtpSentEvent
            {
                RequestId = head.Id,
                Seq = head.Seq,
                Channel = otp.Channel,
                MaskedDestination = otp.Masked,
                Timestamp = head.At,
            });
        }
        else
        {
            Emit(head => Frames.Error(head.Id, head.Seq, head.At, "OTP_SEND_FAILED", "The code was not delivered."));
        }
        return wait;
    }

    /// <summary>Asks with a form; the answer is how that ended, as the agent is told.</summary>
    internal Wait Form(string kind, JsonObject spec, string reason) => Ask(
        QuestionKind.Interaction,
        (head, id, until) => new InteractionRequiredEvent
        {
            RequestId = head.Id,
            Seq = head.Seq,
            InteractionId = id,
            Kind = kind,
            Spec = Frames.Element(spec),
            Reason = reason,
            ExpiresAt = until,
            Timestamp = head.At,
        },
        kind,
        spec);

    /// <summary>Waits for the clock.</summary>
    internal Wait Pause(TimeSpan time)
    {
        var wait = new Wait();
        if (time > TimeSpan.Zero)
        {
            wait.Timer = world.After(time, () => Over(wait, null));
        }
        else
        {
            wait.End(null);
        }
        return wait;
    }

    /// <summary>Takes what was said to the open question, and plays on.</summary>
    internal void Answer(Question question, JsonNode? answer)
    {
        CloseQuestion();
        Over(question.Wait, answer);
    }

    /// <summary>Forgets the question that is open, if one is.</summary>
    internal void CloseQuestion()
    {
        turn.Question?.Wait.Timer?.Dispose();
        turn.Question = null;
    }

    /// <summary>Asks, and waits for what is said; no answer in time is none (REQ-SRV-09).</summary>
    private Wait Ask(QuestionKind kind, Func<FrameHead, string, long?, ServerEvent> make, string form = "", JsonObject? spec = null)
    {
        var time = world.Options.QuestionTime;
        var question = new Question(world.NewId(), kind, new Wait(), form, spec);
        turn.Question = question;
        var until = turn.Session.Words.Contains("spec_1_1") ? world.NowMs + (long)time.TotalMilliseconds : (long?)null;
        question.Wait.Timer = world.After(time, () =>
        {
            if (turn.Question == question)
            {
                Answer(question, null);
            }
        });
        Emit(head => make(head, question.Id, until));
        return question.Wait;
    }

    private void Over(Wait wait, JsonNode? answer)
    {
        if (!wait.IsOver && !turn.IsSettled)
        {
            wait.End(answer);
            GoOn();
        }
    }

    /// <summary>A lone empty part would read as no answer at all (REQ-TURN-09).</summary>
    private static JsonElement ResponseOf(string text, IReadOnlyList<string> suggestions)
    {
        if (text.Length == 0 && suggestions.Count == 0)
        {
            return JsonElement.Parse("\"\"");
        }
        var response = new JsonObject { ["responseParts"] = new JsonArray(text) };
        if (suggestions.Count > 0)
        {
            response["suggestedNextActions"] = new JsonArray([.. suggestions.Select(one => (JsonNode)one)]);
        }
        return Frames.Element(response);
    }
}
