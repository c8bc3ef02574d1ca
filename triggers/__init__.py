"""NATS message -> deployment runs, exactly once; outbox -> NATS."""
