// Package protocoltest helps to test programs that use package protocol: it brings a whole server of the
// protocol inside the test's process.
//
// Start with [NewServer]. Say what the agent does with [Server.OnMessage], talk to it through
// [Server.Conversation] or [Server.Client], and look at [Server.Sent]. Nothing opens a socket and nothing
// waits for real time: frames cross in memory, and the clock is a [VirtualClock] that moves by
// [Server.Advance]. With [Server.Listen] the same server listens on 127.0.0.1 for any client or program.
//
//	func TestRefund(t *testing.T) {
//		srv := protocoltest.NewServer(t)
//		srv.OnMessage("refund").Confirm("refund order 7").Tokens("Do", "ne").Finish()
//		got, err := srv.Conversation(t, protocol.Handlers{Confirm: protocoltest.Approve}).Ask(t.Context(), "refund")
//		if err != nil || got.Text != "Done" {
//			t.Fatal(got, err)
//		}
//	}
//
// A session of a real server is kept in a file by [Record] and given back by [ReplayOf]. A script that
// contradicts the protocol panics with a [*ScriptError] on the line that writes it.
package protocoltest
