//go:build fullway

package protocol

func init() { fast.learned, fast.rest, fast.cut = false, false, false }
