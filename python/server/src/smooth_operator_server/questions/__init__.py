"""What waits for a human: open questions, one-time codes, forms and their validators."""

from .desk import Answers
from .forms import CHOICES, IDENTITY_INTAKE, FormError, SpecError, capability_of
from .open import Kind, OpenQuestions
from .otp import FixedCode, OtpDesk, OtpSendError, OtpService, OtpVerdict

__all__ = [
    "CHOICES",
    "IDENTITY_INTAKE",
    "Answers",
    "FixedCode",
    "FormError",
    "Kind",
    "OpenQuestions",
    "OtpDesk",
    "OtpSendError",
    "OtpService",
    "OtpVerdict",
    "SpecError",
    "capability_of",
]
