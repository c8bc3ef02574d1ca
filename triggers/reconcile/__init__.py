"""Records and Prefect's state after a crash in; both made to agree, out."""
