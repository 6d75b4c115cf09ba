package protocol

import "iter"

// pages yields the messages of all pages. It asks for a page when its first message is wanted, stops
// when there are no more or no cursor leads on, and fails when a cursor repeats (REQ-HIST-02).
func pages(repeated func() error, fetch func(cursor string) (*MessagePage, error)) iter.Seq2[*ConversationMessage, error] {
	return func(yield func(*ConversationMessage, error) bool) {
		seen := map[string]bool{}
		for cursor := ""; ; {
			page, err := fetch(cursor)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page.Messages {
				if !yield(&page.Messages[i], nil) {
					return
				}
			}
			next, ok := page.NextCursor.Get()
			if !page.HasMore || !ok || next == "" {
				return
			}
			if seen[next] {
				yield(nil, repeated())
				return
			}
			seen[next], cursor = true, next
		}
	}
}
