"""NATS messages in, as checked events; outbox rows out, as NATS messages."""
