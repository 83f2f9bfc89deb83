package agentapi

// The modes of the agent: its first argument says what it does. A container may execute
// the agent of another build than the nixproxy that asks it: a mode whose request or
// answer changes its form gets another name, so that such an agent answers NoSuchMode
// instead of something that is read wrong.
const (
	// The processes of containers.
	ModeServe  = "serve"  // IMAGE SPECIFICATION [MOVED-MOUNT...]: the process of a proxy container
	ModeAnchor = "anchor" // the process of an anchor

	// Jobs of a throwaway container.
	ModeSync   = "sync"   // IDENTITY REFERENCE: copies the store of the container's image into the volume
	ModeRepair = "repair" // replaces broken store paths by those of the container's image
	ModeGC     = "gc"     // PLAN: drops roots, and collects garbage

	// Work in the anchor.
	ModePrepare = "prepare"        // [ReadOnly]: makes a new volume ours, and prints its stamps
	ModeHolders = "holders"        // prints which processes have the store open
	ModeInspect = "volume-inspect" // prints what is in the volume, and what keeps it
	ModeVerify  = "volume-verify"  // reads all store paths, and prints which are not as registered
	ModeMissing = "missing"        // prints which store paths of a closure the volume lacks
	ModeReceive = "receive"        // receives store paths from a host or an archive
	ModeExport  = "export"         // writes store paths for an archive

	// Work in a proxy container.
	ModeEnroll    = "enroll"    // lets a client's key in, and prints the host key
	ModeConnect   = "connect"   // carries a connection to the serving agent over stdin and stdout
	ModeDescribe  = "describe"  // prints what the container sees at some paths
	ModeSupervise = "supervise" // the process above one session's command
	ModeGCAuto    = "gc-auto"   // BYTES: collects garbage until the store is no larger

	// Programs of sessions.
	ModePack    = "pack"    // PATH: writes a file or directory of the store as a tar
	ModeArchive = "archive" // PATH: writes an image archive of the store
)

// ReadOnly is the argument by which ModePrepare changes nothing. The agent of an
// earlier nixproxy does not know it, and prepares the volume.
const ReadOnly = "read-only"

// NoSuchMode is the exit status of an agent that does not know a mode, or that is
// given another number of arguments.
const NoSuchMode = 2
