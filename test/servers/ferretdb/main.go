// MongoDB's wire protocol on SQLite, for tests where there is neither a container runtime nor a MongoDB.
//
// FerretDB reads, compares and writes in separate steps, so an update that is guarded by its filter is not atomic
// there as it is in MongoDB. Commands therefore pass one at a time.
package main

import (
	"context"
	"encoding/binary"
	"io"
	"log"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/FerretDB/FerretDB/ferretdb"
)

const moreToCome = 1 << 1 // a flag of OP_MSG: no response is wanted

// readMessage reads one message of the wire protocol: its length comes first, little endian.
func readMessage(from io.Reader) ([]byte, error) {
	length := make([]byte, 4)
	if _, err := io.ReadFull(from, length); err != nil {
		return nil, err
	}
	message := make([]byte, binary.LittleEndian.Uint32(length))
	copy(message, length)
	_, err := io.ReadFull(from, message[4:])
	return message, err
}

// pass forwards a client's commands and their responses, one command of all clients at a time.
func pass(client net.Conn, socket string, turn *sync.Mutex) {
	defer client.Close()
	server, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer server.Close()
	exchange := func(request []byte) (response []byte, err error) {
		turn.Lock()
		defer turn.Unlock()
		if _, err := server.Write(request); err != nil {
			return nil, err
		}
		if binary.LittleEndian.Uint32(request[16:])&moreToCome != 0 {
			return nil, nil
		}
		return readMessage(server)
	}
	for {
		request, err := readMessage(client)
		if err != nil {
			return
		}
		response, err := exchange(request)
		if err != nil {
			return
		}
		if _, err := client.Write(response); err != nil {
			return
		}
	}
}

// Arguments: the address to listen on, and the folder of the database files.
func main() {
	address, dir := os.Args[1], os.Args[2]
	socket := filepath.Join(dir, "ferretdb.sock")
	os.Remove(socket) // of a run that was killed
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{Unix: socket},
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		Handler:   "sqlite",
		SQLiteURL: "file:" + dir + "/",
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(server.Run(context.Background())) }()

	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	var turn sync.Mutex
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go pass(client, socket, &turn)
	}
}
