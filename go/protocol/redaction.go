package protocol

// secretActions are never logged with their text: they carry one-time codes (REQ-OTP-06).
var secretActions = []string{"verify_otp"}

// String leaves the code out (REQ-LOG-01).
func (v VerifyOTP) String() string { return "protocol.VerifyOTP(" + v.RequestID + ")" }

// GoString is String.
func (v VerifyOTP) GoString() string { return v.String() }

// String leaves the signature out (REQ-LOG-01).
func (a AuthContext) String() string { return "protocol.AuthContext(" + a.UserID + ")" }

// GoString is String.
func (a AuthContext) GoString() string { return a.String() }
