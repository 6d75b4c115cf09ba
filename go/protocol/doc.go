// Package protocol is the Go client of the smooth-operator protocol: conversations with AI agents
// over one WebSocket.
//
// Start with [New], [Client.Connect] and [Client.StartConversation]; [Conversation.Ask] gives a whole
// answer, [Conversation.Send] a [Turn] to iterate, to answer and to stop. Under these lie the
// protocol's own verbs, such as [Client.CreateConversationSession] and [Client.SendMessage], and
// [Call] for any action with one answer.
//
// Every method that waits takes a context first. A context that ends is told by its own error; the
// context of a send governs its turn, and the server is told to stop when it ends. All other errors
// match a sentinel of this package with errors.Is, carry an [AgentError], and have a word that is
// equal in all languages, given by [Kind].
//
// A client runs no goroutine before it connects and none after [Client.Close] has returned. All its
// methods, and those of turns, are safe for concurrent use.
package protocol

// Version of this module.
const Version = "0.1.0"
