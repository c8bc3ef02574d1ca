"""Names and buckets of every metric in; the text that Prometheus reads out."""
