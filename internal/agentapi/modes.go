package agentapi

// Modes of the agent, by the argument that it is started with. A container may
// execute the agent of another build than the nixproxy that asks it: a mode whose
// request or answer changes its form gets another name, so that such an agent
// answers NoSuchMode instead of something that is read wrong.
const (
	ModeGC      = "gc"
	ModeInspect = "volume-inspect"
	ModeVerify  = "volume-verify"
	ModeRepair  = "repair"
)
