package main

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gin-gonic/gin/binding"
	"github.com/google/uuid"
	"github.com/gorilla/websocket"
)

// The messages of the live protocol.
type (
	request struct {
		Type      string `json:"type"`
		Ref       string `json:"ref"`
		Token     string `json:"token"`
		Topic     string `json:"topic"`
		AuctionID string `json:"auction_id"`
		BidID     string `json:"bid_id"`
		Amount    int64  `json:"amount"`
		Kind      string `json:"kind"`
	}
	welcome struct {
		Type        string `json:"type"`
		Session     string `json:"session"`
		ServerAt    int64  `json:"server_at"`
		HeartbeatMS int64  `json:"heartbeat_ms"`
	}
	user struct {
		ID    string   `json:"id"`
		Name  string   `json:"name"`
		Roles []string `json:"roles"`
	}
	authenticated struct {
		Type      string `json:"type"`
		User      user   `json:"user"`
		ExpiresAt int64  `json:"expires_at"`
		Ref       string `json:"ref,omitempty"`
	}
	snapshotMessage struct {
		Type  string          `json:"type"`
		Topic string          `json:"topic"`
		Epoch string          `json:"epoch"`
		Seq   int64           `json:"seq"`
		State json.RawMessage `json:"state"`
	}
	bidResult struct {
		Type     string `json:"type"`
		BidID    string `json:"bid_id"`
		Outcome  string `json:"outcome"`
		Code     string `json:"code,omitempty"`
		Seq      int64  `json:"seq"`
		Price    int64  `json:"price"`
		Minimum  int64  `json:"minimum"`
		EndsAt   *int64 `json:"ends_at"`
		Replayed bool   `json:"replayed"`
		Ref      string `json:"ref,omitempty"`
	}
	failure struct {
		Type   string `json:"type"`
		Code   string `json:"code"`
		Detail string `json:"detail"`
		Ref    string `json:"ref,omitempty"`
	}
	pong struct {
		Type     string `json:"type"`
		ServerAt int64  `json:"server_at"`
		Ref      string `json:"ref,omitempty"`
	}
)

// Live answers on /live/v1.
type Live struct {
	hub      *Hub
	store    *Store
	verifier *Verifier
	upgrader websocket.Upgrader
}

func registerLive(router *gin.Engine, hub *Hub, store *Store, verifier *Verifier, origins []string) {
	live := &Live{hub: hub, store: store, verifier: verifier, upgrader: websocket.Upgrader{
		ReadBufferSize:  1024,
		WriteBufferSize: writeBuffer(hub.joined),
		WriteBufferPool: &sync.Pool{},
		Subprotocols:    []string{"blytz.v1"},
		CheckOrigin: func(r *http.Request) bool {
			origin := r.Header.Get("Origin")
			return origin == "" || slices.Contains(origins, origin)
		},
	}}
	router.GET("/live/v1", live.serve)
}

// writeBuffer is large enough for a joined frame: gorilla flushes a full buffer as a fragment.
func writeBuffer(joined bool) int {
	if joined {
		return 256 * 1024
	}
	return 1024
}

func (l *Live) serve(c *gin.Context) {
	conn, err := l.upgrader.Upgrade(c.Writer, c.Request, nil)
	if err != nil {
		return
	}
	client := &Client{
		conn: conn, live: l, send: make(chan outgoing, sendBuffer), done: make(chan struct{}),
		watching: make(map[string]*Room, 1),
	}
	client.say(welcome{"welcome", uuid.NewString(), time.Now().UnixMilli(), pingPeriod.Milliseconds()})
	// New goroutines, so that the memory of the request can be freed.
	go client.writePump()
	go client.readPump()
}

func (l *Live) handle(c *Client, asked *request) {
	switch asked.Type {
	case "bid":
		l.bid(c, asked)
	case "auth":
		principal, err := l.verifier.Verify(asked.Token)
		if err != nil {
			c.close(closeToken)
			return
		}
		c.who = principal
		c.say(authenticated{
			"authenticated", user{principal.ID, principal.Name, principal.Roles},
			principal.ExpiresAt.UnixMilli(), asked.Ref,
		})
	case "watch":
		auctionID, ok := strings.CutPrefix(asked.Topic, "auction:")
		if _, twice := c.watching[auctionID]; !ok || twice {
			c.say(failure{"error", "invalid_request", "no such topic, or watched already", asked.Ref})
			return
		}
		room := l.hub.Room(auctionID)
		c.watching[auctionID] = room
		room.register <- c
	case "unwatch":
		auctionID := strings.TrimPrefix(asked.Topic, "auction:")
		if room, ok := c.watching[auctionID]; ok {
			delete(c.watching, auctionID)
			room.unregister <- c
		}
	case "ping":
		c.say(pong{"pong", time.Now().UnixMilli(), asked.Ref})
	default:
		c.say(failure{"error", "invalid_request", "unknown type", asked.Ref})
	}
}

func (l *Live) bid(c *Client, asked *request) {
	if c.who == nil {
		c.say(failure{"error", "unauthenticated", "sign in before you bid", asked.Ref})
		return
	}
	bid := Bid{BidID: asked.BidID, Amount: asked.Amount, Kind: asked.Kind}
	if err := binding.Validator.ValidateStruct(&bid); err != nil {
		c.say(failure{"error", "invalid_request", err.Error(), asked.Ref})
		return
	}
	if bid.Kind == "" {
		bid.Kind = "exact"
	}
	decision, err := l.store.PlaceBid(context.Background(), asked.AuctionID, &bid, c.who, "")
	if err != nil {
		c.say(failure{"error", "store_unavailable", "the auction store cannot be reached", asked.Ref})
		return
	}
	c.say(bidResult{
		"bid_result", bid.BidID, decision.Outcome, decision.Code, decision.Seq, decision.Price,
		decision.Minimum, decision.EndsAt, decision.Replayed, asked.Ref,
	})
}
