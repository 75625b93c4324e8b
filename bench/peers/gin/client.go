package main

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	writeWait      = 10 * time.Second
	pongWait       = 60 * time.Second
	pingPeriod     = (pongWait * 9) / 10
	maxMessageSize = 4096
	sendBuffer     = 256

	closeMalformed = 4400
	closeToken     = 4401
	closeTooSlow   = 4408
)

// outgoing is one message: framed once for many readers, or the JSON of a single one.
type outgoing struct {
	prepared *websocket.PreparedMessage
	text     []byte
}

// Client is one connection, with the two pumps of gorilla's chat example.
type Client struct {
	conn     *websocket.Conn
	live     *Live
	send     chan outgoing
	done     chan struct{}
	closing  sync.Once
	code     int
	who      *Principal
	watching map[string]*Room
}

func (c *Client) close(code int) {
	c.closing.Do(func() {
		c.code = code
		close(c.done)
	})
}

func (c *Client) say(message any) {
	text, err := json.Marshal(message)
	if err != nil {
		return
	}
	select {
	case c.send <- outgoing{text: text}:
	case <-c.done:
	default:
		c.close(closeTooSlow)
	}
}

func (c *Client) readPump() {
	defer func() {
		for _, room := range c.watching {
			room.unregister <- c
		}
		c.close(websocket.CloseNormalClosure)
		c.conn.Close()
	}()
	c.conn.SetReadLimit(maxMessageSize)
	c.conn.SetReadDeadline(time.Now().Add(pongWait))
	c.conn.SetPongHandler(func(string) error { return c.conn.SetReadDeadline(time.Now().Add(pongWait)) })
	for {
		_, text, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		var request request
		if err := json.Unmarshal(text, &request); err != nil {
			c.say(failure{"error", "invalid_request", "not a JSON message", ""})
			continue
		}
		c.live.handle(c, &request)
	}
}

func (c *Client) writePump() {
	ticker := time.NewTicker(pingPeriod)
	defer func() {
		ticker.Stop()
		c.conn.Close()
	}()
	for {
		select {
		case message := <-c.send:
			c.conn.SetWriteDeadline(time.Now().Add(writeWait))
			if err := c.write(message); err != nil {
				return
			}
		case <-c.done:
			c.conn.SetWriteDeadline(time.Now().Add(writeWait))
			c.conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(c.code, ""))
			return
		case <-ticker.C:
			c.conn.SetWriteDeadline(time.Now().Add(writeWait))
			if err := c.conn.WriteMessage(websocket.PingMessage, nil); err != nil {
				return
			}
		}
	}
}

// write sends one message. Where fan-out is joined, the same frame carries all messages queued behind it, like in
// the chat example, but as an array instead of lines.
func (c *Client) write(message outgoing) error {
	if message.prepared != nil {
		return c.conn.WritePreparedMessage(message.prepared)
	}
	queued := len(c.send)
	if !c.live.hub.joined || queued == 0 {
		return c.conn.WriteMessage(websocket.TextMessage, message.text)
	}
	w, err := c.conn.NextWriter(websocket.TextMessage)
	if err != nil {
		return err
	}
	w.Write([]byte{'['})
	w.Write(message.text)
	for range queued {
		w.Write([]byte{','})
		w.Write((<-c.send).text)
	}
	w.Write([]byte{']'})
	return w.Close()
}
