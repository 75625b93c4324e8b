package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log"
	"sync"

	"github.com/gorilla/websocket"
	"github.com/redis/go-redis/v9"
)

// Hub holds one room per watched auction. An event is framed once for all its readers, unless fan-out is joined:
// then each connection joins the events queued for it into a frame of its own. The two exclude each other.
type Hub struct {
	store  *Store
	joined bool
	mutex  sync.Mutex
	rooms  map[string]*Room
}

func NewHub(store *Store, joined bool) *Hub {
	return &Hub{store: store, joined: joined, rooms: make(map[string]*Room)}
}

// Room returns the room of an auction, and creates it for the first watcher.
func (h *Hub) Room(auctionID string) *Room {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	room, ok := h.rooms[auctionID]
	if !ok {
		room = &Room{
			auctionID:  auctionID,
			store:      h.store,
			joined:     h.joined,
			register:   make(chan *Client),
			unregister: make(chan *Client),
			clients:    make(map[*Client]int64),
		}
		h.rooms[auctionID] = room
		go room.run()
	}
	return room
}

// Room is the hub of gorilla's chat example with a Redis channel as its source: one goroutine owns the set of
// clients, so a client sees its snapshot first and every later event once, in order.
type Room struct {
	auctionID  string
	store      *Store
	joined     bool
	register   chan *Client
	unregister chan *Client
	clients    map[*Client]int64 // client -> seq of the snapshot it was sent
}

func (r *Room) run() {
	ctx := context.Background()
	feed := r.store.client.SSubscribe(ctx, "auction:{"+r.auctionID+"}:feed")
	defer feed.Close()
	if _, err := feed.Receive(ctx); err != nil {
		log.Printf("subscribe: %v", err)
	}
	messages := feed.Channel(redis.WithChannelSize(1024))
	for {
		select {
		case client := <-r.register:
			r.welcome(ctx, client)
		case client := <-r.unregister:
			delete(r.clients, client)
		case message := <-messages:
			r.broadcast([]byte(message.Payload))
		}
	}
}

// welcome sends the current state. broadcast drops events that this snapshot already contains.
func (r *Room) welcome(ctx context.Context, client *Client) {
	topic := "auction:" + r.auctionID
	snapshot, err := r.store.Snapshot(ctx, r.auctionID)
	if err != nil || snapshot == nil {
		client.say(failure{"error", "auction_not_found", "there is no such auction", ""})
		return
	}
	client.say(snapshotMessage{"snapshot", topic, snapshot.Epoch, snapshot.Seq, snapshot.State})
	r.clients[client] = snapshot.Seq
}

// broadcast frames the event once for all clients. A client that cannot keep up is closed, as in the chat example.
func (r *Room) broadcast(event []byte) {
	var numbered struct {
		Seq int64 `json:"seq"`
	}
	if err := json.Unmarshal(event, &numbered); err != nil {
		log.Printf("event: %v", err)
		return
	}
	var frame bytes.Buffer
	frame.Grow(len(event) + 64)
	frame.WriteString(`{"type":"event","topic":"auction:` + r.auctionID + `",`)
	frame.Write(event[1:])
	message := outgoing{text: frame.Bytes()}
	if !r.joined {
		prepared, err := websocket.NewPreparedMessage(websocket.TextMessage, frame.Bytes())
		if err != nil {
			log.Printf("prepare: %v", err)
			return
		}
		message.prepared = prepared
	}
	for client, after := range r.clients {
		if numbered.Seq <= after {
			continue
		}
		select {
		case client.send <- message:
		default:
			delete(r.clients, client)
			client.close(closeTooSlow)
		}
	}
}
