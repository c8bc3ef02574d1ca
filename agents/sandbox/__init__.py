"""One request and a sandbox in; one validated result out."""
