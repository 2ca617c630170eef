package main

import (
	"io"
	"net"
	"strconv"
)

// start listens on the loopback and connects every caller to the socket. It lives as long as the shim.
func (f Forward) start() error {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(f.Listen)))
	if err != nil {
		return err
	}
	go func() {
		for {
			caller, err := listener.Accept()
			if err != nil {
				return
			}
			go f.serve(caller)
		}
	}()
	return nil
}

func (f Forward) serve(caller net.Conn) {
	defer caller.Close()
	engine, err := net.Dial("unix", f.Socket)
	if err != nil {
		return
	}
	defer engine.Close()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		pump(caller, engine)
	}()
	pump(engine, caller)
	<-answered
}

// pump copies one direction and passes its end on, so that half-closed connections work.
func pump(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, can := to.(interface{ CloseWrite() error }); can {
		_ = half.CloseWrite()
	}
}
