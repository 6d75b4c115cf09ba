module github.com/SmooAI/smooth-operator/bench/stream

go 1.26

require (
	github.com/SmooAI/smooth-operator/go v0.0.0
	github.com/coder/websocket v1.8.15
)

replace github.com/SmooAI/smooth-operator/go => ../../../go
