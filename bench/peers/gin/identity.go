package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"time"

	"github.com/golang-jwt/jwt/v5"
	lru "github.com/hashicorp/golang-lru/v2"
)

const maxKnownTokens = 20_000

type claims struct {
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
	jwt.RegisteredClaims
}

// Principal is the user of a valid token. Party is {id, name} as JSON, the form the script takes.
type Principal struct {
	ID        string
	Name      string
	Roles     []string
	ExpiresAt time.Time
	Party     string
}

// Verifier checks a signature once and remembers its user.
type Verifier struct {
	key   ed25519.PublicKey
	known *lru.Cache[string, *Principal]
}

func NewVerifier(path string) (*Verifier, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("not an Ed25519 key")
	}
	known, err := lru.New[string, *Principal](maxKnownTokens)
	if err != nil {
		return nil, err
	}
	return &Verifier{key: private.Public().(ed25519.PublicKey), known: known}, nil
}

func (v *Verifier) Verify(token string) (*Principal, error) {
	if principal, ok := v.known.Get(token); ok {
		if time.Now().Before(principal.ExpiresAt) {
			return principal, nil
		}
		v.known.Remove(token)
		return nil, jwt.ErrTokenExpired
	}
	var parsed claims
	_, err := jwt.ParseWithClaims(token, &parsed,
		func(*jwt.Token) (any, error) { return v.key, nil },
		jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithExpirationRequired(), jwt.WithIssuer("blytz-dev"))
	if err != nil {
		return nil, err
	}
	party, err := json.Marshal(map[string]string{"id": parsed.Subject, "name": parsed.Name})
	if err != nil {
		return nil, err
	}
	principal := &Principal{
		ID: parsed.Subject, Name: parsed.Name, Roles: parsed.Roles, ExpiresAt: parsed.ExpiresAt.Time, Party: string(party),
	}
	v.known.Add(token, principal)
	return principal, nil
}
