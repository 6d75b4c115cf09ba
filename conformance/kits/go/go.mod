module github.com/SmooAI/smooth-operator/conformance/kits/go

go 1.26

require github.com/SmooAI/smooth-operator/go v0.0.0

require github.com/coder/websocket v1.8.15 // indirect

replace github.com/SmooAI/smooth-operator/go => ../../../go
