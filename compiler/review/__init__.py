"""Plans in; changes in meaning, proofs of gates and diagrams for a reviewer out."""
