// The bidding and fan-out part of Blytz, written in Go for comparison: Gin for HTTP, go-redis for Redis,
// gorilla/websocket for sockets, each used the way its own documentation shows. It runs the same Lua on the same
// keys, so that both sides may serve one Redis at the same time.
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	store, err := NewStore(setting("REDIS_URL"), setting("BLYTZ_LUA"), os.Getenv("PEER_REDIS") == "autopipeline")
	if err != nil {
		log.Fatalf("store: %v", err)
	}
	verifier, err := NewVerifier(setting("BLYTZ_DATA") + "/dev-key.pem")
	if err != nil {
		log.Fatalf("dev key: %v", err)
	}
	hub := NewHub(store, os.Getenv("PEER_FANOUT") == "joined")

	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.Use(gin.Recovery())
	router.GET("/health", func(c *gin.Context) { c.Status(http.StatusOK) })
	registerBids(router, store, verifier)
	registerLive(router, hub, store, verifier, strings.Fields(os.Getenv("PEER_ORIGINS")))

	server := &http.Server{
		Addr:              "127.0.0.1:" + setting("PEER_PORT"),
		Handler:           router,
		ReadHeaderTimeout: 10 * time.Second,
	}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func setting(name string) string {
	value := os.Getenv(name)
	if value == "" {
		log.Fatalf("%s is not set", name)
	}
	return value
}
