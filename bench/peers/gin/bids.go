package main

import (
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/gin-gonic/gin/binding"
	"github.com/go-playground/validator/v10"
)

var bidID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

type receipt struct {
	BidID    string `json:"bid_id"`
	Outcome  string `json:"outcome"`
	Seq      int64  `json:"seq"`
	Price    int64  `json:"price"`
	Minimum  int64  `json:"minimum"`
	Leading  bool   `json:"leading"`
	EndsAt   *int64 `json:"ends_at"`
	Replayed bool   `json:"replayed"`
}

func registerBids(router *gin.Engine, store *Store, verifier *Verifier) {
	binding.EnableDecoderDisallowUnknownFields = true
	if engine, ok := binding.Validator.Engine().(*validator.Validate); ok {
		_ = engine.RegisterValidation("bid_id", func(field validator.FieldLevel) bool {
			return bidID.MatchString(field.Field().String())
		})
	}
	router.POST("/v1/auctions/:id/bids", bidder(verifier), func(c *gin.Context) { placeBid(c, store) })
}

// bidder refuses requests without a valid token of a bidder.
func bidder(verifier *Verifier) gin.HandlerFunc {
	return func(c *gin.Context) {
		token, ok := strings.CutPrefix(c.GetHeader("Authorization"), "Bearer ")
		if !ok {
			problem(c, http.StatusUnauthorized, "unauthenticated", "a bearer token is needed", nil)
			return
		}
		principal, err := verifier.Verify(token)
		if err != nil {
			problem(c, http.StatusUnauthorized, "unauthenticated", "the token is not valid", nil)
			return
		}
		if !principal.has("bidder") {
			problem(c, http.StatusForbidden, "forbidden", "only a bidder may bid", nil)
			return
		}
		c.Set("principal", principal)
	}
}

func (p *Principal) has(role string) bool {
	for _, own := range p.Roles {
		if own == role {
			return true
		}
	}
	return false
}

func placeBid(c *gin.Context, store *Store) {
	var bid Bid
	if err := c.ShouldBindJSON(&bid); err != nil {
		problem(c, http.StatusUnprocessableEntity, "invalid_request", "the request is malformed", gin.H{"errors": faults(err)})
		return
	}
	if bid.Kind == "" {
		bid.Kind = "exact"
	}
	principal := c.MustGet("principal").(*Principal)
	decision, err := store.PlaceBid(c.Request.Context(), c.Param("id"), &bid, principal, c.GetHeader("X-Request-ID"))
	if err != nil {
		problem(c, http.StatusServiceUnavailable, "store_unavailable", "the auction store cannot be reached", nil)
		return
	}
	switch decision.Code {
	case "":
		c.JSON(http.StatusCreated, receipt{
			bid.BidID, decision.Outcome, decision.Seq, decision.Price, decision.Minimum,
			decision.Leading, decision.EndsAt, decision.Replayed,
		})
	case "auction_not_found":
		problem(c, http.StatusNotFound, decision.Code, "there is no such auction", nil)
	default:
		problem(c, http.StatusConflict, decision.Code, "the rules refuse this bid", gin.H{
			"seq": decision.Seq, "price": decision.Price, "minimum": decision.Minimum, "ends_at": decision.EndsAt,
		})
	}
}

// problem sends an RFC 9457 problem and ends the request.
func problem(c *gin.Context, status int, code, detail string, fields gin.H) {
	body := gin.H{
		"type": "urn:blytz:problem:" + code, "title": http.StatusText(status),
		"status": status, "code": code, "detail": detail,
	}
	for name, value := range fields {
		body[name] = value
	}
	c.Header("Content-Type", "application/problem+json")
	c.AbortWithStatusJSON(status, body)
}

func faults(err error) []gin.H {
	var invalid validator.ValidationErrors
	if !errors.As(err, &invalid) {
		return []gin.H{{"path": "", "detail": err.Error()}}
	}
	found := make([]gin.H, 0, len(invalid))
	for _, field := range invalid {
		found = append(found, gin.H{"path": strings.ToLower(field.Field()), "detail": field.Tag()})
	}
	return found
}
