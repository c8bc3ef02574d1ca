"""One plan node -> one Prefect task run; one gate -> one approval."""
