package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// poolSize is the only value that differs from go-redis' defaults (10 per core): every bidder of the benchmark may have a
// bid under way, and no bid should wait for a connection.
const poolSize = 64

// Store runs the same Lua as Blytz (services/blytz/auction/redis/lua) on the same keys.
type Store struct {
	client   *redis.Client
	scripter redis.Scripter
	placeBid *redis.Script
}

// NewStore calls scripts through the connection pool or, with autopipeline, through go-redis' blocking
// autopipeliner (marked experimental in 9.23), which batches the commands of concurrent callers.
func NewStore(url, folder string, autopipeline bool) (*Store, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	options.PoolSize = poolSize
	var source strings.Builder
	for _, name := range []string{"base.lua", "common.lua", "bidding.lua", "place_bid.lua"} {
		part, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		source.Write(part)
	}
	client := redis.NewClient(options)
	store := &Store{client: client, scripter: client, placeBid: redis.NewScript(source.String())}
	if autopipeline {
		if store.scripter, err = client.AutoPipeline(); err != nil {
			return nil, err
		}
	}
	return store, nil
}

type Bid struct {
	BidID  string `json:"bid_id" binding:"required,bid_id"`
	Amount int64  `json:"amount" binding:"required,min=1,max=1000000000000"`
	Kind   string `json:"kind" binding:"omitempty,oneof=exact max buy_now"`
}

// Decision is the answer of the script: a receipt, or a refusal with Code set.
type Decision struct {
	Outcome  string
	Code     string
	Seq      int64
	Price    int64
	Minimum  int64
	Leading  bool
	EndsAt   *int64
	Replayed bool
}

type cause struct {
	Actor     string `json:"actor"`
	RequestID string `json:"request_id"`
}

func (s *Store) PlaceBid(ctx context.Context, auctionID string, bid *Bid, who *Principal, requestID string) (*Decision, error) {
	why, err := json.Marshal(cause{who.ID, requestID})
	if err != nil {
		return nil, err
	}
	root := "auction:{" + auctionID + "}"
	keys := []string{root, root + ":events", root + ":feed", root + ":bids", root + ":bidders"}
	const noClockCheck = ""
	reply, err := s.placeBid.Run(ctx, s.scripter, keys,
		auctionID, why, noClockCheck, who.ID, who.Party, bid.BidID, bid.Amount, bid.Kind).Slice()
	if err != nil {
		return nil, err
	}
	if reply[0] == "refused" {
		return refusal(reply)
	}
	endsAt := reply[6].(int64)
	return &Decision{
		Outcome: reply[1].(string), Seq: reply[2].(int64), Price: reply[3].(int64), Minimum: reply[4].(int64),
		Leading: reply[5].(int64) == 1, EndsAt: &endsAt, Replayed: reply[7].(int64) == 1,
	}, nil
}

func refusal(reply []any) (*Decision, error) {
	decision := &Decision{
		Outcome: "refused", Code: reply[1].(string),
		Seq: reply[2].(int64), Price: reply[3].(int64), Minimum: reply[4].(int64),
	}
	if text := reply[5].(string); text != "" {
		endsAt, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, err
		}
		decision.EndsAt = &endsAt
	}
	return decision, nil
}

// Snapshot is the public state of an auction (protocol, section 3).
type Snapshot struct {
	Epoch string
	Seq   int64
	State json.RawMessage
}

func (s *Store) Snapshot(ctx context.Context, auctionID string) (*Snapshot, error) {
	fields, err := s.client.HGetAll(ctx, "auction:{"+auctionID+"}").Result()
	if err != nil {
		return nil, err
	}
	if len(fields) == 0 {
		return nil, nil
	}
	var listing struct {
		Title  string          `json:"title"`
		Epoch  string          `json:"epoch"`
		Seller json.RawMessage `json:"seller"`
		Terms  map[string]any  `json:"terms"`
	}
	if err := json.Unmarshal([]byte(fields["listing"]), &listing); err != nil {
		return nil, fmt.Errorf("listing: %w", err)
	}
	delete(listing.Terms, "reserve_price")
	seq, err := strconv.ParseInt(fields["seq"], 10, 64)
	if err != nil {
		return nil, err
	}
	now, err := s.client.Time(ctx).Result()
	if err != nil {
		return nil, err
	}
	state, err := json.Marshal(map[string]any{
		"auction_id": auctionID, "title": listing.Title, "status": fields["status"], "seq": seq,
		"price": number(fields["price"]), "leader": object(fields["leader"]),
		"bid_count": number(fields["bid_count"]), "opened_at": number(fields["opened_at"]),
		"ends_at": number(fields["ends_at"]), "remaining_ms": number(fields["remaining_ms"]),
		"buy_now_price": listing.Terms["buy_now_price"], "terms": listing.Terms, "seller": listing.Seller,
		"server_at": now.UnixMilli(),
	})
	if err != nil {
		return nil, err
	}
	return &Snapshot{Epoch: listing.Epoch, Seq: seq, State: state}, nil
}

func number(text string) any {
	if text == "" {
		return nil
	}
	return json.Number(text)
}

func object(text string) any {
	if text == "" {
		return nil
	}
	return json.RawMessage(text)
}
