"""Settings of an OpenID provider and a person's browser or terminal in; who that is, as the provider says, out."""
