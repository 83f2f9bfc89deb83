package session

import (
	"context"
	"net"

	"golang.org/x/crypto/ssh"
)

// SSHAgentChannel is the type of a channel to the client's ssh agent. nixproxy's agent
// opens it.
const SSHAgentChannel = "auth-agent@openssh.com"

// OfferSSHAgent lets commands use the ssh agent that listens on a socket of this host,
// if their session's Request says so. It may be called once.
func (c *Client) OfferSSHAgent(socket string) {
	ctx, cancel := context.WithCancel(context.Background())
	offered := c.ssh.HandleChannelOpen(SSHAgentChannel)
	go func() {
		defer cancel()
		for channel := range offered {
			go lendSSHAgent(ctx, channel, socket)
		}
	}()
}

// lendSSHAgent is ForwardToRemote of package ssh/agent, which leaves a channel
// open when the ssh agent has gone.
func lendSSHAgent(ctx context.Context, offered ssh.NewChannel, socket string) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		_ = offered.Reject(ssh.ConnectionFailed, "the ssh agent does not answer")
		return
	}
	channel, requests, err := offered.Accept()
	if err != nil {
		conn.Close()
		return
	}
	go ssh.DiscardRequests(requests)
	Splice(ctx, channel, conn.(Stream))
}
