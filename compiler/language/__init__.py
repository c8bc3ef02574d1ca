"""A workflow file in; a document with positions and a workflow spec out."""
